/** What the system is told of each socket: seen where Node hands it to the system. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { ConnectOptions, ListenOptions } from '../../src/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { pair } from '../support/life.js';

/** Node's own socket of the system; what a `net.Socket` is told by options reaches it and nothing else. */
interface Handle {
  setNoDelay(on: boolean): unknown;
  setKeepAlive(on: boolean, seconds: number): unknown;
}

let handle: Handle;
let made: Certificates;

beforeAll(async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  handle = Object.getPrototypeOf((server as unknown as { _handle: Handle })._handle);
  server.close();
  made = await certificates();
});

const NEITHER = { noDelay: false, keepAlive: false } as const;

function tls(): { readonly client: ConnectOptions; readonly server: ListenOptions } {
  return {
    client: { tls: { ca: made.ca, servername: 'localhost' } },
    server: { tls: made.server },
  };
}

/** What both sockets of a new connection are told, once each. */
async function told(client: ConnectOptions, server: ListenOptions) {
  const noDelay = vi.spyOn(handle, 'setNoDelay');
  const keepAlive = vi.spyOn(handle, 'setKeepAlive');
  try {
    await pair(client, server);
    return { noDelay: [...noDelay.mock.calls], keepAlive: [...keepAlive.mock.calls] };
  } finally {
    noDelay.mockRestore();
    keepAlive.mockRestore();
  }
}

describe('both sockets', () => {
  //= RFC 2126 6.1 test
  //= RFC 2126 6.2 test
  test('have no delay, and keep alive after 10 seconds of silence', async () => {
    const { noDelay, keepAlive } = await told({}, {});
    expect(noDelay).toEqual([[true], [true]]);
    expect(keepAlive).toEqual([
      [true, 10],
      [true, 10],
    ]);
  });

  test('do so beneath TLS', async () => {
    const { noDelay, keepAlive } = await told(tls().client, tls().server);
    expect([noDelay.length, keepAlive.length].every((calls) => calls >= 2)).toBe(true);
    expect(new Set(noDelay.map(String))).toEqual(new Set(['true']));
    expect(new Set(keepAlive.map(String))).toEqual(new Set(['true,10']));
  });

  test('beneath TLS too are left as they are if that is wanted', async () => {
    const { client, server } = tls();
    const { noDelay, keepAlive } = await told({ ...client, ...NEITHER }, { ...server, ...NEITHER });
    expect(noDelay.filter(([on]) => on)).toEqual([]);
    expect(keepAlive.filter(([on]) => on)).toEqual([]);
  });
});

describe('a socket whose side wants neither', () => {
  test.each<[string, ConnectOptions, ListenOptions]>([
    ['of the client', NEITHER, {}],
    ['of the server', {}, NEITHER],
  ])('%s is left as it is', async (_whose, client, server) => {
    const { noDelay, keepAlive } = await told(client, server);
    expect(noDelay.filter(([on]) => on)).toHaveLength(1);
    expect(keepAlive.filter(([on]) => on)).toHaveLength(1);
  });
});
