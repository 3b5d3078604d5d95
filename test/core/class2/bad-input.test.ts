/** What a peer of class 2 may get wrong, row by row, in either role: the fault, and how the connection answers. */
import { describe, expect, it } from 'vitest';
import { ConnectionClosedError, type ProtocolError } from '../../../src/core/errors.js';
import { type Class2Options, open2 } from '../../support/class2-states.js';
import { hex } from '../../support/splits.js';
import { packet, raw } from '../../support/states.js';

type Answer = 'reset' | 'DR 133' | 'DR 132' | 'DR 136' | 'DC' | 'none';

interface Row {
  readonly title: string;
  readonly octets: Uint8Array;
  /** The fault that is reported; absent where none is. */
  readonly fault?: string;
  readonly tolerant: Answer;
  /** The same as tolerant where absent. */
  readonly strict?: Answer;
  readonly options?: Class2Options;
}

const UNDECODABLE: readonly Row[] = [
  { title: 'TPKT version 4', octets: hex('04000008'), fault: 'tpkt-version' },
  { title: 'a TPKT of 6 octets', octets: hex('0300 0006 02f0'), fault: 'tpkt-length' },
  { title: 'LI 255', octets: raw('fff0 0a0b 80 01'), fault: 'li-reserved' },
  { title: 'LI past the end', octets: raw('05f0 0a0b 80'), fault: 'li-exceeds' },
  { title: 'LI 3 in a DT', octets: raw('03f0 0a0b'), fault: 'li-too-small' },
  { title: 'an RJ without a whole reference', octets: raw('0250 0a'), fault: 'li-too-small' },
  { title: 'an RJ cut behind its reference', octets: raw('0350 0a0b'), fault: 'li-too-small' },
  { title: 'a DR cut before its reason', octets: raw('0580 0a0b 0c0d'), fault: 'li-too-small' },
  { title: 'a DT of class 0', octets: raw('02f080 01'), fault: 'li-too-small' },
  { title: 'an ED of class 0', octets: raw('021080 01'), fault: 'li-too-small' },
  { title: 'a parameter past LI', octets: raw('06f0 0a0b 80 c305'), fault: 'param-truncated' },
  { title: 'one octet behind an EA', octets: raw('0420 0a0b 00 04'), fault: 'tpdu-too-short' },
  { title: 'octets behind a DC', octets: raw('05c0 0a0b 0c0d 05f0'), fault: 'li-exceeds' },
  { title: 'code 0', octets: raw('0400 0a0b 00'), fault: 'tpdu-code' },
  { title: 'code 4', octets: raw('0440 0a0b 00'), fault: 'tpdu-code' },
  { title: 'code 4 in three octets', octets: raw('0240 0a'), fault: 'tpdu-code' },
  { title: 'code A for another reference', octets: raw('04a0 9999 00'), fault: 'tpdu-code' },
].map((row) => ({ ...row, tolerant: 'reset' }));

const NO_EXPEDITED = { expedited: false } as const;
const ED_17 = raw(`0410 0a0b 80 ${'41'.repeat(17)}`);
/** More user data than a CR or CC may have. */
const TOO_LONG = '61'.repeat(33);

const DECODABLE: readonly Row[] = [
  { title: 'an AK', octets: raw('0463 0a0b 00'), fault: 'tpdu-not-in-class', tolerant: 'DR 133' },
  { title: 'a RJ', octets: raw('0453 0a0b 00'), fault: 'tpdu-not-in-class', tolerant: 'DR 133' },
  {
    title: 'an ED that was not agreed on',
    octets: raw('0410 0a0b 80 78'),
    fault: 'tpdu-not-in-class',
    tolerant: 'DR 133',
    options: NO_EXPEDITED,
  },
  {
    title: 'an ED without data',
    octets: raw('0410 0a0b 80'),
    fault: 'ed-length',
    tolerant: 'DR 133',
  },
  { title: 'an ED of 17 octets', octets: ED_17, fault: 'ed-length', tolerant: 'DR 133' },
  {
    title: 'an EA with bit 8',
    octets: raw('0420 0a0b 81'),
    fault: 'yr-bit8',
    tolerant: 'none',
    strict: 'DR 133',
  },
  {
    title: 'a DT with a nibble in its code',
    octets: raw('04f3 0a0b 00 61'),
    fault: 'code-nibble',
    tolerant: 'none',
    strict: 'DR 133',
  },
  {
    title: 'a checksum in a DT',
    octets: raw('08f0 0a0b 00 c3021234 61'),
    fault: 'param-not-allowed',
    tolerant: 'none',
    strict: 'DR 133',
  },
  {
    title: 'an unknown parameter in a DT',
    octets: raw('07f0 0a0b 00 dd0155 61'),
    fault: 'param-unknown',
    tolerant: 'none',
    strict: 'DR 133',
  },
  {
    title: 'an EA while none is due',
    octets: raw('0420 0a0b 00'),
    fault: 'tpdu-not-expected',
    tolerant: 'none',
    strict: 'DR 133',
  },
  {
    title: 'a DC without a DR',
    octets: raw('05c0 0a0b 0c0d'),
    fault: 'tpdu-not-expected',
    tolerant: 'none',
    strict: 'DR 133',
  },
  {
    title: 'a DT without data that is not the last',
    octets: raw('04f0 0a0b 00'),
    fault: 'empty-dt',
    tolerant: 'none',
    strict: 'DR 133',
  },
  {
    title: 'a TSDU without data',
    octets: raw('04f0 0a0b 80'),
    fault: 'empty-tsdu',
    tolerant: 'none',
    strict: 'DR 133',
  },
  {
    title: 'a DT above the agreed size',
    octets: raw(`04f0 0a0b 00 ${'61'.repeat(1_020)}`),
    fault: 'tpdu-too-long',
    tolerant: 'none',
    strict: 'DR 133',
  },
  {
    title: 'the CR of this connection',
    octets: raw('06e0 0000 0c0d 21'),
    fault: 'tpdu-not-expected',
    tolerant: 'DR 133',
  },
  {
    title: 'the CC of this connection',
    octets: raw('06d0 0a0b 0c0d 21'),
    fault: 'tpdu-not-expected',
    tolerant: 'DR 133',
  },
  { title: 'a second CR', octets: raw('06e0 0000 4321 21'), tolerant: 'DR 136' },
  { title: 'a CC for another reference', octets: raw('06d0 4321 0c0d 21'), tolerant: 'DR 132' },
  {
    title: 'a second CR with too much user data',
    octets: raw(`06e0 0000 4321 21 ${TOO_LONG}`),
    fault: 'user-data-too-long',
    tolerant: 'DR 133',
  },
  {
    title: 'a CC for another reference with too much user data',
    octets: raw(`06d0 4321 0c0d 21 ${TOO_LONG}`),
    fault: 'user-data-too-long',
    tolerant: 'DR 133',
  },
  {
    title: 'an ED of 17 octets for another reference',
    octets: raw(`0410 4321 80 ${'41'.repeat(17)}`),
    tolerant: 'none',
  },
  {
    title: 'an unknown parameter in a DT for another reference',
    octets: raw('07f0 4321 00 dd0155 61'),
    tolerant: 'none',
  },
  { title: 'a DC with another SRC-REF', octets: raw('05c0 0a0b 0099'), tolerant: 'none' },
  { title: 'a DT for another reference', octets: raw('04f0 4321 00 61'), tolerant: 'none' },
  { title: 'an AK for another reference', octets: raw('0463 4321 00'), tolerant: 'none' },
  { title: 'an ER for another reference', octets: raw('0470 4321 02'), tolerant: 'none' },
  { title: 'a DR for another reference', octets: raw('0680 4321 0099 80'), tolerant: 'DC' },
];

