/** 100,000 TPDUs: the page shows them soon, scrolls smoothly, and its document and memory stay small. */
import type { Browser, CDPSession } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cc, cr, dt } from '../inspector-page/rows.js';
import { Pair } from '../inspector-page/samples.js';
import { launch } from './browser.js';
import { OpenedPage } from './opened-page.js';

const TPDUS = 100_000;
/** TPDUs of one event, as the server sends them. */
const BATCH = 2000;

let browser: Browser;
let opened: OpenedPage;
let devTools: CDPSession;
/** Milliseconds from the first row that was sent to the last line. */
let took = 0;

beforeAll(async () => {
  browser = await launch();
  opened = await OpenedPage.open(browser);
  devTools = await opened.page.context().newCDPSession(opened.page);
  const pairs = Array.from({ length: 20 }, (_, i) => new Pair(opened.rows, i + 1));
  for (const pair of pairs) {
    pair.up(cr());
    pair.down(cc());
  }
  const batches = [opened.rows.take()];
  for (let i = 0; i < TPDUS; i += BATCH) {
    for (let j = 0; j < BATCH; j += 1) {
      const pair = pairs[j % pairs.length] as Pair;
      const payload = Buffer.alloc(40, i + j);
      const way = j % 2 === 0 ? 'fromClient' : 'fromServer';
      opened.rows[way](pair.client, dt(payload));
    }
    batches.push(opened.rows.take());
  }
  const since = performance.now();
  for (const batch of batches) {
    opened.send(batch);
  }
  await opened.page.waitForFunction(
    (count) => document.getElementById('count')?.innerText === count,
    `${(TPDUS + 40).toLocaleString('en-US')} lines`,
    { timeout: 60_000, polling: 50 },
  );
  took = performance.now() - since;
}, 120_000);

afterAll(async () => {
  await opened?.close();
  await browser?.close();
});

async function heapMegabytes(): Promise<number> {
  await devTools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devTools.send('Runtime.getHeapUsage');
  return usedSize / 1024 / 1024;
}

test('all are shown within 15 seconds', () => {
  console.log(`100,000 TPDUs were shown after ${Math.round(took)} ms`);
  expect(took).toBeLessThan(15_000);
});

test('the document has only the lines in sight', async () => {
  const nodes = await opened.page.evaluate(() => document.querySelectorAll('*').length);
  console.log(`${nodes} elements in the document`);
  expect(nodes).toBeLessThan(1500);
  expect(await opened.lines.count()).toBeLessThan(60);
});

test('the heap stays under 120 MB', async () => {
  const megabytes = await heapMegabytes();
  console.log(`${megabytes.toFixed(1)} MB of heap`);
  expect(megabytes).toBeLessThan(120);
});

test('scrolling through all takes less than three frames, in the median', async () => {
  const frames = await opened.page.evaluate(async () => {
    const list = document.getElementById('tpdu');
    const times: number[] = [];
    if (list !== null) {
      const step = list.scrollHeight / 100;
      list.scrollTop = 0;
      for (let i = 0; i < 100; i += 1) {
        const since = performance.now();
        list.scrollTop += step;
        await new Promise(requestAnimationFrame);
        // What was asked for in the frame is drawn when the next one begins.
        await new Promise(requestAnimationFrame);
        times.push((performance.now() - since) / 2);
      }
    }
    return times.sort((a, b) => a - b);
  });
  console.log(`scrolling: median ${frames[50]?.toFixed(1)} ms, p95 ${frames[95]?.toFixed(1)} ms`);
  expect(frames[50]).toBeLessThan(50);
});

test('the last line and the first are those that were sent', async () => {
  await opened.page.keyboard.press('G');
  await expect.poll(() => opened.selected()).toContain('DT');
  await opened.page.keyboard.press('g');
  await expect.poll(() => opened.selected()).toContain('CR');
});

test('a filter for octets is done within 3 seconds, and the page answers meanwhile', async () => {
  const since = performance.now();
  await opened.page.locator('#filter').fill('hex:07070707');
  await opened.page.waitForFunction(() =>
    /^[\d,]+ of 100,040 lines$/.test(document.getElementById('count')?.innerText ?? ''),
  );
  const milliseconds = performance.now() - since;
  console.log(`filter for octets: ${Math.round(milliseconds)} ms`);
  expect(milliseconds).toBeLessThan(3000);
});

test('a filter for text is done within 6 seconds', async () => {
  const since = performance.now();
  await opened.page.locator('#filter').fill('no such text');
  await opened.page.waitForFunction(
    () => document.getElementById('count')?.innerText === '0 of 100,040 lines',
  );
  const milliseconds = performance.now() - since;
  console.log(`filter for text: ${Math.round(milliseconds)} ms`);
  expect(milliseconds).toBeLessThan(6000);
});
