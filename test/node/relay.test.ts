/** `relay`: what it passes on, what it holds back, and how it ends, in both classes. */
import { createHook } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type Connection,
  type ConnectOptions,
  type CotpError,
  type ListenOptions,
  type RelayResult,
  relay,
  type TraceEntry,
  type TraceListener,
} from '../../src/index.js';
import { relayBetween } from '../../src/node/relay.js';
import { ON_RUN, type TraceRun } from '../../src/node/trace/entry.js';
import { deferred } from '../../src/node/waiting.js';
import {
  EXPEDITED,
  NON_DISRUPTIVE,
  next,
  sent,
  WITH_EA,
  type Wire2,
  wire2,
} from '../support/class2.js';
import { closeLater, pair, rejection } from '../support/life.js';
import { dt, hex } from '../support/raw.js';
import { guardProcess, TOO_MANY, until, type Wire, wire } from '../support/wire.js';

guardProcess();

type Shared = Omit<ConnectOptions & ListenOptions, 'tls'>;

interface Relayed {
  /** The users at both ends. */
  readonly left: Connection;
  readonly right: Connection;
  /** The connections that are relayed. */
  readonly a: Connection;
  readonly b: Connection;
}

/** Two connections, not relayed yet. The options are those of both sides of each. */
async function ends(optionsOfA: Shared = {}, optionsOfB = optionsOfA): Promise<Relayed> {
  const [first, second] = await Promise.all([
    pair(optionsOfA, optionsOfA),
    pair(optionsOfB, optionsOfB),
  ]);
  return { left: first.client, a: first.peer, b: second.client, right: second.peer };
}

/** Two connections that are relayed. */
async function relayed(optionsOfA: Shared = {}, optionsOfB = optionsOfA) {
  const both = await ends(optionsOfA, optionsOfB);
  return { ...both, result: relay(both.a, both.b) };
}

/** Two relayed connections of class 0 whose peers are bare TCP. */
async function wires(
  options: Shared = {},
): Promise<{ a: Wire; b: Wire; result: Promise<RelayResult> }> {
  const [a, b] = await Promise.all([wire('server', options), wire('client', options)]);
  return { a, b, result: relay(a.connection, b.connection) };
}

/** The same in class 2. */
async function wires2(options: Shared = {}, bits?: string) {
  const [a, b]: Wire2[] = await Promise.all([
    wire2('server', options, bits),
    wire2('client', options, bits),
  ]);
  return {
    a: a as Wire2,
    b: b as Wire2,
    result: relay((a as Wire2).connection, (b as Wire2).connection),
  };
}

/** A DT from the peer of this connection, in its class. */
function dtOf(peer: Wire | Wire2, text: string): Buffer {
  return ((peer as Partial<Wire2>).dt ?? dt)(text);
}

const CLASSES: readonly (readonly [string, Shared])[] = [
  ['class 0', {}],
  ['class 2', { tpClass: 2 }],
];

const text = (octets: Uint8Array) => Buffer.from(octets).toString();

/** Octets that the socket of a connection has received, whoever reads them. */
const bytesRead = ({ socket }: Connection) => (socket as Socket).bytesRead;

/** The code of what a call rejects with. */
async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return (await rejection<CotpError>(promise)).code;
}

/** Reads so many TSDUs. */
async function readMany(from: Connection, count: number): Promise<Buffer[]> {
  const tsdus: Buffer[] = [];
  while (tsdus.length < count) {
    tsdus.push(await from.read());
  }
  return tsdus;
}

