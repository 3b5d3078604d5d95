/** What the inspector gives as a file. */
import { once } from 'node:events';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { CaptureReader } from '../../../src/cli/capture/capture-reader.js';
import { sendDownload } from '../../../src/node/inspector/download.js';
import type { ConnectionEvent } from '../../../src/node/trace/events.js';
import { Browser, CC_TPDU, CR_TPDU, DT_TPDU, inspector, tpdu } from '../../support/inspector.js';
import { closeLater } from '../../support/life.js';
import { hex } from '../../support/raw.js';
import { PATIENT } from '../../support/until.js';

/** An inspector that has seen a whole connection. */
async function seen(): Promise<Browser> {
  const { url, feed } = await inspector();
  feed.tpdu(tpdu(CR_TPDU));
  feed.tpdu(tpdu(CC_TPDU, { direction: 'sent', time: 1_700_000_001_000 }));
  feed.tpdu(tpdu(DT_TPDU, { time: 1_700_000_002_000 }));
  const close = { event: 'close', how: 'reset', by: 'remote', time: 1_700_000_003_000 };
  feed.event({ ...tpdu(''), ...close } as unknown as ConnectionEvent);
  return Browser.open(url);
}

/** The TPDUs of a capture, with the senders and the whole of what is missing. */
function readCapture(file: Buffer) {
  const reader = new CaptureReader(file);
  const events = [...reader.push(file), ...reader.end()].filter(
    (event) => 'tpkt' in event || 'lost' in event,
  );
  return events.map((event) =>
    'lost' in event
      ? event.lost
      : [
          event.flow?.from,
          event.flow?.to,
          event.tpkt.subarray(4).toString('hex'),
          event.frame?.time,
        ],
  );
}

/** A download that the browser does not take until it asks for the rest. */
async function slowDownload(url: string) {
  const { base, cookie } = await Browser.open(url);
  const asked = request(`${base}/download?format=pcapng`, { headers: { cookie }, agent: false });
  closeLater(() => asked.destroy());
  asked.on('error', () => {});
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  const rest = async (): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    for await (const piece of response) {
      pieces.push(piece as Buffer);
    }
    return Buffer.concat(pieces);
  };
  return { asked, rest };
}

