/** R26 to R28: a port that faces everyone. */
import { connect as connectTcp } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  type ConnectOptions,
  CotpError,
  connect,
  type ListenOptions,
  listen,
} from '../../../src/index.js';
import { closeLater, rawClient, rawServer, rejection, serve } from '../../support/life.js';
import { CR, dt, hex, type RawPeer, tpkt } from '../../support/raw.js';
import {
  calling,
  expectServing,
  guardProcess,
  Mailbox,
  ROLES,
  until,
  wire,
} from '../../support/wire.js';

guardProcess();

describe('limits', () => {
  test('R26 one connection too many is refused by DR 1 once its CR has come', async () => {
    const server = await serve({ maxConnections: 1 });
    const first = await connect(server.address);
    const raw = await rawClient(server.address.port);
    raw.send(CR);
    expect((await raw.packet()).toString('hex')).toBe('06801234000001');
    expect(await raw.ending()).toBe('fin');
    first.destroy();
  });

  test('R26 one connection too many that says nothing ends at handshakeTimeout', async () => {
    const server = await serve({ maxConnections: 1, handshakeTimeout: 50 });
    const first = await connect(server.address);
    const raw = await rawClient(server.address.port);
    expect(await raw.ending()).toBe('fin');
    expect(first.isOpen).toBe(true);
    first.destroy();
  });

  test('R26 one address has no more than maxConnectionsPerAddress', async () => {
    const server = await serve({ maxConnectionsPerAddress: 2 });
    const two = await Promise.all([connect(server.address), connect(server.address)]);
    const third = await rejection(connect(server.address));
    expect(third).toMatchObject({ code: 'ERR_COTP_REFUSED', reason: 1 });
    await Promise.all(two.map((connection) => connection.asyncClose()));
    await expectServing(server);
  });

  test('R26 a flood of TCP connections is cut off, and the first ones are served on', async () => {
    // Long enough that a loaded machine sees the moment at which the others are over and these are not.
    const server = await serve({ maxConnections: 10, handshakeTimeout: 1_000 });
    const good = await connect(server.address);
    const peer = await server.accept();
    const flood = await Promise.all(
      Array.from({ length: 200 }, () => rawClient(server.address.port)),
    );
    good.write(hex('01'));
    expect(await peer.read()).toEqual(hex('01'));
    // 9 find a place and 64 are heard; for the others it is over at once.
    await until(() => flood.filter(({ isOver }) => isOver).length === 200 - 9 - 64);
    await until(() => flood.every(({ isOver }) => isOver));
    good.destroy();
    await expectServing(server);
  });

  test('R26 silent connections give their places back at handshakeTimeout', async () => {
    const server = await serve({ maxConnections: 5, handshakeTimeout: 60 });
    const silent = await Promise.all(
      Array.from({ length: 5 }, () => rawClient(server.address.port)),
    );
    await Promise.all(silent.map((raw) => raw.ending()));
    await expectServing(server);
    expect(server.errors).toHaveLength(5);
  });

  test.each([
    'maxTpduSize',
    'maxTsduSize',
    'maxTsduSegments',
    'readHighWaterMark',
    'writeHighWaterMark',
    'maxWriteBuffer',
    'closeTimeout',
    'reassemblyTimeout',
    'idleTimeout',
    'writeTimeout',
  ])('R26 no value of %s stands for no limit', async (name) => {
    for (const value of [0, -1, Number.POSITIVE_INFINITY, Number.NaN, 2 ** 32, 1.5]) {
      const options = { [name]: value } as ConnectOptions & ListenOptions;
      const listening = listen(() => {}, { host: '127.0.0.1', port: 0 }, options);
      expect(await rejection(listening)).toBeInstanceOf(RangeError);
      expect(await rejection(connect({ host: '127.0.0.1' }, options))).toBeInstanceOf(RangeError);
    }
  });

  test.each(['handshakeTimeout', 'maxConnections', 'maxConnectionsPerAddress', 'backlog'])(
    'R26 no value of %s stands for no limit',
    async (name) => {
      for (const value of [0, -1, Number.POSITIVE_INFINITY, Number.NaN, 2 ** 32]) {
        const listening = listen(() => {}, { host: '127.0.0.1', port: 0 }, { [name]: value });
        expect(await rejection(listening)).toBeInstanceOf(RangeError);
      }
    },
  );
});

/** What scanners send first on any port. */
const PROBES: readonly Buffer[] = [
  Buffer.from('GET / HTTP/1.0\r\n\r\n'),
  Buffer.from('OPTIONS / RTSP/1.0\r\n\r\n'),
  Buffer.from('\r\n\r\n'),
  Buffer.from('HELP\r\n'),
  hex('16030100c8010000c40303'),
  hex('0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000'),
  Buffer.from('OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/TCP nm;branch=foo\r\n\r\n'),
  Buffer.alloc(2),
  Buffer.alloc(65_536),
  hex('00000054ff534d4272000000000801400000000000000000000000000000'),
  hex('000100000006010300000001'),
  hex('001e0006010000010000000000000776657273696f6e0462696e640000100003'),
  hex('6c000b00000000000000000000000000'),
  // Those of the scanners of this very port.
  hex('0300001611e00000001400c1020100c2020102c0010a'),
  hex('0300001611e00000000100c1020000c2020001c0010a'),
  Buffer.concat([CR, tpkt('02f080 32010000000000080000f0000008000803c0')]),
  Buffer.concat([CR, tpkt('02f080 0d0ec10c310aff08bbbbbbbbbbbbbbbb')]),
  Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 2_654_435_761) >>> 24)),
];