describe.each(CLASSES)('a relay in %s', (_name, options) => {
  test('passes on TSDUs of any length, both ways and in order', async () => {
    const { left, right } = await relayed(options);
    const lengths = [1, 2_000, 2_041, 2_042, 65_536, 3, 3, 3, 300_000, 1];
    const tsdus = lengths.map((length, i) => Buffer.alloc(length, i + 1));
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      for (const tsdu of tsdus) {
        from.write(tsdu);
      }
      const arrived = await readMany(to, tsdus.length);
      expect(arrived.map((tsdu, i) => tsdu.equals(tsdus[i] as Buffer))).toEqual(
        lengths.map(() => true),
      );
    }
  });

  test('passes on thousands of small TSDUs, each by itself', async () => {
    const { left, right } = await relayed(options);
    const expected = Array.from({ length: 5_000 }, (_, i) => `tsdu ${i}`);
    for (const each of expected) {
      left.write(Buffer.from(each));
    }
    expect((await readMany(right, expected.length)).map(text)).toEqual(expected);
  });

  test('passes on what waits to be read before what comes later', async () => {
    const { left, right, a, b } = await ends(options);
    left.write(Buffer.from('first'));
    left.write(Buffer.alloc(100_000, 2));
    await until(() => bytesRead(a) > 100_000);
    void relay(a, b);
    left.write(Buffer.from('third'));
    const [first, second, third] = await readMany(right, 3);
    expect([text(first as Buffer), second?.length, text(third as Buffer)]).toEqual([
      'first',
      100_000,
      'third',
    ]);
  });

  test('joins connections of different TPDU sizes', async () => {
    const { left, right } = await relayed(
      { ...options, maxTpduSize: 128 },
      { ...options, maxTpduSize: 65_531 },
    );
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      for (const length of [100, 20_000, 60_000, 5]) {
        from.write(Buffer.alloc(length, length));
      }
      for (const length of [100, 20_000, 60_000, 5]) {
        expect((await to.read()).equals(Buffer.alloc(length, length))).toBe(true);
      }
    }
  });

  test('counts what it has passed on in each direction', async () => {
    const { left, right, a, b, result } = await relayed(options);
    for (const length of [3, 5_000, 1]) {
      left.write(Buffer.alloc(length));
    }
    right.write(Buffer.alloc(7));
    await Promise.all([readMany(right, 3), left.read()]);
    await left.asyncClose();
    const { aToB, bToA } = await result;
    expect([a.messagesRead, a.messagesWritten, b.messagesRead, b.messagesWritten]).toEqual([
      3, 1, 1, 3,
    ]);
    expect(aToB).toEqual({ tsdus: 3, octets: 5_004, expedited: 0, unsent: 0 });
    expect(bToA).toEqual({ tsdus: 1, octets: 7, expedited: 0, unsent: 0 });
  });

  test('passes on all that was written before a side closes', async () => {
    const { left, right, result } = await relayed(options);
    const size = 40_000;
    for (let i = 0; i < 100; i += 1) {
      left.write(Buffer.alloc(size, i));
    }
    left.close();
    let octets = 0;
    for await (const tsdu of right) {
      octets += tsdu.length;
    }
    expect(octets).toBe(100 * size);
    await right.asyncClose();
    expect(await result).toMatchObject({ closedBy: 'a', error: undefined, aToB: { unsent: 0 } });
  });

  test('closes the other side when this program closes one', async () => {
    const { right, a, b, result } = await relayed(options);
    a.close();
    await right.waitClosing();
    expect(await result).toMatchObject({ closedBy: 'local', error: undefined });
    expect([a.isClosed, b.isClosed]).toEqual([true, true]);
  });

  test('resets the other side when this program resets one', async () => {
    const { right, a, result } = await relayed(options);
    const reading = rejection<CotpError>(right.read());
    a.destroy(new Error('overheated'));
    expect(await reading).toMatchObject({ ending: 'reset' });
    expect(await result).toMatchObject({
      closedBy: 'local',
      error: { cause: { message: 'overheated' } },
    });
  });

  test('passes on a reset as a reset', async () => {
    const { left, right, result } = await relayed(options);
    const reading = rejection<CotpError>(right.read());
    left.destroy();
    expect(await reading).toMatchObject({ ending: 'reset' });
    const { closedBy, a, b, error } = await result;
    expect([closedBy, a.ending, b.ending, error?.ending]).toEqual(['a', 'reset', 'local', 'reset']);
  });

  test('passes on what came before a reset, also what the system has yet to send', async () => {
    const { left, right, a, b, result } = await relayed(options);
    // More than the system keeps for a peer that reads nothing, so some waits on this side.
    const size = 50_000;
    const count = 6;
    right.socket.pause();
    for (let i = 0; i < count; i += 1) {
      left.write(Buffer.alloc(size, i));
    }
    await until(() => b.messagesWritten === count && b.writeBuffered === 0);
    left.destroy();
    await a.waitClosed();
    right.socket.resume();
    expect((await readMany(right, count)).map(({ length }) => length)).toEqual(
      Array.from({ length: count }, () => size),
    );
    expect(await rejection<CotpError>(right.read())).toMatchObject({ ending: 'reset' });
    expect((await result).aToB).toMatchObject({ tsdus: count, unsent: 0 });
  });

  test('passes on a reset at once if no data has come for a while', async () => {
    const { left, right } = await relayed(options);
    const reading = rejection<CotpError>(right.read());
    // A reset that waits would never come.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    left.destroy();
    expect(await reading).toMatchObject({ ending: 'reset' });
  });

  test.each([
    ['a', 'right'],
    ['b', 'left'],
  ] as const)(
    'passes on how %s was ended, though its signal is that of the relay',
    async (side, other) => {
      const all = await ends(options);
      const relaying = relay(all.a, all.b, { signal: all[side].signal });
      const reading = rejection<CotpError>(all[other].read());
      (side === 'a' ? all.left : all.right).destroy();
      expect(await reading).toMatchObject({ ending: 'reset' });
      expect(await relaying).toMatchObject({ closedBy: side });
    },
  );

  test('begins behind the end of a connection by its peer, and passes on what waits', async () => {
    const { left, right, a, b } = await ends(options);
    right.write(Buffer.from('the answer'));
    await until(() => b.readBuffered > 0);
    right.destroy();
    await b.waitClosed();
    const result = relay(a, b);
    expect(text(await left.read())).toBe('the answer');
    expect(await rejection(left.read())).toMatchObject({ ending: 'reset' });
    expect((await result).bToA.tsdus).toBe(1);
  });

  test('closes both sides when its signal aborts, and rejects with the reason', async () => {
    const { left, right, a, b } = await ends(options);
    const controller = new AbortController();
    const rejecting = rejection(relay(a, b, { signal: controller.signal }));
    left.write(Buffer.from('before'));
    expect(text(await right.read())).toBe('before');
    const closing = Promise.all([left.waitClosing(), right.waitClosing()]);
    controller.abort(new Error('enough'));
    expect((await rejecting).message).toBe('enough');
    await closing;
    expect([a.isClosed, b.isClosed]).toEqual([true, true]);
  });

  test('refuses to read a relayed connection', async () => {
    const { a, left, right } = await relayed(options);
    expect(await codeOf(a.read())).toBe('ERR_COTP_BUSY');
    expect(await codeOf(a.read({ signal: new AbortController().signal }))).toBe('ERR_COTP_BUSY');
    expect(await codeOf(a[Symbol.asyncIterator]().next())).toBe('ERR_COTP_BUSY');
    left.write(Buffer.from('still relayed'));
    expect(text(await right.read())).toBe('still relayed');
  });

  test('adds a TSDU of this program between those that it relays', async () => {
    const { b, left, right } = await relayed(options);
    left.write(Buffer.from('relayed'));
    expect(text(await right.read())).toBe('relayed');
    b.write(Buffer.from('added'));
    expect(text(await right.read())).toBe('added');
  });

  test('creates no promise for a TSDU', async () => {
    const { a, b } = options.tpClass === 2 ? await wires2() : await wires();
    const count = 20_000;
    const one = dtOf(a, '010203');
    const expected = count * one.length;
    let promises = 0;
    const hook = createHook({
      init(_id, type) {
        promises += type === 'PROMISE' ? 1 : 0;
      },
    });
    let octets = 0;
    b.raw.socket.removeAllListeners('data');
    const arrived = new Promise<void>((resolve) => {
      b.raw.socket.on('data', (chunk: Buffer) => {
        octets += chunk.length;
        if (octets === expected) {
          resolve();
        }
      });
    });
    hook.enable();
    a.raw.send(Buffer.concat(Array.from({ length: count }, () => one)));
    await arrived;
    hook.disable();
    expect(promises).toBeLessThan(count / 100);
  });

  test('pauses reading while the other side is full, and resumes', async () => {
    const mark = 262_144;
    const both =
      options.tpClass === 2
        ? wires2({ writeHighWaterMark: mark })
        : wires({ writeHighWaterMark: mark });
    const { a, b } = await both;
    const payload = 'ab'.repeat(1_000);
    const one = dtOf(a, payload);
    const count = Math.ceil(TOO_MANY / one.length);
    b.raw.socket.pause();
    let most = 0;
    for (let sentSoFar = 0; sentSoFar < count; sentSoFar += 1_000) {
      a.raw.send(
        Buffer.concat(Array.from({ length: Math.min(1_000, count - sentSoFar) }, () => one)),
      );
    }
    await until(() => b.connection.writeBuffered > mark);
    let octets = 0;
    b.raw.socket.removeAllListeners('data');
    const arrived = new Promise<void>((resolve) => {
      b.raw.socket.on('data', (chunk: Buffer) => {
        octets += chunk.length;
        most = Math.max(most, b.connection.writeBuffered);
        if (octets === count * one.length) {
          resolve();
        }
      });
    });
    expect(a.raw.socket.writableLength).toBeGreaterThan(0);
    b.raw.socket.resume();
    await arrived;
    expect(most).toBeLessThan(mark + 131_072);
  });
});

