/** Class 2 and expedited data with peers that were written from the standards, apart from this library. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pcapngSink } from '../../dist/esm/index.js';
import {
  BY_NON_DISRUPTIVE_DR,
  byDr,
  end,
  INITIATOR_SCRIPTS,
  RESPONDER_SCRIPTS,
} from './class2-scripts.js';
import { ALL, echoServer, exchange, octets, openClient, readable } from './class2-support.js';
import { startPeer } from './peers.js';
import { HOST, LIMIT } from './support.js';
import { faultsOf, fieldsOf } from './tshark.js';

/** The peer has found nothing wrong in what our side sent, and everything that it was to check was so. */
function assertApproved({ code, output }) {
  assert.doesNotMatch(output, /FAULT/);
  assert.equal(code, 0, output);
}

/** A connection between the peer as initiator and our server. `words` are its options and steps. */
async function runInitiator(t, words, options = {}, onTsdu = undefined) {
  const server = await echoServer(t, { ...ALL, ...options }, onTsdu);
  const peer = startPeer(t, 'tp2.py', 'client', HOST, server.port, '--strict', ...words.split(' '));
  return { peer: await peer.done, server };
}

/** The peer as responder of one connection. `words` are its options. */
function startResponder(t, words) {
  return startPeer(t, 'tp2.py', 'server', HOST, 0, '--strict', '--once', ...words.split(' '));
}

const CLASS_2 = [2, false, false];
const CLASS_2_EXPEDITED = [2, true, false];
const CLASS_2_ACK = [2, true, true];
const CLASS_0 = [0, false, false];
const CLASS_0_EXPEDITED = [0, true, false];
const CLOSED = { disconnection: BY_NON_DISRUPTIVE_DR, errors: [] };
const CLOSED_0 = { disconnection: end('fin', true), errors: [] };

