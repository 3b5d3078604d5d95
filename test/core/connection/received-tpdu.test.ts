/** A TPDU before it is classified: a DR as far as it can be read, and a fault as a value. */
import { describe, expect, it } from 'vitest';
import { faultOr, readDr } from '../../../src/core/connection/received-tpdu.js';
import { ProtocolError } from '../../../src/core/errors.js';
import { hex, pattern } from '../../support/splits.js';

describe('a DR whose parameters or user data are at fault', () => {
  it('is read up to its reason', () => {
    expect(readDr(hex('0880 0a0b 0c0d 80 e009'))).toEqual({
      type: 'DR',
      dstRef: 0x0a0b,
      srcRef: 0x0c0d,
      reason: 128,
      parameters: {},
      unknownParameters: [],
      rawParameters: [],
      userData: new Uint8Array(0),
      li: 8,
      diagnostics: [],
    });
  });

  it.each([
    ['its LI is the least', '0680 0a0b 0c0d 80', true],
    ['its LI leaves no room for the reason', '0580 0a0b 0c0d 80', false],
    ['it ends with its LI', '0780 0a0b 0c0d 80 e0', true],
    ['its LI goes past its end', '0780 0a0b 0c0d 80', false],
    ['it is cut before the reason', '0680 0a0b 0c0d', false],
    ['it has no octets', '', false],
  ])('where %s (%s) is read: %s', (_name, octets, isRead) => {
    expect(readDr(hex(octets)) !== undefined).toBe(isRead);
  });

  //= X.224 13.2.1 para 1 test
  it('is read with the largest LI, and not with the reserved one', () => {
    const octets = pattern(300);
    octets[0] = 254;
    expect(readDr(octets)).toMatchObject({ li: 254 });
    octets[0] = 255;
    expect(readDr(octets)).toBeUndefined();
  });
});

describe('a call that may find a fault', () => {
  it('gives its result, or the fault that it throws', () => {
    const fault = new ProtocolError('li-reserved', hex('ff'), 1);
    expect(faultOr(() => 1)).toBe(1);
    expect(
      faultOr(() => {
        throw fault;
      }),
    ).toBe(fault);
  });

  it('that fails in another way fails', () => {
    expect(() =>
      faultOr(() => {
        throw new RangeError('ours');
      }),
    ).toThrow(RangeError);
  });
});
