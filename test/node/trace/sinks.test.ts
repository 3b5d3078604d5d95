import { createWriteStream } from 'node:fs';
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decode } from '../../../src/core/tpdu/index.js';
import {
  connect,
  jsonLinesSink,
  pcapngSink,
  type SinkOptions,
  type TraceEntry,
  type TraceListener,
  type TraceSink,
  textSink,
} from '../../../src/index.js';
import { pcapngFiles } from '../../../src/node/trace/pcapng.js';
import type { Sink } from '../../../src/node/trace/sink.js';
import { memoryHeld } from '../../support/growth.js';
import { closeLater, pair, rawServer, rejection } from '../../support/life.js';
import { hex, tpkt } from '../../support/raw.js';
import { PATIENT } from '../../support/until.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cotp-trace-'));
  closeLater(() => rm(folder, { recursive: true, force: true }));
});

/** A connection over which that goes, seen by the listener at the client. */
async function exchange(trace: TraceListener, ...tsdus: readonly Buffer[]): Promise<void> {
  const { client, peer } = await pair({ name: 'line 1', remoteTsel: 0x0102, trace });
  for (const tsdu of tsdus) {
    client.write(tsdu);
    await peer.read();
  }
  await Promise.all([client.asyncClose(), peer.asyncClose()]);
}

/** A TPDU that a peer sends and that is none. */
async function garbage(trace: TraceListener): Promise<void> {
  const server = await rawServer();
  const connecting = connect(server.address, { trace });
  (await server.accept()).send(tpkt('02 90 80 01'));
  await rejection(connecting);
}

describe('textSink', () => {
  test('writes a line a TPDU', async () => {
    const path = join(folder, 'trace.log');
    const sink = textSink(path);
    await exchange(sink.trace, hex('01'));
    await sink.close();
    const [request = '', , data = ''] = (await readFile(path, 'utf8')).split('\n');
    expect(request).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z #\d+ line 1 > 127\.0\.0\.1:\d+ CR TPDU src-ref: 0x\w{4} /,
    );
    expect(data).toMatch(/ DT TPDU \(0\) EOT 1 octet$/);
  });

  test('writes to a stream and leaves it open', async () => {
    const stream = new PassThrough();
    const sink = textSink(stream);
    await exchange(sink.trace, hex('01'));
    await sink.close();
    expect(stream.writableEnded).toBe(false);
    expect(String(stream.read()).split('\n').length).toBe(4);
    expect(stream.listenerCount('error')).toBe(0);
  });

  test('is disposable', async () => {
    const path = join(folder, 'trace.log');
    const sink = textSink(path);
    await exchange(sink.trace);
    await sink[Symbol.asyncDispose]();
    expect(await readFile(path, 'utf8')).toContain('CC TPDU');
  });
});

