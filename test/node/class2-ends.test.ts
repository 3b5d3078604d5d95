/**
 * How a connection of class 2 ends, in both roles, with bare TCP as its peer: what the calls of the user do in each
 * state, and what becomes of FIN, reset and the timers.
 */
import { describe, expect, test } from 'vitest';
import { type ConnectionClosedError, connect } from '../../src/index.js';
import {
  cc2,
  EXPEDITED,
  expeditedOptions,
  NON_DISRUPTIVE,
  next,
  peerOf,
  sent,
  THEIRS,
  WITH_EA,
  type Wire2,
  wire2,
} from '../support/class2.js';
import { within } from '../support/ends.js';
import { rejection } from '../support/life.js';
import { hex, tpkt } from '../support/raw.js';
import {
  calling,
  guardProcess,
  ROLES,
  srcRefOf,
  TOO_MANY,
  timersRun,
  until,
} from '../support/wire.js';

guardProcess();

const text = Buffer.from('text');
/** Less than the default of `closeTimeout`, in milliseconds. */
const SOON = 4_000;
const TEXT = text.toString('hex');

/** A connection on which an ED is out whose EA is due, and data waits behind it. */
async function withDataQueued(role: (typeof ROLES)[number], options = {}): Promise<Wire2> {
  const ends = await wire2(role, { ...expeditedOptions(role), ...options }, WITH_EA);
  ends.connection.writeExpedited(hex('aa'));
  expect(await next(ends)).toBe(sent.ed(0, 'aa'));
  ends.connection.write(text);
  return ends;
}

/** Our side sends FIN, and closes once it has that of the peer. */
async function expectFins({ raw, connection }: Wire2): Promise<void> {
  expect(await raw.ending()).toBe('fin');
  raw.socket.end();
  await connection.waitClosed();
}

