/**
 * Servers behind a proxy that sends a PROXY header. The proxy is a bare TCP client on 127.0.0.1, which is in
 * `proxyProtocol.from` unless a test says otherwise.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, duplexPair, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type Connection,
  type ConnectionEvent,
  type ConnectionInfo,
  type ConnectRequest,
  connect,
  type ListenOptions,
  listen,
  pcapngSink,
  type Server,
  type TraceEntry,
} from '../../src/index.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, rawClient, rejection } from '../support/life.js';
import { NO_CHECKSUM, proxyV1, proxyV2, TCP6, tlv, withChecksum } from '../support/proxy-header.js';
import { CR, dt, hex, tpkt as packet, type RawPeer } from '../support/raw.js';
import { PATIENT } from '../support/until.js';
import { guardProcess, timersRun } from '../support/wire.js';

guardProcess();

const HOST = '127.0.0.1';
const FROM_US = { from: ['127.0.0.0/8'] };
const FROM_OTHERS = { from: ['192.0.2.0/24', '2001:db8::/32'] };

const SOURCE = { host: '192.0.2.1', port: 54_321 };
const DESTINATION = { host: '198.51.100.2', port: 102 };
const V1 = proxyV1('TCP4 192.0.2.1 198.51.100.2 54321 102');
const V2 = proxyV2();
const IPV6_ADDRESSES = hex(
  `20010db8 ${'00'.repeat(11)} 01 20010db8 ${'00'.repeat(11)} 02 d431 0066`,
);

/** A header of version 1 with this client. */
function v1From(host: string, port = 1): Uint8Array {
  return proxyV1(`TCP4 ${host} 198.51.100.2 ${port} 102`);
}

interface Report {
  readonly error: Error & Readonly<Record<string, unknown>>;
  readonly peer: string;
}

interface Serving {
  readonly server: Server;
  readonly port: number;
  readonly reports: Report[];
  readonly connections: (Connection | tpkt.Connection)[];
}

type Options = Omit<ListenOptions, 'onError'>;
type Service = (
  cb: (connection: Connection | tpkt.Connection) => void,
  addr: { host: string; port: number },
  options: object,
) => Promise<Server>;

async function serveBy(service: Service, options: Options = {}): Promise<Serving> {
  const reports: Report[] = [];
  const connections: (Connection | tpkt.Connection)[] = [];
  const server = await service(
    (connection) => {
      connections.push(connection);
      closeLater(() => connection.destroy());
    },
    { host: HOST, port: 0 },
    {
      proxyProtocol: FROM_US,
      ...options,
      onError: (error: Report['error'], { peer }: { peer: string }) =>
        reports.push({ error, peer }),
    },
  );
  closeLater(() => server.asyncClose());
  return { server, port: server.addresses[0]!.port, reports, connections };
}

const serve = (options: Options = {}) => serveBy(listen as Service, options);

/** A bare TCP client, and its name in reports. */
type Proxy = RawPeer & { readonly peer: string };

/** A connection of the proxy with these octets. */
async function proxied({ port }: Serving, ...octets: readonly Uint8Array[]): Promise<Proxy> {
  const raw = await rawClient(port);
  raw.send(Buffer.concat(octets));
  return Object.assign(raw, { peer: `${HOST}:${raw.socket.localPort}` });
}

async function reported({ reports }: Serving, count = 1): Promise<Report> {
  await vi.waitUntil(() => reports.length >= count, PATIENT);
  return reports[count - 1]!;
}

async function opened({ connections }: Serving, count = 1): Promise<Connection> {
  await vi.waitUntil(() => connections.length >= count, PATIENT);
  return connections[count - 1] as Connection;
}

const SERVICES = [
  ['cotp', listen as Service, CR],
  ['cotp/tpkt', tpkt.listen as Service, packet('010203')],
] as const;

