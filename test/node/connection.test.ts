import { describe, expect, test } from 'vitest';
import {
  type Connection,
  ConnectionClosedError,
  type ConnectRequest,
  connect,
  listen,
  ProtocolError,
  TsduTooLargeError,
} from '../../src/index.js';
import { closeLater, pair, rawClient, rawServer, rejection, serve } from '../support/life.js';
import { CR, dt, hex, tpkt } from '../support/raw.js';
import { TOO_MANY, timersRun, until } from '../support/wire.js';

/** A bare client with a connection that is open, and our end of it. */
async function opened(options = {}) {
  const server = await serve(options);
  const raw = await rawClient(server.address.port);
  raw.send(CR);
  await raw.packet();
  return { raw, connection: await server.accept(), server };
}

function numbered(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
}

describe('TSDUs', () => {
  test.each([1, 2, 2044, 2045, 2046, 4090, 4091, 65_528, 65_529, 1_000_000])(
    'of %i octets arrive whole at the default size',
    async (length) => {
      const { client, peer } = await pair();
      const tsdu = numbered(length);
      client.write(tsdu);
      expect((await peer.read()).equals(tsdu)).toBe(true);
    },
  );

  //= X.224 14.4 e test
  test.each([128, 1024, 4096, 65_531])('arrive whole at a TPDU size of %i', async (maxTpduSize) => {
    const { client, peer } = await pair({ maxTpduSize }, { maxTpduSize });
    const tsdu = numbered(200_000);
    peer.write(tsdu);
    expect((await client.read()).equals(tsdu)).toBe(true);
  });

  test('keep their order, whatever their size', async () => {
    const { client, peer } = await pair();
    const tsdus = Array.from({ length: 500 }, (_, i) => numbered(1 + ((i * 7919) % 20_000)));
    for (const tsdu of tsdus) {
      client.write(tsdu);
    }
    for (const tsdu of tsdus) {
      expect((await peer.read()).equals(tsdu)).toBe(true);
    }
  });

  test('are served to reads that wait, in order', async () => {
    const { client, peer } = await pair();
    const reads = [peer.read(), peer.read(), peer.read()];
    for (const text of ['a', 'b', 'c']) {
      client.write(Buffer.from(text));
    }
    expect((await Promise.all(reads)).map(String)).toEqual(['a', 'b', 'c']);
  });

  test('come out as Buffers even when they went in as Uint8Array', async () => {
    const { client, peer } = await pair();
    client.write(Uint8Array.of(1, 2, 3));
    expect(Buffer.isBuffer(await peer.read())).toBe(true);
  });

  test('that were read are not overwritten by later ones', async () => {
    const { client, peer } = await pair();
    const kept: Buffer[] = [];
    for (let i = 0; i < 300; i += 1) {
      client.write(Buffer.alloc(100, i));
      kept.push(await peer.read());
    }
    expect(kept.every((tsdu, i) => tsdu.every((octet) => octet === (i & 0xff)))).toBe(true);
  });

  test('written in one turn of the event loop leave in one TCP segment', async () => {
    const { raw, connection } = await opened();
    const chunks: Buffer[] = [];
    raw.socket.on('data', (chunk) => chunks.push(chunk));
    for (let i = 0; i < 10; i += 1) {
      connection.write(Buffer.from([i]));
    }
    await raw.until(() => raw.received.length === 80);
    expect(chunks.length).toBe(1);
  });

  test('leave in DTs no larger than agreed, none of them empty, EOT on the last alone', async () => {
    const { raw, connection } = await opened();
    connection.write(numbered(2 * 1021));
    expect((await raw.packet()).subarray(0, 3).toString('hex')).toBe('02f000');
    const last = await raw.packet();
    expect([last.length, last.subarray(0, 3).toString('hex')]).toEqual([1024, '02f080']);
  });
});