describe.each(ROLES)('a %s in class 2', (role) => {
  /** Neither side reads: its own reader has paused the socket, and the peer takes nothing of what is written. */
  async function heldUp(writeTimeout: number) {
    const ends = await wire2(role, { writeTimeout, readHighWaterMark: 1 });
    const { connection, raw } = ends;
    raw.socket.pause();
    raw.send(ends.dt(TEXT));
    await until(() => connection.socket.isPaused());
    connection.write(Buffer.alloc(TOO_MANY));
    return ends;
  }

  describe('that closes', () => {
    test('sends a non-disruptive DR and, behind the DC, FIN', async () => {
      const ends = await wire2(role);
      const { connection, raw, ours } = ends;
      connection.write(text);
      connection.close();
      expect(await next(ends)).toBe(sent.dt(TEXT));
      expect(await next(ends)).toBe(sent.dr(ours, 128, NON_DISRUPTIVE));
      expect(raw.isOver).toBe(false);
      raw.send(ends.dc());
      await expectFins(ends);
      expect(connection.disconnection).toEqual({ ending: 'local', confirmed: true, unsent: 0 });
      expect(ends.reports.all).toEqual([]);
    });

    test('takes a DR of the peer for the end too, without a DC', async () => {
      const ends = await wire2(role);
      const { connection, raw, ours } = ends;
      connection.close();
      expect(await next(ends)).toBe(sent.dr(ours, 128, NON_DISRUPTIVE));
      raw.send(ends.dr());
      await expectFins(ends);
      expect(connection.disconnection).toEqual({ ending: 'local', confirmed: false, unsent: 0 });
      expect(raw.received.length).toBe(0);
    });

    test('takes an ER for the end', async () => {
      const ends = await wire2(role);
      ends.connection.close();
      await next(ends);
      ends.raw.send(tpkt(`04 70 ${ends.ours} 02`));
      await expectFins(ends);
      expect(ends.connection.disconnection).toMatchObject({ ending: 'local', confirmed: false });
    });

    test.each([
      ['FIN', (ends: Wire2) => ends.raw.socket.end()],
      ['a reset', (ends: Wire2) => ends.raw.reset()],
    ] as const)(
      'is unconfirmed, and no failure, when %s comes instead of the DC',
      async (_, end) => {
        const ends = await wire2(role);
        const disconnecting = ends.connection.disconnect();
        await next(ends);
        end(ends);
        expect(await disconnecting).toEqual({ ending: 'local', confirmed: false, unsent: 0 });
        expect(ends.reports.all).toEqual([]);
      },
    );

    test('ends when closeTimeout has passed without a DC, without a reset', async () => {
      const ends = await wire2(role, { closeTimeout: 100 });
      const disconnecting = ends.connection.disconnect();
      await next(ends);
      const end = within(SOON, disconnecting, 'the end by closeTimeout');
      expect(await end).toEqual({ ending: 'local', confirmed: false, unsent: 0 });
      expect(await ends.raw.ending()).toBe('fin');
      expect(ends.reports.all).toEqual([]);
    });

    test('has one closeTimeout for DR, DC and FIN together', async () => {
      const ends = await wire2(role, { closeTimeout: 1_500 });
      const since = performance.now();
      const disconnecting = ends.connection.disconnect();
      await next(ends);
      await timersRun(700);
      ends.raw.send(ends.dc());
      expect(await ends.raw.ending()).toBe('fin');
      expect(await disconnecting).toMatchObject({ confirmed: true });
      expect(performance.now() - since).toBeLessThan(1_500 + 700);
    });

    test('discards data that comes behind its DR, and answers no ED', async () => {
      const ends = await wire2(role, { expedited: true }, EXPEDITED);
      const { connection, raw } = ends;
      connection.close();
      await next(ends);
      raw.send(Buffer.concat([ends.dt('01'), ends.ed('02'), ends.dc()]));
      await expectFins(ends);
      expect(raw.received.length).toBe(0);
      expect(await rejection(connection.read())).toMatchObject({ ending: 'local' });
      expect(await rejection(connection.readExpedited())).toMatchObject({ ending: 'local' });
    });

    test('reads the DC behind more data than a reader who does not read takes', async () => {
      const ends = await wire2(role, { readHighWaterMark: 1_000 });
      const { connection, raw } = ends;
      raw.send(Buffer.concat(Array.from({ length: 100 }, () => ends.dt('00'.repeat(2_000)))));
      await until(() => connection.socket.isPaused());
      connection.close();
      await next(ends);
      for (let i = 0; i < 20; i += 1) {
        raw.send(Buffer.concat(Array.from({ length: 1_000 }, () => ends.dt('00'.repeat(2_000)))));
      }
      raw.send(ends.dc());
      await expectFins(ends);
      expect(connection.disconnection).toMatchObject({ ending: 'local', confirmed: true });
    });
  });

  describe('that disconnects', () => {
    test('sends its user data, and no E0 when it is disruptive', async () => {
      const ends = await wire2(role);
      const disconnecting = ends.connection.disconnect({ userData: text, disruptive: true });
      expect(await next(ends)).toBe(`0680${THEIRS}${ends.ours}80${TEXT}`);
      ends.raw.send(ends.dc());
      await expectFins(ends);
      expect(await disconnecting).toMatchObject({ confirmed: true });
    });

    test('counts what it drops', async () => {
      const ends = await withDataQueued(role);
      ends.connection.writeExpedited(hex('bbbb'));
      const disconnecting = ends.connection.disconnect({ disruptive: true });
      expect(await next(ends)).toBe(sent.dr(ends.ours, 128));
      ends.raw.send(ends.dc());
      await expectFins(ends);
      expect(await disconnecting).toEqual({ ending: 'local', confirmed: true, unsent: 4 + 2 });
      expect(ends.reports.all).toEqual([]);
    });

    test('rejects drains that wait when it drops what they wait for', async () => {
      const ends = await wire2(role, { writeHighWaterMark: 1_000 });
      ends.raw.socket.pause();
      while (ends.connection.write(Buffer.alloc(1_000_000))) {
        // Until the buffers of the system are full.
      }
      ends.connection.write(Buffer.alloc(TOO_MANY - 20_000_000));
      const draining = rejection<ConnectionClosedError>(ends.connection.drain());
      void ends.connection.disconnect({ disruptive: true });
      expect(await draining).toMatchObject({ code: 'ERR_COTP_CLOSED' });
      ends.connection.destroy();
    });
  });

  describe('whose data is still queued when it closes', () => {
    test('sends it behind the EA, then the DR', async () => {
      const ends = await withDataQueued(role);
      const disconnecting = ends.connection.disconnect({ userData: hex('77') });
      ends.raw.send(ends.ea());
      expect(await next(ends)).toBe(sent.dt(TEXT));
      expect(await next(ends)).toBe(`0980${THEIRS}${ends.ours}80${NON_DISRUPTIVE}77`);
      ends.raw.send(ends.dc());
      await expectFins(ends);
      expect(await disconnecting).toEqual({ ending: 'local', confirmed: true, unsent: 0 });
    });

    test('sends its DR at once when nothing is queued behind an ED whose EA is due', async () => {
      const ends = await wire2(role, expeditedOptions(role), WITH_EA);
      ends.connection.writeExpedited(hex('aa'));
      ends.connection.close();
      expect(await next(ends)).toBe(sent.ed(0, 'aa'));
      expect(await next(ends)).toBe(sent.dr(ends.ours, 128, NON_DISRUPTIVE));
    });

    test('still answers an ED by EA, and reports nothing of it to the user', async () => {
      const heard: Buffer[] = [];
      const ends = await withDataQueued(role, { onExpedited: (data: Buffer) => heard.push(data) });
      ends.connection.close();
      ends.raw.send(ends.ed('55'));
      expect(await next(ends)).toBe(sent.ea(0));
      ends.raw.send(ends.ea());
      expect(await next(ends)).toBe(sent.dt(TEXT));
      expect(heard).toEqual([]);
    });

    test('drops it when disconnect asks for it after all', async () => {
      const ends = await withDataQueued(role);
      ends.connection.close();
      const disconnecting = ends.connection.disconnect({ disruptive: true });
      expect(await next(ends)).toBe(sent.dr(ends.ours, 128));
      ends.raw.send(ends.dc());
      await expectFins(ends);
      expect(await disconnecting).toMatchObject({ ending: 'local', confirmed: true, unsent: 4 });
    });

    test.each([
      ['FIN', 'fin', (ends: Wire2) => ends.raw.socket.end()],
      ['a reset', 'reset', (ends: Wire2) => ends.raw.reset()],
      ['a DR of the peer', 'dr', (ends: Wire2) => ends.raw.send(ends.dr())],
      ['an ER of the peer', 'er', (ends: Wire2) => ends.raw.send(tpkt(`04 70 ${ends.ours} 00`))],
      ['garbage', 'garbage', (ends: Wire2) => ends.raw.send(tpkt('01 00 00'))],
    ] as const)('fails by %s: onError gets it, and the call resolves', async (_, ending, end) => {
      const ends = await withDataQueued(role);
      const disconnecting = ends.connection.disconnect();
      end(ends);
      ends.raw.socket.end();
      expect(await disconnecting).toMatchObject({ ending, confirmed: false, unsent: 4 });
      expect(ends.reports.all).toHaveLength(1);
      expect(ends.reports.all[0]).toMatchObject({ ending, phase: 'closing' });
    });

    test('fails when closeTimeout passes before it has left', async () => {
      const ends = await withDataQueued(role, { closeTimeout: 100 });
      await ends.connection.asyncClose();
      expect(ends.connection.disconnection).toMatchObject({ ending: 'timeout', unsent: 4 });
      expect(ends.reports.all).toMatchObject([
        { code: 'ERR_COTP_TIMEOUT', timer: 'closeTimeout', milliseconds: 100 },
      ]);
      // No DR: the peer sees a bad end.
      expect(await ends.raw.ending()).toBe('fin');
      expect(ends.raw.received.length).toBe(0);
    });

    test('reports nothing when destroy drops it', async () => {
      const ends = await withDataQueued(role);
      ends.connection.close();
      ends.connection.destroy();
      await ends.connection.waitClosed();
      expect(ends.reports.all).toEqual([]);
      expect(ends.connection.disconnection).toMatchObject({ ending: 'local', unsent: 4 });
    });
  });

  describe('whose peer sends a DR', () => {
    test('sends a DC and FIN right behind it, and ends quietly', async () => {
      const ends = await wire2(role);
      const { connection, raw, ours } = ends;
      raw.send(Buffer.concat([ends.dt(TEXT), ends.dr(128, NON_DISRUPTIVE)]));
      expect(await next(ends)).toBe(sent.dc(ours));
      await expectFins(ends);
      const read: Buffer[] = [];
      for await (const tsdu of connection) {
        read.push(tsdu);
      }
      expect(read).toEqual([text]);
      expect(connection.disconnection).toMatchObject({ ending: 'dr', reason: 128, unsent: 0 });
      expect(ends.reports.all).toEqual([]);
    });

    const loud: [string, number, string, object][] = [
      ['133', 133, '', { reason: 133 }],
      ['0', 0, '', { reason: 0 }],
      ['128 as an abort', 128, 'e001c0', { nonDisruptive: false }],
    ];
    test.each(loud)('with reason %s has failed, and answers by DC', async (_, reason, more, is) => {
      const ends = await wire2(role);
      ends.raw.send(ends.dr(reason, more));
      expect(await next(ends)).toBe(sent.dc(ends.ours));
      await expectFins(ends);
      expect(ends.reports.all).toMatchObject([{ code: 'ERR_COTP_CLOSED', ending: 'dr', ...is }]);
      expect(ends.connection.disconnection).toMatchObject({ ending: 'dr', ...is });
      expect(await rejection(ends.connection.read())).toBe(ends.reports.all[0]);
    });

    test('gets its user data and 0xE0 as they are', async () => {
      const ends = await wire2(role);
      ends.raw.send(ends.dr(128, 'e00205aa|c0ffee'));
      const error = await rejection<ConnectionClosedError>(ends.connection.read());
      expect(Buffer.from(error.userData ?? [])).toEqual(hex('c0ffee'));
      expect(Buffer.from(error.additionalInfo ?? [])).toEqual(hex('05aa'));
      expect(error.nonDisruptive).toBeUndefined();
      await next(ends);
      await expectFins(ends);
      expect(ends.connection.disconnection).toEqual({
        ending: 'dr',
        confirmed: false,
        unsent: 0,
        reason: 128,
        userData: hex('c0ffee'),
        additionalInfo: hex('05aa'),
      });
    });

    test('in the middle of a TSDU has failed', async () => {
      const ends = await wire2(role);
      ends.raw.send(Buffer.concat([ends.dt('0102', false), ends.dr(128, NON_DISRUPTIVE)]));
      const error = await rejection(ends.connection.read());
      expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'dr' });
      expect(error.message).toContain('of which 2 octets had come');
      expect(ends.reports.all).toHaveLength(1);
    });

    test('while data is queued has failed, and says how much', async () => {
      const ends = await withDataQueued(role);
      ends.raw.send(ends.dr(128, NON_DISRUPTIVE));
      expect(await next(ends)).toBe(sent.dc(ends.ours));
      await expectFins(ends);
      expect(ends.reports.all).toMatchObject([{ ending: 'dr', unsent: 4 }]);
      expect(ends.connection.disconnection).toMatchObject({ ending: 'dr', unsent: 4 });
    });

    test('for another connection answers it, and stays', async () => {
      const ends = await wire2(role);
      ends.raw.send(tpkt(`06 80 7777 ${THEIRS} 80`));
      expect(await next(ends)).toBe(`05c0${THEIRS}7777`);
      ends.raw.send(ends.dt(TEXT));
      expect(await ends.connection.read()).toEqual(text);
    });
  });

  describe('that is open', () => {
    test.each([
      ['FIN', 'fin', (ends: Wire2) => ends.raw.socket.end()],
      ['a reset', 'reset', (ends: Wire2) => ends.raw.reset()],
    ] as const)('fails by %s, for no DR has come', async (_, ending, end) => {
      const ends = await wire2(role);
      end(ends);
      expect(await rejection(ends.connection.read())).toMatchObject({
        code: 'ERR_COTP_CLOSED',
        ending,
      });
      await ends.connection.waitClosed();
      expect(ends.connection.disconnection).toMatchObject({ ending, confirmed: false });
      expect(ends.reports.all).toHaveLength(1);
    });

    test('throws into a loop over what it reads when FIN comes without DR', async () => {
      const ends = await wire2(role);
      ends.raw.send(ends.dt(TEXT));
      ends.raw.socket.end();
      const read: Buffer[] = [];
      const looping = (async () => {
        for await (const tsdu of ends.connection) {
          read.push(tsdu);
        }
      })();
      expect(await rejection(looping)).toMatchObject({ ending: 'fin' });
      expect(read).toEqual([text]);
    });

    test('sends DR 133 for what breaks the protocol', async () => {
      const ends = await wire2(role);
      ends.raw.send(ends.ed('01'));
      expect(await next(ends)).toBe(sent.dr(ends.ours, 133));
      ends.raw.send(ends.dc());
      await expectFins(ends);
      expect(ends.reports.all).toMatchObject([{ code: 'ERR_COTP_PROTOCOL' }]);
      expect(ends.connection.disconnection).toMatchObject({ ending: 'garbage', confirmed: true });
    });

    test('resets a stream that it cannot understand', async () => {
      const ends = await wire2(role);
      ends.raw.send(tpkt('02 f0 80 01'));
      expect(await ends.raw.ending()).toBe('reset');
      await ends.connection.waitClosed();
      expect(ends.connection.disconnection).toMatchObject({ ending: 'garbage', confirmed: false });
      expect(ends.reports.all[0]?.message).toContain('class 0');
    });

    test('sends DR 0 for a TSDU past maxTsduSize', async () => {
      const ends = await wire2(role, { maxTsduSize: 10 });
      ends.raw.send(ends.dt('00'.repeat(11)));
      expect(await next(ends)).toBe(sent.dr(ends.ours, 0));
      ends.raw.send(ends.dc());
      await expectFins(ends);
      expect(ends.reports.all).toMatchObject([{ code: 'ERR_COTP_TSDU_TOO_LARGE' }]);
      expect(ends.connection.disconnection).toMatchObject({ ending: 'limit', confirmed: true });
    });

    test('sends a DR when idleTimeout has passed, and has failed', async () => {
      const ends = await wire2(role, { idleTimeout: 100 });
      expect(await next(ends)).toBe(sent.dr(ends.ours, 128, NON_DISRUPTIVE));
      ends.raw.send(ends.dc());
      await expectFins(ends);
      expect(ends.reports.all).toMatchObject([{ timer: 'idleTimeout', milliseconds: 100 }]);
      expect(ends.connection.disconnection).toMatchObject({ ending: 'timeout', confirmed: true });
    });

    test('resets TCP when reassemblyTimeout has passed', async () => {
      const ends = await wire2(role, { reassemblyTimeout: 100 });
      ends.raw.send(ends.dt('01', false));
      expect(await ends.raw.ending()).toBe('reset');
      await ends.connection.waitClosed();
      expect(ends.reports.all).toMatchObject([{ timer: 'reassemblyTimeout', milliseconds: 100 }]);
    });

    test('resets TCP when the peer takes nothing for writeTimeout', async () => {
      const ends = await wire2(role, { writeTimeout: 300 });
      ends.raw.socket.pause();
      ends.connection.write(Buffer.alloc(TOO_MANY));
      await ends.connection.waitClosed();
      expect(ends.reports.all).toMatchObject([{ timer: 'writeTimeout', milliseconds: 300 }]);
      expect(ends.connection.disconnection).toMatchObject({ ending: 'timeout', confirmed: false });
      expect(ends.connection.disconnection?.unsent).toBeGreaterThan(TOO_MANY / 4);
    });
  });

  test('has a writeTimeout while its user waits for drain, although its own reader has paused the socket', async () => {
    const { connection, reports } = await heldUp(300);
    expect(await rejection(connection.drain())).toMatchObject({ timer: 'writeTimeout' });
    await connection.waitClosed();
    expect(reports.all).toMatchObject([{ timer: 'writeTimeout', milliseconds: 300 }]);
    expect(await connection.read()).toEqual(text);
  });

  test('has a writeTimeout while its user waits for drain, however often reading pauses', async () => {
    const ends = await wire2(role, { writeTimeout: 300, readHighWaterMark: 1 });
    const { connection, raw } = ends;
    raw.socket.pause();
    connection.write(Buffer.alloc(TOO_MANY));
    const draining = rejection(connection.drain());
    const few = Buffer.concat(Array.from({ length: 5 }, () => ends.dt(TEXT)));
    while (connection.isOpen) {
      raw.send(few);
      for (let read = 0; read < 5 && connection.isOpen; read += 1) {
        await connection.read().catch(() => {});
      }
    }
    expect(await draining).toMatchObject({ timer: 'writeTimeout' });
  });

  test('has no writeTimeout any more once its wait for drain is cancelled', async () => {
    const { connection } = await heldUp(300);
    const controller = new AbortController();
    const draining = rejection(connection.drain({ signal: controller.signal }));
    controller.abort();
    await draining;
    await timersRun(700);
    expect(connection.isOpen).toBe(true);
  });

  test('has no writeTimeout while its own reader has paused the socket', async () => {
    const { connection, reports } = await heldUp(150);
    await timersRun(500);
    expect(connection.isOpen).toBe(true);
    // Read again, its time runs.
    expect(await connection.read()).toEqual(text);
    await connection.waitClosed();
    expect(reports.all).toMatchObject([{ timer: 'writeTimeout' }]);
  });
});