describe.each(SERVICES)('%s: the peer of a connection', (_, service, first) => {
  test.each([
    ['version 1', V1],
    ['version 2', V2],
  ])('is the client in the header, version: %s', async (_version, header) => {
    const serving = await serveBy(service);
    await proxied(serving, header, first);
    const { info } = await opened(serving);
    expect(info.remoteAddr).toEqual(SOURCE);
    expect(info.localAddr).toEqual(DESTINATION);
    expect(info.proxy).toEqual({ source: SOURCE, destination: DESTINATION, tlvs: [] });
  });

  test('is an IPv6 client in the header, although the proxy uses IPv4', async () => {
    const serving = await serveBy(service);
    await proxied(serving, proxyV2({ kind: TCP6, addresses: IPV6_ADDRESSES }), first);
    const { info } = await opened(serving);
    expect(info.remoteAddr).toEqual({ host: '2001:db8::1', port: 54_321 });
    expect(info.localAddr).toEqual({ host: '2001:db8::2', port: 102 });
  });

  test.each([
    ['LOCAL', proxyV2({ command: 0x20, kind: 0, addresses: new Uint8Array(0) })],
    ['LOCAL with addresses', proxyV2({ command: 0x20 })],
    ['UNKNOWN', proxyV1('UNKNOWN')],
    ['UNKNOWN with addresses', proxyV1('UNKNOWN 192.0.2.1 198.51.100.2 54321 102')],
    ['a Unix socket', proxyV2({ kind: 0x31, addresses: new Uint8Array(216) })],
  ])('is the proxy after a header of %s', async (_name, header) => {
    const serving = await serveBy(service);
    const raw = await proxied(serving, header, first);
    const { info } = await opened(serving);
    expect(info.remoteAddr).toEqual({ host: HOST, port: raw.socket.localPort });
    expect(info.localAddr).toEqual({ host: HOST, port: serving.port });
    expect(info.proxy).toEqual({ source: undefined, destination: undefined, tlvs: [] });
  });

  test('is that of TCP, without info.proxy, if the address is not listed', async () => {
    const serving = await serveBy(service, { proxyProtocol: FROM_OTHERS });
    const raw = await proxied(serving, first);
    const { info } = await opened(serving);
    expect(info.remoteAddr).toEqual({ host: HOST, port: raw.socket.localPort });
    expect(info.proxy).toBeUndefined();
  });

  test('has the fields of version 2 as Buffers, and all of it is frozen', async () => {
    const serving = await serveBy(service);
    const fields = [tlv(2, Buffer.from('plc')), tlv(0xe0, new Uint8Array(0)), NO_CHECKSUM];
    const header = withChecksum(proxyV2({ tlvs: fields }));
    await proxied(serving, header, first);
    const { proxy } = (await opened(serving)).info;
    expect(proxy?.tlvs).toEqual([
      { type: 2, value: Buffer.from('plc') },
      { type: 0xe0, value: Buffer.alloc(0) },
      { type: 3, value: Buffer.from(header.subarray(-4)) },
    ]);
    const parts = [proxy, proxy?.source, proxy?.destination, proxy?.tlvs, proxy?.tlvs[0]];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
  });

  test('is named by errors after the header', async () => {
    const serving = await serveBy(service);
    await proxied(serving, V1, Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect(await reported(serving)).toEqual({
      peer: '192.0.2.1:54321',
      error: expect.objectContaining({ fault: 'tpkt-version' }),
    });
  });
});

describe('octets behind the header', () => {
  test('are the CR and data, however TCP joins them, and the FIN after them', async () => {
    const serving = await serve();
    const raw = await proxied(serving, V2, CR, dt('0102'), dt('03'));
    raw.socket.end();
    const connection = await opened(serving);
    expect(await connection.read()).toEqual(hex('0102'));
    expect(await connection.read()).toEqual(hex('03'));
    expect(await rejection(connection.read())).toMatchObject({ ending: 'fin' });
  });

  test.each([
    ['version 1', V1],
    ['version 2', V2],
  ])('are found when every octet comes alone: %s', async (_version, header) => {
    const serving = await serve();
    const raw = await rawClient(serving.port);
    for (const octet of Buffer.concat([header, CR])) {
      raw.send(Buffer.of(octet));
      await nextTurn();
    }
    expect((await opened(serving)).info.remoteAddr).toEqual(SOURCE);
  });

  test('may be a TSDU in 30 DTs, which is joined as any other', async () => {
    const serving = await serve();
    const tsdu = Buffer.alloc(60_000, 'data');
    const parts = Array.from({ length: 30 }, (_, i) => tsdu.subarray(i * 2_000, (i + 1) * 2_000));
    const dts = parts.map((part, i) => dt(part.toString('hex'), i === 29));
    await proxied(serving, V2, CR, ...dts);
    expect((await (await opened(serving)).read()).equals(tsdu)).toBe(true);
  });

  test('may come later than the header', async () => {
    const serving = await serve();
    const raw = await proxied(serving, V2);
    await nextTurn();
    raw.send(CR);
    expect((await raw.packet())[1]).toBe(0xd0);
  });
});

describe('a connection request behind a proxy', () => {
  test('has the addresses of the header', async () => {
    const requests: ConnectRequest[] = [];
    const onConnectRequest = (request: ConnectRequest) => {
      requests.push(request);
      request.accept();
    };
    const serving = await serve({ onConnectRequest });
    await proxied(serving, V1, CR);
    await opened(serving);
    expect(requests).toMatchObject([
      {
        remoteAddr: SOURCE,
        localAddr: DESTINATION,
        proxy: { source: SOURCE, destination: DESTINATION, tlvs: [] },
      },
    ]);
  });

  test('has the addresses of the proxy at its socket', async () => {
    const seen: (string | undefined)[] = [];
    const onConnectRequest = (request: ConnectRequest) => {
      seen.push((request.socket as Socket).remoteAddress);
      request.accept();
    };
    const serving = await serve({ onConnectRequest });
    await proxied(serving, V1, CR);
    await opened(serving);
    expect(seen).toEqual([HOST]);
  });
});

const ENDLESS = Buffer.from(`PROXY UNKNOWN ${'a'.repeat(1_000)}`);

describe.each(SERVICES)('%s: a connection is reset and reported', (_, service, first) => {
  test.each([
    ['without a header', first, 'proxy-missing'],
    ['with another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'proxy-missing'],
    ['with a bad line', proxyV1('TCP4 192.0.2.1 198.51.100.2 1e3 102'), 'proxy-invalid'],
    ['with a bad address', proxyV1('TCP4 192.0.2.01 198.51.100.2 1 102'), 'proxy-invalid'],
    ['with a bad command', proxyV2({ command: 0x2f }), 'proxy-invalid'],
    ['with a bad family', proxyV2({ kind: 0x51 }), 'proxy-invalid'],
    ['with a bad field', proxyV2({ tlvs: [tlv(4, hex('00'), 2)] }), 'proxy-invalid'],
    ['with a wrong checksum', proxyV2({ tlvs: [NO_CHECKSUM] }), 'proxy-checksum'],
    ['with a line without end', ENDLESS, 'proxy-too-long'],
    ['with a header that is too long', proxyV2({ length: 65_535 }), 'proxy-too-long'],
  ])('%s', async (_name, octets, fault) => {
    const serving = await serveBy(service);
    const raw = await proxied(serving, octets, first);
    expect(await raw.ending()).toBe('reset');
    expect(await reported(serving)).toEqual({
      peer: raw.peer,
      error: expect.objectContaining({
        name: 'ProtocolError',
        code: 'ERR_COTP_PROTOCOL',
        fault,
        phase: 'tcp',
        ending: 'garbage',
      }),
    });
    expect(raw.received.length).toBe(0);
    expect(serving.connections).toEqual([]);
    expect(serving.reports).toHaveLength(1);
  });

  test.each([
    ['nothing', new Uint8Array(0), 0],
    ['a part of version 1', V1.subarray(0, 20), 20],
    ['a part of version 2', V2.subarray(0, 27), 27],
  ])('that sends %s, after handshakeTimeout', async (_name, octets, length) => {
    const serving = await serveBy(service, { handshakeTimeout: 150 });
    const raw = await proxied(serving, octets);
    expect(await raw.ending()).toBe('reset');
    expect(await reported(serving)).toEqual({
      peer: raw.peer,
      error: expect.objectContaining({
        code: 'ERR_COTP_TIMEOUT',
        timer: 'handshakeTimeout',
        milliseconds: 150,
        phase: 'tcp',
        message: `no whole PROXY header within 150 ms (${length} octets came): proxyProtocol.from lists 127.0.0.1; does the proxy there send the header?`,
      }),
    });
  });

  test('that ends within the header by FIN', async () => {
    const serving = await serveBy(service);
    const raw = await proxied(serving, V1.subarray(0, 20));
    raw.socket.end();
    expect(await raw.ending()).toBe('reset');
    expect(await reported(serving)).toEqual({
      peer: raw.peer,
      error: expect.objectContaining({
        code: 'ERR_COTP_CLOSED',
        phase: 'tcp',
        ending: 'fin',
        message: 'TCP was closed before the PROXY header was complete (20 octets came)',
      }),
    });
  });

  test.each(['FIN', 'reset'])(
    'unless it ends by %s before its first octet, as health checks of TCP do',
    async (how) => {
      const serving = await serveBy(service, { maxConnections: 1 });
      const check = await proxied(serving);
      await nextTurn();
      await nextTurn();
      if (how === 'FIN') {
        check.socket.end();
      } else {
        check.reset();
      }
      await vi.waitFor(async () => {
        await proxied(serving, V1, first);
        expect(serving.connections).toHaveLength(1);
      }, PATIENT);
      expect(serving.reports).toEqual([]);
    },
  );

  test('that ends within the header by a reset', async () => {
    const serving = await serveBy(service);
    const raw = await proxied(serving, V1.subarray(0, 20));
    const { peer } = raw;
    // It came later, so the octets before it were read.
    await proxied(serving, V1, first);
    await opened(serving);
    raw.reset();
    const report = await reported(serving);
    expect(report).toMatchObject({ peer, error: { code: 'ERR_COTP_CLOSED', ending: 'reset' } });
  });
});

describe.each(SERVICES)('%s: a header from an address that is not listed', (_, service, first) => {
  test.each([
    ['version 1', V1],
    ['version 2', V2],
  ])('is reset and reported as that: %s', async (_version, header) => {
    const serving = await serveBy(service, { proxyProtocol: FROM_OTHERS });
    const raw = await proxied(serving, header, first);
    const { peer, error } = await reported(serving);
    expect(peer).toBe(raw.peer);
    expect(error).toMatchObject({ code: 'ERR_COTP_PROTOCOL', fault: 'proxy-not-listed' });
    expect(await raw.ending()).toBe('reset');
    expect(raw.received.length).toBe(0);
    expect(serving.server.stats()).toMatchObject({ dropped: 1, failed: 0 });
  });
});

test('a server on a Unix socket reads the headers of its clients, if unix is listed', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'cotp-')), 'socket');
  const connections: Connection[] = [];
  const server = await listen(
    (connection) => void connections.push(connection),
    { path },
    {
      proxyProtocol: { from: ['unix'] },
    },
  );
  closeLater(() => server.asyncClose());
  const socket = connectTcp({ path });
  closeLater(() => socket.destroy());
  socket.write(Buffer.concat([V2, CR]));
  await vi.waitUntil(() => connections.length === 1, PATIENT);
  expect(connections[0]?.info.remoteAddr).toEqual(SOURCE);
  connections[0]?.destroy();
});