describe('our server with the reference peer as initiator', () => {
  /** Title, options and steps of the peer, what our side sees, options of our server if it has others. */
  const CASES = [
    [
      'agrees on class 2 where both classes are offered',
      '--class 2,0 d1 close',
      { agreed: CLASS_2, tsdus: [1], ...CLOSED },
    ],
    [
      'agrees on class 2 where it alone is offered',
      '--class 2 d1 close',
      { agreed: CLASS_2, tsdus: [1], ...CLOSED },
    ],
    [
      'agrees on class 0 where it alone is offered',
      '--class 0 d1 close',
      { agreed: CLASS_0, tsdus: [1], ...CLOSED_0 },
    ],
    [
      'agrees on class 0 where it accepts nothing else',
      '--class 2,0 d1 close',
      { agreed: CLASS_0, tsdus: [1], ...CLOSED_0 },
      { tpClass: 0 },
    ],
    [
      'agrees on class 2 where it accepts nothing else',
      '--class 2,0 d1 close',
      { agreed: CLASS_2, tsdus: [1], ...CLOSED },
      { tpClass: 2 },
    ],

    [
      'echoes TSDUs around the TPDU size',
      'd1 d2042 d2043 d2044 d4086 d4087 d100000 close',
      { agreed: CLASS_2, tsdus: [1, 2042, 2043, 2044, 4086, 4087, 100_000], ...CLOSED },
    ],
    [
      'echoes TSDUs in TPDUs of 128 octets',
      '--size 128 d122 d123 d124 d5000 close',
      { agreed: CLASS_2, tsdus: [122, 123, 124, 5000], ...CLOSED },
    ],
    [
      'echoes TSDUs in TPDUs of 8192 octets',
      '--size 8192 d8186 d8187 d8188 d100000 close',
      { agreed: CLASS_2, tsdus: [8186, 8187, 8188, 100_000], ...CLOSED },
      { maxTpduSize: 65_531 },
    ],
    [
      'echoes TSDUs that come octet by octet',
      '--chunk 1 d1 d300 close',
      { agreed: CLASS_2, tsdus: [1, 300], ...CLOSED },
    ],
    [
      'echoes TSDUs that are pipelined',
      '--chunk 700 p20 p3 close',
      { agreed: CLASS_2, tsdus: Array(23).fill(300), ...CLOSED },
    ],

    [
      'echoes expedited data in class 2',
      '--xpd d1 e1 e16 d1 close',
      { agreed: CLASS_2_EXPEDITED, tsdus: [1, 1], expedited: [1, 16], ...CLOSED },
    ],
    [
      'echoes expedited data in class 0',
      '--class 0 --xpd d1 e1 e16 d1 close',
      { agreed: CLASS_0_EXPEDITED, tsdus: [1, 1], expedited: [1, 16], ...CLOSED_0 },
    ],
    [
      'acknowledges expedited data',
      '--xpd --ack d1 e1 e16 d1 close',
      { agreed: CLASS_2_ACK, tsdus: [1, 1], expedited: [1, 16], ...CLOSED },
    ],
    [
      'sends neither data nor expedited data before an EA that comes late',
      '--xpd --ack --hold-ea 50 E1 E16 D3000 E3 D1 w w w w w close',
      { agreed: CLASS_2_ACK, tsdus: [3000, 1], expedited: [1, 16, 3], ...CLOSED },
    ],
    [
      'echoes expedited data inside long TSDUs',
      '--xpd --ack --size 128 i1 i5000 i100000 close',
      { agreed: CLASS_2_ACK, tsdus: [1, 5000, 100_000], expedited: [16, 16, 16], ...CLOSED },
    ],
    [
      'echoes expedited data inside TSDUs while each EA is late',
      '--xpd --ack --hold-ea 20 --chunk 100 i1 i5000 i20000 close',
      { agreed: CLASS_2_ACK, tsdus: [1, 5000, 20_000], expedited: [16, 16, 16], ...CLOSED },
    ],
    [
      'echoes expedited data inside TSDUs of class 0',
      '--class 0 --xpd i1 i5000 i100000 close',
      {
        agreed: CLASS_0_EXPEDITED,
        tsdus: [1, 5000, 100_000],
        expedited: [16, 16, 16],
        ...CLOSED_0,
      },
    ],
    [
      'grants no expedited data where its user wants none',
      '--xpd --ack d1 close',
      { agreed: CLASS_2, tsdus: [1], ...CLOSED },
      { expedited: false },
    ],
    [
      'grants no EA where its user wants none',
      '--xpd --ack e1 d1 close',
      { agreed: CLASS_2_EXPEDITED, tsdus: [1], expedited: [1], ...CLOSED },
      { expeditedAck: false },
    ],

    [
      'gets the user data of a disconnect',
      'd1 bye=616263',
      {
        agreed: CLASS_2,
        tsdus: [1],
        ...CLOSED,
        disconnection: { ...BY_NON_DISRUPTIVE_DR, userData: '616263' },
      },
    ],
    [
      'gets 64 octets of user data of a disconnect',
      `d1 bye=${'62'.repeat(64)}`,
      {
        agreed: CLASS_2,
        tsdus: [1],
        ...CLOSED,
        disconnection: { ...BY_NON_DISRUPTIVE_DR, userData: '62'.repeat(64) },
      },
    ],
    [
      'gets everything that was written before a disconnect',
      'D1 D20000 D3 bye=61',
      {
        agreed: CLASS_2,
        tsdus: [1, 20_000, 3],
        ...CLOSED,
        disconnection: { ...BY_NON_DISRUPTIVE_DR, userData: '61' },
      },
    ],
    [
      'sees a disruptive disconnect as such',
      'd1 drop',
      { agreed: CLASS_2, tsdus: [1], disconnection: byDr(128), errors: [] },
    ],
    [
      'sees the end of TCP without a DR as an error in class 2',
      'd1 fin',
      {
        agreed: CLASS_2,
        tsdus: [1],
        disconnection: end('fin', false),
        errors: ['ERR_COTP_CLOSED fin'],
      },
    ],
    [
      'sees a reset as an error in class 2',
      'd1 rst',
      {
        agreed: CLASS_2,
        tsdus: [1],
        disconnection: end('reset', false),
        errors: ['ERR_COTP_CLOSED reset'],
      },
    ],
    [
      'sees the end of TCP as the end in class 0',
      '--class 0 d1 fin',
      { agreed: CLASS_0, tsdus: [1], ...CLOSED_0 },
    ],
    [
      'sees a reset as an error in class 0',
      '--class 0 d1 rst',
      {
        agreed: CLASS_0,
        tsdus: [1],
        disconnection: end('reset', false),
        errors: ['ERR_COTP_CLOSED reset'],
      },
    ],
  ];

  for (const [title, words, expected, options] of CASES) {
    test(title, LIMIT, async (t) => {
      const { peer, server } = await runInitiator(t, words, options);
      assertApproved(peer);
      assert.deepEqual(await server.seen(), { expedited: [], ...expected });
    });
  }

  /** Title, how our user ends the connection with its second TSDU, what our side sees; the peer waits for the end. */
  const ENDINGS = [
    ['close', (connection) => connection.close(), true],
    [
      'disconnect with user data',
      (connection) => connection.disconnect({ userData: octets(64) }),
      true,
    ],
    ['disruptive disconnect', (connection) => connection.disconnect({ disruptive: true }), true],
    ['reset', (connection) => connection.destroy(), false],
  ];
  for (const [title, endIt, confirmed] of ENDINGS) {
    test(`ends a connection of class 2 by its own ${title}`, LIMIT, async (t) => {
      const { peer, server } = await runInitiator(
        t,
        '--xpd --ack d1 e4 D1 end',
        {},
        (connection, count) => {
          if (count === 2) {
            endIt(connection);
          }
        },
      );
      assertApproved(peer);
      assert.match(peer.output, confirmed ? /'reason': 128/ : /'ending': 'reset'/);
      const { disconnection, errors } = await server.seen();
      assert.deepEqual(errors, []);
      assert.equal(disconnection.ending, 'local');
      assert.equal(disconnection.confirmed, confirmed);
    });
  }

  const REFUSALS = [
    [
      'class 2 alone by reason 130 where it accepts class 0',
      '--class 2',
      { tpClass: 0 },
      130,
      ['ERR_COTP_CLOSED local'],
    ],
    [
      'class 0 alone by reason 0 where it accepts class 2',
      '--class 0',
      { tpClass: 2 },
      0,
      ['ERR_COTP_CLOSED local'],
    ],
    // Refused as its user wants it, so nothing is reported.
    ['a selector by reason 3', '--class 2,0 --called 0102', { localTsel: 0x0103 }, 3, []],
  ];
  for (const [title, words, options, reason, errors] of REFUSALS) {
    test(`refuses ${title}`, LIMIT, async (t) => {
      const { peer, server } = await runInitiator(t, words, options);
      assert.doesNotMatch(peer.output, /FAULT/);
      assert.match(
        peer.output,
        new RegExp(`not opened: \\{'type': 'refused', 'reason': ${reason}\\}`),
      );
      assert.deepEqual(await server.close(), errors);
    });
  }
});