const modes = [
  ['tolerant', false],
  ['strict', true],
] as const;

//= X.224 6.9.1.4.1 b 2 test
//= X.224 6.9.1.4.2 a 3 test
//= X.224 6.9.1.4.2 c test
//= X.224 6.9.1.4.2 e test
//= X.224 6.22.1.3 para 1 test
//= X.224 13.8 test
//= X.224 13.9 test
//= X.224 13.10 test
//= RFC 2126 4.2.1 multiplexing test
describe.each(['initiator', 'responder'] as const)('to an %s', (role) => {
  describe.each(modes)('that is %s', (_name, strict) => {
    it.each([...UNDECODABLE, ...DECODABLE])('$title', (row) => {
      const subject = open2(role, { strict, ...row.options }).feed(row.octets);
      const answer = strict ? (row.strict ?? row.tolerant) : row.tolerant;
      const [tpdu] = subject.sent();
      const [event] = subject.events();
      const said = tpdu?.type === 'DR' ? `DR ${tpdu.reason}` : (tpdu?.type ?? 'none');
      const isReset = subject.connection.streamRequest === 'reset';
      expect(isReset ? 'reset' : said).toBe(answer);
      const isFailure = answer === 'reset' || answer === 'DR 133';
      const fault = event?.type === 'disconnect' ? (event.error as ProtocolError).fault : undefined;
      expect(fault).toBe(isFailure ? row.fault : undefined);
    });
  });

  it('an ER is reported with its cause, and answered by DR 133', () => {
    const er = packet({ type: 'ER', dstRef: 0x0a0b, rejectCause: 2 });
    const subject = open2(role).feed(er);
    const { error, disconnection } = subject.ending();
    expect(error).toBeInstanceOf(ConnectionClosedError);
    expect(error.message).toMatch(/cause 2 \(invalid TPDU type\)/);
    expect([disconnection.ending, subject.connection.state]).toEqual(['er', 'CLOSING']);
  });

  it.each([
    ['a DT', '02f080 01', 'the peer answered class 2 but speaks class 0: try tpClass 0'],
    ['an ED', '021080 01', 'the peer answered class 2 but speaks class 0: try tpClass 0'],
    ['a DT of another length', '03f0 0a0b', undefined],
    ['a TPDU that class 0 does not have', '0250 0a', undefined],
  ])('%s (%s) gives the hint %j', (_name, octets, hint) => {
    const { error } = open2(role).feed(raw(octets)).ending();
    expect(error).toMatchObject({ fault: 'li-too-small', hint });
  });

  it.each([
    ['an ED that was not agreed on', '0410 0a0b 80 78', 'ED was not agreed on'],
    ['an AK', '0463 0a0b 00', 'AK in class 2'],
    ['a RJ', '0453 0a0b 00', 'RJ in class 2'],
  ])('%s is named in the error', (_name, octets, detail) => {
    const { error } = open2(role, NO_EXPEDITED).feed(raw(octets)).ending();
    expect(error.message).toContain(`does not belong to the class in use (${detail})`);
  });

  it('an unknown reason ends the connection all the same', () => {
    const subject = open2(role, { strict: true }).feed(raw('0680 0a0b 0c0d 86'));
    expect(subject.ending().disconnection).toMatchObject({ ending: 'dr', reason: 134 });
    expect(subject.sent().map(({ type }) => type)).toEqual(['DC']);
  });
});