describe('FIN', () => {
  test.each([['a'], ['b']] as const)(
    'of the peer of %s is passed on, and answers after it too',
    async (closedBy) => {
      const { left, right, result } = await relayed({ allowHalfOpen: true });
      const [from, to] = closedBy === 'a' ? [left, right] : [right, left];
      from.write(Buffer.from('question'));
      from.end();
      expect(text(await to.read())).toBe('question');
      expect(await rejection<CotpError>(to.read())).toMatchObject({ ending: 'fin' });
      to.write(Buffer.from('answer'));
      to.end();
      expect(text(await from.read())).toBe('answer');
      expect(await result).toMatchObject({
        closedBy,
        error: undefined,
        a: { ending: 'fin', confirmed: true },
        b: { ending: 'fin', confirmed: true },
      });
    },
  );

  test('that came before the relay began is passed on behind what waits', async () => {
    const both = await ends({ allowHalfOpen: true });
    both.left.write(Buffer.from('question'));
    both.left.end();
    await until(() => both.a.socket.readableEnded);
    const result = relay(both.a, both.b);
    expect(text(await both.right.read())).toBe('question');
    both.right.write(Buffer.from('answer'));
    both.right.end();
    expect(text(await both.left.read())).toBe('answer');
    expect(await result).toMatchObject({ closedBy: 'a', error: undefined });
  });

  test('closes a connection of class 2 by a DR', async () => {
    const { left, right, b, result } = await relayed({}, { tpClass: 2 });
    left.write(Buffer.from('last'));
    left.end();
    expect(text(await right.read())).toBe('last');
    await right.waitClosed();
    expect(right.disconnection).toMatchObject({ ending: 'dr', reason: 128 });
    await result;
    expect(b.disconnection).toMatchObject({ ending: 'local', confirmed: true });
  });

  test('within a TSDU is passed on as a reset, for data is lost', async () => {
    const { a, b, result } = await wires();
    a.raw.send(dt('01', false));
    a.raw.socket.end();
    expect(await b.raw.ending()).toBe('reset');
    expect(await result).toMatchObject({ closedBy: 'a', error: { ending: 'fin' } });
  });

  test('without a DR in class 2 is passed on as a reset', async () => {
    const { a, b, result } = await wires2();
    a.raw.socket.end();
    expect(await b.raw.ending()).toBe('reset');
    expect((await result).error).toMatchObject({ ending: 'fin' });
  });
});