describe('jsonLinesSink', () => {
  test('writes an object a TPDU, under the keys that are documented', async () => {
    const path = join(folder, 'trace.jsonl');
    const sink = jsonLinesSink(path);
    await exchange(sink.trace, hex('3201'));
    await garbage(sink.trace);
    await sink.close();
    const lines = (await readFile(path, 'utf8')).trim().split('\n');
    const objects = lines.map((line) => JSON.parse(line) as { readonly time: string });
    expect(Object.keys(objects[0] ?? {})).toEqual(
      'time connection name role direction local remote length octets type tpdu diagnostics'.split(
        ' ',
      ),
    );
    expect(objects[0]).toMatchObject({
      name: 'line 1',
      role: 'client',
      direction: 'sent',
      type: 'CR',
      tpdu: { dstRef: 0, parameters: { calledTsel: '0x0102', tpduSize: 2048 }, userDataLength: 0 },
      diagnostics: [],
    });
    expect(objects[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(objects[2]).toMatchObject({ type: 'DT', octets: '02f0803201', length: 5 });
    expect(objects[4]).toMatchObject({
      octets: '02908001',
      error: { code: 'ERR_COTP_PROTOCOL', fault: 'tpdu-code', octet: 2 },
    });
  });
});

describe('redact', () => {
  test.each([
    ['text', textSink],
    ['JSON lines', jsonLinesSink],
    ['pcapng', pcapngSink],
  ] as const)('keeps user data out of %s and lengths in it', async (_name, sinkOf) => {
    const secret = Buffer.from('secret words');
    const path = join(folder, 'trace');
    const sink = sinkOf(path, { redact: true });
    const { client, peer } = await pair(
      { trace: sink.trace, connectData: secret },
      { onConnectRequest: (request) => request.accept({ connectData: secret }) },
    );
    client.write(secret);
    expect(await peer.read()).toEqual(secret);
    await Promise.all([client.asyncClose(), peer.asyncClose()]);
    // A fault is described in words, which quote octets.
    await garbageWith(sink, secret);
    await sink.close();
    const written = await readFile(path);
    expect(written.length).toBeGreaterThan(100);
    expect(written.includes(secret)).toBe(false);
    expect(written.includes(secret.toString('hex'))).toBe(false);
    expect(written.includes(secret.toString('hex').replace(/..(?!$)/g, '$& '))).toBe(false);
  });

  /** TPDUs that are none, and an ER that quotes one. */
  async function garbageWith(sink: TraceSink, secret: Buffer): Promise<void> {
    const quoted = Buffer.concat([hex('02 f0 80'), secret]);
    const er = Buffer.concat([
      hex(`${(6 + quoted.length).toString(16).padStart(2, '0')} 70 0001 03 c1`),
      Buffer.of(quoted.length),
      quoted,
    ]);
    const none = Buffer.concat([hex('02 90 80'), secret]);
    const short = Buffer.concat([hex('ff f0'), secret]);
    for (const tpdu of [er, none, short]) {
      const server = await rawServer();
      const connecting = connect(server.address, { trace: sink.trace });
      (await server.accept()).send(tpkt(tpdu.toString('hex')));
      await rejection(connecting);
    }
  }
});

describe('rotation', () => {
  test('begins a new file before the limit and keeps so many', async () => {
    const path = join(folder, 'trace.jsonl');
    const sink = jsonLinesSink(path, { maxFileSize: 4096, maxFiles: 3 });
    await exchange(sink.trace, ...Array.from({ length: 60 }, () => Buffer.alloc(100, 1)));
    await sink.close();
    expect((await readdir(folder)).sort()).toEqual([
      'trace.1.jsonl',
      'trace.2.jsonl',
      'trace.jsonl',
    ]);
    const texts = await Promise.all(
      ['trace.2.jsonl', 'trace.1.jsonl', 'trace.jsonl'].map((name) =>
        readFile(join(folder, name), 'utf8'),
      ),
    );
    for (const text of texts) {
      expect(text.length).toBeLessThanOrEqual(4096);
    }
    // What is left are the last lines, all of them whole and in order.
    const lines = texts.join('').trim().split('\n');
    const times = lines.map((line) => (JSON.parse(line) as { time: string }).time);
    expect(times).toEqual([...times].sort());
    expect(times.length).toBeGreaterThan(15);
    expect(sink.dropped).toBe(0);
  });

  test('never cuts a TPDU, however small the limit', async () => {
    const path = join(folder, 'trace.pcapng');
    const sink = pcapngSink(path, { maxFileSize: 4096, maxFiles: 2 });
    const entries: TraceEntry[] = [];
    await exchange((entry) => entries.push(entry), Buffer.alloc(6000));
    for (const entry of entries) {
      sink.trace(entry);
    }
    await sink.close();
    expect(sink.dropped).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(['trace.1.pcapng', 'trace.pcapng']);
  });

  test('keeps connections from one client port to two servers apart, with one serverPort', async () => {
    const path = join(folder, 'trace.pcapng');
    const sink = pcapngSink(path, { serverPort: 102 });
    for (const [connection, port] of [
      [1, 102],
      [2, 103],
      [3, 104],
    ] as const) {
      const localAddr = { host: '10.0.0.1', port: 50_000 };
      const remoteAddr = { host: '10.0.0.2', port };
      sink.trace({ ...entryOf(connection), localAddr, remoteAddr });
    }
    await sink.close();
    expect(sink.dropped).toBe(0);
    expect(conversations(await readFile(path))).toEqual([
      '10.0.0.1:50000 10.0.0.2:102',
      '10.0.0.1:49154 10.0.0.2:102',
      '10.0.0.1:49155 10.0.0.2:102',
    ]);
  });

  test('counts the packets that each file has', async () => {
    const sink = pcapngSink(join(folder, 'trace.pcapng'), { maxFileSize: 4096, maxFiles: 3 });
    await exchange(sink.trace, ...Array.from({ length: 60 }, () => Buffer.alloc(100, 1)));
    await sink.close();
    const files = pcapngFiles(sink);
    const names = ['trace.pcapng', 'trace.1.pcapng', 'trace.2.pcapng'];
    expect(files.map(({ path }) => path)).toEqual(names.map((name) => join(folder, name)));
    for (const { path = '', packets } of files) {
      expect(packetBlocks(await readFile(path))).toBe(packets);
    }
  });

  const TWO_FILES = { maxFileSize: 4096, maxFiles: 2 };
  const MANY = Array.from({ length: 60 }, () => Buffer.alloc(100, 1));

  test('never renames a device, nor a link to one', async () => {
    const link = join(folder, 'trace.pcapng');
    await symlink('/dev/null', link);
    const sink = pcapngSink(link, TWO_FILES);
    await exchange(sink.trace, ...MANY);
    await sink.close();
    expect([sink.error, sink.dropped]).toEqual([undefined, 0]);
    expect(await readdir(folder)).toEqual(['trace.pcapng']);
    expect(await readlink(link)).toBe('/dev/null');
    expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true);
    expect(pcapngFiles(sink).map(({ path }) => path)).toEqual(['/dev/null']);
    expect(pcapngFiles(sink)[0]?.packets).toBeGreaterThan(60);
  });

  test('renames the file behind a symbolic link, not the link', async () => {
    const link = join(folder, 'trace.jsonl');
    await symlink(join(folder, 'real.jsonl'), link);
    const sink = jsonLinesSink(link, TWO_FILES);
    await exchange(sink.trace, ...MANY);
    await sink.close();
    expect(sink.error).toBeUndefined();
    expect((await readdir(folder)).sort()).toEqual(['real.1.jsonl', 'real.jsonl', 'trace.jsonl']);
    expect(await readlink(link)).toBe(join(folder, 'real.jsonl'));
  });

  test('replaces nothing but regular files', async () => {
    await mkdir(join(folder, 'trace.1.jsonl'));
    const sink = jsonLinesSink(join(folder, 'trace.jsonl'), TWO_FILES);
    await exchange(sink.trace, ...MANY);
    await sink.close();
    expect(sink.error?.message).toMatch(/trace\.1\.jsonl is no regular file, so no trace file/);
    expect((await readdir(folder)).sort()).toEqual(['trace.1.jsonl', 'trace.jsonl']);
  });

  test('leaves files alone that are older than the first free name', async () => {
    const older = join(folder, 'trace.4.jsonl');
    await writeFile(older, 'of another trace');
    await mkdir(join(folder, 'trace.5.jsonl'));
    const sink = jsonLinesSink(join(folder, 'trace.jsonl'), {
      maxFileSize: 4096,
      maxFiles: 10_000,
    });
    await exchange(sink.trace, ...Array.from({ length: 12 }, () => Buffer.alloc(100, 1)));
    await sink.close();
    expect(sink.error).toBeUndefined();
    expect((await readdir(folder)).sort()).toEqual([
      'trace.1.jsonl',
      'trace.4.jsonl',
      'trace.5.jsonl',
      'trace.jsonl',
    ]);
    expect(await readFile(older, 'utf8')).toBe('of another trace');
  });

  test('counts the lines that each file has', async () => {
    const path = join(folder, 'trace.jsonl');
    const sink = jsonLinesSink(path, { maxFileSize: 4096, maxFiles: 2 }) as Sink;
    await exchange(sink.trace, ...Array.from({ length: 60 }, () => Buffer.alloc(100, 1)));
    await sink.close();
    expect(sink.written).toHaveLength(2);
    for (const { path: file = '', packets } of sink.written) {
      expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(packets);
    }
  });
});

/** The client and the server of each conversation of a pcapng file, by its SYN without ACK. */
function conversations(file: Buffer): string[] {
  const SYN_FLAGS = 0x02;
  return ipPackets(file)
    .filter((packet) => packet[20 + 13] === SYN_FLAGS)
    .map((packet) => {
      const end = (ip: number, port: number) =>
        `${packet.subarray(ip, ip + 4).join('.')}:${packet.readUInt16BE(port)}`;
      return `${end(12, 20)} ${end(16, 22)}`;
    });
}

/** The packets in the enhanced packet blocks of a pcapng file. */
function ipPackets(file: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
    if (file.readUInt32LE(at) === 6) {
      packets.push(file.subarray(at + 28, at + 28 + file.readUInt32LE(at + 20)));
    }
  }
  return packets;
}