describe('a server that was blocked', () => {
  const TIME = 150;

  test.each([
    ['the header', [], V1],
    ['the rest of the header', [V1.subarray(0, 30)], V1.subarray(30)],
  ])('counts %s that had arrived before handshakeTimeout', async (_name, before, rest) => {
    const serving = await serve({ handshakeTimeout: TIME });
    const raw = await proxied(serving, ...before);
    const at = performance.now() + TIME / 3;
    while (performance.now() < at) {
      await nextTurn();
    }
    raw.send(Buffer.concat([rest, CR]));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
    expect((await opened(serving)).info.remoteAddr).toEqual(SOURCE);
  });
});

/** A proxy in a thread of its own: it connects, sends a header and resets while the server is blocked. */
const HEALTH_CHECK = `
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
const { flag, port, header } = workerData;
parentPort.postMessage('ready');
Atomics.wait(flag, 0, 0);
const socket = connect(port, '127.0.0.1', () => socket.write(header, () => {
  socket.resetAndDestroy();
  Atomics.store(flag, 1, 1);
  Atomics.notify(flag, 1);
}));
`;

describe('a health check that is over before it is accepted', () => {
  test.each([
    ['that is listed', FROM_US],
    ['that is not listed', FROM_OTHERS],
  ])('is not reported, from an address %s', async (_which, proxyProtocol) => {
    const serving = await serve({ proxyProtocol, maxConnections: 1 });
    const flag = new Int32Array(new SharedArrayBuffer(8));
    const header = proxyV2({ command: 0x20, kind: 0, addresses: new Uint8Array(0) });
    const code = new URL(`data:text/javascript,${encodeURIComponent(HEALTH_CHECK)}`);
    const worker = new Worker(code, { workerData: { flag, port: serving.port, header } });
    closeLater(() => worker.terminate());
    await once(worker, 'message');
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    expect(Atomics.wait(flag, 1, 0, 10_000)).not.toBe('timed-out');
    const octets = proxyProtocol === FROM_US ? [V1, CR] : [CR];
    await vi.waitFor(async () => {
      await proxied(serving, ...octets);
      expect(serving.connections).toHaveLength(1);
    }, PATIENT);
    expect(serving.reports).toEqual([]);
  });
});