describe('a DR', () => {
  test('that came before the relay began is passed on behind what waits', async () => {
    const { left, right, a, b } = await ends({ tpClass: 2 });
    right.write(Buffer.from('the answer'));
    right.close();
    await b.waitClosed();
    const result = relay(a, b);
    expect(text(await left.read())).toBe('the answer');
    await left.waitClosed();
    expect(left.disconnection).toMatchObject({ ending: 'dr', reason: 128 });
    expect(await result).toMatchObject({ closedBy: 'b', error: undefined });
  });

  test('is passed on with its reason, additional information and user data', async () => {
    const { a, b, result } = await wires2();
    b.raw.send(b.dr(129, 'e0012a|0102'));
    expect(await next(a)).toBe(`${sent.dr(a.ours, 129, 'e0012a')}0102`);
    a.raw.send(a.dc());
    a.raw.socket.end();
    b.raw.socket.end();
    const { closedBy, error, b: ended } = await result;
    expect(closedBy).toBe('b');
    expect(ended).toMatchObject({ ending: 'dr', reason: 129, userData: hex('0102') });
    expect(error).toMatchObject({ ending: 'dr', reason: 129 });
  });

  test.each([
    ['a', 77],
    ['a', 255],
    ['b', 77],
    ['b', 255],
  ] as const)('of the peer of %s with reason %i is passed on with reason 0', async (by, reason) => {
    const { a, b, result } = await wires2();
    const [from, to] = by === 'a' ? [a, b] : [b, a];
    from.raw.send(from.dr(reason, '|0102'));
    expect(await next(to)).toBe(`${sent.dr(to.ours, 0)}0102`);
    to.raw.send(to.dc());
    from.raw.socket.end();
    to.raw.socket.end();
    const ended = await result;
    expect([ended.closedBy, ended[by].reason]).toEqual([by, reason]);
  });

  test.each([
    ['', ''],
    [NON_DISRUPTIVE, NON_DISRUPTIVE],
  ])('with reason 128 and 0xE0 "%s" says no more than that', async (given, passed) => {
    const { a, b } = await wires2();
    a.raw.send(a.dr(128, given));
    expect(await next(b)).toBe(sent.dr(b.ours, 128, passed));
  });

  test('comes behind the data before it', async () => {
    const { a, b } = await wires2();
    a.raw.send(Buffer.concat([a.dt('01'), a.dt('02'), a.dr()]));
    expect(await next(b)).toBe(sent.dt('01'));
    expect(await next(b)).toBe(sent.dt('02'));
    expect(await next(b)).toMatch(/^0.80/);
  });

  test('leaves out additional information that no DR of class 2 has room for', async () => {
    const { a, b } = await wires2();
    b.raw.send(b.dr(128, `e021${'2a'.repeat(33)}|01`));
    expect(await next(a)).toMatch(/^\d\d80[0-9a-f]{8}80(e00180)?01$/);
  });

  test.each([
    ['without 0xE0', ''],
    ['that says that all data came before it', NON_DISRUPTIVE],
  ])('with reason 128 %s is a reset if a TSDU has no end', async (_name, more) => {
    const { a, b, result } = await wires2();
    a.raw.send(Buffer.concat([a.dt('01'), a.dt('02', false), a.dr(128, more)]));
    expect(await next(b)).toBe(sent.dt('01'));
    expect(await b.raw.ending()).toBe('reset');
    expect(b.raw.received).toHaveLength(0);
    a.raw.socket.end();
    expect(await result).toMatchObject({ closedBy: 'a', error: { ending: 'dr' } });
  });

  test('with reason 128 is a reset if data for its sender is lost', async () => {
    const { a, b, result } = await wires2();
    a.raw.socket.pause();
    const one = b.dt('00'.repeat(60_000));
    while (a.connection.writeBuffered === 0) {
      b.raw.send(one);
      await until(() => b.raw.socket.writableLength === 0);
    }
    a.raw.send(a.dr(128, NON_DISRUPTIVE));
    expect(await b.raw.ending()).toBe('reset');
    a.raw.reset();
    expect((await result).bToA.unsent).toBeGreaterThan(0);
  });

  test('that aborts is passed on as it is, even within a TSDU', async () => {
    const { a, b } = await wires2();
    a.raw.send(Buffer.concat([a.dt('01', false), a.dr(128, 'e001c0')]));
    expect(await next(b)).toBe(sent.dr(b.ours, 128, 'e001c0'));
  });

  test('with another reason does not say that all data came before it', async () => {
    const { a, b } = await wires2();
    a.raw.send(Buffer.concat([a.dt('01', false), a.dr(129, NON_DISRUPTIVE)]));
    expect(await next(b)).toBe(sent.dr(b.ours, 129));
  });

  test.each([
    [128, 'fin'],
    [129, 'reset'],
  ] as const)('with reason %i is a %s in class 0', async (reason, ending) => {
    const [a, b] = await Promise.all([wire2('server'), wire('client')]);
    const result = relay(a.connection, b.connection);
    a.raw.send(a.dr(reason));
    expect(await b.raw.ending()).toBe(ending);
    a.raw.socket.end();
    b.raw.socket.end();
    expect((await result).closedBy).toBe('a');
  });
});

