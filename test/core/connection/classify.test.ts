import { describe, expect, it } from 'vitest';
import {
  type Context,
  classify as classifyPart,
  readOne,
} from '../../../src/core/connection/classify.js';
import { connectionRequest } from '../../../src/core/connection/handshake.js';
import { faultInput } from '../../../src/core/connection/stream-engine.js';
import {
  type Event,
  STATES,
  type State,
  type TransitionInput,
} from '../../../src/core/connection/transition.js';
import { ProtocolError, TsduTooLargeError } from '../../../src/core/errors.js';
import { hex } from '../../support/splits.js';
import { OURS, THEIRS } from '../../support/states.js';

const states = Object.keys(STATES) as State[];
const offer = connectionRequest(OURS, { parameters: {}, userData: hex('') });

function known(own: Partial<Context> & { strict?: boolean } = {}): Context {
  const { strict = false, ...rest } = own;
  const options = { strict, maxTpduSize: 2048 };
  return {
    options,
    offer,
    request: undefined,
    isResponder: false,
    localRef: OURS,
    remoteRef: THEIRS,
    maxTpduSize: 1024,
    unfinished: 0,
    expedited: false,
    isAckDue: false,
    ...rest,
  };
}

function classify(octets: Uint8Array, state: State, context: Context): TransitionInput {
  return classifyPart(readOne(octets, state, context), state, context);
}

const DR = hex('0680 0a0b 0c0d 00');
const EMPTY = hex('02f080');

