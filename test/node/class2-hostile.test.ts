/** Hostile and faulty peers of class 2: how much memory they can take, and how they are answered. */
import { describe, expect, test, vi } from 'vitest';
import { connect, listen } from '../../src/index.js';
import {
  cr2,
  EXPEDITED,
  expeditedOptions,
  next,
  sent,
  THEIRS,
  WITH_EA,
  type Wire2,
  wire2,
} from '../support/class2.js';
import { closeLater, rawClient, rejection } from '../support/life.js';
import { hex, type RawPeer, times, tpkt } from '../support/raw.js';
import { PATIENT } from '../support/until.js';
import { guardProcess, ROLES, sendAlone, until } from '../support/wire.js';

guardProcess();

const text = Buffer.from('text');

describe.each(ROLES)('a %s whose peer', (role) => {
  const options = expeditedOptions(role);

  test('floods it with ED keeps little of it in memory', async () => {
    const ends = await wire2(role, { ...options, readHighWaterMark: 100_000 }, EXPEDITED);
    const { connection, raw } = ends;
    const flood = times(10_000, ends.ed('00'.repeat(16)));
    for (let i = 0; i < 40; i += 1) {
      raw.send(flood);
    }
    await until(() => connection.socket.isPaused());
    // At most the mark and one chunk of 64 KiB are waiting; the rest stays in TCP.
    const { bytesRead = 0 } = connection.socket as { bytesRead?: number };
    expect(bytesRead).toBeLessThan(100_000 + 2 * 65_536);
    expect(await connection.readExpedited()).toEqual(Buffer.alloc(16));
  });

  test('floods a callback with ED is served all the same', async () => {
    let count = 0;
    const onExpedited = () => {
      count += 1;
    };
    const ends = await wire2(role, { ...options, onExpedited }, EXPEDITED);
    ends.raw.send(times(50_000, ends.ed('00')));
    ends.raw.send(ends.dt('01'));
    expect(await ends.connection.read()).toEqual(hex('01'));
    expect(count).toBe(50_000);
  });

  test('sends ED and does not read is not read itself above 1,000 replies', async () => {
    const onExpedited = () => {};
    const ends = await wire2(role, { ...options, onExpedited, writeTimeout: 60_000 }, WITH_EA);
    const { connection, raw } = ends;
    raw.socket.pause();
    // The buffers of the system take some hundred thousand EAs before one waits here.
    const flood = times(20_000, ends.ed('00'));
    const pump = () => {
      if (!connection.socket.isPaused() && connection.isOpen) {
        raw.socket.write(flood, pump);
      }
    };
    pump();
    await vi.waitUntil(() => connection.socket.isPaused(), PATIENT);
    const before = connection.writeBuffered;
    expect(before).toBeLessThan(65_536 * 3 + 20_000 * 9);
    // Once the peer reads, everything goes on.
    raw.socket.resume();
    await until(() => !connection.socket.isPaused(), 15_000);
    connection.destroy();
  });

  test('sends DR for other connections and does not read is held up in the same way', async () => {
    const ends = await wire2(role, {});
    const { connection, raw } = ends;
    raw.socket.pause();
    const flood = times(20_000, tpkt(`06 80 7777 ${THEIRS} 80`));
    const pump = () => {
      if (!connection.socket.isPaused() && connection.isOpen) {
        raw.socket.write(flood, pump);
      }
    };
    pump();
    await vi.waitUntil(() => connection.socket.isPaused(), PATIENT);
    connection.destroy();
  });

  test('does not read while it closes ends it after closeTimeout all the same', async () => {
    const ends = await wire2(role, { ...options, closeTimeout: 300 }, WITH_EA);
    const { connection, raw } = ends;
    raw.socket.pause();
    connection.write(Buffer.alloc(64_000_000));
    const disconnection = await connection.disconnect();
    expect(disconnection).toMatchObject({ ending: 'timeout', confirmed: false });
    expect(disconnection.unsent).toBeGreaterThan(1_000_000);
    expect(ends.reports.all).toMatchObject([{ timer: 'closeTimeout', milliseconds: 300 }]);
  });

  test('sends EA that nobody asked for loses nothing', async () => {
    const ends = await wire2(role, options, WITH_EA);
    ends.raw.send(Buffer.concat([times(100, ends.ea('05')), ends.dt('01')]));
    expect(await ends.connection.read()).toEqual(hex('01'));
    ends.connection.writeExpedited(text);
    expect(await next(ends)).toBe(sent.ed(0, text.toString('hex')));
  });

  test('sends one ED in two pieces gets one EA', async () => {
    const ends = await wire2(role, options, WITH_EA);
    const ed = ends.ed('0102');
    await sendAlone(ends, ed.subarray(0, 7));
    ends.raw.send(ed.subarray(7));
    expect(await ends.connection.readExpedited()).toEqual(hex('0102'));
    expect(await next(ends)).toBe(sent.ea(0));
  });

  test.each([
    ['of no octets', ''],
    ['of 17 octets', '00'.repeat(17)],
  ])('sends an ED %s gets DR 133', async (_, data) => {
    const ends = await wire2(role, options, EXPEDITED);
    ends.raw.send(ends.ed(data));
    expect(await next(ends)).toBe(sent.dr(ends.ours, 133));
    expect(await rejection(ends.connection.readExpedited())).toMatchObject({
      code: 'ERR_COTP_PROTOCOL',
    });
  });
});

describe('a server for one connection accepts the next one', () => {
  /** A bare client of class 2, open. */
  async function opened(port: number): Promise<Pick<Wire2, 'raw'> & { ours: string }> {
    const raw = await rawClient(port);
    raw.send(cr2());
    const answer = (await raw.packet()).toString('hex');
    expect(answer.slice(2, 4)).toBe('d0');
    return { raw, ours: answer.slice(8, 12) };
  }

  const ways: [string, (raw: RawPeer, ours: string) => void][] = [
    ['DR and FIN', (raw, ours) => raw.socket.end(tpkt(`06 80 ${ours} ${THEIRS} 80`))],
    [
      'DR and a reset',
      (raw, ours) => {
        raw.socket.write(tpkt(`06 80 ${ours} ${THEIRS} 80`), () => raw.reset());
      },
    ],
    ['FIN without DR', (raw) => raw.socket.end()],
    ['a reset', (raw) => raw.reset()],
    ['garbage', (raw) => raw.send(hex('ffffffffffffffff'))],
    [
      'a TPDU that breaks the rules, then FIN',
      (raw, ours) => {
        raw.socket.end(tpkt(`04 10 ${ours} 80 00`));
      },
    ],
    [
      'a TPDU that breaks the rules, then silence',
      (raw, ours) => {
        raw.send(tpkt(`04 10 ${ours} 80 00`));
      },
    ],
    ['DR, then silence', (raw, ours) => raw.send(tpkt(`06 80 ${ours} ${THEIRS} 80`))],
  ];

  test.each(ways)('after %s', async (_, leave) => {
    const server = await listen(
      () => {},
      { host: '127.0.0.1', port: 0 },
      {
        tpClass: 2,
        maxConnections: 1,
        closeTimeout: 200,
      },
    );
    closeLater(() => server.asyncClose());
    const address = server.addresses[0]!;
    for (let i = 0; i < 5; i += 1) {
      const { raw, ours } = await vi.waitFor(() => opened(address.port), PATIENT);
      leave(raw, ours);
      await raw.ending();
    }
    const client = await vi.waitFor(() => connect(address, { tpClass: 2 }), PATIENT);
    expect(client.isOpen).toBe(true);
    await client.disconnect();
  });
});
