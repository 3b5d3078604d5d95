import { describe, expect, it } from 'vitest';
import {
  agreementOn,
  connectionConfirm,
  refusal,
} from '../../../src/core/connection/establishment.js';
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
    expect(() => connectionConfirm(cr, {}, options)).toThrow(/reason 130/);
  });
});

describe('the DR that refuses', () => {
  //= X.224 6.6.3 para 1 test
  //= X.224 13.5.3 a to c test
  it('is from reference 0', () => {
    expect(digits(refusal(0x0c0d, 3))).toBe('06800c0d000003');
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