describe('write', () => {
  test('of no octets is a RangeError', async () => {
    const { client } = await pair();
    expect(() => client.write(Buffer.alloc(0))).toThrow(RangeError);
  });

  test.each(['text', 7, null, undefined, [1, 2]])('of %j is a TypeError', async (data) => {
    const { client } = await pair();
    expect(() => client.write(data as never)).toThrow(TypeError);
  });

  test('after close is a ConnectionClosedError', async () => {
    const { client } = await pair();
    client.close();
    expect(() => client.write(Buffer.from('x'))).toThrow(ConnectionClosedError);
  });

  test('before close is still sent', async () => {
    const { client, peer } = await pair();
    const tsdu = numbered(3_000_000);
    client.write(tsdu);
    const closed = client.asyncClose();
    expect((await peer.read()).equals(tsdu)).toBe(true);
    await closed;
  });

  test('gives false past the mark, and drain resolves when the peer has read', async () => {
    const { client, peer } = await pair({ writeHighWaterMark: 10_000 });
    peer.socket.pause();
    let full = false;
    for (let i = 0; i < 10_000 && !full; i += 1) {
      full = !client.write(numbered(10_000));
    }
    expect(full).toBe(true);
    const drained = client.drain();
    peer.socket.resume();
    await drained;
    expect(client.writeBuffered).toBeLessThanOrEqual(10_000);
  });

  test('returns false before it throws, also if maxWriteBuffer is below the mark', async () => {
    const { client, peer } = await pair({ maxWriteBuffer: 10_000 });
    peer.socket.pause();
    let written = 0;
    while (client.write(Buffer.alloc(1_000))) {
      written += 1;
    }
    expect(written).toBeLessThan(11);
    peer.socket.resume();
    await client.drain();
    expect(client.write(Buffer.alloc(1_000))).toBe(true);
  });

  test('past maxWriteBuffer is an error and not a growing memory', async () => {
    const { client, peer } = await pair({ maxWriteBuffer: 1_000_000 });
    peer.socket.pause();
    const tsdu = numbered(100_000);
    expect(() => {
      for (let i = 0; i < 1_000; i += 1) {
        client.write(tsdu);
      }
    }).toThrow(expect.objectContaining({ code: 'ERR_COTP_WRITE_OVERFLOW' }));
    expect(client.isOpen).toBe(true);
  });

  test('counts a small TSDU that the system did not take, and tells when it has', async () => {
    // One in each turn: each leaves alone, and one of them meets a system that is full.
    const { client, peer } = await pair({ writeHighWaterMark: 1 });
    const tsdu = numbered(2_000);
    let written = 0;
    while (client.writeBuffered === 0) {
      client.write(tsdu);
      written += 1;
      await new Promise(setImmediate);
      expect(written).toBeLessThan(50_000);
    }
    const drained = client.drain();
    for (let i = 0; i < written; i += 1) {
      expect((await peer.read()).equals(tsdu)).toBe(true);
    }
    await drained;
    expect(client.writeBuffered).toBe(0);
  });

  test('drain rejects when the connection ends instead', async () => {
    const { client, peer } = await pair({ writeHighWaterMark: 1 });
    peer.socket.pause();
    for (let i = 0; i < 100; i += 1) {
      client.write(numbered(100_000));
    }
    const drained = rejection(client.drain());
    client.destroy();
    expect(await drained).toMatchObject({ code: 'ERR_COTP_CLOSED' });
  });
});

describe('a write that is refused after end()', () => {
  test('leaves reads to reject with what ends the connection later', async () => {
    const { raw, connection } = await opened({ onError: () => {} });
    connection.end();
    expect(() => connection.write(numbered(1))).toThrow(ConnectionClosedError);
    const read = rejection(connection.read());
    raw.socket.resetAndDestroy();
    expect(await read).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'reset' });
  });
});

describe('a small TSDU that the system refuses at once', () => {
  test('is not told as taken', async () => {
    const { raw, connection } = await opened({ writeHighWaterMark: 1, onError: () => {} });
    // The reset is there before the loop of events can tell of it.
    raw.socket.resetAndDestroy();
    connection.write(numbered(10));
    expect(await rejection(connection.drain())).toMatchObject({ code: 'ERR_COTP_CLOSED' });
  });
});