/** Lines of JSON. */
function linesOf(body: Buffer): unknown[] {
  return String(body)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

/** The other end of the connection of {@link tpdu}, in the same process. */
const CLIENT_END = {
  connection: 2,
  role: 'client',
  localAddr: { host: '127.0.0.1', port: 50_000 },
  remoteAddr: { host: '127.0.0.1', port: 1102 },
} as const;

/** A DT of 10000 octets whose data begins with a number. */
function numbered(number: number): Buffer {
  const octets = Buffer.alloc(10_000);
  octets.set(hex('02 f0 80'));
  octets.writeUInt32BE(number, 3);
  return octets;
}

const plain = (text: string) => hex(text).toString('hex');

describe('a download', () => {
  test('as pcapng is a capture whose server has port 102', async () => {
    const { status, headers, body } = await (await seen()).get('/download?format=pcapng');
    expect(status).toBe(200);
    expect(headers['content-disposition']).toMatch(
      /^attachment; filename="cotp-\d{8}T\d{6}Z\.pcapng"$/,
    );
    const [client, server] = ['127.0.0.1:50000', '127.0.0.1:102'];
    expect(readCapture(body)).toEqual([
      [client, server, plain(CR_TPDU), 1_700_000_000_000],
      [server, client, plain(CC_TPDU), 1_700_000_001_000],
      [client, server, plain(DT_TPDU), 1_700_000_002_000],
    ]);
  });

  test('as pcapng has the end of the connection, at its time', async () => {
    const { body } = await (await seen()).get('/download?format=pcapng');
    // The last packet, before the block of statistics: TCP flags RST and ACK.
    const blocks: Buffer[] = [];
    for (let at = 0; at < body.length; at += body.readUInt32LE(at + 4)) {
      blocks.push(body.subarray(at, at + body.readUInt32LE(at + 4)));
    }
    const last = blocks.at(-2) ?? Buffer.alloc(0);
    const time = last.readUInt32LE(12) * 2 ** 32 + last.readUInt32LE(16);
    expect([last[28 + 20 + 13], time]).toEqual([0x14, 1_700_000_003_000_000]);
  });

  test('as pcapng has a TPDU of a time before 1970, at the first time of the format', async () => {
    const { url, feed } = await inspector();
    feed.tpdu(tpdu(CR_TPDU, { time: -86_400_000 }));
    feed.tpdu(tpdu(CC_TPDU, { direction: 'sent' }));
    const { body } = await (await Browser.open(url)).get('/download?format=pcapng');
    expect(readCapture(body).map(([, , octets, time]) => [octets, time])).toEqual([
      [plain(CR_TPDU), 0],
      [plain(CC_TPDU), 1_700_000_000_000],
    ]);
  });

  test('as JSON lines has what the sink of JSON lines writes', async () => {
    const { headers, body } = await (await seen()).get('/download?format=jsonl');
    expect(headers['content-disposition']).toMatch(/\.jsonl"$/);
    const lines = String(body).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { connection: 1, role: 'server', direction: 'received', type: 'CR', octets: plain(CR_TPDU) },
      { type: 'CC', direction: 'sent', local: '127.0.0.1:1102', remote: '127.0.0.1:50000' },
      { type: 'DT', time: '2023-11-14T22:13:22.000000Z', octets: plain(DT_TPDU) },
    ]);
  });

  test.each(['pcapng', 'jsonl'])('as %s has no user data if it is redacted', async (format) => {
    const browser = await seen();
    const { headers, body } = await browser.get(`/download?format=${format}&redact=1`);
    expect(headers['content-disposition']).toContain('-redacted.');
    const text = body.toString(format === 'jsonl' ? 'latin1' : 'hex');
    expect(text).toContain('02f080000000000000');
    expect(text).not.toContain('736563726574');
    const { body: whole } = await browser.get(`/download?format=${format}&redact=0`);
    expect(whole.toString(format === 'jsonl' ? 'latin1' : 'hex')).toContain('736563726574');
  });

  test.each(['', '?format=', '?format=pcap', '?format=__proto__', '?format=jsonl&redact=yes'])(
    'is refused with the query "%s"',
    async (query) => {
      const { status, body } = await (await seen()).get(`/download${query}`);
      expect([status, String(body)]).toEqual([400, expect.stringContaining('format=pcapng')]);
    },
  );

  test('is made while the browser takes it, and waits for it', async () => {
    const { url, feed } = await inspector({ maxOctets: 64 * 1_048_576 });
    const octets = Buffer.concat([hex('02 f0 80'), Buffer.alloc(60_000)]);
    for (let i = 0; i < 500; i += 1) {
      feed.tpdu(tpdu(octets));
    }
    const { asked, rest } = await slowDownload(url);
    let before = -1;
    await expect
      .poll(() => {
        const isSame = asked.socket?.bytesRead === before;
        before = asked.socket?.bytesRead ?? 0;
        return isSame;
      }, PATIENT)
      .toBe(true);
    expect(before).toBeLessThan(20_000_000);
    // Rows that are added now are not in the file.
    feed.tpdu(tpdu(CR_TPDU));
    const tpdus = readCapture(await rest());
    expect(tpdus.length).toBe(500);
  });

  test('says how many TPDUs were forgotten while the browser took it', async () => {
    const { url, feed } = await inspector({ maxOctets: 8 * 1_048_576 });
    const octets = Buffer.concat([hex('02 f0 80'), Buffer.alloc(60_000)]);
    for (let i = 0; i < 120; i += 1) {
      feed.tpdu(tpdu(octets));
    }
    // The server has made what the system buffers, at most, when its answer is here.
    const { rest } = await slowDownload(url);
    for (let i = 0; i < 300; i += 1) {
      feed.tpdu(tpdu(octets));
    }
    const events = readCapture(await rest());
    const [, dropped] = /has dropped (\d+) packets/.exec(String(events.pop())) ?? [];
    expect(events.length + Number(dropped)).toBe(120);
    expect(Number(dropped)).toBeGreaterThan(0);
  });

  test('as pcapng has a connection with both ends in the process once, as the end that lacks less', async () => {
    const { url, feed } = await inspector();
    const client = (octets: string | Buffer) => tpdu(octets, { ...CLIENT_END, direction: 'sent' });
    feed.tpdu(client(CR_TPDU));
    feed.tpdu(tpdu(CR_TPDU));
    for (let i = 0; i < 60; i += 1) {
      feed.tpdu(client(numbered(i)));
    }
    // The server was busy: it has received them later.
    for (let i = 0; i < 60; i += 1) {
      feed.tpdu(tpdu(numbered(i)));
    }
    const { body } = await (await Browser.open(url)).get('/download?format=pcapng');
    // Of the client some rows were forgotten; the file lacks none, and does not say so.
    const numbers = readCapture(body)
      .slice(1)
      .map((event) => Number.parseInt(String(event[2]).slice(6, 14), 16));
    expect(numbers).toEqual(Array.from({ length: 60 }, (_, i) => i));
  });

  test('as pcapng counts a TPDU that is forgotten at both ends once', async () => {
    const { url, feed } = await inspector();
    feed.tpdu(tpdu(CR_TPDU, { ...CLIENT_END, direction: 'sent' }));
    feed.tpdu(tpdu(CR_TPDU));
    for (let i = 0; i < 200; i += 1) {
      feed.tpdu(tpdu(numbered(i), { ...CLIENT_END, direction: 'sent' }));
      feed.tpdu(tpdu(numbered(i)));
    }
    const { body } = await (await Browser.open(url)).get('/download?format=pcapng');
    const events = readCapture(body);
    const dropped = /has dropped (\d+) packets/.exec(String(events.pop()))?.[1];
    expect(Number(dropped)).toBeGreaterThan(0);
    expect(events.length + Number(dropped)).toBe(201);
  });

  test('as pcapng counts what only the end has that it leaves out', async () => {
    const { url, feed } = await inspector();
    const client = { ...CLIENT_END, direction: 'received' } as const;
    feed.tpdu(tpdu(CR_TPDU));
    feed.tpdu(tpdu(CC_TPDU, client));
    feed.tpdu(tpdu(DT_TPDU, client));
    feed.tpdu(tpdu(DT_TPDU));
    feed.tpdu(tpdu(DT_TPDU));
    const { body } = await (await Browser.open(url)).get('/download?format=pcapng');
    const events = readCapture(body);
    expect([events.length, String(events.at(-1))]).toEqual([
      4,
      expect.stringContaining('has dropped 2 packets'),
    ]);
  });

  test('as pcapng has two connections that have used the same ports one after the other', async () => {
    const { url, feed } = await inspector();
    feed.tpdu(tpdu(CR_TPDU));
    feed.event({
      ...tpdu(''),
      ...{ event: 'close', how: 'fin', by: 'remote' },
    } as unknown as ConnectionEvent);
    feed.tpdu(tpdu(CR_TPDU, { ...CLIENT_END, direction: 'sent' }));
    const { body } = await (await Browser.open(url)).get('/download?format=pcapng');
    expect(readCapture(body).length).toBe(2);
  });

  test.each(['pcapng', 'jsonl'])(
    'as %s has the CR and the CC of a connection whose other TPDUs were forgotten, and counts those',
    async (format) => {
      const { url, feed } = await inspector();
      feed.tpdu(tpdu(CR_TPDU));
      feed.tpdu(tpdu(CC_TPDU, { direction: 'sent' }));
      for (let i = 0; i < 200; i += 1) {
        feed.tpdu(tpdu(numbered(i)));
      }
      const { body } = await (await Browser.open(url)).get(`/download?format=${format}`);
      const found = format === 'jsonl' ? linesOf(body) : readCapture(body);
      const lost =
        format === 'jsonl'
          ? (found.pop() as { readonly lost: number }).lost
          : Number(/has dropped (\d+) packets/.exec(String(found.pop()))?.[1]);
      expect(lost).toBeGreaterThan(0);
      expect(found.length + lost).toBe(202);
      const first = found.slice(0, 2).map((each) => JSON.stringify(each));
      expect(first).toEqual([CR_TPDU, CC_TPDU].map((each) => expect.stringContaining(plain(each))));
    },
  );
});

/** A browser whose system takes every piece at once, and the turns of the event loop that passed while it did. */
class TakesAll extends Writable {
  turns = 0;
  pieces = 0;

  writeHead(): void {}

  setTimeout(): void {}

  override _write(_piece: Buffer, _encoding: string, done: () => void): void {
    this.pieces += 1;
    done();
  }
}

test('a download leaves a turn of the event loop between two pieces, however fast they are taken', async () => {
  const { feed } = await inspector();
  for (let count = 0; count < 500; count += 1) {
    feed.tpdu(tpdu(Buffer.concat([hex('02 f0 80'), Buffer.alloc(1_000)])));
  }
  const response = new TakesAll();
  let isDone = false;
  const count = () => {
    response.turns += 1;
    if (!isDone) {
      setImmediate(count);
    }
  };
  setImmediate(count);
  await sendDownload(feed, response as unknown as ServerResponse, {
    format: 'jsonl',
    redact: false,
    now: 0,
    pace: { downloads: 0, pauseOfDownload: () => 0 },
  });
  isDone = true;
  expect(response.pieces).toBeGreaterThan(5);
  expect(response.turns).toBeGreaterThanOrEqual(response.pieces - 1);
});