describe('a TPDU', () => {
  const rows: readonly (readonly [string, string, State, Event])[] = [
    ['a CR that can be accepted', '06e0 0000 0c0d 00', 'WFCR', 'CR'],
    ['a CR of class 2 alone', '06e0 0000 0c0d 21', 'WFCR', 'CR unacceptable'],
    ['a malformed CR of class 0', '08e0 0000 0c0d 00 c105', 'WFCR', 'CR invalid'],
    ['a malformed CR of class 4', '08e0 0000 0c0d 40 c105', 'WFCR', 'CR unacceptable'],
    ['a CR without a whole SRC-REF', '04e0 0000 0c', 'WFCR', 'undecodable'],
    ['a CR out of place', '06e0 0000 0c0d 21', 'OPEN', 'CR'],
    ['a CC that answers', '06d0 0a0b 0c0d 00', 'WFCC', 'CC'],
    ['a CC to another reference', '06d0 0a0c 0c0d 00', 'WFCC', 'CC'],
    ['a CC of another class', '06d0 0a0b 0c0d 21', 'WFCC', 'CC unacceptable'],
    ['a CC out of place', '06d0 0a0c 0c0d 00', 'OPEN', 'CC unacceptable'],
    ['a DT', '02f080 01', 'OPEN', 'DT'],
    ['an ED that was not agreed on', '021080 01', 'OPEN', 'undecodable'],
    ['an ER', '0470 0a0b 00', 'OPEN', 'ER'],
    ['an ER cut short', '0370 0a0b', 'OPEN', 'ER invalid'],
    ['an ER cut short in place of a CR', '0370 0a0b', 'WFCR', 'ER invalid'],
    ['an AK', '0460 0a0b 01', 'WFCC', 'other TPDU'],
    ['an AK where class 0 is in force', '0460 0a0b 01', 'OPEN', 'undecodable'],
    ['an unknown code', '0300 0102', 'OPEN', 'undecodable'],
  ];

  it.each(rows)('%s (%s) in %s is the event "%s"', (_name, octets, state, event) => {
    expect(classify(hex(octets), state, known())).toMatchObject({ event });
  });

  it('reports the reference of a CR even when it is invalid', () => {
    for (const octets of ['06e0 0000 0c0d 00', '06e0 0000 0c0d 21', '08e0 0000 0c0d 00 c105']) {
      const input = classify(hex(octets), 'WFCR', known());
      expect(input.event === 'CR' ? input.tpdu.srcRef : input).toSatisfy(
        (ref: unknown) => ref === THEIRS || (ref as { remoteRef: number }).remoteRef === THEIRS,
      );
    }
  });

  it.each([
    ['a CR of seven octets with a DST-REF', '06e0 0001 0c0d 00', 'WFCR', 'CR invalid'],
    ['a CC of class 0 with options', '06d0 0a0b 0c0d 01', 'WFCC', 'CC unacceptable'],
    ['a CC of class 0 with options out of place', '06d0 0a0b 0c0d 01', 'OPEN', 'undecodable'],
    ['a CC with options and a broken parameter', '08d0 0a0b 0c0d 29 c105', 'WFCC', 'undecodable'],
    ['a CC with an unknown parameter', '09d0 0a0b 0c0d 00 dd0155', 'WFCC', 'undecodable'],
    ['a CR with options in place of a CC', '06e0 0000 0c0d 29', 'WFCC', 'undecodable'],
    ['a DT with data', '02f080 01', 'OPEN', 'DT'],
  ] as const)(
    'that is read strictly: %s (%s) in %s is the event "%s"',
    (_name, octets, state, event) => {
      expect(classify(hex(octets), state, known({ strict: true }))).toMatchObject({ event });
    },
  );

  it('tells reference and size of a CC', () => {
    const cc = hex('09d0 0a0b 0c0d 00 c00109');
    expect(classify(cc, 'WFCC', known())).toMatchObject({
      tpdu: { srcRef: THEIRS },
      confirmation: { maxTpduSize: 512 },
    });
  });

  it('carries the error only when there is a fault', () => {
    expect(classify(DR, 'OPEN', known())).not.toHaveProperty('error');
    expect(classify(hex('0300 0102'), 'OPEN', known())).toMatchObject({
      error: expect.any(ProtocolError),
    });
  });

  it('of a CR is refused when strict where its classes do not go together', () => {
    const octets = hex('0ae0 0000 0c0d 21 c7021000');
    expect(classify(octets, 'WFCR', known())).toMatchObject({ event: 'CR' });
    expect(classify(octets, 'WFCR', known({ strict: true }))).toMatchObject({
      event: 'CR unacceptable',
      reason: 133,
      error: { fault: 'class-combination' },
    });
  });

  it('of a CC is refused when strict where its size is above the one offered', () => {
    const offered = connectionRequest(OURS, { parameters: { tpduSize: 512 }, userData: hex('') });
    const octets = hex('09d0 0a0b 0c0d 00 c0010b');
    expect(classify(octets, 'WFCC', known({ offer: offered }))).toMatchObject({ event: 'CC' });
    expect(classify(octets, 'WFCC', known({ offer: offered, strict: true }))).toMatchObject({
      event: 'CC unacceptable',
      error: { fault: 'cc-size' },
    });
  });

  it.each([
    ['a CR of remote desktop that nobody would look at', false, 'CR invalid'],
    ['a CR of remote desktop that is wanted', true, 'CR'],
  ])('%s is recognized', (_name, takesRemoteDesktop, event) => {
    const options = { strict: false, maxTpduSize: 2048, takesRemoteDesktop };
    const octets = hex('0ee0 0000 0c0d 00 0100080003000000');
    expect(classify(octets, 'WFCR', { ...known(), options })).toMatchObject({ event });
  });

  it('is judged by the class in force where data may come', () => {
    const long = hex('02f080 0102030405');
    const judged = classify(long, 'OPEN', known({ strict: true, maxTpduSize: 5 }));
    expect(judged).toMatchObject({ event: 'undecodable', error: { fault: 'tpdu-too-long' } });
  });
});

describe('a DR within a TSDU', () => {
  it.each(states)('is recognized in %s only where data may come', (state) => {
    const isOpen = state === 'OPEN' || state === 'FIN_SENT';
    expect(classify(DR, state, known({ unfinished: 2 })).event).toBe(
      isOpen ? 'DR within a TSDU' : 'DR',
    );
  });
});

describe('an empty DT with EOT', () => {
  it('is a TSDU without octets, which strictness refuses', () => {
    expect(classify(EMPTY, 'OPEN', known()).event).toBe('DT');
    expect(classify(EMPTY, 'OPEN', known({ strict: true }))).toMatchObject({
      event: 'undecodable',
      error: { fault: 'empty-tsdu', octet: 3 },
    });
  });

  it('ends a TSDU that is begun, strict or not', () => {
    expect(classify(EMPTY, 'OPEN', known({ strict: true, unfinished: 1 })).event).toBe('DT');
  });
});

describe('an error while octets are taken in', () => {
  it('is a limit or a bad TPKT', () => {
    const limit = new TsduTooLargeError('');
    const fault = new ProtocolError('tpkt-version', hex('04'), 1);
    expect(faultInput(limit)).toEqual({ event: 'limit', error: limit });
    expect(faultInput(fault)).toEqual({ event: 'bad TPKT', error: fault });
  });

  it('of our own making is thrown on', () => {
    expect(() => faultInput(new RangeError('ours'))).toThrow(RangeError);
  });
});