describe('the limits of a server behind a proxy', () => {
  const CC = 0xd0;
  const DR = 0x80;

  test('maxConnectionsPerAddress counts the clients, not the proxy', async () => {
    const serving = await serve({ maxConnectionsPerAddress: 1 });
    const answers = [];
    for (const client of ['192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.3']) {
      const raw = await proxied(serving, v1From(client), CR);
      answers.push((await raw.packet())[1]);
    }
    expect(answers).toEqual([CC, CC, DR, CC]);
  });

  test('maxConnectionsPerAddress gives the place of a client back when it leaves', async () => {
    const serving = await serve({ maxConnectionsPerAddress: 1 });
    const first = await proxied(serving, V1, CR);
    await first.packet();
    first.reset();
    await vi.waitUntil(() => serving.server.connectionCount === 0, PATIENT);
    const second = await proxied(serving, V1, CR);
    expect((await second.packet())[1]).toBe(CC);
  });

  test('maxConnectionsPerAddress counts the same IPv6 client in any form', async () => {
    const serving = await serve({ maxConnectionsPerAddress: 1 });
    const answers = [];
    for (const client of ['2001:db8::1', '2001:0DB8:0:0::1']) {
      const raw = await proxied(serving, proxyV1(`TCP6 ${client} ::2 1 2`), CR);
      answers.push((await raw.packet())[1]);
    }
    expect(answers).toEqual([CC, DR]);
  });

  test('maxConnectionsPerAddress counts an IPv4 client in its IPv4-mapped form too', async () => {
    const serving = await serve({ maxConnectionsPerAddress: 1 });
    const answers = [];
    for (const header of ['TCP4 192.0.2.9 198.51.100.2 1 2', 'TCP6 ::ffff:192.0.2.9 ::2 1 2']) {
      const raw = await proxied(serving, proxyV1(header), CR);
      answers.push((await raw.packet())[1]);
    }
    expect(answers).toEqual([CC, DR]);
  });

  test.each([
    ['LOCAL', proxyV2({ command: 0x20 })],
    ['UNKNOWN', proxyV1('UNKNOWN')],
  ])('maxConnectionsPerAddress does not count connections of %s', async (_name, header) => {
    const serving = await serve({ maxConnectionsPerAddress: 1 });
    for (const raw of [await proxied(serving, header, CR), await proxied(serving, header, CR)]) {
      expect((await raw.packet())[1]).toBe(CC);
    }
  });

  test('maxConnectionsPerAddress counts clients without a proxy beside', async () => {
    const serving = await serve({ maxConnectionsPerAddress: 1, proxyProtocol: FROM_OTHERS });
    const first = await proxied(serving, CR);
    expect((await first.packet())[1]).toBe(CC);
    const second = await proxied(serving, CR);
    expect((await second.packet())[1]).toBe(DR);
  });

  test('maxConnections counts a connection before its header, and refuses the next by a DR', async () => {
    const serving = await serve({ maxConnections: 1 });
    await proxied(serving);
    const raw = await proxied(serving, V1, CR);
    expect((await raw.packet())[1]).toBe(DR);
  });

  test('maxConnections gives the place back when a header was wrong', async () => {
    const serving = await serve({ maxConnections: 1 });
    await (await proxied(serving, CR)).ending();
    await reported(serving);
    const raw = await proxied(serving, V1, CR);
    expect((await raw.packet())[1]).toBe(CC);
  });

  test('beyond maxConnections, 64 connections wait for their headers, and more are dropped', async () => {
    const serving = await serve({ maxConnections: 1 });
    const waiting = [];
    for (let count = 0; count < 65; count += 1) {
      waiting.push(await proxied(serving));
    }
    const last = await proxied(serving);
    await last.ending();
    expect(waiting.map(({ isOver }) => isOver)).toEqual(waiting.map(() => false));
  });
});