describe('our client with the reference peer as responder', () => {
  /** Starts the peer, and gives our connection to it. */
  const open = async (t, words, options) => {
    const peer = startResponder(t, words);
    return { peer, ...(await openClient(t, await peer.port(), options)) };
  };
  const agreedOn = ({ info }) => [info.tpClass, info.expedited, info.expeditedAck];

  /** Title, options of the peer, options of our client, what is agreed on, what is exchanged. */
  const CASES = [
    ['agrees on class 2 where both take both classes', '--class 2,0', {}, CLASS_2, { tsdus: [1] }],
    ['agrees on class 2 where the peer has no other', '--class 2', {}, CLASS_2, { tsdus: [1] }],
    [
      'agrees on class 2 where it alone is offered',
      '--class 2,0',
      { tpClass: 2 },
      CLASS_2,
      { tsdus: [1] },
    ],
    [
      'falls back to class 0 on the same TCP connection',
      '--class 0',
      {},
      CLASS_0,
      { tsdus: [1, 5000] },
    ],
    [
      'agrees on class 0 where it alone is offered',
      '--class 2,0',
      { tpClass: 0 },
      CLASS_0,
      { tsdus: [1] },
    ],
    [
      'keeps expedited data when it falls back to class 0',
      '--class 0 --xpd',
      { expeditedAck: true },
      CLASS_0_EXPEDITED,
      { tsdus: [3000], expedited: [1, 16] },
    ],

    [
      'exchanges TSDUs around the TPDU size',
      '--class 2',
      {},
      CLASS_2,
      { tsdus: [1, 2042, 2043, 2044, 4086, 4087, 100_000] },
    ],
    [
      'exchanges TSDUs in TPDUs of 128 octets',
      '--size 128',
      {},
      CLASS_2,
      { tsdus: [1, 122, 123, 124, 5000] },
    ],
    [
      'exchanges TSDUs in TPDUs of 8192 octets',
      '--size 8192',
      { maxTpduSize: 8192 },
      CLASS_2,
      { tsdus: [8186, 8187, 8188, 100_000] },
    ],
    [
      'exchanges TSDUs in TPDUs of 2048 octets where it offered 65531',
      '--size 2048',
      { maxTpduSize: 65_531 },
      CLASS_2,
      { tsdus: [2043, 2044, 100_000] },
    ],
    ['exchanges TSDUs that come octet by octet', '--chunk 1', {}, CLASS_2, { tsdus: [1, 300] }],

    [
      'exchanges expedited data without EA',
      '--xpd',
      {},
      CLASS_2_EXPEDITED,
      { tsdus: [1, 5000], expedited: [1, 16, 2] },
    ],
    [
      'exchanges expedited data with EA',
      '--xpd',
      { expeditedAck: true },
      CLASS_2_ACK,
      { tsdus: [1, 5000], expedited: [1, 16, 2] },
    ],
    [
      'exchanges expedited data where the peer grants no EA',
      '--xpd --no-ack',
      { expeditedAck: true },
      CLASS_2_EXPEDITED,
      { tsdus: [1, 5000], expedited: [1, 16, 2] },
    ],
    [
      'exchanges no expedited data where the peer grants none',
      '--class 2,0',
      { expeditedAck: true },
      CLASS_2,
      { tsdus: [1] },
    ],
    [
      'sends neither data nor expedited data before an EA that comes late',
      '--xpd --hold-ea 50',
      { expeditedAck: true },
      CLASS_2_ACK,
      { tsdus: [1, 3000], expedited: [1, 16, 3] },
    ],
  ];
  for (const [title, words, options, agreed, data] of CASES) {
    test(title, LIMIT, async (t) => {
      const { peer, connection, errors } = await open(t, words, options);
      assert.deepEqual(agreedOn(connection), agreed);
      await exchange(connection, data);
      assert.deepEqual(await connection.disconnect(), end('local', true));
      assertApproved(await peer.done);
      assert.deepEqual(errors, []);
    });
  }

  test('sends everything that was written before it closes', LIMIT, async (t) => {
    const { peer, connection } = await open(t, '--xpd --hold-ea 30', { expeditedAck: true });
    connection.write(octets(20_000));
    connection.writeExpedited(octets(3));
    connection.writeExpedited(octets(4));
    connection.write(octets(5));
    await connection.asyncClose();
    const { code, output } = await peer.done;
    assertApproved({ code, output });
    assert.match(output, /2 TSDUs, 2 expedited, 0 faults/);
    assert.deepEqual(readable(connection.disconnection), end('local', true));
  });

  test('has its user data reach the peer', LIMIT, async (t) => {
    const { peer, connection } = await open(t, '--xpd');
    await exchange(connection, { tsdus: [3] });
    await connection.disconnect({ userData: Buffer.from('goodbye') });
    const { code, output } = await peer.done;
    assertApproved({ code, output });
    assert.match(output, /'reason': 128, 'userData': '676f6f64627965', 'nonDisruptive': True/);
  });

  test('drops what is queued when it disconnects disruptively', LIMIT, async (t) => {
    const { peer, connection, errors } = await open(t, '--xpd --hold-ea 300', {
      expeditedAck: true,
    });
    connection.writeExpedited(octets(1));
    connection.write(octets(777));
    connection.writeExpedited(octets(10));
    const ended = await connection.disconnect({ disruptive: true });
    assert.deepEqual(ended, end('local', true, 787));
    const { code, output } = await peer.done;
    assertApproved({ code, output });
    assert.match(output, /0 TSDUs, 1 expedited, 0 faults/);
    assert.deepEqual(errors, []);
  });

  test('resets TCP, which the peer sees as an error', LIMIT, async (t) => {
    const { peer, connection } = await open(t, '--xpd');
    await exchange(connection, { tsdus: [3] });
    connection.destroy();
    const { code, output } = await peer.done;
    assertApproved({ code, output });
    assert.match(output, /'ending': 'reset'/);
    assert.deepEqual(readable(connection.disconnection), end('local', false));
  });

  test('ends class 0 by FIN behind its last TSDU, and reads the answers', LIMIT, async (t) => {
    const { peer, connection, errors } = await open(t, '--class 0');
    connection.write(octets(3000));
    assert.deepEqual(await connection.read(), octets(3000));
    connection.end();
    await assert.rejects(connection.read(), { ending: 'fin' });
    await connection.waitClosed();
    assertApproved(await peer.done);
    assert.deepEqual(errors, []);
  });

  /** How the peer ends it after its second TSDU, and what our side sees. */
  const ENDINGS = [
    ['a non-disruptive DR', '--bye dr', BY_NON_DISRUPTIVE_DR, []],
    ['a disruptive DR', '--bye disruptive', byDr(128), []],
    ['the end of TCP', '--bye fin', end('fin', false), ['ERR_COTP_CLOSED fin']],
    ['a reset', '--bye rst', end('reset', false), ['ERR_COTP_CLOSED reset']],
    ['the end of TCP in class 0', '--bye fin --class 0', end('fin', true), []],
    ['a reset in class 0', '--bye rst --class 0', end('reset', false), ['ERR_COTP_CLOSED reset']],
  ];
  for (const [title, words, disconnection, expectedErrors] of ENDINGS) {
    test(`sees ${title} of the peer`, LIMIT, async (t) => {
      const { peer, connection, errors } = await open(t, `--xpd --after 2 ${words}`);
      await exchange(connection, { tsdus: [5] });
      connection.write(octets(5));
      // Its echo may be lost in a reset.
      await connection.read().catch(() => {});
      await connection.waitClosed();
      assertApproved(await peer.done);
      assert.deepEqual(readable(connection.disconnection), disconnection);
      assert.deepEqual(errors, expectedErrors);
    });
  }

  for (const [title, words, options] of [
    ['class 2 alone', '--class 0', { tpClass: 2, expedited: false }],
    ['class 0 alone', '--class 2', { tpClass: 0 }],
  ]) {
    test(`is refused where it offers ${title} and the peer has the other`, LIMIT, async (t) => {
      const peer = startResponder(t, words);
      await assert.rejects(openClient(t, await peer.port(), options), { code: 'ERR_COTP_REFUSED' });
      assert.doesNotMatch((await peer.done).output, /FAULT/);
    });
  }
});