/** How many enhanced packet blocks a pcapng file has. */
function packetBlocks(file: Buffer): number {
  return ipPackets(file).length;
}

describe('a sink in trouble', () => {
  const sinks = [textSink, jsonLinesSink, pcapngSink] as const;

  test.each(sinks)('%o tells once of a file that cannot be written', async (sinkOf) => {
    const errors: Error[] = [];
    const sink = sinkOf(join(folder, 'no such folder', 'trace'), {
      onError: (error) => errors.push(error),
    });
    await exchange(sink.trace, hex('01'));
    await exchange(sink.trace, hex('02'));
    await sink.close();
    await sink.close();
    expect(errors).toMatchObject([{ code: 'ENOENT' }]);
    expect(sink.error).toBe(errors[0]);
    expect(sink.dropped).toBe(6);
  });

  test.runIf(process.platform === 'linux')('a full disk ends it and no connection', async () => {
    const errors: Error[] = [];
    const sink = pcapngSink('/dev/full', { onError: (error) => errors.push(error) });
    await exchange(sink.trace, hex('01'), hex('02'));
    await sink.close();
    expect(errors).toMatchObject([{ code: 'ENOSPC' }]);
  });

  /** Traces four TPDUs, and closes the sink. */
  async function fourTpdus(sink: TraceSink): Promise<void> {
    for (const connection of [1, 2, 3, 4]) {
      sink.trace(entryOf(connection));
    }
    await sink.close();
  }

  test.each(sinks)(
    '%o counts the TPDUs that were not written, and nothing else',
    async (sinkOf) => {
      const nowhere = join(folder, 'no such folder', 'trace');
      const sink = sinkOf(nowhere);
      await fourTpdus(sink);
      expect(sink.dropped).toBe(4);
      const empty = sinkOf(nowhere);
      await empty.close();
      expect([empty.error, empty.dropped]).toMatchObject([{ code: 'ENOENT' }, 0]);
    },
  );

  test.each(sinks)('%o counts neither the starts nor the ends of files', async (sinkOf) => {
    await mkdir(join(folder, 'trace.1'));
    const sink = sinkOf(join(folder, 'trace'), { maxFileSize: 4096, maxFiles: 2 });
    const count = 200;
    for (let connection = 1; connection <= count; connection += 1) {
      sink.trace(entryOf(connection));
    }
    await sink.close();
    expect(sink.error?.message).toMatch('trace.1 is no regular file');
    const written = tpdusIn(await readFile(join(folder, 'trace')));
    expect(written).toBeGreaterThan(0);
    expect(sink.dropped).toBe(count - written);
  });

  test.runIf(process.platform === 'linux').each(sinks)(
    '%o counts the TPDUs that a full disk has not taken',
    async (sinkOf) => {
      for (const full of ['/dev/full', createWriteStream('/dev/full')]) {
        const sink = sinkOf(full);
        await fourTpdus(sink);
        expect([sink.error, sink.dropped]).toMatchObject([{ code: 'ENOSPC' }, 4]);
      }
    },
  );

  test('counts what waits in a stream that is destroyed', async () => {
    const stalled = new Writable({ write() {} });
    const sink = textSink(stalled);
    sink.trace(entryOf(1));
    sink.trace(entryOf(2));
    stalled.destroy();
    sink.trace(entryOf(3));
    await sink.close();
    expect(sink.dropped).toBe(3);
  });

  const DEAD: readonly (readonly [string, (stream: Writable) => void])[] = [
    ['destroyed', (stream) => stream.destroy()],
    ['ended', (stream) => stream.end()],
  ];
  const message = 'the stream was destroyed or has ended';

  test.each(DEAD)('a stream that was %s before is reported once', async (_what, end) => {
    const errors: Error[] = [];
    const stream = new PassThrough().resume();
    end(stream);
    const sink = textSink(stream, { onError: (error) => errors.push(error) });
    await fourTpdus(sink);
    expect(errors).toMatchObject([{ message }]);
    expect([sink.error, sink.dropped]).toEqual([errors[0], 4]);
  });

  test.each(DEAD)('a stream that is %s meanwhile is reported once', async (_what, end) => {
    const errors: Error[] = [];
    const stream = new PassThrough().resume();
    const sink = textSink(stream, { onError: (error) => errors.push(error) });
    sink.trace(entryOf(1));
    end(stream);
    await fourTpdus(sink);
    expect(errors).toMatchObject([{ message }]);
    expect([sink.error, sink.dropped]).toEqual([errors[0], 4]);
  });

  test.each(DEAD)('a stream that was %s is reported by close()', async (_what, end) => {
    const stream = new PassThrough().resume();
    const sink = textSink(stream);
    end(stream);
    await sink.close();
    expect(sink.error?.message).toBe(message);
    expect(sink.dropped).toBe(0);
  });

  test('drops what a slow stream does not take, and counts it', async () => {
    const slow = new Writable({ write() {} });
    const sink = jsonLinesSink(slow, { maxBuffered: 65_536 });
    await exchange(sink.trace, Buffer.alloc(40_000), Buffer.alloc(40_000), Buffer.alloc(40_000));
    expect(sink.dropped).toBeGreaterThan(0);
    expect(slow.writableLength).toBeLessThanOrEqual(65_536);
    slow.destroy();
    await sink.close();
  });

  test('a stream that breaks is reported, and counts as closed', async () => {
    const errors: Error[] = [];
    const broken = new Writable({
      write(_chunk, _encoding, done) {
        done(new Error('broken'));
      },
    });
    const sink = textSink(broken, { onError: (error) => errors.push(error) });
    await exchange(sink.trace, hex('01'));
    await sink.close();
    expect(errors).toMatchObject([{ message: 'broken' }]);
  });

  /** Resolves when the stream has emitted `close`, without a listener for its errors. */
  function closedOf(stream: Writable): Promise<void> {
    return new Promise((resolve) => {
      stream.once('close', resolve);
    });
  }

  test.runIf(process.platform === 'linux')(
    'a file stream on a full disk is reported, though it tells so only after it has closed',
    async () => {
      const errors: Error[] = [];
      const full = createWriteStream('/dev/full');
      const closed = closedOf(full);
      const sink = textSink(full, { onError: (error) => errors.push(error) });
      sink.trace(entryOf(1));
      await sink.close();
      expect(errors).toMatchObject([{ code: 'ENOSPC' }]);
      expect(sink.error).toBe(errors[0]);
      await closed;
      expect(errors).toHaveLength(1);
      expect(full.listenerCount('error')).toBe(0);
    },
  );

  test('a stream that tells of its failure only when it is destroyed ends no process', async () => {
    const errors: Error[] = [];
    let destroy: () => void = () => {};
    const broken = new Writable({
      write(_chunk, _encoding, done) {
        setImmediate(done, new Error('broken'));
      },
      destroy(error, done) {
        destroy = () => done(error);
      },
    });
    const sink = textSink(broken, { onError: (error) => errors.push(error) });
    sink.trace(entryOf(1));
    await sink.close();
    expect(errors).toMatchObject([{ message: 'broken' }]);
    expect(broken.listenerCount('error')).toBe(1);
    const closed = closedOf(broken);
    destroy();
    await closed;
    expect(broken.listenerCount('error')).toBe(0);
    expect(errors).toHaveLength(1);
  });

  test('a listener that throws harms nobody', async () => {
    const onError = () => {
      throw new Error('from the listener');
    };
    const sink = textSink(join(folder, 'no such folder', 'trace'), { onError });
    await exchange(sink.trace, hex('01'));
    await sink.close();
    expect(sink.error).toBeDefined();
  });

  test('takes nothing after it was closed', async () => {
    const path = join(folder, 'trace.log');
    const sink = textSink(path);
    await sink.close();
    await exchange(sink.trace, hex('01'));
    expect(await readFile(path, 'utf8')).toBe('');
    expect(sink.dropped).toBe(3);
  });
});

