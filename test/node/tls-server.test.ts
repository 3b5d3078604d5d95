/**
 * What a TLS server reports about handshakes that fail, and that each gives its place back at once and
 * exactly once.
 */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type SecureVersion } from 'node:tls';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { connect, type ListenOptions, listen, type Server } from '../../src/index.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, pair, rejection } from '../support/life.js';
import { hex } from '../support/raw.js';
import { PATIENT } from '../support/until.js';

const HOST = '127.0.0.1';
const VERSIONS: [SecureVersion][] = [['TLSv1.2'], ['TLSv1.3']];
let made: Certificates;

beforeAll(async () => {
  made = await certificates();
});

interface Report {
  readonly error: Error & { readonly code?: string; readonly ending?: string };
  readonly peer: string;
}

interface Serving {
  readonly server: Server | tpkt.Server;
  readonly port: number;
  readonly reports: Report[];
}

type ServeOptions = Omit<ListenOptions, 'onError' | 'trace' | 'onConnectRequest' | 'localTsel'>;
const SERVICES = [
  [
    'cotp',
    (options: ServeOptions, onError: ListenOptions['onError']) =>
      listen(() => {}, { host: HOST, port: 0 }, { ...options, onError }),
  ],
  [
    'cotp/tpkt',
    (options: ServeOptions, onError: ListenOptions['onError']) =>
      tpkt.listen(() => {}, { host: HOST, port: 0 }, { ...options, onError } as tpkt.ListenOptions),
  ],
] as const;

type Service = (typeof SERVICES)[number][1];

async function serveTls(service: Service, options: ServeOptions = {}): Promise<Serving> {
  const reports: Report[] = [];
  const server = await service({ tls: made.server, ...options }, (error, { peer }) =>
    reports.push({ error, peer }),
  );
  closeLater(() => server.asyncClose());
  return { server, port: server.addresses[0]!.port, reports };
}

/** Requires a certificate of the client. */
function mutual(): ServeOptions {
  return { tls: { ...made.server, ca: made.ca, requestCert: true, rejectUnauthorized: true } };
}

/** Bare TLS; ends as it likes. */
function tlsClient(port: number, options: ConnectionOptions = {}): Socket {
  const socket = connectTls({ host: HOST, port, ca: made.ca, servername: 'localhost', ...options });
  socket.on('error', () => {});
  socket.resume();
  closeLater(() => socket.destroy());
  return socket;
}

/** When a socket is closed, also by an error. */
function closeOf(socket: Socket): Promise<unknown> {
  return socket.closed
    ? Promise.resolve()
    : new Promise((resolve) => socket.once('close', resolve));
}

