import { describe, expect, it } from 'vitest';
import {
  agreementOn,
  capabilitiesOf,
  connectionConfirm,
  connectionRequest,
  refusal,
} from '../../../src/core/connection/handshake.js';
import type { ConnectionOptions } from '../../../src/core/connection/options.js';
import type { Acceptance } from '../../../src/core/connection/transition.js';
import { type AcceptResponse, respond } from '../../../src/core/negotiation/respond.js';
import { decode } from '../../../src/core/tpdu/decode.js';
import type { ConnectionRequest } from '../../../src/core/tpdu/types.js';
import { class0Options } from '../../support/pair.js';
import { digits, hex } from '../../support/splits.js';

function request(octets: string): ConnectionRequest {
  const tpdu = decode(hex(octets), { strict: false });
  if (tpdu.type !== 'CR') {
    throw new Error(`a CR was expected, not ${tpdu.type}`);
  }
  return tpdu;
}

const options = class0Options({ localRef: 0x0a0b });

describe('the CC', () => {
  it('says the size that is then in force', () => {
    const cr = request('09e0 0000 0c0d 00 c0010a');
    const { octets, inForce } = connectionConfirm(cr, { maxTpduSize: 300 }, options);
    expect([digits(octets), inForce.maxTpduSize]).toEqual(['09d00c0d0a0b00c00108', 256]);
  });

  it('is not made for a CR that can only be refused', () => {
    const cr = request('06e0 0000 0c0d 21');
    expect(() => connectionConfirm(cr, {}, options)).toThrow(
      new TypeError('the CR offers no class that this side supports: refuse it, with reason 130'),
    );
  });

  //= RFC 2126 4.1.1 size test
  it.each([
    ['above 2048 octets', 2176, 'f00111'],
    ['at 2048 octets, which 0xC0 states too', 2048, 'c0010b'],
  ])('answers 0xF0 by the same parameter only %s', (_name, maxTpduSize, parameter) => {
    const cr = request('09e0 0000 0c0d 00 f00120');
    const { octets, inForce } = connectionConfirm(cr, {}, { ...options, maxTpduSize });
    expect([digits(octets.subarray(7)), inForce.maxTpduSize]).toEqual([parameter, maxTpduSize]);
  });

  it('answers by 0xC0 a CR without 0xF0, whatever this side takes', () => {
    const cr = request('09e0 0000 0c0d 00 c0010d');
    const { octets } = connectionConfirm(cr, {}, { ...options, maxTpduSize: 65_531 });
    expect(digits(octets.subarray(7))).toBe('c0010d');
  });
});

describe('the answer that is computed before the user has decided', () => {
  const side = { ...options, tpClass: '2,0' as const, expedited: true };
  const cr = request('0fe0 0000 0c0d 22 c0010a c60101 c70100');
  const usual = respond(cr, capabilitiesOf(side));
  if (usual.type !== 'accept') {
    throw new Error('the CR is acceptable');
  }
  const confirmed = (acceptance: Acceptance, answer?: AcceptResponse) =>
    digits(connectionConfirm(cr, acceptance, side, answer).octets);

  it.each<[string, Acceptance]>([
    ['nothing', {}],
    ['user data', { userData: hex('aabb') }],
    ['a size', { maxTpduSize: 300 }],
    ['a class', { tpClass: 0 }],
    ['no expedited data', { expedited: false }],
    ['no EA', { expeditedAck: false }],
  ])('gives the same CC as without it if the user chooses %s', (_what, acceptance) => {
    expect(confirmed(acceptance, usual)).toBe(confirmed(acceptance));
  });

  it('is used if the user chooses nothing, and else computed anew', () => {
    const other = { ...usual, parameters: { ...usual.parameters, tpduSize: 512 } };
    expect(confirmed({}, other)).toContain('c00109');
    expect(confirmed({ expedited: false }, other)).toContain('c0010a');
  });
});

describe('expedited data in the CC', () => {
  /** 0xC6 of the CC in answer to a CR of class 2 with this 0xC6. */
  function granted(
    asked: string,
    acceptance: Acceptance,
    own: Partial<ConnectionOptions>,
  ): number | undefined {
    const cr = request(`09e0 0000 0c0d 21 c601${asked}`);
    const side = class0Options({ localRef: 0x0a0b, tpClass: 2, ...own });
    const cc = decode(connectionConfirm(cr, acceptance, side).octets);
    return cc.type === 'CC' ? cc.parameters.additionalOptions : undefined;
  }

  //= RFC 2126 4.2.1 bit 1 test
  //= RFC 2126 4.2.1 bit 6 test
  it.each([
    ['is not granted by default', '21', {}, {}, 0x00],
    ['comes with EA by default', '21', {}, { expedited: true }, 0x21],
    ['has no EA if the CR asks for none', '01', {}, { expedited: true }, 0x01],
    ['has no EA if the side has none', '21', {}, { expedited: true, expeditedAck: false }, 0x01],
    [
      'has EA if the user grants what the side does not',
      '21',
      { expeditedAck: true },
      { expedited: true, expeditedAck: false },
      0x21,
    ],
    [
      'has no EA if the user grants none',
      '21',
      { expeditedAck: false },
      { expedited: true, expeditedAck: true },
      0x01,
    ],
  ])('%s', (_name, asked, acceptance, own, bits) => {
    expect(granted(asked, acceptance, own)).toBe(bits);
  });

  it('is not granted by default in class 0 either', () => {
    const cr = request('0ce0 0000 0c0d 00 c0010a c60101');
    expect(digits(connectionConfirm(cr, {}, options).octets)).toBe('09d00c0d0a0b00c0010a');
  });
});