describe('options of a sink', () => {
  const bad: readonly (readonly [unknown, object, string])[] = [
    [7, {}, 'destination must be a path or a writable stream, not 7'],
    ['', {}, "destination must be a string that is not empty, not ''"],
    ['x', { redact: 1 }, 'options.redact must be true or false, not 1'],
    ['x', { maxFileSize: 1 }, 'options.maxFileSize must be an integer 4096 to'],
    ['x', { maxfiles: 2 }, 'options.maxfiles is not known; did you mean maxFiles?'],
    ['x', { onError: 'me' }, "options.onError must be a function, not 'me'"],
  ];
  test.each(bad)('%o %o', (destination, options, message) => {
    for (const sinkOf of [textSink, jsonLinesSink, pcapngSink]) {
      expect(() => sinkOf(destination as string, options as SinkOptions)).toThrow(message);
    }
  });
});

describe('onError of a sink', () => {
  test.each<[string, () => unknown]>([
    ['rejects', () => Promise.reject(new Error('of the listener'))],
    [
      'returns a thenable that throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: the callback must return a faulty thenable
        then: () => {
          throw new Error('of the listener');
        },
      }),
    ],
  ])('that %s is called once and harms nobody', async (_what, fail) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    closeLater(() => process.off('unhandledRejection', unhandled));
    const onError = vi.fn(fail);
    const sink = textSink(join(folder, 'no such folder', 'trace'), {
      onError: onError as () => void,
    });
    await exchange(sink.trace, hex('01'));
    await sink.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(onError).toHaveBeenCalledTimes(1);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('a stream whose _write throws', () => {
  /** It takes so many writes before. */
  function throwing(after: number): Writable {
    let taken = 0;
    return new Writable({
      write(_chunk, _encoding, done) {
        if (taken >= after) {
          throw new Error('of the stream');
        }
        taken += 1;
        done();
      },
    });
  }

  test.each([
    ['at the preamble', 0],
    ['at a TPDU', 1],
    ['at the end', 6],
  ])('%s ends the sink and nothing else', async (_when, after) => {
    const errors: Error[] = [];
    const sink = pcapngSink(throwing(after), { onError: (error) => errors.push(error) });
    await exchange(sink.trace, hex('01'));
    await sink.close();
    expect(errors).toMatchObject([{ message: 'of the stream' }]);
    expect(sink.error).toBe(errors[0]);
  });
});

describe('close() while the destination is stalled', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    vi.spyOn(performance, 'now').mockImplementation(() => Date.now());
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  test.each([textSink, pcapngSink])(
    '%o ends after 5000 ms, with an error that says so',
    async (sinkOf) => {
      const errors: Error[] = [];
      const sink = sinkOf(new Writable({ write() {} }), { onError: (error) => errors.push(error) });
      sink.trace(entryOf(1));
      const closing = sink.close();
      const closed = vi.fn();
      void closing.then(closed);
      await vi.advanceTimersByTimeAsync(4_990);
      expect(closed).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(20);
      await closing;
      expect(errors).toMatchObject([
        { code: 'ERR_COTP_TIMEOUT', message: expect.stringContaining('within 5000 ms') },
      ]);
      expect(sink.error).toBe(errors[0]);
    },
  );

  test('a stream that recovers later still gets everything', async () => {
    const taken: string[] = [];
    let proceed: () => void = () => {};
    const stream = new Writable({
      write(chunk, _encoding, done) {
        taken.push(String(chunk));
        proceed = done;
      },
    });
    const sink = textSink(stream);
    sink.trace(entryOf(1));
    sink.trace(entryOf(2));
    const closing = sink.close();
    await vi.advanceTimersByTimeAsync(5_010);
    await closing;
    proceed();
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken.map((line) => line.includes('#1') || line.includes('#2'))).toEqual([true, true]);
  });

  test('one that takes what it gets in time is closed without an error', async () => {
    const sink = textSink(new PassThrough());
    sink.trace(entryOf(1));
    await sink.close();
    expect(sink.error).toBeUndefined();
  });
});