describe.each(SERVICES)('%s: closing the server', (_, service, first) => {
  test('drops connections within their header, and reports nothing', async () => {
    const serving = await serveBy(service, { handshakeTimeout: 500 });
    const raws = [await proxied(serving), await proxied(serving, V1.subarray(0, 9))];
    await proxied(serving, V1, first);
    await opened(serving);
    await serving.server.asyncClose();
    for (const raw of raws) {
      await raw.ending();
    }
    await timersRun(500);
    expect(serving.reports).toEqual([]);
  });
});

describe('the counts of a server behind a proxy', () => {
  /** What is published about the server of a test. */
  function dropsOf({ server }: Serving): { cause: string; remoteAddr: unknown }[] {
    const drops: { cause: string; remoteAddr: unknown }[] = [];
    const onEvent = (message: unknown) => {
      const event = message as ConnectionEvent;
      if (event.event === 'drop' && event.server === server.addresses[0]) {
        drops.push({ cause: event.cause, remoteAddr: event.remoteAddr });
      }
    };
    subscribe('cotp:connection', onEvent);
    closeLater(() => unsubscribe('cotp:connection', onEvent));
    return drops;
  }

  test.each([
    ['without a header', [CR], 'proxy', {}],
    ['with a bad header', [proxyV1('TCP4')], 'proxy', {}],
    ['whose header is late', [V1.subarray(0, 9)], 'timeout', { handshakeTimeout: 100 }],
  ])('have a connection %s as dropped', async (_name, octets, cause, options) => {
    const serving = await serve(options);
    const drops = dropsOf(serving);
    const raw = await proxied(serving, ...octets);
    await reported(serving);
    expect(serving.server.stats()).toMatchObject({ accepted: 1, handshaking: 0, dropped: 1 });
    expect(drops).toEqual([
      { cause, remoteAddr: { host: HOST, port: Number(raw.peer.split(':')[1]) } },
    ]);
  });

  test('have a connection in its header as handshaking, and as dropped when the server closes', async () => {
    const serving = await serve();
    const drops = dropsOf(serving);
    await proxied(serving, V1.subarray(0, 9));
    await vi.waitUntil(() => serving.server.stats().accepted === 1, PATIENT);
    expect(serving.server.stats()).toMatchObject({ handshaking: 1, dropped: 0 });
    await serving.server.asyncClose();
    expect(serving.server.stats()).toMatchObject({ handshaking: 0, dropped: 1 });
    expect(drops.map(({ cause }) => cause)).toEqual(['closing']);
  });

  test('have a health check of TCP neither as dropped nor as failed', async () => {
    const serving = await serve();
    const drops = dropsOf(serving);
    (await proxied(serving)).socket.end();
    await vi.waitUntil(() => {
      const { accepted, handshaking } = serving.server.stats();
      return accepted === 1 && handshaking === 0;
    }, PATIENT);
    expect(serving.server.stats()).toMatchObject({ dropped: 0, failed: 0 });
    expect(drops).toEqual([]);
  });

  test('have a client behind a proxy as open', async () => {
    const serving = await serve();
    await proxied(serving, V1, CR);
    await opened(serving);
    expect(serving.server.stats()).toMatchObject({ accepted: 1, open: 1, handshaking: 0 });
  });
});

