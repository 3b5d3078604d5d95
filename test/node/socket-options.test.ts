/** The options of each socket, where Node passes them to the system. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type ConnectOptions, connect, type ListenOptions, listen } from '../../src/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, pair, serve } from '../support/life.js';

/** Node's own socket of the system; the options of a `net.Socket` reach it and nothing else. */
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

/** The options that both sockets of a new connection got, once each. */
async function told(
  client: ConnectOptions,
  server: ListenOptions,
  opened: (client: ConnectOptions, server: ListenOptions) => Promise<unknown> = pair,
) {
  const noDelay = vi.spyOn(handle, 'setNoDelay');
  const keepAlive = vi.spyOn(handle, 'setKeepAlive');
  try {
    await opened(client, server);
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

/** A connection to a `net.Server` of the user. */
async function toNetServer(client: ConnectOptions, options: ListenOptions) {
  const net = createServer({ keepAlive: true }).listen(0, '127.0.0.1');
  const server = await listen(() => {}, net, { ...options, bindConnections: true });
  closeLater(() => server.asyncClose());
  await connect(server.addresses[0] as { host: string; port: number }, client);
}

/** A connection over a socket that the user has accepted. */
async function overAcceptedSocket(client: ConnectOptions, options: ListenOptions) {
  const server = await serve({ ...options, bindConnections: true });
  const net = createServer((socket) => server.server.accept(socket)).listen(0, '127.0.0.1');
  closeLater(() => net.close());
  await once(net, 'listening');
  const { port } = net.address() as { port: number };
  await connect({ host: '127.0.0.1', port }, client);
}

describe.each([
  ['a socket of a net.Server', toNetServer],
  ['a socket that the user has accepted', overAcceptedSocket],
])('%s', (_what, opened) => {
  test('has no delay, and keeps alive after 10 seconds of silence', async () => {
    const { noDelay, keepAlive } = await told(NEITHER, {}, opened);
    expect(noDelay.filter(([on]) => on)).toEqual([[true]]);
    expect(keepAlive.at(-1)).toEqual([true, 10]);
  });

  test('has neither if that is wanted', async () => {
    const { noDelay, keepAlive } = await told(NEITHER, NEITHER, opened);
    expect(noDelay.filter(([on]) => on)).toEqual([]);
    expect(keepAlive.filter(([on]) => on).length).toBeLessThanOrEqual(1);
  });
});