describe('expedited data', () => {
  const agreed = { expedited: true };

  test.each([
    ['class 0', {}],
    ['class 2', { tpClass: 2 }],
    ['class 2 with EA', { tpClass: 2, expeditedAck: true }],
  ] as const)('is passed on both ways in %s', async (_name, form) => {
    const { left, right, result } = await relayed({ ...agreed, ...form });
    left.writeExpedited(Buffer.from('one'));
    expect(text(await right.readExpedited())).toBe('one');
    right.writeExpedited(Buffer.from('two'));
    expect(text(await left.readExpedited())).toBe('two');
    left.close();
    const { aToB, bToA } = await result;
    expect([aToB.expedited, bToA.expedited]).toEqual([1, 1]);
  });

  test('that waits to be read is passed on first', async () => {
    const { left, right, a, b } = await ends(agreed);
    const had = bytesRead(a);
    left.writeExpedited(Buffer.from('waiting'));
    left.write(Buffer.from('data'));
    await until(() => bytesRead(a) > had + 20);
    void relay(a, b);
    expect(text(await right.readExpedited())).toBe('waiting');
    expect(text(await right.read())).toBe('data');
  });

  test('overtakes data that waits because the other side does not read', async () => {
    const { a, b } = await wires2({ ...agreed, writeHighWaterMark: TOO_MANY }, EXPEDITED);
    b.raw.socket.pause();
    const one = a.dt('00'.repeat(1_000));
    const flood = Buffer.concat(Array.from({ length: 1_000 }, () => one));
    // Until the system takes no more; far less than the mark.
    let expected = bytesRead(a.connection);
    while (b.connection.writeBuffered < 200_000) {
      a.raw.send(flood);
      expected += flood.length;
      await until(() => bytesRead(a.connection) === expected);
    }
    const waiting = b.connection.writeBuffered;
    a.raw.send(a.ed('aa'));
    await until(() => b.connection.writeBuffered > waiting);
    a.raw.send(a.dt('ff'));
    b.raw.socket.resume();
    const ed = hex(sent.ed(0, 'aa'));
    const last = hex(sent.dt('ff'));
    await b.raw.until(() => b.raw.received.includes(last));
    const { received } = b.raw;
    expect(received.indexOf(ed)).toBeGreaterThan(0);
    expect(received.indexOf(ed)).toBeLessThan(received.length - waiting / 2);
  });

  describe('whose EA comes behind data that the other side does not take', () => {
    const MARK = 65_536;

    /** The reading of a is paused, because b does not take what came; b sends expedited data to a. */
    async function held(options: Shared = {}) {
      const shared = { ...agreed, expeditedAck: true, writeHighWaterMark: MARK, ...options };
      const { a, b, result } = await wires2(shared, WITH_EA);
      b.raw.socket.pause();
      const one = a.dt('00'.repeat(1_000));
      const flood = Buffer.concat(Array.from({ length: 1_000 }, () => one));
      while (!a.connection.socket.isPaused()) {
        a.raw.send(flood);
        await until(() => a.connection.socket.isPaused() || a.raw.socket.writableLength === 0);
      }
      a.raw.send(flood);
      b.raw.send(b.ed('01'));
      await a.raw.until(() => a.raw.received.includes(hex(sent.ed(0, '01'))));
      return { a, b, result };
    }

    test('finds the EA, and pauses again behind it', async () => {
      const { a, b } = await held();
      a.raw.send(a.ea());
      b.raw.send(b.ed('02'));
      await a.raw.until(() => a.raw.received.includes(hex(sent.ed(1, '02'))));
      a.raw.send(a.ea('01'));
      await until(() => a.connection.socket.isPaused());
      expect(b.connection.writeBuffered).toBeGreaterThan(MARK);
    });

    test('ends if the EA does not come within writeTimeout, and reads no more than maxWriteBuffer', async () => {
      const { a, b, result } = await held({ writeTimeout: 300, maxWriteBuffer: 4 * MARK });
      const most = 4 * MARK + 131_072;
      await until(() => a.connection.isClosed || b.connection.writeBuffered > most);
      expect(b.connection.writeBuffered).toBeLessThanOrEqual(most);
      b.raw.socket.resume();
      expect((await result).error).toMatchObject({ timer: 'writeTimeout' });
    });
  });

  test('never comes behind data that followed it', async () => {
    const { a, b } = await wires2(agreed, EXPEDITED);
    a.raw.send(Buffer.concat([a.dt('01'), a.ed('aa'), a.dt('02')]));
    const order = [await next(b), await next(b), await next(b)];
    expect(order.indexOf(sent.ed(0, 'aa'))).toBeLessThan(order.indexOf(sent.dt('02')));
  });

  test('that the other side has not agreed on ends both by a reset', async () => {
    const { left, right, result } = await relayed({ ...agreed, tpClass: 2 }, { tpClass: 2 });
    const reading = [rejection<CotpError>(left.read()), rejection<CotpError>(right.read())];
    left.writeExpedited(Buffer.from('nowhere'));
    expect((await Promise.all(reading)).map(({ ending }) => ending)).toEqual(['reset', 'reset']);
    expect(await result).toMatchObject({
      closedBy: 'local',
      error: { code: 'ERR_COTP_NO_EXPEDITED' },
      aToB: { expedited: 0, unsent: 7 },
    });
  });

  test('goes to the other side, not to onExpedited', async () => {
    const calls: unknown[] = [];
    const { left, right } = await relayed(
      { ...agreed, onExpedited: (data) => void calls.push(data) },
      agreed,
    );
    left.writeExpedited(Buffer.from('ed'));
    expect(text(await right.readExpedited())).toBe('ed');
    expect(calls).toEqual([]);
  });
});

