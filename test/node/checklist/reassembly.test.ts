/** R19 to R21: TSDUs put together within bounds, dropped when unfinished, and left in TCP unread. */
import { describe, expect, test } from 'vitest';
import { memoryHeld } from '../../support/growth.js';
import { rejection } from '../../support/life.js';
import { dt, hex, times } from '../../support/raw.js';
import {
  drip,
  expectAlive,
  guardProcess,
  ROLES,
  sendAlone,
  TOO_MANY,
  timersRun,
  until,
  wire,
} from '../../support/wire.js';

guardProcess();

describe.each(ROLES)('our %s', (role) => {
  test('R19 takes empty DTs that begin nothing, any number of them', async () => {
    const { connection, raw } = await wire(role, { maxTsduSegments: 2, reassemblyTimeout: 2_000 });
    raw.send(Buffer.concat([times(100_000, dt('', false)), dt('01')]));
    expect(await connection.read()).toEqual(hex('01'));
  });

  test('R19 takes a fast acknowledge before, between and behind TSDUs', async () => {
    const all = await wire(role);
    const fast = dt('', false);
    all.raw.send(Buffer.concat([fast, fast, dt('01'), fast, dt('02', false), dt('03'), fast]));
    expect(await all.connection.read()).toEqual(hex('01'));
    expect(await all.connection.read()).toEqual(hex('0203'));
    await expectAlive(all);
  });

  test('R19 is not kept waiting by a fast acknowledge that stands alone', async () => {
    const all = await wire(role, { reassemblyTimeout: 40 });
    await sendAlone(all, dt('', false));
    await timersRun(80);
    await expectAlive(all);
  });

  test('R19 counts the empty DTs within a TSDU', async () => {
    const { connection, raw } = await wire(role, { maxTsduSegments: 10 });
    raw.send(Buffer.concat([dt('01', false), times(9, dt('', false)), dt('02')]));
    const error = await rejection(connection.read());
    expect(error).toMatchObject({
      code: 'ERR_COTP_TSDU_TOO_LARGE',
      ending: 'limit',
      phase: 'open',
    });
    expect((error as Error).message).toContain('maxTsduSegments');
    await connection.waitClosed();
  });

  test('R19 takes a TSDU of maxTsduSegments DTs', async () => {
    const { connection, raw } = await wire(role, { maxTsduSegments: 10 });
    raw.send(Buffer.concat([times(9, dt('01', false)), dt('01')]));
    expect(await connection.read()).toHaveLength(10);
  });

  test.each([
    ['in one DT', dt('00'.repeat(101))],
    ['in many DTs', Buffer.concat([times(10, dt('00'.repeat(10), false)), dt('00')])],
    ['never ended', times(20, dt('00'.repeat(10), false))],
  ])('R19 ends at a TSDU past maxTsduSize, %s', async (_how, octets) => {
    const { connection, raw } = await wire(role, { maxTsduSize: 100 });
    raw.send(Buffer.concat([dt('00'.repeat(100)), octets]));
    expect(await connection.read()).toHaveLength(100);
    const error = await rejection(connection.read());
    expect(error).toMatchObject({
      code: 'ERR_COTP_TSDU_TOO_LARGE',
      ending: 'limit',
      phase: 'open',
    });
    await connection.waitClosed();
  });

  test('R19 holds no more of a TSDU in one-octet DTs than a few times its octets', async () => {
    const all = await wire(role);
    const octets = times(10_000, dt('01', false));
    const before = await memoryHeld();
    for (let i = 0; i < 10; i += 1) {
      await sendAlone(all, octets);
    }
    expect((await memoryHeld()) - before).toBeLessThan(2_000_000);
    all.raw.send(dt('02'));
    expect(await all.connection.read()).toHaveLength(100_001);
  });

  test.each([
    ['a TSDU', dt('aabb', false)],
    ['a TPKT', dt('aabb').subarray(0, 8)],
    ['a TPKT header', hex('030000')],
  ])('R20 reports the end within %s and does not deliver the part', async (_what, begun) => {
    const { connection, raw, reports } = await wire(role);
    raw.socket.end(Buffer.concat([dt('01'), begun]));
    const read: Buffer[] = [];
    const iterating = (async () => {
      for await (const tsdu of connection) {
        read.push(tsdu);
      }
    })();
    const error = await rejection(iterating);
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'fin' });
    expect(read).toEqual([hex('01')]);
    expect(reports.all).toEqual([error]);
  });

  //= X.224 8.1 test
  test('R21 lets the socket rest at readHighWaterMark, and loses nothing', async () => {
    const all = await wire(role, { readHighWaterMark: 10_000 });
    const { connection, raw } = all;
    const { socket } = connection as { socket: { bytesRead?: number } };
    // What fits between the two sides is more than the mark and far less than this.
    const count = 64_000;
    const tsdu = dt('55'.repeat(1000));
    raw.send(times(count, tsdu));
    await until(() => connection.socket.isPaused());
    expect(socket.bytesRead).toBeLessThan(1_000_000);
    expect(raw.socket.writableLength).toBeGreaterThan(0);
    for (let i = 0; i < count; i += 1) {
      expect((await connection.read()).length).toBe(1000);
    }
    await expectAlive(all);
  });

  test('R21 bounds the memory of one-octet TSDUs that nobody reads', async () => {
    const { connection, raw } = await wire(role, { readHighWaterMark: 100_000 });
    const flood = times(1_000_000, dt('01'));
    const before = await memoryHeld();
    raw.send(flood);
    await until(() => connection.socket.isPaused());
    expect((await memoryHeld()) - before - raw.socket.writableLength).toBeLessThan(4_000_000);
  });

  test('R21 does not blame the peer for a TSDU that its own reader leaves in TCP', async () => {
    const all = await wire(role, {
      readHighWaterMark: 1000,
      reassemblyTimeout: 150,
      idleTimeout: 150,
    });
    const { connection, raw } = all;
    const long = Buffer.concat([times(2000, dt('55'.repeat(1000), false)), dt('aa')]);
    raw.send(Buffer.concat([dt('01'.repeat(1000)), long]));
    await until(() => connection.socket.isPaused());
    await timersRun(300);
    expect(await connection.read()).toHaveLength(1000);
    expect(await connection.read()).toHaveLength(2_000_001);
    await expectAlive(all);
  });

  test('R21 still ends a TSDU that drips once its reader reads again', async () => {
    const { connection, raw } = await wire(role, { readHighWaterMark: 100, reassemblyTimeout: 60 });
    raw.send(Buffer.concat([dt('01'.repeat(100)), dt('02', false)]));
    await until(() => connection.socket.isPaused());
    expect(await connection.read()).toHaveLength(100);
    drip(raw, () => dt('02', false), 10);
    expect(await rejection(connection.read())).toMatchObject({ timer: 'reassemblyTimeout' });
  });
});

test('R21 a reader and a writer that are both slow come through', async () => {
  const { connection, raw } = await wire('server', { readHighWaterMark: 1000 });
  raw.socket.pause();
  connection.write(Buffer.alloc(TOO_MANY / 8));
  raw.send(times(1000, dt('55'.repeat(1000))));
  await until(() => connection.socket.isPaused());
  raw.socket.resume();
  for (let i = 0; i < 1000; i += 1) {
    await connection.read();
  }
  await connection.drain();
  expect(connection.isOpen).toBe(true);
});