/** Bare TCP. */
async function tcpClient(port: number): Promise<Socket> {
  const socket = connectTcp({ host: HOST, port });
  socket.on('error', () => {});
  socket.resume();
  closeLater(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const nameOf = ({ localAddress, localPort }: Socket) => `${localAddress}:${localPort}`;

async function reported({ reports }: Serving): Promise<Report> {
  await vi.waitUntil(() => reports.length > 0, PATIENT);
  return reports[0]!;
}

/** The reports that are not about clients who came while the place was taken. */
function failures({ reports }: Serving): Report[] {
  return reports.filter(({ error }) => error.ending !== 'limit');
}

/** A client gets the only place that there is. */
async function expectPlace({ port }: Serving): Promise<void> {
  const tls = { ca: made.ca, servername: 'localhost', ...made.client };
  const connection = await vi.waitFor(() => tpkt.connect({ host: HOST, port }, { tls }), PATIENT);
  connection.destroy();
}

describe.each(SERVICES)('%s: a server that requires certificates, by', (_entry, service) => {
  describe.each(VERSIONS)('%s,', (version) => {
    const versions = { minVersion: version, maxVersion: version };

    test('lets in a client with one that it trusts', async () => {
      const serving = await serveTls(service, mutual());
      const socket = tlsClient(serving.port, { ...versions, ...made.client });
      await once(socket, 'secureConnect');
      socket.write('garbage that only COTP reports');
      await vi.waitUntil(() => serving.reports.length > 0, PATIENT);
      expect(serving.reports[0]?.error.code).toBe('ERR_COTP_PROTOCOL');
    });

    test.each([
      ['of another authority', () => made.stranger, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
      ['that has expired', () => made.expired, 'CERT_HAS_EXPIRED'],
    ])('reports one %s by its code, with the peer', async (_what, identity, code) => {
      const serving = await serveTls(service, { ...mutual(), maxConnections: 1 });
      const socket = tlsClient(serving.port, { ...versions, ...identity() });
      await once(socket, 'connect');
      const peer = nameOf(socket);
      const report = await reported(serving);
      expect(report).toEqual({
        peer,
        error: expect.objectContaining({
          code,
          message: expect.stringContaining(`the certificate of the client was rejected (${code})`),
        }),
      });
      await closeOf(socket);
      await expectPlace(serving);
      expect(failures(serving)).toHaveLength(1);
    });

    test('reports a client without one, with the peer', async () => {
      const serving = await serveTls(service, { ...mutual(), maxConnections: 1 });
      const socket = tlsClient(serving.port, versions);
      await once(socket, 'connect');
      const peer = nameOf(socket);
      expect(await reported(serving)).toMatchObject({
        peer,
        error: { message: 'TLS: peer did not return a certificate' },
      });
      await expectPlace(serving);
      expect(failures(serving)).toHaveLength(1);
    });

    test('reports a client that does not trust the server, with the peer', async () => {
      const serving = await serveTls(service, { maxConnections: 1 });
      const socket = tlsClient(serving.port, { ...versions, ca: made.stranger.cert });
      await once(socket, 'connect');
      const peer = nameOf(socket);
      await closeOf(socket);
      await expectPlace(serving);
      // By TLS 1.3 the server may have seen the whole handshake before the client goes.
      expect(failures(serving).filter((report) => report.peer !== peer)).toEqual([]);
    });
  });

  test('lets in a client with any certificate when it rejects none', async () => {
    const serving = await serveTls(service, {
      tls: { ...made.server, ca: made.ca, requestCert: true, rejectUnauthorized: false },
    });
    const socket = tlsClient(serving.port, made.stranger);
    await once(socket, 'secureConnect');
    socket.end();
    await closeOf(socket);
    expect(serving.reports).toEqual([]);
  });
});

/** The first octets of a handshake, which a client of Node sends. */
async function clientHello(): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const connected = once(server, 'connection');
  tlsClient((server.address() as { port: number }).port);
  const [socket] = (await connected) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  server.close();
  return hello;
}

describe.each(SERVICES)(
  '%s: a client that goes in the middle of the TLS handshake',
  (_e, service) => {
    const STAGES: [string, (socket: Socket) => Promise<unknown>][] = [
      ['without a word', async () => {}],
      [
        'after half a ClientHello',
        async (socket) => socket.write((await clientHello()).subarray(0, 50)),
      ],
      [
        'after its ClientHello',
        async (socket) => {
          socket.write(await clientHello());
          await once(socket, 'data');
        },
      ],
    ];
    const WAYS: [string, (socket: Socket) => void][] = [
      ['by FIN', (socket) => socket.end()],
      ['by reset', (socket) => socket.resetAndDestroy()],
    ];

    test.each(
      STAGES.flatMap(([stage, act]) => WAYS.map(([way, go]) => [stage, way, act, go] as const)),
    )(
      '%s, %s, frees its place at once and is reported with its address',
      async (_stage, _way, act, go) => {
        const serving = await serveTls(service, { maxConnections: 1, handshakeTimeout: 60_000 });
        const socket = await tcpClient(serving.port);
        const peer = nameOf(socket);
        await act(socket);
        // The server has to have seen the client, which it has once it refuses another one.
        await vi.waitUntil(async () => {
          const other = await tcpClient(serving.port);
          await closeOf(other);
          return serving.reports.length > 0;
        }, PATIENT);
        serving.reports.length = 0;
        go(socket);
        await closeOf(socket);
        expect(await reported(serving)).toMatchObject({
          peer,
          error: {
            code: 'ECONNRESET',
            message: expect.stringContaining('during the TLS handshake'),
          },
        });
        await expectPlace(serving);
        expect(serving.reports.filter((report) => report.peer === peer)).toHaveLength(1);
      },
    );

    test('before it was accepted gives its place back', async () => {
      const serving = await serveTls(service, { maxConnections: 1, handshakeTimeout: 60_000 });
      for (let i = 0; i < 20; i += 1) {
        const socket = connectTcp({ host: HOST, port: serving.port });
        socket.on('error', () => {});
        socket.once('connect', () => socket.resetAndDestroy());
        await closeOf(socket);
      }
      await expectPlace(serving);
    });

    test('or goes on for ever is ended by handshakeTimeout, though its octets drip', async () => {
      const serving = await serveTls(service, { maxConnections: 1, handshakeTimeout: 150 });
      const hello = await clientHello();
      const socket = await tcpClient(serving.port);
      const peer = nameOf(socket);
      let sent = 0;
      const drip = setInterval(() => {
        socket.write(hello.subarray(sent, sent + 1));
        sent += 1;
      }, 20);
      closeLater(() => clearInterval(drip));
      expect(await reported(serving)).toMatchObject({
        peer,
        error: { code: 'ERR_TLS_HANDSHAKE_TIMEOUT', message: expect.stringContaining('150 ms') },
      });
      clearInterval(drip);
      await expectPlace(serving);
      expect(failures(serving)).toHaveLength(1);
    });

    test('handshakeTimeout among the options of TLS has to be a number', async () => {
      const tls = { ...made.server, handshakeTimeout: '90' as unknown as number };
      expect(await rejection(serveTls(service, { tls }))).toMatchObject({
        code: 'ERR_INVALID_ARG_TYPE',
      });
    });

    test('handshakeTimeout among the options of TLS takes precedence', async () => {
      const serving = await serveTls(service, { tls: { ...made.server, handshakeTimeout: 90 } });
      await tcpClient(serving.port);
      expect((await reported(serving)).error.message).toContain('90 ms');
    });
  },
);

describe.each(SERVICES)('%s: a TLS server that is full', (_entry, service) => {
  test.each([['maxConnections'], ['maxConnectionsPerAddress']] as const)(
    'reports the limit %s, and counts those it drops',
    async (option) => {
      const serving = await serveTls(service, { [option]: 1 });
      const first = tlsClient(serving.port);
      await once(first, 'secureConnect');
      const peers: string[] = [];
      for (let i = 1; i <= 3; i += 1) {
        const socket = await tcpClient(serving.port);
        peers.push(nameOf(socket));
        await closeOf(socket);
      }
      await vi.waitUntil(() => serving.reports.length === 3, PATIENT);
      expect(serving.reports.map(({ peer }) => peer)).toEqual(peers);
      expect(serving.reports.map(({ error }) => [error.code, error.ending])).toEqual(
        Array(3).fill(['ERR_COTP_CLOSED', 'limit']),
      );
      expect(serving.reports[2]?.error.message).toMatch(
        new RegExp(`${option} is 1, .*\\(3 dropped so far\\).*raise ${option}`),
      );
    },
  );

  test.each([
    ['cotp', connect],
    ['cotp/tpkt', tpkt.connect],
  ] as const)('is named as a possible cause by the client: %s', async (_client, open) => {
    const serving = await serveTls(service, { maxConnections: 1 });
    const first = tlsClient(serving.port);
    await once(first, 'secureConnect');
    const tls = { ca: made.ca, servername: 'localhost' };
    const error = await rejection(open({ host: HOST, port: serving.port }, { tls }));
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(error.message).toMatch(/TCP was connected, but closed before TLS was: .*full server/);
  });
});

describe.each(SERVICES)('%s: a TLS server that closes', (_entry, service) => {
  test('ends handshakes under way at once, and reports nothing', async () => {
    const serving = await serveTls(service, { handshakeTimeout: 60_000 });
    const silent = await tcpClient(serving.port);
    const talking = await tcpClient(serving.port);
    talking.write(await clientHello());
    await once(talking, 'data');
    const secured = tlsClient(serving.port);
    await once(secured, 'secureConnect');
    const closed = [silent, talking, secured].map((socket) => closeOf(socket));
    await serving.server.asyncClose();
    await Promise.all(closed);
    await new Promise((resolve) => setImmediate(resolve));
    expect(serving.reports).toEqual([]);
  });
});

describe.each(VERSIONS)('TLS half open, by %s', (version) => {
  test('an answer is sent after the FIN of the client', async () => {
    const { client, peer } = await pair(
      { tls: { ca: made.ca, servername: 'localhost', maxVersion: version } },
      { tls: made.server },
    );
    client.write(hex('01'));
    client.end();
    expect(await peer.read()).toEqual(hex('01'));
    await once(peer.socket, 'end');
    peer.write(hex('02'));
    expect(await client.read()).toEqual(hex('02'));
    await Promise.all([client.waitClosed(), peer.waitClosed()]);
  });
});

describe('functions among the options of TLS that fail', () => {
  const FAILURES: [string, () => never | Promise<never>][] = [
    [
      'throw',
      () => {
        throw new Error('of the function');
      },
    ],
    ['reject', () => Promise.reject(new Error('of the function'))],
  ];
  const uncaught = vi.fn();

  beforeAll(() => {
    process.on('uncaughtException', uncaught);
    process.on('unhandledRejection', uncaught);
    return () => {
      process.off('uncaughtException', uncaught);
      process.off('unhandledRejection', uncaught);
    };
  });

  test.each(FAILURES)('and %s: checkServerIdentity rejects connect', async (_how, fail) => {
    const { port } = await serveTls(SERVICES[0][1]);
    const tls = {
      ca: made.ca,
      servername: 'localhost',
      checkServerIdentity: fail as unknown as () => undefined,
    };
    const error = await rejection(connect({ host: HOST, port }, { tls }));
    expect(error.message).toMatch(/of the function|checkServerIdentity must return an Error/);
    expect(uncaught).not.toHaveBeenCalled();
  });

  test.each(FAILURES)('and %s: lookup rejects connect', async (_how, fail) => {
    const tls = { lookup: fail as () => void };
    const error = await rejection(connect({ host: 'somewhere.invalid', port: 1 }, { tls }));
    expect(error.message).toBe('of the function');
    expect(uncaught).not.toHaveBeenCalled();
  });

  test.each(FAILURES)('and %s: SNICallback fails that handshake', async (_how, fail) => {
    const serving = await serveTls(SERVICES[0][1], {
      tls: { ...made.server, SNICallback: fail as () => void },
    });
    tlsClient(serving.port);
    expect((await reported(serving)).error.message).toBe('of the function');
    expect(uncaught).not.toHaveBeenCalled();
  });

  /** What a function may give to the callback of Node in place of an Error. */
  const NO_ERRORS = ['of the function', { message: 'of the function' }, 5, Symbol('s')];

  test.each(NO_ERRORS)('SNICallback that fails by %o fails that handshake', async (failure) => {
    const serving = await serveTls(SERVICES[0][1], {
      tls: { ...made.server, SNICallback: (_name, callback) => callback(failure as never) },
    });
    tlsClient(serving.port);
    const { error } = await reported(serving);
    expect(error).toBeInstanceOf(Error);
    expect(error.cause).toBe(failure);
    expect(uncaught).not.toHaveBeenCalled();
  });

  test.each(NO_ERRORS)('checkServerIdentity that returns %o rejects connect', async (failure) => {
    const { port } = await serveTls(SERVICES[0][1]);
    const checkServerIdentity = () => failure as never;
    const tls = { ca: made.ca, servername: 'localhost', checkServerIdentity };
    const error = await rejection(connect({ host: HOST, port }, { tls }));
    expect(error).toBeInstanceOf(Error);
    expect(error.cause).toBe(failure);
  });

  test.each(FAILURES)('and %s: ALPNCallback fails that handshake', async (_how, fail) => {
    const serving = await serveTls(SERVICES[0][1], {
      tls: { ...made.server, ALPNCallback: fail as unknown as () => undefined },
    });
    const socket = tlsClient(serving.port, { ALPNProtocols: ['iccp'] });
    await closeOf(socket);
    expect(serving.reports[0]?.error.message).toBe('of the function');
    expect(uncaught).not.toHaveBeenCalled();
  });
});
