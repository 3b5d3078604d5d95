/** Wireshark's dissector reads every TPDU that the library sends, captured live. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, createServer } from 'node:net';
import { before, describe, test } from 'node:test';
import { connect, listen } from '../../dist/esm/index.js';
import { decode } from '../../dist/esm/tpdu.js';
import { startCapture } from './capture.js';
import { assertSameTpdus } from './same-tpdus.js';
import { HOST, LIMIT } from './support.js';

/** Type codes as Wireshark shows them: the upper half of the octet. */
const CODES = { CR: 0x0e, CC: 0x0d, DR: 0x08, DT: 0x0f, ER: 0x07 };
const BUSY = 0x0999;
const CALLER = Buffer.from('CALLER');
const LONG = Buffer.alloc(1000, 'no protocol at all, ');

/** A CR of no options. */
const CR = Buffer.from('06e00000123400', 'hex');
/** A TPDU of no type that X.224 knows. */
const BAD_TPDU = Buffer.from('020000', 'hex');

describe('Wireshark', () => {
  /** `client port > direction` to the TPDUs that went that way. */
  const sent = new Map();
  const send = (key, octets) => {
    if (!octets.equals(BAD_TPDU)) {
      sent.set(key, [...(sent.get(key) ?? []), octets]);
    }
  };
  let frames;
  let dissected;
  /** What `cotp decode` finds in the capture and tshark does not, or the reverse. */
  let difference;

  before(async () => {
    const rawServer = createServer().listen(0, HOST);
    await once(rawServer, 'listening');
    const server = await listen(
      async (connection) => {
        for await (const tsdu of connection) {
          connection.write(tsdu);
        }
      },
      { host: HOST, port: 0 },
      {
        maxTpduSize: 8192,
        trace: ({ direction, peer, octets }) => {
          const port = peer.split(':')[1];
          send(direction === 'sent' ? `to ${port}` : `from ${port}`, octets);
        },
        onConnectRequest: (request) => {
          if (request.localTsel === BUSY) {
            request.refuse(1);
          } else if (request.connectData === undefined) {
            request.accept();
          } else {
            request.accept({ connectData: Buffer.from([0, 4, 5, 6]) });
          }
        },
      },
    );
    const address = server.addresses[0];
    const rawPort = rawServer.address().port;
    const capture = await startCapture([address.port, rawPort]);
    try {
      await scenario(address, rawServer);
    } finally {
      frames = await capture.stop((file) => {
        const ports = [address.port, rawPort];
        try {
          assertSameTpdus(file, { least: 50, ports });
        } catch (error) {
          difference = error;
        }
      });
      await server.asyncClose();
      rawServer.close();
    }
    dissected = new Map();
    for (const { srcPort, dstPort, tpdus } of frames) {
      const isToServer = dstPort === address.port || dstPort === rawPort;
      const key = isToServer ? `from ${srcPort}` : `to ${dstPort}`;
      dissected.set(key, [...(dissected.get(key) ?? []), ...tpdus]);
    }
  }, LIMIT);

  /** Makes every TPDU that the library can send, in each form that options give it. */
  const scenario = async (address, rawServer) => {
    for (const options of [
      {},
      { localTsel: 0x0100, remoteTsel: 0x0102 },
      { localTsel: CALLER, remoteTsel: Buffer.from('MMS'), maxTpduSize: 128 },
      { maxTpduSize: 8192 },
      { maxTpduSize: 8192, sizeOffer: 'nonstandard' },
      { sizeOffer: 'absent' },
      { connectData: Buffer.from([0, 1, 2, 3]) },
    ]) {
      const connection = await connect(address, options);
      for (const tsdu of [Buffer.from('x'), LONG]) {
        connection.write(tsdu);
        assert.deepEqual(await connection.read(), tsdu);
      }
      connection.write(Buffer.from('two in'));
      connection.write(Buffer.from('one go'));
      await connection.read();
      await connection.read();
      await connection.asyncClose();
    }

    await assert.rejects(connect(address, { remoteTsel: BUSY }), { code: 'ERR_COTP_REFUSED' });

    // Our ER as a server: a peer sends a TPDU of no known type.
    const socket = connectTcp(address.port, HOST);
    await once(socket, 'connect');
    socket.write(inTpkt(CR));
    await once(socket, 'data');
    socket.write(inTpkt(BAD_TPDU));
    socket.resume();
    await once(socket, 'close');

    // Our ER as a client: a server does so after its CC.
    rawServer.once('connection', (raw) => {
      raw.on('error', () => {});
      raw.once('data', (request) => {
        const srcRef = request.subarray(8, 10);
        const cc = Buffer.concat([
          Buffer.from('06d0', 'hex'),
          srcRef,
          Buffer.from('004200', 'hex'),
        ]);
        raw.write(Buffer.concat([inTpkt(cc), inTpkt(BAD_TPDU)]));
      });
    });
    const traced = [];
    const connection = await connect(
      { host: HOST, port: rawServer.address().port },
      { trace: (entry) => traced.push(entry) },
    );
    await assert.rejects(connection.read(), { code: 'ERR_COTP_PROTOCOL' });
    await connection.waitClosed();
    const { port } = connection.info.localAddr;
    for (const { direction, octets } of traced) {
      send(direction === 'sent' ? `from ${port}` : `to ${port}`, octets);
    }
  };

  test('finds no frame malformed', () => {
    assert.ok(frames.length > 0);
    assert.deepEqual(
      frames.filter(({ malformed }) => malformed),
      [],
    );
  });

  test('finds the TPDUs that cotp decode finds, in the same frames', () => {
    assert.ifError(difference);
  });

  test('sees each TPDU that was sent, in order and of its type', () => {
    const ours = new Set();
    for (const [key, tpdus] of sent) {
      const types = tpdus.map(typeOf);
      assert.deepEqual(
        dissected.get(key)?.map((fields) => Number(fields['cotp.type'][0].show)),
        types.map((type) => CODES[type]),
        key,
      );
      for (const type of types) {
        ours.add(type);
      }
    }
    assert.deepEqual([...ours].sort(), Object.keys(CODES).sort());
  });

  test('reads references, selectors, sizes, ends and reasons as they were meant', () => {
    for (const [key, tpdus] of sent) {
      tpdus.forEach((octets, index) => {
        const what = `${key}: TPDU ${index}, ${octets.toString('hex')}`;
        assert.deepEqual(shown(dissected.get(key)[index]), meant(decode(octets)), what);
      });
    }
  });

  test('joins the segments of a TSDU to what was written', () => {
    const isSegment = (octets) => typeOf(octets) === 'DT' && octets[2] === 0;
    const segmented = [...sent.keys()].filter((key) => sent.get(key).some(isSegment));
    assert.equal(segmented.length, 2, 'client and server of one connection have sent segments');
    for (const key of segmented) {
      const last = dissected.get(key).filter((fields) => fields['cotp.reassembled.length']);
      assert.equal(last.length, 1);
      assert.equal(last[0]['cotp.reassembled.length'][0].show, String(LONG.length));
      assert.equal(last[0].data[0].value, LONG.toString('hex'));
    }
  });
});

