/** The output of a command with a slow reader. */
import { PassThrough, Writable } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { EXIT, Stop } from '../../src/cli/exit.js';
import { createIo, type Io } from '../../src/cli/io.js';
import { postEvent } from '../../src/cli/output/events.js';

/** A stream whose reader reads nothing until it is released, then everything. */
class Stalled extends Writable {
  readonly #chunks: Buffer[] = [];
  #held: (() => void) | undefined;
  #isReleased = false;

  constructor() {
    super({ highWaterMark: 16_384 });
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  get writes(): number {
    return this.#chunks.length;
  }

  release(): void {
    this.#isReleased = true;
    this.#held?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    if (this.#isReleased) {
      done();
    } else {
      this.#held = done;
    }
  }
}

function stalledIo(): { io: Io; stop: (reason: Stop) => void; stdout: Stalled } {
  const stdout = new Stalled();
  const streams = { stdin: new PassThrough(), stdout, stderr: new PassThrough(), env: {} };
  return { ...createIo(streams), stdout };
}

const LINE = '12:00:00.000 #1   client to target DT TPDU (0) EOT 1 octet';

afterEach(() => {
  vi.useRealTimers();
});

describe('while the reader takes nothing', () => {
  test('lines beyond a limit are left out, and their number follows', async () => {
    const { io, stdout } = stalledIo();
    for (let count = 0; count < 200_000; count += 1) {
      io.stdout.line(LINE);
    }
    expect(io.stdout.buffered).toBeLessThan(5 * 1024 * 1024);
    stdout.release();
    await io.stdout.flush();
    const [, leftOut] = /… (\d+) lines were left out/.exec(stdout.text) ?? [];
    const shown = stdout.text.split('\n').filter((line) => line === LINE);
    expect(shown.length + Number(leftOut)).toBe(200_000);
  });

  test('lines that are not even made are counted as left out', async () => {
    const { io, stdout } = stalledIo();
    let made = 0;
    for (let count = 0; count < 200_000; count += 1) {
      if (!io.stdout.dropLine()) {
        made += 1;
        io.stdout.line(LINE);
      }
    }
    expect(made).toBeLessThan(100_000);
    stdout.release();
    await io.stdout.flush();
    expect(stdout.text).toContain(`… ${200_000 - made} lines were left out`);
    expect(io.stdout.dropLine()).toBe(false);
  });

  test('events beyond a limit are left out, and an event has their number', async () => {
    const { io, stdout } = stalledIo();
    for (let count = 0; count < 100_000; count += 1) {
      postEvent(io, { event: 'tpdu', text: LINE });
    }
    stdout.release();
    await io.stdout.flush();
    const events = stdout.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; lines?: number });
    const last = events.at(-1);
    expect(last).toMatchObject({ event: 'dropped', lines: expect.any(Number) });
    expect(events.length - 1 + (last?.lines ?? 0)).toBe(100_000);
  });

  test('data waits, and none of it is lost', async () => {
    const { io, stdout } = stalledIo();
    let written = 0;
    const producers = Array.from({ length: 20 }, async (_, number) => {
      for (let count = 0; count < 10; count += 1) {
        await io.stdout.write(Buffer.alloc(10_000, number));
        written += 1;
      }
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBeLessThan(20);
    stdout.release();
    await Promise.all(producers);
    await io.stdout.flush();
    expect(stdout.text).toHaveLength(2_000_000);
  });

  test('a long queue needs one listener and few writes', async () => {
    const { io, stdout } = stalledIo();
    const waiting: Promise<void>[] = [];
    for (let count = 0; count < 50_000; count += 1) {
      waiting.push(io.stdout.write(`${LINE}\n`));
    }
    expect(stdout.listenerCount('drain')).toBe(1);
    stdout.release();
    await Promise.all(waiting);
    await io.stdout.flush();
    expect(stdout.text).toHaveLength(50_000 * (LINE.length + 1));
    expect(stdout.writes).toBeLessThan(1_000);
  });
});

describe('once the command is to stop', () => {
  test('a reader that takes nothing is waited for a second, and no longer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { io, stop } = stalledIo();
    const written = io.stdout.write(Buffer.alloc(100_000));
    const flushed = io.stdout.flush();
    stop(new Stop(EXIT.interrupted));
    await vi.advanceTimersByTimeAsync(1_000);
    await written;
    await flushed;
    expect(io.stdout.buffered).toBeLessThan(200_000);
  });

  test('what is written later waits for nobody', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { io, stop, stdout } = stalledIo();
    void io.stdout.write(Buffer.alloc(100_000));
    stop(new Stop(EXIT.interrupted));
    await vi.advanceTimersByTimeAsync(1_000);
    await io.stdout.write(Buffer.alloc(100_000));
    await io.stdout.flush();
    expect(stdout.writableLength).toBe(100_000);
  });

  test('a reader that resumes in time gets everything', async () => {
    const { io, stop, stdout } = stalledIo();
    void io.stdout.write(Buffer.alloc(100_000));
    stop(new Stop(EXIT.interrupted));
    void io.stdout.write('the end');
    stdout.release();
    await io.stdout.flush();
    expect(stdout.text.endsWith('the end')).toBe(true);
  });
});
