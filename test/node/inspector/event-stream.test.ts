/** How often and how much the inspector writes to a browser, on a clock of the test. */
import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EventStream } from '../../../src/node/inspector/event-stream.js';
import { RowFeed } from '../../../src/node/inspector/row-feed.js';
import { RowReader } from '../../../src/node/inspector/row-reader.js';
import type { Hello } from '../../../src/node/inspector/rows.js';
import { DT_TPDU, tpdu } from '../../support/inspector.js';

const HELLO = {} as Hello;

/** A browser that takes each write, or none while it is full. */
class Taking extends Writable {
  readonly writes: string[] = [];
  isFull = false;
  #go: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 1, decodeStrings: false });
  }

  override _write(text: string, _encoding: string, done: () => void): void {
    this.writes.push(text);
    if (this.isFull) {
      this.#go = done;
    } else {
      done();
    }
  }

  takeOn(): void {
    this.isFull = false;
    this.#go?.();
  }
}

function watched(pause = 0): { feed: RowFeed; taking: Taking; stream: EventStream } {
  const feed = new RowFeed(8 * 1_048_576, false);
  const taking = new Taking();
  const response = taking as unknown as ServerResponse;
  const stream = new EventStream(response, new RowReader(feed, 1), HELLO, {
    interval: 50,
    pauseAfter: () => pause,
  });
  feed.store.onRow = () => stream.wake();
  return { feed, taking, stream };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(() => {
  vi.useRealTimers();
});

test('it writes at most twenty times a second, whatever comes', async () => {
  const { feed, taking } = watched();
  for (let millisecond = 0; millisecond < 1000; millisecond += 1) {
    feed.tpdu(tpdu(DT_TPDU));
    await vi.advanceTimersByTimeAsync(1);
  }
  const rows = taking.writes.filter((text) => text.includes('event: rows'));
  expect(rows.length).toBeGreaterThan(10);
  expect(rows.length).toBeLessThanOrEqual(20);
});

test('a write has at most one row beyond 256 Ki characters', async () => {
  const { feed, taking } = watched();
  for (let i = 0; i < 3000; i += 1) {
    feed.tpdu(tpdu(Buffer.alloc(1000, 0xf0)));
  }
  await vi.advanceTimersByTimeAsync(2000);
  const lengths = taking.writes.map((text) => text.length);
  expect(Math.max(...lengths)).toBeLessThan(262_144 + 2000);
  expect(lengths.length).toBeGreaterThan(8);
});

test('it writes nothing while the browser is full, and goes on when it has room', async () => {
  const { feed, taking } = watched();
  await vi.advanceTimersByTimeAsync(50);
  taking.isFull = true;
  feed.tpdu(tpdu(DT_TPDU));
  await vi.advanceTimersByTimeAsync(50);
  const { length } = taking.writes;
  feed.tpdu(tpdu(DT_TPDU));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(taking.writes.length).toBe(length);
  expect(taking.writableLength).toBeLessThan(1000);
  taking.takeOn();
  await vi.advanceTimersByTimeAsync(50);
  expect(taking.writes.length).toBe(length + 1);
});

test('it pauses after a write for the time that the pace requires', async () => {
  const { feed, taking } = watched(100_000);
  const rows = () => taking.writes.filter((text) => text.includes('event: rows')).length;
  feed.tpdu(tpdu(DT_TPDU));
  await vi.advanceTimersByTimeAsync(50);
  feed.tpdu(tpdu(DT_TPDU));
  await vi.advanceTimersByTimeAsync(50_000);
  expect(rows()).toBe(1);
  await vi.advanceTimersByTimeAsync(50_001);
  expect(rows()).toBe(2);
});

test('it writes a comment every 15 seconds', async () => {
  const { taking } = watched();
  await vi.advanceTimersByTimeAsync(45_000);
  expect(taking.writes.filter((text) => text === ':\n\n').length).toBe(3);
});

test('a browser that takes nothing for a minute is closed', async () => {
  const { feed, taking } = watched();
  taking.isFull = true;
  feed.tpdu(tpdu(DT_TPDU));
  await vi.advanceTimersByTimeAsync(55_000);
  expect(taking.destroyed).toBe(false);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(taking.destroyed).toBe(true);
});

test('it leaves no timer behind', async () => {
  const { feed, taking } = watched();
  feed.tpdu(tpdu(DT_TPDU));
  taking.destroy();
  await vi.advanceTimersByTimeAsync(1);
  expect(vi.getTimerCount()).toBe(0);
  feed.tpdu(tpdu(DT_TPDU));
  expect(vi.getTimerCount()).toBe(0);
});