describe('peers that follow a script, most of them wrong', () => {
  const titleOf = (name, { disconnection, rejected }) =>
    `${name}: our side ends by ${disconnection?.ending ?? rejected?.code ?? 'a refusal'}`;

  test('has an expectation for each script of the peer', LIMIT, async (t) => {
    const { output } = await startPeer(t, 'fake2.py', 'list').done;
    const listed = (role) => new RegExp(`${role}: (.*)`).exec(output)[1].trim().split(' ').sort();
    assert.deepEqual(Object.keys(INITIATOR_SCRIPTS).sort(), listed('client'));
    assert.deepEqual(Object.keys(RESPONDER_SCRIPTS).sort(), listed('server'));
  });

  describe('our server', () => {
    for (const [name, expected] of Object.entries(INITIATOR_SCRIPTS)) {
      test(titleOf(name, expected), LIMIT, async (t) => {
        const server = await echoServer(t, ALL);
        assertApproved(await startPeer(t, 'fake2.py', 'client', HOST, server.port, name).done);
        if (expected.disconnection === undefined) {
          assert.deepEqual(await server.close(), expected.errors);
        } else {
          const { disconnection, errors } = await server.seen();
          const { mayBeUnsent = 0, ...certain } = expected;
          if (mayBeUnsent > 0 && disconnection.unsent === mayBeUnsent) {
            disconnection.unsent = 0;
          }
          assert.deepEqual({ disconnection, errors }, certain);
        }
      });
    }
  });

  describe('our client', () => {
    /** Goes as far as the script lets it; what our side saw. */
    const run = async (t, port, { options, until }) => {
      const opened = await openClient(t, port, { expeditedAck: true, ...options });
      const { connection, errors } = opened;
      if (until === 'read') {
        await connection.read();
      } else {
        if (connection.info.expedited) {
          connection.writeExpedited(octets(1));
        }
        connection.write(octets(1));
      }
      if (until === undefined) {
        connection.close();
      }
      await connection.waitClosed();
      return { disconnection: readable(connection.disconnection), errors };
    };

    for (const [name, expected] of Object.entries(RESPONDER_SCRIPTS)) {
      test(titleOf(name, expected), LIMIT, async (t) => {
        const peer = startPeer(t, 'fake2.py', 'server', HOST, 0, name);
        const port = await peer.port();
        const { disconnection, errors, rejected } = expected;
        if (rejected === undefined) {
          assert.deepEqual(await run(t, port, expected), { disconnection, errors });
        } else {
          await assert.rejects(run(t, port, expected), rejected);
        }
        assertApproved(await peer.done);
      });
    }
  });
});