describe('a connect of class 2 that is aborted after its CR', () => {
  /** Aborts one whose CR has arrived. */
  async function aborted(tpClass: 0 | 2 | '2,0' = 2, closeTimeout = 5_000) {
    const abort = new AbortController();
    const attempt = await calling({ tpClass, closeTimeout, signal: abort.signal });
    const ours = srcRefOf(await attempt.raw.packet());
    abort.abort(new Error('no longer wanted'));
    expect(await rejection(attempt.connecting)).toMatchObject({ message: 'no longer wanted' });
    return { ...peerOf(attempt.raw, ours), raw: attempt.raw };
  }

  test('rejects at once, and answers the CC by a DR', async () => {
    const ends = await aborted();
    ends.raw.send(cc2(ends.ours));
    expect(await next(ends)).toBe(sent.dr(ends.ours, 128));
    ends.raw.send(ends.dc());
    expect(await ends.raw.ending()).toBe('fin');
  });

  test('confirms a DR that refuses it', async () => {
    const ends = await aborted();
    ends.raw.send(ends.dr(1));
    expect(await next(ends)).toBe(sent.dc(ends.ours));
    expect(await ends.raw.ending()).toBe('fin');
  });

  test('drops TCP for a CC of class 0', async () => {
    const ends = await aborted('2,0');
    ends.raw.send(tpkt(`06 d0 ${ends.ours} ${THEIRS} 00`));
    expect(await ends.raw.ending()).toBe('fin');
    expect(ends.raw.received.length).toBe(0);
  });

  test('waits for the answer no longer than closeTimeout', async () => {
    const ends = await aborted(2, 100);
    expect(await within(SOON, ends.raw.ending(), 'the end by closeTimeout')).toBe('fin');
  });

  test('drops TCP at once if it has offered class 0', async () => {
    const ends = await aborted(0);
    expect(await ends.raw.ending()).toBe('reset');
  });
});

