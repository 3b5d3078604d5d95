/** Options of `connect` for TCP, and for further parameters of the CR. */
import { once } from 'node:events';
import { createConnection, createServer, type LookupFunction } from 'node:net';
import { duplexPair } from 'node:stream';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type ConnectOptions, connect } from '../../src/index.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, pair, rawServer, rejection, serve } from '../support/life.js';

const NOWHERE = { host: '127.0.0.1', port: 1 };

const ENTRIES = [
  ['cotp', connect],
  ['cotp/tpkt', tpkt.connect],
] as const;

let made: Certificates;

beforeAll(async () => {
  made = await certificates();
});

/** A server of TCP, or of TLS, for `connect` of both entry points; and its port. */
async function listening(tls: boolean): Promise<number> {
  const server = await tpkt.listen(
    () => {},
    { host: '127.0.0.1', port: 0 },
    {
      bindConnections: true,
      tls: tls ? made.server : undefined,
    },
  );
  closeLater(() => server.asyncClose());
  return server.addresses[0]?.port ?? 0;
}

/** A port that was free just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

describe.each([
  ['TCP', false],
  ['TLS', true],
])('over %s', (_name, isTls) => {
  const tls = () => (isTls ? { ca: made.ca, servername: 'localhost' } : undefined);

  test('localPort is the port that the client has', async () => {
    const port = await listening(isTls);
    const localPort = await freePort();
    const client = await tpkt.connect({ host: '127.0.0.1', port }, { localPort, tls: tls() });
    closeLater(() => client.destroy());
    expect(client.info.localAddr).toEqual({ host: '127.0.0.1', port: localPort });
  });

  test('localPort that is in use is the error of the system', async () => {
    const port = await listening(isTls);
    const opening = tpkt.connect({ host: '127.0.0.1', port }, { localPort: port, tls: tls() });
    expect(await rejection(opening)).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind' });
  });

  test('family and lookup find the address', async () => {
    const port = await listening(isTls);
    const asked: unknown[] = [];
    const lookup: LookupFunction = (hostname, options, callback) => {
      asked.push(hostname, options.family);
      callback(null, options.all === true ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4);
    };
    const address = { host: 'a.name.of.ours', port };
    const client = await tpkt.connect(address, { family: 4, lookup, tls: tls() });
    closeLater(() => client.destroy());
    expect(asked).toEqual(['a.name.of.ours', 4]);
  });

  test.each<[string, LookupFunction]>([
    [
      'throws',
      () => {
        throw new Error('no such name');
      },
    ],
    ['rejects', (() => Promise.reject(new Error('no such name'))) as never],
    ['fails', (_hostname, _options, callback) => callback(new Error('no such name'), '', 4)],
    [
      'fails by a text',
      (_hostname, _options, callback) => callback('no such name' as never, '', 4),
    ],
  ])('lookup that %s is the error of the connection', async (_how, lookup) => {
    for (const [, open] of ENTRIES) {
      const error = await rejection(open({ host: 'a.name', port: 1 }, { lookup, tls: tls() }));
      expect(error.message).toBe('no such name');
    }
  });
});

test.each(ENTRIES)(
  '%s: a socket that is destroyed by a text rejects with an Error',
  async (_n, open) => {
    const socket = createConnection({ host: '127.0.0.1', port: await listening(false) });
    const opening = rejection<unknown>(open(NOWHERE, { socket }));
    socket.destroy('unplugged' as never);
    expect(await opening).toMatchObject({ message: 'unplugged', cause: 'unplugged' });
    expect(await opening).toBeInstanceOf(Error);
  },
);

test('family decides which addresses of a name are used', async () => {
  const port = await listening(false);
  const lookup = vi.fn<LookupFunction>((_hostname, { family }, callback) => {
    family === 6 ? callback(new Error('it has no IPv6'), '', 6) : callback(null, '127.0.0.1', 4);
  });
  const address = { host: 'a.name', port };
  const client = await tpkt.connect(address, { family: 4, lookup });
  client.destroy();
  expect(await rejection(tpkt.connect(address, { family: 6, lookup }))).toMatchObject({
    message: 'it has no IPv6',
  });
  expect(lookup.mock.calls.map(([, { family }]) => family)).toEqual([4, 6]);
});

describe.each(ENTRIES)('%s refuses early', (_name, open) => {
  test.each([
    [{ localPort: 0 }, RangeError, /options\.localPort must be an integer 1 to 65535, not 0/],
    [{ localPort: 65_536 }, RangeError, /localPort/],
    [{ localPort: '7' }, TypeError, /localPort/],
    [{ family: 5 }, RangeError, /options\.family must be 0 or 4 or 6, not 5/],
    [{ family: 'IPv4' }, TypeError, /family/],
    [{ lookup: 'dns' }, TypeError, /options\.lookup must be a function/],
    [
      { localAddress: 'eth0' },
      RangeError,
      /localAddress must be an IPv4 or IPv6 address, not 'eth0'/,
    ],
    [{ tls: { servername: 5 } }, TypeError, /options\.tls\.servername must be a string, not 5/],
    [{ tls: { servername: null } }, TypeError, /options\.tls\.servername/],
  ])('%o', async (options, type, message) => {
    const error = await rejection(open(NOWHERE, options as never));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });

  const each = [
    { localPort: 7 },
    { family: 4 },
    { lookup: () => {} },
    { localAddress: '127.0.0.1' },
  ] as ConnectOptions[];

  test.each(each)('%o with a stream of the user, which is not touched', async (options) => {
    const [socket] = duplexPair();
    const listeners = socket.eventNames().length;
    const error = await rejection(open(NOWHERE, { ...options, socket }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(/^options\.\w+ cannot be combined with options\.socket$/);
    expect(socket.eventNames()).toHaveLength(listeners);
  });

  test.each(each)('%o with a path', async (options) => {
    const error = await rejection(open({ path: '/nowhere' }, options));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(/^options\.\w+ cannot be combined with addr\.path$/);
  });
});

test.each([
  { remoteTsel: new Uint8Array(117) },
  { remoteTsel: new Uint8Array(254) },
  {
    localTsel: new Uint8Array(60),
    connectData: new Uint8Array(32),
    remoteTsel: new Uint8Array(60),
  },
])('options that do not fit into one CR are named, before TCP is opened: %o', async (options) => {
  const error = await rejection(connect(NOWHERE, options));
  expect(error).toBeInstanceOf(RangeError);
  expect(error.message).toMatch(
    /^options\.localTsel, remoteTsel, connectData and extraParameters must fit into a CR of 128 octets \(.+\)$/,
  );
  expect(error.cause).toBeInstanceOf(RangeError);
});

describe('extraParameters', () => {
  /** The CR with these options, as hexadecimal digits. */
  async function request(options: ConnectOptions): Promise<string> {
    const server = await rawServer();
    void connect(server.address, options).catch(() => {});
    const peer = await server.accept();
    closeLater(() => peer.socket.destroy());
    return (await peer.packet()).toString('hex');
  }

  test('are appended to the CR as they are, in their order', async () => {
    const extraParameters = [
      { code: 0x91, value: Uint8Array.of(1, 2) },
      { code: 0x05, value: new Uint8Array(0) },
      { code: 0x91, value: Uint8Array.of(3) },
    ];
    expect(await request({ localTsel: 1, extraParameters })).toMatch(
      /^16e00000....00c1020001c0010b910201020500910103$/,
    );
  });

  test('may be those of other classes', async () => {
    const extraParameters = [{ code: 0x87, value: Uint8Array.of(0, 1) }];
    expect(await request({ extraParameters, strict: true })).toMatch(/87020001$/);
  });

  test('are followed by the user data', async () => {
    const extraParameters = [{ code: 0x91, value: Uint8Array.of(1) }];
    const connectData = Buffer.from('AB');
    expect(await request({ extraParameters, connectData })).toMatch(/9101014142$/);
  });

  test('go with class 2', async () => {
    const extraParameters = [{ code: 0x91, value: Uint8Array.of(1) }];
    expect(await request({ extraParameters, tpClass: '2,0' })).toMatch(/910101$/);
  });

  test.each([
    ['a Uint8Array', Uint8Array.of(1)],
    ['a Buffer', Buffer.of(1)],
  ])('are copied from %s', async (_name, value) => {
    const server = await rawServer();
    void connect(server.address, { extraParameters: [{ code: 0x91, value }] }).catch(() => {});
    value[0] = 2;
    const peer = await server.accept();
    closeLater(() => peer.socket.destroy());
    expect((await peer.packet()).toString('hex')).toMatch(/910101$/);
  });

  test('are what a server of this library sees in the CR', async () => {
    const seen: unknown[] = [];
    const server = await serve({
      onConnectRequest: (request) => {
        seen.push(...request.tpdu.unknownParameters);
        request.accept();
      },
    });
    const extraParameters = [{ code: 0x91, value: Uint8Array.of(1) }];
    const client = await connect(server.address, { extraParameters });
    closeLater(() => client.destroy());
    expect(seen).toEqual([{ code: 0x91, value: Buffer.of(1) }]);
  });

  test('of no parameters are none', async () => {
    expect(await request({ extraParameters: [] })).toMatch(/^09e00000....00c0010b$/);
  });

  const ok = { code: 0x91, value: new Uint8Array(1) };

  test.each([
    [7, TypeError, /options\.extraParameters must be an array of \{ code, value \}, not 7/],
    [[7], TypeError, /options\.extraParameters\[0\] must be an object of code and value/],
    [[ok, null], TypeError, /options\.extraParameters\[1\]/],
    [[{ ...ok, code: -1 }], RangeError, /extraParameters\[0\]\.code must be an integer 0 to 254/],
    [[{ ...ok, code: 255 }], RangeError, /extraParameters\[0\]\.code/],
    [[{ value: ok.value }], TypeError, /extraParameters\[0\]\.code/],
    [[{ code: 0x91 }], TypeError, /extraParameters\[0\]\.value must be a Uint8Array/],
    [[{ ...ok, value: 'AB' }], TypeError, /extraParameters\[0\]\.value/],
    [[{ ...ok, value: new Uint8Array(253) }], RangeError, /0 to 252 octets, not 253 octets/],
    [[{ ...ok, value: new Uint8Array(120) }], RangeError, /128/],
    [new Array(60).fill(ok), RangeError, /128/],
    [new Array(90).fill(ok), RangeError, /254/],
    [[{ ...ok, code: 0xc0 }], RangeError, /code must not be 0xC0: use maxTpduSize and sizeOffer/],
    [[{ ...ok, code: 0xf0 }], RangeError, /code must not be 0xF0: use maxTpduSize and sizeOffer/],
    [[{ ...ok, code: 0xc1 }], RangeError, /code must not be 0xC1: use localTsel/],
    [[{ ...ok, code: 0xc2 }], RangeError, /code must not be 0xC2: use remoteTsel/],
    [[{ ...ok, code: 0xc6 }], RangeError, /code must not be 0xC6: use expedited and expeditedAck/],
    [[{ ...ok, code: 0xc7 }], RangeError, /code must not be 0xC7: use tpClass/],
  ])('%o are refused early', async (extraParameters, type, message) => {
    const error = await rejection(connect(NOWHERE, { extraParameters } as never));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });

  test('cannot be combined with remoteDesktop, whose CR has no parameters', async () => {
    const options = { extraParameters: [ok], remoteDesktop: { cookie: 'Cookie: mstshash=me' } };
    const error = await rejection(connect(NOWHERE, options));
    expect(error.message).toBe(
      'options.extraParameters cannot be combined with options.remoteDesktop',
    );
  });
});

