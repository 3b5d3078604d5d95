/** Wireshark opens the pcapng files that a trace writes, and finds in them what was sent. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connect, listen, pcapngSink } from '../../dist/esm/index.js';
import { HOST, LIMIT } from './support.js';
import { faultsOf, fieldsOf } from './tshark.js';

const COTP = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** TPDU codes as Wireshark shows them. */
const CODES = { CR: '0x0e', CC: '0x0d', DR: '0x08', DT: '0x0f', ER: '0x07' };
const BUSY = 0x0999;
const LONG = Buffer.alloc(200_000, 'no protocol at all, ');

describe('a pcapng file in Wireshark', () => {
  let folder;
  let server;
  let address;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cotp-pcapng-'));
    server = await listen(
      async (connection) => {
        for await (const tsdu of connection) {
          connection.write(tsdu);
        }
      },
      { host: HOST, port: 0 },
      {
        maxTpduSize: 65_531,
        onConnectRequest: (request) =>
          request.localTsel === BUSY ? request.refuse(1) : request.accept(),
      },
    );
    [address] = server.addresses;
  });
  after(async () => {
    await server.asyncClose();
    await rm(folder, { recursive: true, force: true });
  });

  /** Connections of every kind, seen by the listener. */
  const scenario = async (trace) => {
    for (const options of [
      { name: 'plain' },
      { localTsel: 0x0100, remoteTsel: 0x0102, maxTpduSize: 128 },
      { localTsel: Buffer.from('CALLER'), remoteTsel: Buffer.from('MMS'), name: 'mms' },
      { maxTpduSize: 65_531, sizeOffer: 'nonstandard' },
    ]) {
      const connection = await connect(address, { ...options, trace });
      for (const tsdu of [Buffer.from('x'), LONG]) {
        connection.write(tsdu);
        assert.deepEqual(await connection.read(), tsdu);
      }
      await connection.asyncClose();
    }
    const refused = connect(address, { remoteTsel: BUSY, trace });
    await assert.rejects(refused, { code: 'ERR_COTP_REFUSED' });
    const reset = await connect(address, { trace });
    reset.destroy();
    await reset.waitClosed();
  };

  /** What Wireshark is to find in the frame of an entry. */
  const expected = ({ connection, direction, localAddr, remoteAddr, octets, tpdu }) => {
    const [from, to] = direction === 'sent' ? [localAddr, remoteAddr] : [remoteAddr, localAddr];
    const { parameters = {}, type } = tpdu;
    const one = (value) => (value === undefined ? [] : [value]);
    const ref = (value) => one(value === undefined ? undefined : `0x${hex(value)}`);
    return {
      connection,
      from: from.port,
      to: to.port,
      length: [String(octets.length + 4)],
      type: [CODES[type]],
      srcRef: ref(tpdu.srcRef),
      // Wireshark writes 0 where a DT of class 0 has none.
      dstRef: ref(type === 'DT' ? 0 : tpdu.dstRef),
      calling: one(parameters.callingTsel).map((tsel) => Buffer.from(tsel).toString('hex')),
      called: one(parameters.calledTsel).map((tsel) => Buffer.from(tsel).toString('hex')),
      eot: type === 'DT' ? [tpdu.eot ? '1' : '0'] : [],
    };
  };
  const hex = (value) => value.toString(16).padStart(4, '0');

  const FIELDS = [
    ...['tcp.stream', 'tcp.srcport', 'tcp.dstport', 'tpkt.length', 'cotp.type', 'cotp.srcref'],
    ...['cotp.destref', 'cotp.src-tsap-bytes', 'cotp.dst-tsap-bytes', 'cotp.eot'],
  ];

  /** The TPDUs that Wireshark finds. */
  const found = async (file, options) => {
    const frames = await fieldsOf(file, FIELDS, { ...options, filter: 'cotp' });
    return frames.map((frame) => ({
      stream: Number(frame['tcp.stream'][0]),
      from: Number(frame['tcp.srcport'][0]),
      to: Number(frame['tcp.dstport'][0]),
      length: frame['tpkt.length'],
      type: frame['cotp.type'],
      srcRef: frame['cotp.srcref'],
      dstRef: frame['cotp.destref'],
      calling: frame['cotp.src-tsap-bytes'].map(bare),
      called: frame['cotp.dst-tsap-bytes'].map(bare),
      eot: frame['cotp.eot'].map((each) => (/^(1|True)$/i.test(each) ? '1' : '0')),
    }));
  };
  const bare = (octets) => octets.replaceAll(':', '');

  /** Every TPDU stands in its frame, and each connection is one TCP stream. */
  const assertSame = (frames, entries) => {
    const streams = new Map();
    for (const { connection } of entries) {
      streams.set(connection, streams.get(connection) ?? streams.size);
    }
    const wanted = entries.map((entry) => {
      const { connection, ...rest } = expected(entry);
      return { stream: streams.get(connection), ...rest };
    });
    assert.deepEqual(frames, wanted);
  };

  test('has every TPDU in a conversation without fault, checksums right', LIMIT, async () => {
    const file = join(folder, 'all.pcapng');
    const entries = [];
    const sink = pcapngSink(file);
    await scenario((entry) => {
      entries.push(entry);
      sink.trace(entry);
    });
    await sink.close();
    const options = { decodeAs: [address.port] };
    assert.ok(entries.length > 3000);
    assert.deepEqual(await faultsOf(file, options), []);
    assertSame(await found(file, options), entries);

    const flags = await fieldsOf(file, ['tcp.stream', 'tcp.flags'], {
      filter: 'tcp.flags.syn == 1 or tcp.flags.fin == 1 or tcp.flags.reset == 1',
    });
    const ofStream = (stream) =>
      flags.filter((f) => f['tcp.stream'][0] === stream).map((f) => Number(f['tcp.flags'][0]));
    for (const stream of ['0', '1', '2', '3', '4']) {
      assert.deepEqual(ofStream(stream), [0x02, 0x12, 0x11, 0x11], `stream ${stream}`);
    }
    assert.deepEqual(ofStream('5'), [0x02, 0x12, 0x14]);

    const comments = await fieldsOf(file, ['tcp.stream', 'frame.comment'], {
      filter: 'frame.comment',
    });
    assert.equal(comments.length, 6);
    assert.match(comments[0]['frame.comment'][0], /^connection \d+ "plain"$/);
    assert.match(comments[2]['frame.comment'][0], /^connection \d+ "mms"$/);
  });

  test('needs no "decode as" where the port is written as 102', LIMIT, async () => {
    const file = join(folder, 'port.pcapng');
    const sink = pcapngSink(file, { serverPort: 102 });
    let count = 0;
    await scenario((entry) => {
      count += 1;
      sink.trace(entry);
    });
    await sink.close();
    assert.equal((await found(file)).length, count);
    assert.deepEqual(await faultsOf(file), []);
  });

  test('is read by cotp decode, which finds the same TPDUs', LIMIT, async () => {
    const file = join(folder, 'decode.pcapng');
    const entries = [];
    const sink = pcapngSink(file);
    await scenario((entry) => {
      entries.push(entry);
      sink.trace(entry);
    });
    await sink.close();
    const args = [COTP, 'decode', '--json', file];
    // Exit code 1: a size that is offered by a code that X.224 does not know is named.
    const { code, stdout } = await promisify(execFile)(process.execPath, args, {
      maxBuffer: 1 << 28,
    }).catch((error) => error);
    assert.equal(code, 1);
    const decoded = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).octets.slice(8));
    // It goes through the streams one after the other, as they were opened.
    assert.deepEqual(
      decoded,
      entries.map(({ octets }) => octets.toString('hex')),
    );
  });

  test('has each piece readable when files take turns, and all of it together', LIMIT, async () => {
    const rotated = await mkdtemp(join(folder, 'rotated-'));
    const file = join(rotated, 'trace.pcapng');
    const sink = pcapngSink(file, { maxFileSize: 100_000, maxFiles: 1000 });
    const entries = [];
    await scenario((entry) => {
      entries.push(entry);
      sink.trace(entry);
    });
    await sink.close();
    const names = await readdir(rotated);
    assert.ok(names.length > 10, `${names.length} files`);
    const age = (name) => Number(/\.(\d+)\./.exec(name)?.[1] ?? 0);
    const pieces = names.sort((a, b) => age(b) - age(a)).map((name) => join(rotated, name));
    for (const piece of [pieces[0], pieces[5], pieces.at(-1)]) {
      // A piece that begins in the middle of a conversation has no handshake, which is no fault.
      assert.deepEqual(await faultsOf(piece, { decodeAs: [address.port] }), [], piece);
    }
    const all = join(folder, 'merged.pcapng');
    await promisify(execFile)('mergecap', ['-a', '-w', all, ...pieces]);
    assertSame(await found(all, { decodeAs: [address.port] }), entries);
    assert.deepEqual(await faultsOf(all, { decodeAs: [address.port] }), []);
  });

  test('keeps headers and lengths when user data is hidden', LIMIT, async () => {
    const file = join(folder, 'redacted.pcapng');
    const entries = [];
    const sink = pcapngSink(file, { redact: true });
    await scenario((entry) => {
      entries.push(entry);
      sink.trace(entry);
    });
    await sink.close();
    const options = { decodeAs: [address.port] };
    assert.deepEqual(await faultsOf(file, options), []);
    assertSame(await found(file, options), entries);
    const seen = await fieldsOf(file, ['frame.number'], { filter: 'frame contains "protocol"' });
    assert.deepEqual(seen, []);
  });

  test('has both ends of one connection once', LIMIT, async () => {
    const file = join(folder, 'both.pcapng');
    const sink = pcapngSink(file, { serverPort: 102 });
    const both = await listen(
      async (connection) => {
        for await (const tsdu of connection) {
          connection.write(tsdu);
        }
      },
      { host: HOST, port: 0 },
      { trace: sink.trace },
    );
    for (let i = 0; i < 3; i += 1) {
      const connection = await connect(both.addresses[0], { trace: sink.trace });
      connection.write(LONG);
      assert.deepEqual(await connection.read(), LONG);
      await connection.asyncClose();
    }
    await both.asyncClose();
    await sink.close();
    assert.deepEqual(await faultsOf(file), []);
    const frames = await found(file);
    const tpdusOfOne = 2 + 2 * Math.ceil(LONG.length / 2045);
    assert.equal(frames.length, 3 * tpdusOfOne);
    assert.deepEqual([...new Set(frames.map(({ stream }) => stream))], [0, 1, 2]);
  });

  test('has addresses of every kind', LIMIT, async () => {
    const file = join(folder, 'addresses.pcapng');
    const sink = pcapngSink(file);
    const base = { role: 'client', direction: 'sent', time: Date.now() };
    const octets = Buffer.from('06e00000123400', 'hex');
    const hosts = [
      ['2001:db8::1', '2001:db8::102'],
      ['fe80::1%eth0', 'fe80::2'],
      ['::ffff:10.0.0.1', '10.0.0.5'],
      ['unknown', 'plc.example'],
    ];
    for (const [i, [local, remote]] of hosts.entries()) {
      const localAddr = { host: local, port: 50_000 };
      const remoteAddr = { host: remote, port: 102 };
      sink.trace({ ...base, octets, connection: 1_000_000 + i, localAddr, remoteAddr });
    }
    await sink.close();
    assert.deepEqual(await faultsOf(file), []);
    const frames = await fieldsOf(file, ['ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst'], {
      filter: 'cotp',
    });
    assert.deepEqual(
      frames.map((frame) => Object.values(frame).flat()),
      [
        ['2001:db8::1', '2001:db8::102'],
        ['fe80::1', 'fe80::2'],
        ['10.0.0.1', '10.0.0.5'],
        ['192.0.2.1', '192.0.2.2'],
      ],
    );
  });
});