test('a connect of class 2 whose time runs out drops TCP without waiting for the CC', async () => {
  const { connecting, raw } = await calling({ tpClass: 2, timeout: 100 });
  expect(await rejection(connecting)).toMatchObject({ code: 'ERR_COTP_TIMEOUT' });
  expect(await raw.ending()).toBe('fin');
});

test('a refusal of class 2 says that class 0 may do', async () => {
  const { connecting, raw } = await calling({ tpClass: 2 });
  raw.send(tpkt(`06 80 ${srcRefOf(await raw.packet())} 0000 82`));
  const error = await rejection(connecting);
  expect(error).toMatchObject({ code: 'ERR_COTP_REFUSED', reason: 130 });
  expect(error.message).toContain('tpClass 0');
});

test('a peer that drops TCP on a CR of class 2 leads to the hint of class 0', async () => {
  const { connecting, raw } = await calling({ tpClass: 2 });
  await raw.packet();
  raw.socket.end();
  const error = await rejection(connecting);
  expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'fin' });
  expect(error.message).toContain('tpClass 0');
});

test('a CC of class 0 where class 2 alone was offered is a failure', async () => {
  const { connecting, raw } = await calling({ tpClass: 2 });
  raw.send(tpkt(`06 d0 ${srcRefOf(await raw.packet())} ${THEIRS} 00`));
  expect(await rejection(connecting)).toMatchObject({ code: 'ERR_COTP_PROTOCOL' });
});

test('the octets of a CR of class 2 are those of the standard', async () => {
  const { connecting, raw } = await calling({
    tpClass: '2,0',
    expedited: true,
    expeditedAck: true,
    localTsel: 0x0100,
    remoteTsel: 0x0102,
  });
  const packet = (await raw.packet()).toString('hex');
  expect(packet).toMatch(/^17e00000....21c1020100c2020102c0010bc60121c70100$/);
  raw.send(cc2(packet.slice(8, 12), WITH_EA));
  expect((await connecting).info).toMatchObject({
    tpClass: 2,
    expedited: true,
    expeditedAck: true,
  });
});

test('a connect of class 2 to a port where nobody listens rejects with ECONNREFUSED', async () => {
  const error = await rejection(connect({ host: '127.0.0.1', port: 1 }, { tpClass: 2 }));
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});