describe('unref() and ref() of a connection', () => {
  test('can be called after its end', async () => {
    const { client } = await pair();
    await client.asyncClose();
    expect(client.unref().ref()).toBe(client);
  });
});

test('the remote desktop fields are copied too', async () => {
  const server = await rawServer();
  const negotiation = { type: 'request' as const, flags: 8, requestedProtocols: 1 };
  const correlationId = Buffer.alloc(16, 0x61);
  const remoteDesktop = { negotiation, correlationId };
  void connect(server.address, { remoteDesktop }).catch(() => {});
  correlationId.fill('X');
  negotiation.requestedProtocols = 2;
  const peer = await server.accept();
  closeLater(() => peer.socket.destroy());
  const packet = (await peer.packet()).toString('hex');
  // RDP_NEG_REQ with the flag of a correlation id, then that.
  expect(packet).toContain(`010808000100000006002400${'61'.repeat(16)}`);
});

test('octets of the options are copied, so the user may use a buffer again at once', async () => {
  const server = await serve();
  const octets = Buffer.from('abcd');
  const connecting = connect(server.address, {
    localTsel: octets.subarray(0, 1),
    remoteTsel: octets.subarray(1, 2),
    connectData: octets.subarray(2),
  });
  octets.fill('X');
  await connecting;
  const { localTsel, remoteTsel, connectData } = (await server.accept()).info;
  expect([remoteTsel, localTsel, connectData].map(String)).toEqual(['a', 'b', 'cd']);
});

test.each(ENTRIES)(
  '%s: a signal that the lookup of the user aborts cancels connect',
  async (_entry, open) => {
    const controller = new AbortController();
    const lookup: LookupFunction = (_host, _options, done) => {
      controller.abort(new Error('no longer wanted'));
      done(null, [{ address: '127.0.0.1', family: 4 }]);
    };
    const server = await serve();
    const { port } = server.address;
    const { signal } = controller;
    const connecting = open({ host: 'name.invalid', port }, { lookup, signal });
    expect((await rejection(connecting)).message).toBe('no longer wanted');
  },
);