describe('a stream of server.accept', () => {
  test('must begin with a header if its address is listed', async () => {
    const serving = await serve({ proxyProtocol: FROM_OTHERS });
    const streams = [duplexPair(), duplexPair()] as const;
    for (const [ours] of streams) {
      serving.server.accept(ours, { remoteAddr: { host: '192.0.2.200' } });
    }
    streams[0][1].write(Buffer.concat([v1From('203.0.113.5', 7), CR]));
    expect((await opened(serving)).info.remoteAddr).toEqual({ host: '203.0.113.5', port: 7 });
    streams[1][1].write(CR);
    expect(await reported(serving)).toMatchObject({
      peer: '192.0.2.200:0',
      error: { fault: 'proxy-missing' },
    });
  });

  test('needs no header if it has no address', async () => {
    const serving = await serve({ proxyProtocol: FROM_OTHERS });
    const [ours, theirs] = duplexPair();
    serving.server.accept(ours);
    theirs.write(CR);
    expect((await opened(serving)).info.proxy).toBeUndefined();
  });
});

describe('a shutdown of a server behind a proxy', () => {
  test('waits for a connection within its header', async () => {
    const serving = await serve();
    const raw = await proxied(serving, V1.subarray(0, 9));
    await vi.waitUntil(() => serving.server.stats().accepted === 1, PATIENT);
    const over = serving.server.shutdown();
    raw.send(Buffer.concat([V1.subarray(9), CR]));
    expect((await raw.packet())[1]).toBe(0xd0);
    raw.socket.end();
    await over;
    expect(serving.reports).toEqual([]);
  });
});