describe('a failure', () => {
  test('of a limit is passed on as a reset, behind the data before it', async () => {
    const { a, b, result } = await wires({ maxTsduSize: 10 });
    a.raw.send(dt('01'));
    expect(await next(b)).toBe('02f08001');
    a.raw.send(dt('00'.repeat(11)));
    expect(await b.raw.ending()).toBe('reset');
    expect((await result).error).toMatchObject({ code: 'ERR_COTP_TSDU_TOO_LARGE' });
  });

  test('of the protocol comes behind all TSDUs of its chunk', async () => {
    const { a, b, result } = await wires();
    a.raw.send(Buffer.concat([dt('01'), dt('02'), hex('ff')]));
    expect([await next(b), await next(b)]).toEqual(['02f08001', '02f08002']);
    expect((await result).error).toMatchObject({ code: 'ERR_COTP_PROTOCOL' });
  });

  test('resets a side that takes nothing after a while, and says what was lost', async () => {
    const { a, b, result } = await wires();
    b.raw.socket.pause();
    const one = dt('00'.repeat(60_000));
    while (b.connection.writeBuffered === 0) {
      a.raw.send(one);
      await until(() => a.raw.socket.writableLength === 0);
    }
    a.raw.reset();
    const { aToB, closedBy } = await result;
    b.raw.socket.resume();
    expect(closedBy).toBe('a');
    expect(aToB.unsent).toBeGreaterThan(0);
  });
});

