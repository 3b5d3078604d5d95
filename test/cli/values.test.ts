/** How the command reads the address of a server. `help.test.ts` has the texts that are no address. */
import { expect, test } from 'vitest';
import { address } from '../../src/cli/options/values.js';

test.each([
  ['h', 'h', 102],
  ['h:1102', 'h', 1102],
  ['10.0.0.5', '10.0.0.5', 102],
  ['::1', '::1', 102],
  ['::1:2110', '::1:2110', 102],
  ['::ffff:10.0.0.5', '::ffff:10.0.0.5', 102],
  ['fe80::1%eth0.100', 'fe80::1%eth0.100', 102],
  ['[::1]', '::1', 102],
  ['[::1]:1102', '::1', 1102],
  ['[fe80::1%br-lan]:1102', 'fe80::1%br-lan', 1102],
])('%s is the host %s, port %i', (given, host, port) => {
  expect(address(given)).toEqual({ host, port });
});
