/** What the inspector gives as a file. */
import { once } from 'node:events';
import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { CaptureReader } from '../../../src/cli/capture/capture-reader.js';
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
  return [...reader.push(file), ...reader.end()].map((event) =>
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
    const { base, cookie } = await Browser.open(url);
    const asked = request(`${base}/download?format=pcapng`, {
      headers: { cookie },
      agent: false,
    });
    closeLater(() => asked.destroy());
    asked.on('error', () => {});
    asked.end();
    const [response] = await once(asked, 'response');
    response.on('error', () => {});
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
    const pieces: Buffer[] = [];
    for await (const piece of response) {
      pieces.push(piece as Buffer);
    }
    const tpdus = readCapture(Buffer.concat(pieces));
    expect(tpdus.length).toBe(500);
  });

  test('says how many TPDUs were forgotten while the browser took it', async () => {
    const { url, feed } = await inspector({ maxOctets: 8 * 1_048_576 });
    const octets = Buffer.concat([hex('02 f0 80'), Buffer.alloc(60_000)]);
    for (let i = 0; i < 120; i += 1) {
      feed.tpdu(tpdu(octets));
    }
    const { base, cookie } = await Browser.open(url);
    const asked = request(`${base}/download?format=pcapng`, {
      headers: { cookie },
      agent: false,
    });
    closeLater(() => asked.destroy());
    asked.end();
    // The server has made what the system buffers, at most, when its answer is here.
    const [response] = await once(asked, 'response');
    for (let i = 0; i < 300; i += 1) {
      feed.tpdu(tpdu(octets));
    }
    const pieces: Buffer[] = [];
    for await (const piece of response) {
      pieces.push(piece as Buffer);
    }
    const events = readCapture(Buffer.concat(pieces));
    const [, dropped] = /has dropped (\d+) packets/.exec(String(events.pop())) ?? [];
    expect(events.length + Number(dropped)).toBe(120);
    expect(Number(dropped)).toBeGreaterThan(0);
  });
});