describe('what a peer may send', () => {
  test.each([
    ['octet by octet', 1],
    ['in pieces of 11', 11],
  ])('arrives cut %s as it was sent', async (_name, size) => {
    const { a, b } = await wires();
    const stream = Buffer.concat([dt('01'), dt('0203', false), dt('04'), dt('05')]);
    for (let at = 0; at < stream.length; at += size) {
      a.raw.send(stream.subarray(at, at + size));
      const had = 22 + at + Math.min(size, stream.length - at);
      await until(() => bytesRead(a.connection) >= had);
    }
    expect([await next(b), await next(b), await next(b)]).toEqual([
      '02f08001',
      '02f080020304',
      '02f08005',
    ]);
  });

  test('is sent without reserved octet and without empty DT', async () => {
    const { a, b } = await wires();
    const reserved = dt('02');
    reserved[1] = 0xee;
    a.raw.send(Buffer.concat([dt('01'), reserved, dt(''), dt('', false), dt('03')]));
    await b.raw.until(() => b.raw.received.length >= 24);
    expect(b.raw.received).toEqual(Buffer.concat([dt('01'), dt('02'), dt('03')]));
  });

  test('is segmented again if the TPDU is too long for the other side', async () => {
    const a = await wire('server', { maxTpduSize: 1_024 });
    const b = await wire('client', { maxTpduSize: 1_024 });
    void relay(a.connection, b.connection);
    a.raw.send(Buffer.concat([dt('01'), dt('02'.repeat(2_000)), dt('03')]));
    expect(await next(b)).toBe('02f08001');
    expect(await next(b)).toBe(`02f000${'02'.repeat(1_021)}`);
    expect(await next(b)).toBe(`02f080${'02'.repeat(979)}`);
    expect(await next(b)).toBe('02f08003');
  });

  test('is shown to the trace of both sides', async () => {
    const seen: string[] = [];
    const trace =
      (name: string) =>
      ({ direction, octets, tpdu }: TraceEntry) => {
        if (!(tpdu instanceof Error) && tpdu.type === 'DT') {
          seen.push(`${name} ${direction} ${Buffer.from(octets).toString('hex')}`);
        }
      };
    const a = await wire('server', { trace: trace('a') });
    const b = await wire('client', { trace: trace('b') });
    void relay(a.connection, b.connection);
    a.raw.send(Buffer.concat([dt('01'), dt('02')]));
    await b.raw.until(() => b.raw.received.length >= 16);
    await until(() => seen.length === 4);
    expect(seen.toSorted()).toEqual([
      'a received 02f08001',
      'a received 02f08002',
      'b sent 02f08001',
      'b sent 02f08002',
    ]);
  });

  test('is shown at once to a trace that takes runs', async () => {
    const runs: string[] = [];
    const trace: TraceListener = Object.assign(() => {}, {
      [ON_RUN]: ({ direction, packets, tpdus }: TraceRun) => {
        runs.push(`${direction} ${tpdus} ${packets.toString('hex')}`);
      },
    });
    const a = await wire('server', { trace });
    const b = await wire('client');
    void relay(a.connection, b.connection);
    const two = Buffer.concat([dt('01'), dt('02')]);
    a.raw.send(two);
    await until(() => runs.length > 0);
    expect(runs).toEqual([`received 2 ${two.toString('hex')}`]);
  });

  test('is an entry for each TPDU once something subscribes to the channel', async () => {
    const runs: TraceRun[] = [];
    const entries: string[] = [];
    const onTpdu = ({ direction, octets }: TraceEntry) => {
      entries.push(`${direction} ${octets.toString('hex')}`);
    };
    const trace: TraceListener = Object.assign(onTpdu, {
      [ON_RUN]: (run: TraceRun) => void runs.push(run),
    });
    const a = await wire('server', { trace });
    const b = await wire('client');
    const ignore = () => {};
    subscribe('cotp:tpdu', ignore);
    closeLater(() => unsubscribe('cotp:tpdu', ignore));
    void relay(a.connection, b.connection);
    entries.length = 0;
    a.raw.send(Buffer.concat([dt('01'), dt('02')]));
    await until(() => entries.length === 2);
    expect(entries).toEqual(['received 02f08001', 'received 02f08002']);
    expect(runs).toEqual([]);
  });
});

