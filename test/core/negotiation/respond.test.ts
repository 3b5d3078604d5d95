import { describe, expect, it } from 'vitest';
import {
  type LocalCapabilities,
  type RefuseResponse,
  respond,
  type SupportedClass,
  usableClasses,
} from '../../../src/core/negotiation/respond.js';
import {
  type ConnectionRequest,
  decode,
  type TransportClass,
} from '../../../src/core/tpdu/index.js';
import { faultOf } from '../../support/fault.js';
import { hex } from '../tpdu/support.js';

function request(octets: string): ConnectionRequest {
  const tpdu = decode(hex(octets));
  if (tpdu.type !== 'CR') {
    throw new Error(`a CR was expected, got ${tpdu.type}`);
  }
  return tpdu;
}

const BOTH: LocalCapabilities = { classes: [0, 2], maxTpduSize: 2048 };
const CLASS_0: LocalCapabilities = { classes: [0], maxTpduSize: 2048 };
const REFUSED: RefuseResponse = { type: 'refuse', reason: 130 };

describe('a CR of class 0', () => {
  it('is answered by class 0 with a size and nothing else', () => {
    expect(respond(request('06 e0 0000 0005 00'), BOTH)).toEqual({
      type: 'accept',
      class: 0,
      options: 0,
      parameters: { tpduSize: 2048 },
      maxTpduSize: 2048,
      expedited: false,
      expeditedAcknowledgement: false,
    });
  });

  it('is refused by who has class 2 alone, with a reason that class 0 knows', () => {
    expect(respond(request('06 e0 0000 0005 00'), { ...BOTH, classes: [2] })).toEqual({
      type: 'refuse',
      reason: 0,
    });
  });

  //= X.224 6.5.4 q test
  //= RFC 1006 5 expedited negotiation test
  //= RFC 2126 4.1.1 expedited test
  it('gets expedited data where both sides want it', () => {
    const asking = request('09 e0 0000 0005 00 c6 01 61');
    expect(respond(asking, { ...CLASS_0, expedited: true })).toMatchObject({
      parameters: { additionalOptions: 1 },
      expedited: true,
      expeditedAcknowledgement: false,
    });
    expect(respond(asking, CLASS_0)).toMatchObject({ expedited: false });
    const silent = request('06 e0 0000 0005 00');
    expect(respond(silent, { ...CLASS_0, expedited: true })).toMatchObject({ expedited: false });
  });
});

describe('a preferred maximum TPDU size', () => {
  const preferring = () => request('0d e0 0000 0005 00 c0 01 0b f0 02 0020');

  it('is answered by 0xC0 unless asked to answer by 0xF0', () => {
    expect(respond(preferring(), CLASS_0)).toMatchObject({ parameters: { tpduSize: 2048 } });
  });

  it('is answered by 0xF0 where that is wanted', () => {
    expect(respond(preferring(), { ...CLASS_0, usePreferredMaxTpduSize: true })).toMatchObject({
      parameters: { preferredMaxTpduSize: 2048 },
    });
  });
});

describe('a CR of class 2', () => {
  it('is answered by octet 0x21 and additional options', () => {
    expect(respond(request('06 e0 0000 0005 21'), BOTH)).toMatchObject({
      class: 2,
      options: 1,
      parameters: { tpduSize: 2048, additionalOptions: 0 },
    });
  });

  //= X.224 6.5.4 class 2 options test
  //= RFC 2126 4.2.1 bit 1 test
  //= RFC 2126 4.2.1 bit 4 test
  //= RFC 2126 4.2.1 bit 6 test
  //= RFC 2126 4.2.1 bit 7 test
  //= RFC 2126 6.6 test
  it('gets expedited data in band, with EA as asked', () => {
    const local = { ...BOTH, expedited: true };
    expect(respond(request('09 e0 0000 0005 21 c6 01 69'), local)).toMatchObject({
      parameters: { additionalOptions: 0x21 },
      expedited: true,
      expeditedAcknowledgement: true,
    });
    // Bit 1 clear: the other bits mean nothing (RFC 2126 §6.6).
    expect(respond(request('09 e0 0000 0005 21 c6 01 68'), local)).toMatchObject({
      parameters: { additionalOptions: 0 },
      expedited: false,
    });
  });

  //= X.224 6.5.4 o test
  //= RFC 2126 4.2.1 flow control test
  it('that insists on flow control falls back to class 0 where that is proposed', () => {
    expect(respond(request('09 e0 0000 0005 20 c7 01 00'), BOTH)).toMatchObject({ class: 0 });
    expect(respond(request('06 e0 0000 0005 20'), BOTH)).toEqual(REFUSED);
  });
});