describe('a pcapng sink that writes nothing more keeps nothing of connections', () => {
  const CONNECTIONS = 20_000;

  test.each<[string, () => Promise<TraceSink>]>([
    [
      'closed',
      async () => {
        const sink = pcapngSink(new PassThrough().resume());
        await sink.close();
        return sink;
      },
    ],
    [
      'failed',
      async () => {
        const sink = pcapngSink(join(folder, 'no such folder', 'trace'));
        await vi.waitUntil(() => sink.error !== undefined, PATIENT);
        return sink;
      },
    ],
    [
      'its stream was destroyed',
      async () => {
        const stream = new PassThrough();
        const sink = pcapngSink(stream);
        stream.destroy();
        return sink;
      },
    ],
  ])('%s', async (_why, make) => {
    const sink = await make();
    closeLater(() => sink.close());
    sink.trace(entryOf(0));
    const { dropped } = sink;
    const before = await memoryHeld();
    for (let i = 1; i <= CONNECTIONS; i += 1) {
      sink.trace(entryOf(i));
    }
    expect((await memoryHeld()) - before).toBeLessThan(CONNECTIONS * 50);
    expect(sink.dropped - dropped).toBe(CONNECTIONS);
  });

  test('nor of those that it had seen before', async () => {
    const sink = pcapngSink(new PassThrough().resume());
    const before = await memoryHeld();
    for (let i = 1; i <= CONNECTIONS; i += 1) {
      sink.trace(entryOf(i));
    }
    await sink.close();
    expect((await memoryHeld()) - before).toBeLessThan(CONNECTIONS * 50);
  });
});

/** How many TPDUs of `entryOf` a file of any sink has. */
function tpdusIn(file: Buffer): number {
  const text = file.toString('latin1');
  const forms = ['DT TPDU', '"02f08001"', hex('02f08001').toString('latin1')];
  return forms.reduce((sum, form) => sum + text.split(form).length - 1, 0);
}

/** An entry of a connection of that number, which does not exist. */
function entryOf(connection: number): TraceEntry {
  const address = (host: number) => ({
    host: `10.${host}.0.1`,
    port: 1024 + (connection % 60_000),
  });
  return {
    connection,
    name: undefined,
    role: 'client',
    localAddr: address(Math.floor(connection / 60_000)),
    remoteAddr: { host: '10.255.0.1', port: 102 },
    time: 1_700_000_000_000,
    direction: 'sent',
    peer: '10.255.0.1:102',
    octets: hex('02f08001'),
    tpdu: decode(hex('02f08001')),
    toString: () => 'DT',
  };
}