test('a gate is asked no more once the connections are closed', async () => {
  const { a, b } = await ends();
  const { promise, resolve } = deferred<void>();
  // Each side asks once, and would ask again.
  const ready = vi.fn(() => new Promise<void>(() => {}));
  ready.mockReturnValueOnce(promise).mockReturnValueOnce(promise);
  const gate = { hasRoom: false, ready };
  const result = relayBetween(a, b, { gate });
  a.destroy();
  await result;
  resolve();
  await promise;
  expect(ready).toHaveBeenCalledTimes(2);
});

describe('relay() is refused', () => {
  test.each([
    ['no connection', [{}, {}], TypeError],
    ['nothing', [undefined, undefined], TypeError],
  ] as const)('for %s', async (_name, [first, second], type) => {
    expect(await rejection(relay(first as Connection, second as Connection))).toBeInstanceOf(type);
  });

  test('for the same connection twice', async () => {
    const { a } = await ends();
    expect((await rejection(relay(a, a))).message).toBe('b must be another connection than a');
  });

  test.each([
    ['of another type', { signal: 'stop' }, /options\.signal must be an AbortSignal, not 'stop'/],
    ['that is not known', { sinal: undefined }, /options\.sinal is not known/],
  ])('for an option %s', async (_name, options, message) => {
    const { a, b, left, right } = await ends();
    expect((await rejection(relay(a, b, options as object))).message).toMatch(message);
    expect([a.isOpen, b.isOpen, left.isOpen, right.isOpen]).toEqual([true, true, true, true]);
  });

  test('while a read waits, and begins once that has ended', async () => {
    const { a, b, left, right } = await ends();
    const reading = a.read();
    expect(await codeOf(relay(a, b))).toBe('ERR_COTP_BUSY');
    expect(await codeOf(relay(b, a))).toBe('ERR_COTP_BUSY');
    left.write(Buffer.from('for the read'));
    expect(text(await reading)).toBe('for the read');
    void relay(a, b);
    left.write(Buffer.from('for the relay'));
    expect(text(await right.read())).toBe('for the relay');
  });

  test('while expedited data is being read', async () => {
    const { a, b } = await ends({ expedited: true });
    const reading = rejection(a.readExpedited());
    expect(await codeOf(relay(a, b))).toBe('ERR_COTP_BUSY');
    a.close();
    await reading;
  });

  test('for toDuplex() of a connection that is relayed', async () => {
    const { a, left, right } = await relayed();
    expect(() => a.toDuplex()).toThrow(expect.objectContaining({ code: 'ERR_COTP_BUSY' }));
    left.write(Buffer.from('still relayed'));
    expect(text(await right.read())).toBe('still relayed');
  });

  test('for a connection that is closing, by what ended it', async () => {
    const { a, b, right } = await ends();
    a.close();
    expect(await rejection(relay(a, b))).toMatchObject({
      code: 'ERR_COTP_CLOSED',
      ending: 'local',
    });
    b.write(Buffer.from('still open'));
    expect(text(await right.read())).toBe('still open');
  });

  test('for a connection that is relayed', async () => {
    const { a, b } = await relayed();
    const other = await ends();
    expect(await codeOf(relay(a, other.b))).toBe('ERR_COTP_BUSY');
    expect(await codeOf(relay(other.a, b))).toBe('ERR_COTP_BUSY');
    expect([other.a.isOpen, other.b.isOpen]).toEqual([true, true]);
  });

  test('by a signal that has aborted, and leaves both open', async () => {
    const { a, b } = await ends();
    const signal = AbortSignal.abort(new Error('before'));
    expect((await rejection(relay(a, b, { signal }))).message).toBe('before');
    expect(await a.read({ signal: AbortSignal.abort(new Error('readable')) }).catch(String)).toBe(
      'Error: readable',
    );
    expect([a.isOpen, b.isOpen]).toEqual([true, true]);
  });
});
