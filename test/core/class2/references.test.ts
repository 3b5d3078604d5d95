/** Which DR ends this connection of class 2, by its references, and how one of another connection is answered. */
import { describe, expect, it } from 'vitest';
import { inState2 } from '../../support/class2-states.js';
import { OURS, packet, type Subject, THEIRS } from '../../support/states.js';

const OTHER = 0x4321;

function dr(dstRef: number, srcRef: number): Uint8Array {
  return packet({ type: 'DR', dstRef, srcRef, reason: 128 });
}

function seen(subject: Subject) {
  const answer = subject
    .sent()
    .map((tpdu) => (tpdu.type === 'DC' ? `DC to ${tpdu.dstRef.toString(16)}` : tpdu.type));
  return { answer, state: subject.connection.state };
}

/** DST-REF, SRC-REF, and whether the DR ends the connection: tolerant, strict. */
const ROWS = [
  ['both references', OURS, THEIRS, true, true],
  ['no SRC-REF', OURS, 0, true, false],
  ['another SRC-REF', OURS, OTHER, false, false],
  ['no DST-REF', 0, THEIRS, true, false],
  ['no DST-REF and another SRC-REF', 0, OTHER, false, false],
  ['no reference', 0, 0, false, false],
  ['another DST-REF', OTHER, THEIRS, false, false],
  ['another DST-REF and no SRC-REF', OTHER, 0, false, false],
] as const;

//= X.224 6.9.1.4.2 a 2 test
//= X.224 6.9.1.4.2 d 1 test
describe.each(['initiator', 'responder'] as const)('to an open %s, a DR with', (role) => {
  it.each(ROWS)('%s', (_name, dstRef, srcRef, tolerant, strict) => {
    const answer = srcRef === 0 ? [] : [`DC to ${srcRef.toString(16)}`];
    for (const isStrict of [false, true]) {
      const subject = inState2(role, 'OPEN', { strict: isStrict }).feed(dr(dstRef, srcRef));
      const ends = isStrict ? strict : tolerant;
      expect(seen(subject)).toEqual(
        ends
          ? { answer: [`DC to ${THEIRS.toString(16)}`], state: 'ENDING' }
          : { answer, state: 'OPEN' },
      );
    }
  });
});

describe('a DR while our own waits for its DC', () => {
  it.each([
    ['with both references ends the release', OURS, THEIRS, 'ENDING'],
    ['without SRC-REF ends the release', OURS, 0, 'ENDING'],
    ['without DST-REF does not end it', 0, THEIRS, 'CLOSING'],
    ['with another SRC-REF does not end it', OURS, OTHER, 'CLOSING'],
  ] as const)('%s', (_name, dstRef, srcRef, state) => {
    const subject = inState2('initiator', 'CLOSING').feed(dr(dstRef, srcRef));
    expect(subject.connection.state).toBe(state);
  });
});