describe('a reader that does not read', () => {
  test('stops the socket at its mark, and loses nothing', async () => {
    const { client, peer } = await pair({ maxWriteBuffer: 2 ** 30 }, { readHighWaterMark: 50_000 });
    const tsdu = numbered(10_000);
    for (let i = 0; i < 2_000; i += 1) {
      client.write(tsdu);
    }
    await new Promise((resolve) => peer.socket.once('pause', resolve));
    expect(client.writeBuffered).toBeGreaterThan(1_000_000);
    for (let i = 0; i < 2_000; i += 1) {
      expect((await peer.read()).length).toBe(10_000);
    }
  });

  test('still gets what had arrived before a reset', async () => {
    const { raw, connection } = await opened();
    raw.send(Buffer.concat([dt('01'), dt('02'), dt('03')]));
    expect(await connection.read()).toEqual(hex('01'));
    raw.reset();
    await connection.waitClosed();
    expect(await connection.read()).toEqual(hex('02'));
    expect(await connection.read()).toEqual(hex('03'));
    expect(await rejection(connection.read())).toMatchObject({
      code: 'ERR_COTP_CLOSED',
      ending: 'reset',
      cause: { code: 'ECONNRESET' },
    });
  });
});

describe('a peer that goes away', () => {
  test('by FIN rejects the reads that wait', async () => {
    const { raw, connection } = await opened();
    const reads = [rejection(connection.read()), rejection(connection.read())];
    raw.socket.end();
    for (const error of await Promise.all(reads)) {
      expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'fin' });
    }
  });

  test('by FIN after its last TSDU still gets its answers', async () => {
    const { raw, connection } = await opened();
    raw.send(dt('01'));
    raw.socket.end(dt('02'));
    expect(await connection.read()).toEqual(hex('01'));
    await new Promise((resolve) => setImmediate(resolve));
    connection.write(hex('a1'));
    expect(await connection.read()).toEqual(hex('02'));
    await new Promise((resolve) => setImmediate(resolve));
    connection.write(hex('a2'));
    expect((await raw.packet()).toString('hex')).toBe('02f080a1');
    expect((await raw.packet()).toString('hex')).toBe('02f080a2');
    expect(await rejection(connection.read())).toMatchObject({ code: 'ERR_COTP_CLOSED' });
    expect(await raw.ending()).toBe('fin');
    await connection.waitClosed();
  });

  test('by FIN still gets an answer that a reader which has read on gives later', async () => {
    const { raw, connection } = await opened();
    const reading = (async () => {
      for await (const tsdu of connection) {
        void until(() => connection.socket.readableEnded).then(() => {
          connection.write(Buffer.concat([hex('aa'), tsdu]));
        });
      }
    })();
    raw.socket.end(dt('01'));
    await reading;
    expect((await raw.packet()).toString('hex')).toBe('02f080aa01');
    expect(await raw.ending()).toBe('fin');
  });

  test('by FIN is waited for with allowHalfOpen until this side ends too', async () => {
    const { raw, connection } = await opened({ allowHalfOpen: true });
    raw.socket.end(dt('01'));
    await connection.read();
    await rejection(connection.read());
    expect(connection.isOpen).toBe(true);
    connection.write(hex('02'));
    connection.end();
    expect((await raw.packet()).toString('hex')).toBe('02f08002');
    expect(await raw.ending()).toBe('fin');
    await connection.waitClosed();
  });

  test('by FIN in the middle of a TSDU is not a good end, and the part is not delivered', async () => {
    const { raw, connection } = await opened();
    raw.send(dt('01'));
    raw.socket.end(dt('02', false));
    expect(await connection.read()).toEqual(hex('01'));
    const error = await rejection(connection.read());
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'fin' });
    expect(error.message).toContain('middle of a TSDU');
  });

  test('by DR ends it cleanly, with the reason', async () => {
    const { raw, connection } = await opened();
    raw.send(Buffer.concat([dt('01'), tpkt('06 80 0000 0000 00')]));
    const tsdus: Buffer[] = [];
    for await (const tsdu of connection) {
      tsdus.push(tsdu);
    }
    expect(tsdus).toEqual([hex('01')]);
    expect(await rejection(connection.read())).toMatchObject({ reason: 0, ending: 'dr' });
  });

  test('by ER is not a good end', async () => {
    const { raw, connection, server } = await opened();
    raw.send(tpkt('04 70 0007 02'));
    const error = await rejection(connection.read());
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'er' });
    expect(server.errors).toEqual([error]);
  });
});