/** Sends a probe and leaves, in one of several ways. */
async function probe(port: number, octets: Buffer, manner: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connectTcp({ host: '127.0.0.1', port }, () => {
      socket.write(octets);
      if (manner % 3 === 0) {
        socket.end();
      } else if (manner % 3 === 1) {
        socket.once('data', () => socket.destroy());
        socket.setTimeout(30, () => socket.resetAndDestroy());
      } else {
        socket.resetAndDestroy();
      }
    });
    socket.resume();
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}

test('R27 a sweep with every first octet and every probe leaves the server serving', async () => {
  const server = await serve({ handshakeTimeout: 100, closeTimeout: 100, idleTimeout: 300 });
  await expectServing(server);
  const everyFirst = Array.from({ length: 256 }, (_, octet) =>
    Buffer.concat([Buffer.from([octet]), hex('00001611e00000001400c1020100c2020102c0010a')]),
  );
  const all = [...everyFirst, ...PROBES, ...PROBES, ...PROBES];
  for (let from = 0; from < all.length; from += 50) {
    const some = all.slice(from, from + 50);
    await Promise.all(some.map((octets, i) => probe(server.address.port, octets, from + i)));
    await expectServing(server);
  }
  await until(() => server.server.connectionCount === 0);
  for (const error of server.errors) {
    expect(error).toBeInstanceOf(CotpError);
  }
  await expectServing(server);
});

test('R27 a server that answers with any of the probes fails connect, typed', async () => {
  for (const octets of PROBES) {
    const { connecting, raw } = await calling({ timeout: 60 });
    raw.socket.end(octets);
    const error = await rejection(connecting);
    expect(error).toBeInstanceOf(CotpError);
    expect(error).toMatchObject({ phase: 'cr-sent' });
  }
});

const ER = tpkt('04 70 0000 03');

describe('R28 nobody answers an ER with an ER', () => {
  test.each([
    ['an ER', ER],
    ['an ER that quotes', tpkt('09 70 0000 02 c103 02f0ff')],
    ['an ER that is malformed', tpkt('03 70 0000')],
    ['an ER with a truncated parameter', tpkt('06 70 0000 02 c1ff')],
    ['a DR', tpkt('06 80 0000 0007 80')],
  ])('R28 %s to our server is not answered, before the CR or after', async (_name, octets) => {
    const server = await serve({ closeTimeout: 60 });
    const raw = await rawClient(server.address.port);
    raw.send(octets);
    await raw.ending();
    expect(raw.received).toHaveLength(0);
    const opened = await wire('server', { closeTimeout: 60 });
    opened.raw.send(Buffer.concat([octets, octets, octets]));
    await opened.raw.ending();
    expect(opened.raw.received).toHaveLength(0);
  });

  test.each([ER, tpkt('03 70 0000'), tpkt('06 80 0000 0007 80')])(
    'R28 an ER or DR to our client is not answered',
    async (octets) => {
      const { connection, raw } = await wire('client', { closeTimeout: 60 });
      raw.send(Buffer.concat([octets, octets, octets]));
      await rejection(connection.read());
      await raw.ending();
      expect(raw.received).toHaveLength(0);
    },
  );

  test.each([
    ['a bad code', 5, 0x33],
    ['a bad LI', 4, 0xff],
    ['an ER', 5, 0x70],
    ['a CR', 5, 0xe0],
  ])(
    'R28 two of our own do not play ping-pong over a relay that mangles into %s',
    async (...how) => {
      const [, at, octet] = how;
      const server = await serve({ closeTimeout: 100 });
      const relay = await rawServer();
      const connecting = connect(relay.address, { closeTimeout: 100 });
      const near = await relay.accept();
      const far = await rawClient(server.address.port);
      const passed = new Mailbox<Buffer>();
      const pass = (from: RawPeer, to: RawPeer, isMangled: () => boolean) => {
        from.socket.on('data', (chunk: Buffer) => {
          const octets = Buffer.from(chunk);
          if (isMangled()) {
            octets[at] = octet;
          }
          passed.put(octets);
          to.socket.write(octets);
        });
        from.socket.on('end', () => to.socket.end());
        from.socket.on('close', () => to.socket.destroy());
      };
      let mangles = false;
      pass(near, far, () => mangles);
      pass(far, near, () => mangles);
      far.send(near.received);
      const client = await connecting;
      closeLater(() => client.destroy());
      const peer = await server.accept();
      mangles = true;
      const before = passed.all.length;
      client.write(hex('01'));
      await Promise.all([client.waitClosed(), peer.waitClosed()]);
      // The TSDU, and at most one answer of either side.
      expect(passed.all.length - before).toBeLessThanOrEqual(3);
    },
  );
});

test.each(ROLES)('R28 our %s sends one ER to a peer that goes on and on', async (role) => {
  const { connection, raw } = await wire(role, { closeTimeout: 60 });
  for (let i = 0; i < 100; i += 1) {
    raw.send(tpkt('02 33 80'));
    raw.send(dt('01'));
  }
  await rejection(connection.read());
  expect((await raw.packet())[1]).toBe(0x70);
  await raw.ending();
  expect(raw.received).toHaveLength(0);
});