describe('a choice that the CR does not offer', () => {
  it('is an error that names the choices', () => {
    const cr = request('0ce0 0000 0c0d 21 c60100 c70100');
    const side = class0Options({ tpClass: '2,0' });
    expect(() => connectionConfirm(cr, { tpClass: 4 } as unknown as Acceptance, side)).toThrow(
      new TypeError('options.tpClass must be 2 or 0 in answer to this CR, not 4'),
    );
  });

  it.each([
    [{ tpClass: 0 }, '09d00c0d0a0b00c0010b'],
    [{ expedited: false, expeditedAck: false }, '09d00c0d0a0b00c0010b'],
  ] as const)('is not made by %j', (acceptance, cc) => {
    const cr = request('06e0 0000 0c0d 00');
    expect(digits(connectionConfirm(cr, acceptance, options).octets)).toBe(cc);
  });
});

describe('the CC of remote desktop', () => {
  const cr = request('0ee0 0000 0c0d 00 0100 0800 0100 0000');
  const negotiation = { type: 'response', selectedProtocol: 1 } as const;

  it('has the negotiation and no parameters', () => {
    const { octets } = connectionConfirm(cr, { remoteDesktop: { negotiation } }, options);
    expect(digits(octets)).toBe('0ed00c0d0a0b000200080001000000');
  });

  it('may have user data', () => {
    const { octets } = connectionConfirm(cr, { userData: hex('aabb') }, options);
    expect(digits(octets)).toBe('06d00c0d0a0b00aabb');
  });

  //= RFC 1006 5 TPDU size test
  it.each([
    [{}, 65_531],
    [{ maxTpduSize: 1_024 }, 1_024],
  ])('with %j puts class 0 without expedited data in force', (acceptance, maxTpduSize) => {
    const granting = { ...options, expedited: true };
    expect(connectionConfirm(cr, acceptance, granting).inForce).toEqual({
      class: 0,
      maxTpduSize,
      expedited: false,
      expeditedAcknowledgement: false,
    });
  });

  it('is no answer to a CR without it', () => {
    const other = request('06e0 0000 0c0d 00');
    expect(() => connectionConfirm(other, { remoteDesktop: { negotiation } }, options)).toThrow(
      new TypeError('options.remoteDesktop must be left out: the CR is not one of remote desktop'),
    );
  });
});

describe('the CR', () => {
  it.each([
    ['asks for no expedited data by default', {}, 0x00],
    ['asks for no EA by default', { expedited: true }, 0x01],
    ['asks for EA only with expedited data', { expeditedAck: true }, 0x00],
    ['asks for both', { expedited: true, expeditedAck: true }, 0x21],
  ])('of class 2 %s', (_name, asked, bits) => {
    const init = { parameters: {}, userData: hex(''), tpClass: 2, ...asked } as const;
    expect(connectionRequest(0x0a0b, init).parameters?.additionalOptions).toBe(bits);
  });
});

describe('the DR that refuses', () => {
  //= X.224 6.6.3 para 1 test
  //= X.224 13.5.3 a to c test
  it('is from reference 0', () => {
    expect(digits(refusal(0x0c0d, 3))).toBe('06800c0d000003');
  });

  //= X.224 13.5.5 test
  it('has the user data of the user', () => {
    expect(digits(refusal(0x0c0d, 128, hex('6279')))).toBe('06800c0d0000806279');
  });
});

describe('the agreement', () => {
  it('is on no larger TPDU than we take', () => {
    const inForce = {
      class: 0,
      maxTpduSize: 65_531,
      expedited: false,
      expeditedAcknowledgement: false,
    } as const;
    expect(agreementOn(inForce, 0x0c0d, options)).toEqual({
      tpClass: 0,
      maxTpduSize: 2048,
      localRef: 0x0a0b,
      remoteRef: 0x0c0d,
      expedited: false,
      expeditedAck: false,
    });
  });
});