describe('octets that break the protocol', () => {
  test('end the connection with a typed error and an ER to the peer', async () => {
    const { raw, connection } = await opened();
    raw.send(tpkt('02 90 80 01'));
    const error = await rejection<ProtocolError>(connection.read());
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ fault: 'tpdu-code', octet: 2, rejectCause: 2, phase: 'open' });
    expect((await raw.packet()).toString('hex')).toBe('0870123402c1020290');
    expect(await raw.ending()).toBe('fin');
  });

  test('leave what came before them to be read', async () => {
    const { raw, connection } = await opened();
    raw.send(Buffer.concat([dt('01'), dt('02'), Buffer.from('garbage')]));
    const tsdus: Buffer[] = [];
    const iteration = (async () => {
      for await (const tsdu of connection) {
        tsdus.push(tsdu);
      }
    })();
    expect(await rejection(iteration)).toMatchObject({ fault: 'tpkt-version' });
    expect(tsdus).toEqual([hex('01'), hex('02')]);
  });

  test('behind the CR lose what the connection callback has written, and say how much', async () => {
    const connections: Connection[] = [];
    const server = await listen(
      (connection) => {
        connections.push(connection);
        connection.write(hex('616263'));
      },
      { host: '127.0.0.1', port: 0 },
    );
    closeLater(() => server.asyncClose());
    const raw = await rawClient(server.addresses[0]?.port ?? 0);
    raw.send(Buffer.concat([CR, Buffer.from('garbage')]));
    expect(await raw.ending()).toBe('reset');
    expect(raw.received).toEqual(Buffer.alloc(0));
    expect(connections.map(({ disconnection }) => disconnection)).toMatchObject([
      { ending: 'garbage', unsent: 3 },
    ]);
  });

  test('that are a fast acknowledge are none when tolerant, and one when strict', async () => {
    const fastAcknowledge = hex('03 00 00 07 02 f0 00');
    const tolerant = await opened();
    tolerant.raw.send(Buffer.concat([fastAcknowledge, fastAcknowledge, dt('32')]));
    expect(await tolerant.connection.read()).toEqual(hex('32'));
    const strict = await opened({ strict: true });
    strict.raw.send(fastAcknowledge);
    expect(await rejection(strict.connection.read())).toMatchObject({ fault: 'empty-dt' });
  });

  test('a TSDU past maxTsduSize ends it with a TsduTooLargeError', async () => {
    const { raw, connection } = await opened({ maxTsduSize: 100 });
    raw.send(dt('00'.repeat(100)));
    expect((await connection.read()).length).toBe(100);
    raw.send(Buffer.concat([dt('00'.repeat(60), false), dt('00'.repeat(41), false)]));
    expect(await rejection(connection.read())).toBeInstanceOf(TsduTooLargeError);
  });

  test('a TSDU of too many segments, empty ones counted, ends it as well', async () => {
    const { raw, connection } = await opened({ maxTsduSegments: 10 });
    raw.send(Buffer.concat([dt('01', false), ...Array.from({ length: 20 }, () => dt('', false))]));
    expect(await rejection(connection.read())).toBeInstanceOf(TsduTooLargeError);
  });
});