describe('Wireshark with pcapng files of class 2', () => {
  /** TPDU codes as Wireshark shows them. */
  const CODES = { CR: 14, CC: 13, DR: 8, DC: 12, DT: 15, ED: 1, EA: 2 };
  const FIELDS = [
    ...['tcp.srcport', 'tcp.dstport', 'cotp.type', 'cotp.class', 'cotp.srcref', 'cotp.destref'],
    ...['cotp.tpdu-number', 'cotp.next-tpdu-number', 'cotp.eot', 'cotp.cause'],
  ];
  /** What Wireshark shows of a frame. */
  const shown = (frame) => {
    const number = (name) => (frame[name].length === 0 ? undefined : Number(frame[name][0]));
    const eot = frame['cotp.eot'][0];
    return {
      ports: [number('tcp.srcport'), number('tcp.dstport')],
      type: number('cotp.type'),
      class: number('cotp.class'),
      srcRef: number('cotp.srcref'),
      dstRef: number('cotp.destref'),
      tpduNr: number('cotp.tpdu-number') ?? number('cotp.next-tpdu-number'),
      eot: eot === undefined ? undefined : /^(1|True)$/i.test(eot),
      reason: number('cotp.cause'),
    };
  };
  /** The same of an entry of the trace. Wireshark shows neither the class in what follows CC nor EOT of an ED. */
  const meant = ({ direction, localAddr, remoteAddr, tpdu }) => {
    const [from, to] = direction === 'sent' ? [localAddr, remoteAddr] : [remoteAddr, localAddr];
    return {
      ports: [from.port, to.port],
      type: CODES[tpdu.type],
      class: tpdu.class,
      srcRef: tpdu.srcRef,
      dstRef: tpdu.type === 'CR' ? 0 : tpdu.dstRef,
      tpduNr: tpdu.tpduNr ?? tpdu.yrEdtuNr,
      eot: tpdu.type === 'DT' ? tpdu.eot : undefined,
      reason: tpdu.reason,
    };
  };
  let folder;
  let ports;
  let file;
  const entries = [];
  const cleanups = [];

  after(async () => {
    await Promise.all(cleanups.map((cleanUp) => cleanUp()));
    await rm(folder, { recursive: true, force: true });
  });

  /** Connections of both roles with the reference peer; each TPDU of class 2 goes both ways. */
  const scenario = async (t, trace) => {
    const peer = startPeer(t, 'tp2.py', 'server', HOST, 0, '--strict', '--xpd', '--size', '1024');
    const port = await peer.port();
    const long = { expeditedAck: true, localTsel: 0x0100, remoteTsel: 0x0102 };
    for (const [options, how] of [
      [long, { userData: octets(10) }],
      [{ tpClass: 2 }, { disruptive: true }],
    ]) {
      const { connection } = await openClient(t, port, { ...options, trace });
      await exchange(connection, { tsdus: [1, 5000], expedited: [1, 16] });
      await connection.disconnect(how);
    }
    const server = await echoServer(t, { ...ALL, trace });
    const words = '--strict --xpd --ack --size 512 d1 d5000 e1 i9000 e16 bye=6162'.split(' ');
    assertApproved(await startPeer(t, 'tp2.py', 'client', HOST, server.port, ...words).done);
    await server.seen();
    return [port, server.port];
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cotp-class2-'));
    file = join(folder, 'class2.pcapng');
    const sink = pcapngSink(file);
    ports = await scenario({ after: (cleanUp) => cleanups.push(cleanUp) }, (entry) => {
      entries.push(entry);
      sink.trace(entry);
    });
    await sink.close();
  }, LIMIT);

  test('finds no frame with a fault', LIMIT, async () => {
    assert.deepEqual(await faultsOf(file, { decodeAs: ports }), []);
  });

  test('reads types, classes, references and numbers as they were meant', LIMIT, async () => {
    const frames = await fieldsOf(file, FIELDS, { filter: 'cotp', decodeAs: ports });
    assert.deepEqual(frames.map(shown), entries.map(meant));
    const types = new Set(entries.map(({ tpdu }) => tpdu.type));
    assert.deepEqual([...types].sort(), Object.keys(CODES).sort());
  });
});
