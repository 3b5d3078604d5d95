/** R22 to R25: what we send, and a peer that does not take it. */
import { describe, expect, test } from 'vitest';
import { connect } from '../../../src/index.js';
import { closeLater, rawClient, rawServer, rejection, serve } from '../../support/life.js';
import { cc, dt, hex, type RawPeer, tpkt } from '../../support/raw.js';
import {
  expectAlive,
  guardProcess,
  ROLES,
  type Role,
  srcRefOf,
  TOO_MANY,
  wire,
} from '../../support/wire.js';

guardProcess();

/** The size codes of class 0. */
const SIZES = [
  [128, '07'],
  [256, '08'],
  [512, '09'],
  [1024, '0a'],
  [2048, '0b'],
] as const;

/** A connection on which the peer has asked for that size. */
async function ofSize(role: Role, code: string) {
  if (role === 'server') {
    const server = await serve();
    const raw = await rawClient(server.address.port);
    raw.send(tpkt(`09 e0 0000 1234 00 c001${code}`));
    await raw.packet();
    return { connection: await server.accept(), raw };
  }
  const peer = await rawServer();
  const connecting = connect(peer.address);
  const raw = await peer.accept();
  raw.send(cc(srcRefOf(await raw.packet()), `c001${code}`));
  const connection = await connecting;
  closeLater(() => connection.destroy());
  return { connection, raw };
}

/** The DTs of the next TSDU. */
async function dtsOf(raw: RawPeer): Promise<Buffer[]> {
  const dts: Buffer[] = [];
  do {
    dts.push(await raw.packet());
  } while (dts.at(-1)?.[2] !== 0x80);
  return dts;
}

describe.each(ROLES)('our %s', (role) => {
  //= X.224 13.7.5 test
  test.each(SIZES)('R22 sends DTs of at most %i octets, header included', async (size, code) => {
    const { connection, raw } = await ofSize(role, code);
    for (const length of [1, size - 4, size - 3, size - 2, 2 * (size - 3), 10 * size + 1]) {
      const tsdu = Buffer.alloc(length, length);
      connection.write(tsdu);
      const dts = await dtsOf(raw);
      expect(dts).toHaveLength(Math.ceil(length / (size - 3)));
      expect(Math.max(...dts.map((each) => each.length))).toBeLessThanOrEqual(size);
      expect(Math.min(...dts.map((each) => each.length))).toBeGreaterThan(3);
      expect(Buffer.concat(dts.map((each) => each.subarray(3)))).toEqual(tsdu);
    }
  });

  //= X.224 6.3.3 para 1 test
  test('R23 never interleaves TSDUs, whoever writes them and when', async () => {
    const { connection, raw } = await ofSize(role, '07');
    const writer = async (octet: number) => {
      for (let i = 0; i < 20; i += 1) {
        if (!connection.write(Buffer.alloc(1 + ((octet * 131 + i * 977) % 4000), octet))) {
          await connection.drain();
        }
        await Promise.resolve();
      }
    };
    const writing = Promise.all([1, 2, 3, 4, 5].map(writer));
    const counts = new Map<number, number>();
    for (let i = 0; i < 100; i += 1) {
      const octets = new Set(Buffer.concat((await dtsOf(raw)).map((each) => each.subarray(3))));
      expect(octets.size).toBe(1);
      const [octet = 0] = octets;
      counts.set(octet, (counts.get(octet) ?? 0) + 1);
    }
    await writing;
    expect([...counts.values()]).toEqual([20, 20, 20, 20, 20]);
  });

  test('R24 answers a peer that has half-closed', async () => {
    const { connection, raw } = await wire(role);
    raw.socket.end(dt('01'));
    expect(await connection.read()).toEqual(hex('01'));
    connection.write(hex('02'));
    expect((await raw.packet()).toString('hex')).toBe('02f08002');
    expect(await raw.ending()).toBe('fin');
    await connection.waitClosed();
  });

  test('R24 reads on after it has half-closed itself', async () => {
    const { connection, raw } = await wire(role);
    connection.write(hex('01'));
    connection.end();
    expect(() => connection.write(hex('02'))).toThrow(
      expect.objectContaining({ code: 'ERR_COTP_CLOSED' }),
    );
    expect((await raw.packet()).toString('hex')).toBe('02f08001');
    expect(await raw.ending()).toBe('fin');
    raw.socket.end(dt('03'));
    expect(await connection.read()).toEqual(hex('03'));
    await connection.waitClosed();
  });

  test('R25 writes no TSDU of no octets, and goes on', async () => {
    const all = await wire(role);
    expect(() => all.connection.write(Buffer.alloc(0))).toThrow(RangeError);
    await expectAlive(all);
  });

  test('R25 delivers no TSDU of no octets, and goes on', async () => {
    const all = await wire(role);
    all.raw.send(Buffer.concat([dt(''), dt(''), dt('', false), dt('')]));
    await expectAlive(all);
  });

  test('R25 takes a TSDU whose last DT is empty', async () => {
    const all = await wire(role);
    all.raw.send(Buffer.concat([dt('01', false), dt('')]));
    expect(await all.connection.read()).toEqual(hex('01'));
    await expectAlive(all);
  });

  test('R25 takes the empty DT for an error when strict', async () => {
    const { connection, raw } = await wire(role, { strict: true });
    raw.send(dt(''));
    expect(await rejection(connection.read())).toMatchObject({ code: 'ERR_COTP_PROTOCOL' });
    expect((await raw.packet())[1]).toBe(0x70);
  });

  test('R26 throws past maxWriteBuffer at a writer that ignores false, and stays open', async () => {
    const all = await wire(role, { writeHighWaterMark: 1000, maxWriteBuffer: 1_000_000 });
    const { connection, raw } = all;
    raw.socket.pause();
    const tsdu = Buffer.alloc(100_000);
    const writing = () => {
      for (let i = 0; i < 1000; i += 1) {
        connection.write(tsdu);
      }
    };
    expect(writing).toThrow(expect.objectContaining({ code: 'ERR_COTP_WRITE_OVERFLOW' }));
    expect(connection.writeBuffered).toBeLessThan(1_200_000);
    expect(connection.isOpen).toBe(true);
    raw.socket.resume();
    await connection.drain();
    raw.send(dt('cafe'));
    expect(await connection.read()).toEqual(hex('cafe'));
  });

  test('R26 drops a peer that takes nothing for writeTimeout', async () => {
    const { connection, raw, reports } = await wire(role, { writeTimeout: 60 });
    raw.socket.pause();
    connection.write(Buffer.alloc(TOO_MANY));
    const error = await rejection(connection.drain());
    expect(error).toMatchObject({ timer: 'writeTimeout', milliseconds: 60, ending: 'timeout' });
    await connection.waitClosed();
    expect(reports.all).toEqual([error]);
  });

  test('R26 ends a connection on which nothing moves for idleTimeout', async () => {
    const { connection, raw } = await wire(role, { idleTimeout: 50 });
    expect(await rejection(connection.read())).toMatchObject({ timer: 'idleTimeout' });
    expect(await raw.ending()).toBe('fin');
  });
});