describe('traces behind a proxy', () => {
  test('name the client, and the address that it has called', async () => {
    const entries: TraceEntry[] = [];
    const serving = await serve({ trace: (entry) => entries.push(entry) });
    const raw = await proxied(serving, V1, CR);
    await raw.packet();
    expect(entries.map(({ direction }) => direction)).toEqual(['received', 'sent']);
    for (const { peer, localAddr, remoteAddr } of entries) {
      expect({ peer, localAddr, remoteAddr }).toEqual({
        peer: '192.0.2.1:54321',
        localAddr: DESTINATION,
        remoteAddr: SOURCE,
      });
    }
  });

  test.each([
    ['IPv4', V1, 'c0000201 c6336402', 'd431 0066'],
    [
      'IPv6',
      proxyV2({ kind: TCP6, addresses: IPV6_ADDRESSES }),
      `20010db8 ${'00'.repeat(11)} 01 20010db8 ${'00'.repeat(11)} 02`,
      'd431 0066',
    ],
  ])('in a capture file have its packets: %s', async (_family, header, addresses, ports) => {
    const chunks: Buffer[] = [];
    const sink = pcapngSink(
      new Writable({
        write: (chunk: Buffer, _encoding, callback) => {
          chunks.push(Buffer.from(chunk));
          callback();
        },
      }),
    );
    const serving = await serve({ trace: sink.trace });
    const raw = await proxied(serving, header, CR);
    await raw.packet();
    await sink.close();
    const file = Buffer.concat(chunks);
    expect(file.includes(hex(addresses + ports))).toBe(true);
    expect(file.includes('PROXY')).toBe(false);
  });
});

/** A stream to a server whose first write has a header before it: both leave in one. */
class Prefixed extends Duplex {
  readonly #socket: Socket;
  #header: Uint8Array;

