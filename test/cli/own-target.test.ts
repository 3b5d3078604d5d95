/** A proxy does not relay to itself. */
import { describe, expect, test } from 'vitest';
import { isOwnTarget } from '../../src/cli/proxy/own-target.js';

/** An address with that port. */
const at = (host: string, port = 1102) => ({ host, port });

describe('a proxy is its own target', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['plant.example', 'Plant.Example'],
    ['0.0.0.0', '0.0.0.0'],
    ['127.0.0.1', '::ffff:127.0.0.1'],
    ['::ffff:7f00:1', '127.0.0.1'],
    ['2001:DB8::1', '2001:db8:0:0::1'],
  ])('if it listens on %s and relays to %s, with one port', (listening, called) => {
    expect(isOwnTarget({ listenAddr: at(listening), target: at(called) })).toBe(true);
    expect(isOwnTarget({ listenAddr: at(listening), target: at(called, 102) })).toBe(false);
    expect(isOwnTarget({ listenAddr: at(listening, 0), target: at(called) })).toBe(false);
  });

  test.runIf(process.platform === 'linux').each([
    ['0.0.0.0', '127.0.0.1'],
    ['0.0.0.0', '127.8.0.1'],
    ['::', '127.0.0.1'],
    ['::', '::1'],
    ['::', '0:0:0:0:0:0:0:1'],
    ['::', '0.0.0.0'],
    ['::', '::ffff:127.0.0.1'],
    ['0.0.0.0', '::ffff:127.0.0.1'],
    ['127.0.0.1', '0.0.0.0'],
    ['::1', '::'],
  ])('if it listens on %s and relays to %s, which is loopback', (listening, called) => {
    expect(isOwnTarget({ listenAddr: at(listening), target: at(called) })).toBe(true);
  });

  test.each([
    ['127.0.0.1', '127.0.0.2'],
    ['127.0.0.1', '::'],
    ['127.0.0.1', '::1'],
    ['0.0.0.0', '::1'],
    ['0.0.0.0', '10.0.0.5'],
    ['::', '127.example'],
  ])('not if it listens on %s and relays to %s', (listening, called) => {
    expect(isOwnTarget({ listenAddr: at(listening), target: at(called) })).toBe(false);
  });
});
