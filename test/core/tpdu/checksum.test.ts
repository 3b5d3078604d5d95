import { describe, expect, it } from 'vitest';
import { toHex, uintOctets } from '../../../src/core/octets/octets.js';
import { checksumOf, isChecksumCorrect } from '../../../src/core/tpdu/checksum.js';
import { hex } from './support.js';

//= X.224 6.17.3 para 2 test
describe('the checksum', () => {
  it.each([
    ['08 f0 0001 80 c3 02 0000 010203', 7, 'e0d8'],
    ['08 f0 0001 80 c3 02 0000 ffffffffffffffff', 7, 'd2ec'],
    ['0d e0 0000 0001 40 c0 01 0d c3 02 0000', 12, 'f447'],
  ])('of %s at offset %i is %s', (octets, offset, sum) => {
    expect(toHex(uintOctets(checksumOf(hex(octets), offset), 2))).toBe(sum);
  });

  it('does not depend on what stands in its place', () => {
    const octets = hex('08 f0 0001 80 c3 02 abcd 010203');
    expect(checksumOf(octets, 7)).toBe(0xe0d8);
    expect(toHex(octets)).toBe('08f0000180c302abcd010203');
  });

  it('leaves a Buffer as it is', () => {
    const octets = Buffer.from(hex('08 f0 0001 80 c3 02 abcd 010203'));
    checksumOf(octets, 7);
    expect(octets.toString('hex')).toBe('08f0000180c302abcd010203');
  });

  it('takes an octet of 255 for zero', () => {
    expect(isChecksumCorrect(hex('ff ff 00 ff'))).toBe(true);
  });

  it.each([
    ['their order', '01 fe'],
    ['their sum', '01 fd'],
  ])('is of the octets and of %s: both sums must be zero', (_title, octets) => {
    expect(isChecksumCorrect(hex(octets))).toBe(false);
  });

  it('notices every change of one octet', () => {
    const octets = hex('08 f0 0001 80 c3 02 e0d8 010203');
    expect(isChecksumCorrect(octets)).toBe(true);
    for (let i = 0; i < octets.length; i += 1) {
      const changed = octets.slice();
      changed[i] = (changed[i] ?? 0) ^ 0x10;
      expect(isChecksumCorrect(changed)).toBe(false);
    }
  });
});
