import { describe, expect, test } from 'vitest';
import { formatAddress, resolveAddress } from '../../src/node/address.js';

describe('an address', () => {
  //= RFC 1006 5 N-CONNECT request test
  //= RFC 1006 5 N-CONNECT indication test
  test('has port 102 where none is given', () => {
    expect(resolveAddress({ host: '192.0.2.1' }, 1)).toEqual({ host: '192.0.2.1', port: 102 });
  });

  test('keeps the port that is given', () => {
    expect(resolveAddress({ host: '::1', port: 2102 }, 1)).toEqual({ host: '::1', port: 2102 });
  });

  test('is shown with brackets where it is of IPv6', () => {
    expect(formatAddress({ host: '::1' })).toBe('[::1]:102');
  });
});
