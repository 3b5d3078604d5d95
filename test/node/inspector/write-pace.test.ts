/** How much of the time of a process its browsers may take. */
import { expect, test, vi } from 'vitest';
import { WritePace, workMeter } from '../../../src/node/inspector/write-pace.js';

/** The part of the time that a browser takes which writes whenever it may. */
function share(work: number, browsers = 1): number {
  const pace = new WritePace(() => work);
  pace.browsers = browsers;
  return 2 / pace.pauseAfter(2);
}

test('a browser takes 3 % of the time of a busy process', () => {
  expect(share(1)).toBeCloseTo(0.03);
});

test('eight browsers take no more than one', () => {
  expect(share(1, 8) * 8).toBeCloseTo(0.03);
});

test('eight browsers take more where the longest pause is reached', () => {
  const pace = new WritePace(() => 1);
  pace.browsers = 8;
  expect((8 * 10) / pace.pauseAfter(10)).toBeCloseTo(0.08);
});

test('all downloads together take half of the time', () => {
  const pace = new WritePace(() => 1);
  pace.downloads = 1;
  expect(2 / (2 + pace.pauseOfDownload(2))).toBeCloseTo(0.5);
  pace.downloads = 4;
  expect((4 * 2) / (2 + pace.pauseOfDownload(2))).toBeCloseTo(0.5);
});

test('a download of a file that is only shown does not wait', () => {
  expect(new WritePace().pauseOfDownload(2)).toBe(0);
});

test('browsers of a process that is mostly idle take at most a quarter', () => {
  expect(share(0.1)).toBeCloseTo(0.25);
});

test('the writes to browsers are not what keeps a process busy', () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000);
  try {
    const pace = new WritePace(() => 0.25);
    pace.browsers = 1;
    pace.pauseAfter(2);
    clock.mockReturnValue(2_000);
    expect(200 / pace.pauseAfter(200)).toBeCloseTo(0.25);
    clock.mockReturnValue(3_000);
    expect(2 / pace.pauseAfter(2)).toBeCloseTo(0.03);
  } finally {
    clock.mockRestore();
  }
});

test('a file is written to a browser more often than what is live', () => {
  expect([new WritePace().interval, new WritePace(() => 0).interval]).toEqual([10, 50]);
});

test('no pause is longer than a second', () => {
  expect(new WritePace(() => 1).pauseAfter(500)).toBe(1000);
});

test('work is measured since the last call', () => {
  const work = workMeter();
  const end = performance.now() + 20;
  while (performance.now() < end) {
    // Works.
  }
  expect(work()).toBeGreaterThan(0.9);
});