  constructor(socket: Socket, header: Uint8Array) {
    super();
    this.#socket = socket;
    this.#header = header;
    socket.on('data', (chunk) => this.push(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    closeLater(() => socket.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    const octets = Buffer.concat([this.#header, chunk]);
    this.#header = new Uint8Array(0);
    this.#socket.write(octets, callback);
  }

  override _final(callback: () => void): void {
    this.#socket.end(callback);
  }
}

async function prefixed({ port }: Serving, header: Uint8Array): Promise<Prefixed> {
  const socket = connectTcp({ host: HOST, port });
  await once(socket, 'connect');
  return new Prefixed(socket, header);
}

describe('TLS behind the header', () => {
  let made: Certificates;

  beforeAll(async () => {
    made = await certificates();
  });

  async function call(serving: Serving, header: Uint8Array): Promise<Connection> {
    const socket = await prefixed(serving, header);
    const tls = { ca: made.ca, servername: 'localhost' };
    const client = await connect({ host: HOST, port: serving.port }, { socket, tls });
    closeLater(() => client.destroy());
    return client;
  }

  test.each([
    ['version 1', V1],
    ['version 2', V2],
  ])('begins with the octets after it: %s', async (_version, header) => {
    const serving = await serve({ tls: made.server });
    const client = await call(serving, header);
    const peer = await opened(serving);
    client.write(Buffer.from('123'));
    expect(await peer.read()).toEqual(Buffer.from('123'));
    peer.write(Buffer.from('321'));
    expect(await client.read()).toEqual(Buffer.from('321'));
    const { remoteAddr, localAddr }: ConnectionInfo = peer.info;
    expect({ remoteAddr, localAddr }).toEqual({ remoteAddr: SOURCE, localAddr: DESTINATION });
  });

  test('begins when it comes later than the header', async () => {
    const serving = await serve({ tls: made.server });
    const socket = connectTcp({ host: HOST, port: serving.port });
    socket.write(V2);
    await once(socket, 'connect');
    await nextTurn();
    const tls = { ca: made.ca, servername: 'localhost' };
    const client = await connect({ host: HOST, port: serving.port }, { socket, tls });
    closeLater(() => client.destroy());
    expect((await opened(serving)).info.remoteAddr).toEqual(SOURCE);
  });

  test('names the client if the handshake fails', async () => {
    const serving = await serve({ tls: made.server });
    await proxied(serving, V1, CR);
    expect(await reported(serving)).toMatchObject({
      peer: '192.0.2.1:54321',
      error: { message: expect.stringContaining('the client sent no TLS') },
    });
  });

  test('names the client that is one too many of its address', async () => {
    const serving = await serve({ tls: made.server, maxConnectionsPerAddress: 1 });
    await call(serving, V1);
    const raw = await proxied(serving, v1From('192.0.2.1', 7));
    await raw.ending();
    expect(await reported(serving)).toMatchObject({
      peer: '192.0.2.1:7',
      error: { ending: 'limit', message: expect.stringContaining('maxConnectionsPerAddress is 1') },
    });
  });

  test.each([
    ['version 1', V1],
    ['version 2', V2],
    ['version 2, octet by octet', V2],
  ])('is refused after a header from an address that is not listed: %s', async (name, header) => {
    const serving = await serve({ tls: made.server, proxyProtocol: FROM_OTHERS });
    const raw = await proxied(serving);
    for (const piece of name.endsWith('octet') ? header : [header]) {
      raw.send(typeof piece === 'number' ? Buffer.of(piece) : Buffer.from(piece));
      await nextTurn();
    }
    expect(await raw.ending()).toBe('reset');
    expect(await reported(serving)).toEqual({
      peer: raw.peer,
      error: expect.objectContaining({
        fault: 'proxy-not-listed',
        phase: 'tcp',
        hint: expect.stringContaining('proxyProtocol.from does not list the address'),
        message: expect.stringContaining(
          'a PROXY header came from an address that must not send one',
        ),
      }),
    });
  });

  test('is as ever for a client that is not listed and sends none', async () => {
    const serving = await serve({ tls: made.server, proxyProtocol: FROM_OTHERS });
    const tls = { ca: made.ca, servername: 'localhost' };
    const client = await connect({ host: HOST, port: serving.port }, { tls });
    closeLater(() => client.destroy());
    expect((await opened(serving)).info.proxy).toBeUndefined();
  });

  test.each([
    ['nothing', new Uint8Array(0)],
    ['the first octet of a header', V2.subarray(0, 1)],
  ])('is waited for as ever, if a client that is not listed sends %s', async (_name, octets) => {
    const options = { tls: made.server, proxyProtocol: FROM_OTHERS, handshakeTimeout: 150 };
    const serving = await serve(options);
    const raw = await proxied(serving, octets);
    await raw.ending();
    expect((await reported(serving)).error).toMatchObject({
      code: 'ERR_TLS_HANDSHAKE_TIMEOUT',
      message: 'no TLS handshake within 150 ms (handshakeTimeout): does the client use TLS?',
    });
  });

  test('is reported as ever, if a client that is not listed leaves', async () => {
    const serving = await serve({ tls: made.server, proxyProtocol: FROM_OTHERS });
    (await proxied(serving)).socket.end();
    expect((await reported(serving)).error).toMatchObject({
      code: 'ECONNRESET',
      message: 'the client closed TCP during the TLS handshake',
    });
  });
});

describe('a client of this library', () => {
  test('has no info.proxy', async () => {
    const serving = await serve();
    const socket = await prefixed(serving, V1);
    const client = await connect({ host: HOST, port: serving.port }, { socket });
    closeLater(() => client.destroy());
    expect(client.info.proxy).toBeUndefined();
  });
});