describe('a CR of a higher class', () => {
  it('is not taken to ask for EA by a bit that means something else there', () => {
    const local = { ...BOTH, expedited: true };
    expect(respond(request('09 e0 0000 0005 41 c6 01 21'), local)).toMatchObject({
      class: 2,
      parameters: { additionalOptions: 1 },
      expeditedAcknowledgement: false,
    });
  });
});

describe('alternatives that table 3 does not allow', () => {
  const odd = request('09 e0 0000 0005 21 c7 01 10');

  it('are left out', () => {
    expect(respond(odd, CLASS_0)).toEqual(REFUSED);
    expect(respond(odd, BOTH)).toMatchObject({ class: 2 });
  });

  //= X.224 6.5.4 Table 3 test
  it('are refused when strict', () => {
    const octets = hex('09 e0 0000 0005 21 c7 01 10');
    const error = faultOf(() => respond(odd, { ...BOTH, strict: true }, octets));
    expect(error).toMatchObject({ fault: 'class-combination', octet: undefined, octets });
    expect(error.message).toContain('class 2 with alternative 1');
  });
});

describe('the class of the answer', () => {
  const preferred: readonly TransportClass[] = [0, 1, 2, 3, 4];
  const local: readonly (readonly SupportedClass[])[] = [[], [0], [2], [0, 2]];
  /** Answer to each preferred class without alternatives and with bit 1 set, by what is supported. */
  const answers: readonly string[] = ['-----', '00---', '--222', '00222'];

  //= X.224 6.5.4 i para 2 test
  //= RFC 2126 4 test
  it.each(preferred)('to class %i alone is by what both sides can', (transportClass) => {
    for (const [i, classes] of local.entries()) {
      const response = respond(
        { ...request('06 e0 0000 0005 21'), class: transportClass },
        { ...BOTH, classes },
      );
      const answer = response.type === 'refuse' ? '-' : String(response.class);
      expect(answer).toBe(answers[i]?.[transportClass]);
    }
  });
});

describe('the answer', () => {
  //= RFC 1006 3 quality of service test
  //= RFC 2126 3.1 test
  it('to a CR with every quality of service is that to a CR without', () => {
    const plain = request('06 e0 0000 0005 00');
    const asking = request(
      '27 e0 0000 0005 00 86 03 060401 87 02 0005 88 08 0064012c00c80190 89 0c 0003e80001f40007d00003e8',
    );
    expect(asking.parameters).toMatchObject({ priority: 5, throughput: [1000, 500, 2000, 1000] });
    expect(respond(asking, CLASS_0)).toEqual(respond(plain, CLASS_0));
  });
});

describe('the size', () => {
  it('is answered by 0xF0 where that is asked for and switched on', () => {
    const asking = request('0d e0 0000 0005 00 c0 01 0b f0 02 01ff');
    const local = { ...CLASS_0, maxTpduSize: 4096, usePreferredMaxTpduSize: true };
    expect(respond(asking, local)).toMatchObject({
      parameters: { preferredMaxTpduSize: 4096 },
      maxTpduSize: 4096,
    });
  });
});

describe('the classes that may answer', () => {
  it.each([
    ['2 or 0', '09 e0 0000 0005 21 c7 01 00', [0, 2], [2, 0]],
    ['2 or 0 where the preferred one is not taken', '09 e0 0000 0005 21 c7 01 00', [0], [0]],
    ['4, 2 or 0', '09 e0 0000 0005 41 c7 01 00', [0, 2], [2, 0]],
    ['2 with explicit flow control, or 0', '09 e0 0000 0005 20 c7 01 00', [0, 2], [0]],
    ['2 alone', '06 e0 0000 0005 21', [0], []],
  ] as const)(
    'to %s are those that this side takes, the best first',
    (_name, octets, own, usable) => {
      expect(usableClasses(request(octets), own)).toEqual(usable);
    },
  );
});

describe('EA', () => {
  const asking = request('09 e0 0000 0005 21 c6 01 21');

  it.each([
    [undefined, true, 0x21],
    [true, true, 0x21],
    [false, false, 0x01],
  ])('is granted where it is asked for, unless the option is %s', (expeditedAck, granted, bits) => {
    const local = { ...BOTH, expedited: true };
    const options = expeditedAck === undefined ? local : { ...local, expeditedAck };
    expect(respond(asking, options)).toMatchObject({
      parameters: { additionalOptions: bits },
      expeditedAcknowledgement: granted,
    });
  });
});

describe('a size above 2048 in class 0', () => {
  const asking = request('09 e0 0000 0005 00 c0 01 0d');

  it.each([
    ['is answered by default', {}, 8192],
    ['is cut where the side is strict', { strict: true }, 2048],
  ])('%s', (_what, own, maxTpduSize) => {
    expect(respond(asking, { ...CLASS_0, maxTpduSize: 8192, ...own })).toMatchObject({
      maxTpduSize,
    });
  });
});