describe('timers', () => {
  test('a TSDU begun and dripped on ends at reassemblyTimeout, not later', async () => {
    const { raw, connection } = await opened({ reassemblyTimeout: 80 });
    const drip = setInterval(() => raw.send(dt('01', false)), 10);
    const error = await rejection(connection.read());
    clearInterval(drip);
    expect(error).toMatchObject({ code: 'ERR_COTP_TIMEOUT', timer: 'reassemblyTimeout' });
  });

  test('a connection that closes has its closeTimeout, not a receiveTimeout', async () => {
    const { raw, connection } = await opened({ receiveTimeout: 100, closeTimeout: 60_000 });
    raw.socket.pause();
    connection.write(Buffer.alloc(TOO_MANY));
    connection.close();
    await timersRun(400);
    expect(connection.isClosed).toBe(false);
    raw.socket.removeAllListeners('data').resume();
    expect(await raw.ending()).toBe('fin');
    raw.socket.end();
    await connection.waitClosed();
  });

  test('a connection of which octets wait is not idle', async () => {
    const { raw, connection } = await opened({ idleTimeout: 100 });
    raw.socket.pause();
    connection.write(Buffer.alloc(TOO_MANY));
    await timersRun(400);
    expect(connection.isOpen).toBe(true);
    raw.socket.removeAllListeners('data').resume();
    expect(await rejection(connection.read())).toMatchObject({ timer: 'idleTimeout' });
  });

  test('idleTimeout does not end a handshake', async () => {
    const onConnectRequest = async (request: ConnectRequest) => {
      await timersRun(200);
      request.accept();
    };
    const server = await serve({ idleTimeout: 50, onConnectRequest });
    const conn = await connect(server.address);
    conn.destroy();
    const silent = await rawServer();
    const options = { idleTimeout: 50, timeout: 200 };
    expect(await rejection(connect(silent.address, options))).toMatchObject({
      timer: 'timeout',
      phase: 'cr-sent',
    });
  });

  test('a connection on which nothing moves ends at idleTimeout', async () => {
    const { raw, connection } = await opened({ idleTimeout: 60 });
    const error = await rejection(connection.read());
    expect(error).toMatchObject({ code: 'ERR_COTP_TIMEOUT', timer: 'idleTimeout' });
    expect(await raw.ending()).toBe('fin');
  });

  test('a connection on which something moves does not', async () => {
    const { client, peer } = await pair({ idleTimeout: 150 });
    const timer = setInterval(() => peer.write(hex('01')), 30);
    closeLater(() => clearInterval(timer));
    await timersRun(300);
    expect(client.isOpen).toBe(true);
  });

  test('a peer that takes nothing ends at writeTimeout', async () => {
    const { client, peer } = await pair({ writeTimeout: 100 });
    peer.socket.pause();
    const tsdu = Buffer.alloc(1_000_000);
    for (let i = 0; i < 60; i += 1) {
      client.write(tsdu);
    }
    expect(await rejection(client.read())).toMatchObject({ timer: 'writeTimeout' });
    await client.waitClosed();
  });
});

describe('destroy', () => {
  test('resets at once and rejects what waits, with the cause', async () => {
    const { raw, connection } = await opened();
    const cause = new Error('enough');
    const reading = rejection(connection.read());
    connection.destroy(cause);
    expect(await reading).toMatchObject({ code: 'ERR_COTP_CLOSED', cause });
    expect(await raw.ending()).toBe('reset');
    await connection.waitClosed();
  });
});

describe('iteration', () => {
  test('ends quietly when this side closes', async () => {
    const { client, peer } = await pair();
    peer.write(hex('01'));
    const tsdus: Buffer[] = [];
    for await (const tsdu of client) {
      tsdus.push(tsdu);
      client.close();
    }
    expect(tsdus).toEqual([hex('01')]);
  });

  test('left early leaves the connection open', async () => {
    const { client, peer } = await pair();
    peer.write(hex('01'));
    for await (const _tsdu of client) {
      break;
    }
    peer.write(hex('02'));
    expect(await client.read()).toEqual(hex('02'));
  });
});
