/** The events that browsers get from an inspector. */
import { describe, expect, test } from 'vitest';
import type { Row } from '../../../src/node/inspector/rows.js';
import { Browser, CR_TPDU, DT_TPDU, inspector, tpdu } from '../../support/inspector.js';
import { PATIENT } from '../../support/until.js';

const is = (seq: number) => (row: Row) => row.seq === seq;
const seqs = (rows: readonly Row[]) => rows.map(({ seq }) => seq);

describe('a browser', () => {
  test('is first told what it sees', async () => {
    const { url } = await inspector({ source: 'proxy', target: '10.0.0.5:102', redact: true });
    const events = await (await Browser.open(url)).watch();
    expect(await events.hello()).toEqual({
      ...{ source: 'proxy', title: 'a test', target: '10.0.0.5:102' },
      ...{ isLive: true, isRedacted: true, maxOctets: 1_048_576 },
    });
  });

  test('gets the rows that there are, and those that come', async () => {
    const { url, feed } = await inspector();
    feed.tpdu(tpdu(CR_TPDU));
    const events = await (await Browser.open(url)).watch();
    await events.hello();
    expect(seqs(await events.rowsUntil(is(2)))).toEqual([1, 2]);
    feed.tpdu(tpdu(DT_TPDU));
    expect(seqs(await events.rowsUntil(is(3)))).toEqual([3]);
    expect(events.lastId).toBe('3');
  });

  test('gets what follows its Last-Event-ID', async () => {
    const { url, feed } = await inspector();
    for (let i = 0; i < 5; i += 1) {
      feed.tpdu(tpdu(DT_TPDU));
    }
    const events = await (await Browser.open(url)).watch({ 'last-event-id': '4' });
    await events.hello();
    expect(seqs(await events.rowsUntil(is(6)))).toEqual([5, 6]);
  });

  test.each(['-1', '1e400', 'x', '7', '99'])(
    'gets all rows if its Last-Event-ID "%s" cannot be from here',
    async (id) => {
      const { url, feed } = await inspector();
      for (let i = 0; i < 5; i += 1) {
        feed.tpdu(tpdu(DT_TPDU));
      }
      const events = await (await Browser.open(url)).watch({ 'last-event-id': id });
      await events.hello();
      expect(seqs(await events.rowsUntil(is(6)))).toEqual([1, 2, 3, 4, 5, 6]);
    },
  );

  test('that does not read loses rows, learns which, and holds no memory', async () => {
    const { url, feed } = await inspector();
    const events = await (await Browser.open(url)).watch();
    await events.hello();
    events.response.pause();
    const octets = Buffer.concat([Buffer.from([2, 0xf0, 0x80]), Buffer.alloc(60_000)]);
    feed.tpdu(tpdu(CR_TPDU));
    let written = 0;
    const { socket } = events.response;
    // Until nothing more arrives: what the system buffers is full.
    await expect
      .poll(() => {
        for (let i = 0; i < 100; i += 1) {
          feed.tpdu(tpdu(octets));
        }
        const before = written;
        written = socket.bytesRead;
        return written > 0 && written === before && feed.store.nextSeq > 1000;
      }, PATIENT)
      .toBe(true);
    expect(feed.store.octets).toBeLessThanOrEqual(1_048_576);
    const last = feed.store.nextSeq - 1;
    const rows = await events.rowsUntil(is(last));
    const lost = rows.filter((row) => row.kind === 'lost');
    expect(lost.length).toBeGreaterThan(0);
    const missing = lost.flatMap(({ from, seq }) =>
      Array.from({ length: seq - from }, (_, i) => from + i),
    );
    expect(new Set([...seqs(rows), ...missing]).size).toBe(last);
  });

  test('gets the event end when no more will come', async () => {
    const started = await inspector();
    const events = await (await Browser.open(started.url)).watch();
    await events.hello();
    started.feed.tpdu(tpdu(DT_TPDU));
    started.end();
    await events.rowsUntil(is(2));
    expect(await events.next()).toEqual({ event: 'end', id: undefined, data: '' });
  });

  test('that comes after the end gets all rows, and the event end too', async () => {
    const started = await inspector();
    started.feed.tpdu(tpdu(DT_TPDU));
    started.end();
    const events = await (await Browser.open(started.url)).watch();
    expect(await events.hello()).toMatchObject({ isLive: false });
    await events.rowsUntil(is(2));
    expect(await events.next()).toMatchObject({ event: 'end' });
  });

  test('gets the last rows and the end when the inspector closes', async () => {
    const started = await inspector();
    const events = await (await Browser.open(started.url)).watch();
    await events.hello();
    started.feed.tpdu(tpdu(DT_TPDU));
    const closed = started.close();
    expect(seqs(await events.rowsUntil(is(2)))).toEqual([1, 2]);
    expect(await events.next()).toMatchObject({ event: 'end' });
    await closed;
    await expect(Browser.open(started.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('that does not read does not keep the inspector from closing', async () => {
    const started = await inspector();
    const events = await (await Browser.open(started.url)).watch();
    events.response.pause();
    for (let i = 0; i < 1000; i += 1) {
      started.feed.tpdu(tpdu(Buffer.alloc(1000, 0xf0)));
    }
    await started.close();
  });
});

describe('eight browsers', () => {
  test('can watch; a ninth is refused until one leaves', async () => {
    const { url } = await inspector();
    const browser = await Browser.open(url);
    const all = await Promise.all(Array.from({ length: 8 }, () => browser.watch()));
    const { status, body } = await browser.get('/events');
    expect([status, String(body)]).toEqual([503, expect.stringContaining('At most 8 browsers')]);
    all[0]?.response.destroy();
    await expect
      .poll(async () => {
        const { response } = await browser.watch();
        return response.statusCode;
      }, PATIENT)
      .toBe(200);
  });

  test('all get the same rows', async () => {
    const { url, feed } = await inspector();
    const browser = await Browser.open(url);
    const all = await Promise.all(Array.from({ length: 8 }, () => browser.watch()));
    feed.tpdu(tpdu(CR_TPDU));
    const rows = await Promise.all(all.map((events) => events.rowsUntil(is(2))));
    expect(new Set(rows.map((each) => JSON.stringify(each))).size).toBe(1);
  });
});