/** One packet, as a raw peer sends it. */
function inTpkt(tpdu) {
  return Buffer.concat([Buffer.from([3, 0, 0, 4 + tpdu.length]), tpdu]);
}

/** The type of a TPDU. */
function typeOf(octets) {
  return Object.keys(CODES).find((type) => CODES[type] === octets[1] >> 4);
}

/** What our decoder finds in a TPDU, as far as Wireshark has a field for it. */
function meant(tpdu) {
  if (tpdu.type === 'DT') {
    return { type: CODES.DT, eot: tpdu.eot };
  }
  const { callingTsel, calledTsel, tpduSize, preferredMaxTpduSize, invalidTpdu } = tpdu.parameters;
  const hex = (octets) => octets && Buffer.from(octets).toString('hex');
  return {
    type: CODES[tpdu.type],
    dstRef: tpdu.dstRef ?? 0,
    srcRef: tpdu.srcRef,
    // Wireshark calls parameter 0xC1 the source TSAP in an ER too.
    c1: hex(tpdu.type === 'ER' ? invalidTpdu : callingTsel),
    c2: hex(calledTsel),
    tpduSize,
    preferredMaxTpduSize,
    reason: tpdu.reason ?? tpdu.rejectCause,
  };
}

/** The same of what Wireshark shows. */
function shown(fields) {
  const number = (name) => (fields[name] ? Number(fields[name][0].show) : undefined);
  const octets = (name) => (fields[`${name}-bytes`] ?? fields[name])?.[0].value;
  const type = number('cotp.type');
  if (type === CODES.DT) {
    return { type, eot: number('cotp.eot') === 1 };
  }
  return {
    type,
    dstRef: number('cotp.destref'),
    srcRef: number('cotp.srcref'),
    c1: octets('cotp.src-tsap'),
    c2: octets('cotp.dst-tsap'),
    tpduSize: number('cotp.tpdu_size'),
    preferredMaxTpduSize: number('cotp.preferred_maximum_tpdu_size'),
    reason: number('cotp.cause') ?? number('cotp.reject_cause'),
  };
}
