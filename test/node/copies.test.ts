/**
 * How often an octet is copied between the stream and the user: counted over a stream of the test's
 * own, and seen by whose memory it is on sockets.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type Connection, connect } from '../../src/index.js';
import { countCopies, countCopiesAsync } from '../support/copies.js';
import { closeLater, pair, serve } from '../support/life.js';
import { overOwnStream } from '../support/own-stream.js';
import { tpkt } from '../support/raw.js';
import { chunksOf, join, pattern } from '../support/splits.js';

const SIZE = { maxTpduSize: 65_408 } as const;

/** Largest user data of a DT at that TPDU size. */
const LARGEST = 65_405;

/** A TSDU in DTs with so many octets of user data each. */
function dts(tsdu: Uint8Array, userData: number): readonly Buffer[] {
  const parts = chunksOf(tsdu, userData);
  return parts.map((part, i) =>
    tpkt(`02f0${i === parts.length - 1 ? '80' : '00'}${Buffer.from(part).toString('hex')}`),
  );
}

/** The end of the turn, when what was written in it is handed to the stream. */
function turnEnd(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

/** What the socket of a connection gives to it, and is given by it, from now on. */
function spyOnSocket({ socket }: Connection) {
  const given: Buffer[] = [];
  const taken: Uint8Array[] = [];
  socket.on('data', (chunk: Buffer) => given.push(chunk));
  const write = socket.write.bind(socket) as (chunk: Uint8Array, ...rest: unknown[]) => boolean;
  socket.write = (chunk: Uint8Array, ...rest: unknown[]) => {
    taken.push(chunk);
    return write(chunk, ...rest);
  };
  return { given, taken };
}

describe('a TSDU that arrives in one chunk', () => {
  const sizes = [1, 64, 2041, 2045, 30_000, LARGEST];

  test.each(sizes)('of %i octets is read from the memory that the stream gave', async (size) => {
    const { connection, stream } = await overOwnStream(SIZE);
    const [chunk] = dts(pattern(size), LARGEST) as [Buffer];
    stream.push(chunk);
    const tsdu = await connection.read();
    expect(tsdu.equals(pattern(size))).toBe(true);
    expect([tsdu.buffer === chunk.buffer, tsdu.byteOffset]).toEqual([true, chunk.byteOffset + 7]);
  });

  test.each(sizes)('of %i octets is copied nowhere before it is read', async (size) => {
    const { connection, stream } = await overOwnStream(SIZE);
    const [chunk] = dts(pattern(size), LARGEST) as [Buffer];
    let reading: Promise<Buffer> | undefined;
    const copies = countCopies(() => {
      stream.push(chunk);
      reading = connection.read();
    });
    expect(await reading).toHaveLength(size);
    expect([copies.octets, copies.allocations]).toEqual([0, []]);
  });

  test.each(sizes)('of %i octets is copied nowhere for a read that waits', async (size) => {
    const { connection, stream } = await overOwnStream(SIZE);
    const [chunk] = dts(pattern(size), LARGEST) as [Buffer];
    const reading = connection.read();
    const copies = countCopies(() => stream.push(chunk));
    expect(await reading).toHaveLength(size);
    expect([copies.octets, copies.allocations]).toEqual([0, []]);
  });

  test('is a view even when it waited while the reader rested', async () => {
    const { connection, stream } = await overOwnStream({ readHighWaterMark: 1 });
    const chunks = [1, 64, 2045].map((size) => dts(pattern(size), 2045)[0] as Buffer);
    for (const chunk of chunks) {
      stream.push(chunk);
    }
    const tsdus = [await connection.read(), await connection.read(), await connection.read()];
    expect(tsdus.map(({ buffer }, i) => buffer === chunks[i]?.buffer)).toEqual([true, true, true]);
  });

  test.each(['client', 'server'])('is read from the memory of the socket by a %s', async (role) => {
    const { client, peer } = await pair(SIZE, SIZE);
    const [reader, writer] = role === 'client' ? [client, peer] : [peer, client];
    const { given } = spyOnSocket(reader);
    for (const size of [1, 64, 2045]) {
      writer.write(Buffer.alloc(size, size));
      const { buffer } = await reader.read();
      expect(given.pop()?.buffer).toBe(buffer);
    }
  });
});

describe('a TSDU that arrives in pieces', () => {
  test.each<[string, number, number, number | undefined]>([
    ['in DTs of 2048 octets', 300 * 2045, 2045, undefined],
    ['in DTs of 65408 octets', 10 * LARGEST, LARGEST, undefined],
    ['in chunks of 65536 octets', 10 * 60_000, 60_000, 65_536],
  ])('is copied once, %s', async (_name, size, userData, chunk) => {
    const { connection, stream } = await overOwnStream(SIZE);
    const octets = pattern(size);
    const parts = dts(octets, userData);
    const chunks = chunk === undefined ? parts : chunksOf(join(...parts), chunk);
    const reading = connection.read();
    const copies = countCopies(() => {
      for (const part of chunks) {
        stream.push(part);
      }
    });
    expect((await reading).equals(octets)).toBe(true);
    expect([copies.octets, copies.by]).toEqual([size, { set: size }]);
  });

  test('is copied into one piece of memory, at most a line of the cache longer than it', async () => {
    const { connection, stream } = await overOwnStream();
    const chunks = dts(pattern(100 * 2045), 2045);
    const copies = countCopies(() => {
      for (const chunk of chunks) {
        stream.push(chunk);
      }
    });
    const tsdu = await connection.read();
    expect(copies.allocations).toEqual([tsdu.buffer.byteLength]);
    expect(tsdu.buffer.byteLength - tsdu.length).toBeLessThanOrEqual(64);
  });
});

/** Two ends of one connection, and their sockets, which nobody has asked them for. */
async function pairWithSockets(...options: Parameters<typeof pair>) {
  const sockets: Partial<Record<'client' | 'server', Socket>> = {};
  const keepers = (['client', 'server'] as const).map((role) => {
    const keep = (message: unknown) => {
      sockets[role] = (message as { socket: Socket }).socket;
    };
    const name = `net.${role}.socket`;
    subscribe(name, keep);
    return { name, keep };
  });
  const ends = await pair(...options);
  for (const { name, keep } of keepers) {
    unsubscribe(name, keep);
  }
  return { ...ends, sockets: sockets as Record<'client' | 'server', Socket> };
}

describe('a TSDU that arrives in several DTs of one chunk', () => {
  const octets = pattern(20 * 2045);
  const wire = () => Buffer.from(join(...dts(octets, 2045)));

  /** The next TSDU, and whether it lies in the chunk that it came in or has left that as it was. */
  const readFrom = async (connection: Connection, socket: Duplex, chunk = wire()) => {
    const before = Buffer.from(chunk);
    socket.push(chunk);
    const tsdu = await connection.read();
    return { tsdu, isThere: tsdu.buffer === chunk.buffer, isAsItWas: chunk.equals(before) };
  };

  test.each(['client', 'server'] as const)('is joined in it by a %s', async (role) => {
    const { client, peer, sockets } = await pairWithSockets();
    const reader = role === 'client' ? client : peer;
    const { tsdu, isThere } = await readFrom(reader, sockets[role]);
    expect(tsdu.equals(octets)).toBe(true);
    expect([Buffer.isBuffer(tsdu), isThere]).toEqual([true, true]);
  });

  test.each([
    [4_095, false],
    [4_096, true],
  ])('is joined in it when the chunk has 4096 octets: %i', async (length, expected) => {
    const { client, sockets } = await pairWithSockets();
    const chunk = Buffer.from(join(...dts(pattern(length - 14), 2045)));
    expect(chunk).toHaveLength(length);
    const { isThere } = await readFrom(client, sockets.client, chunk);
    expect(isThere).toBe(expected);
  });

  describe('leaves the chunk as it is', () => {
    test('once the socket was asked for', async () => {
      const { client } = await pair();
      const kept: { chunk: Buffer; was: Buffer }[] = [];
      client.socket.prependOnceListener('data', (chunk: Buffer) => {
        kept.push({ chunk, was: Buffer.from(chunk) });
      });
      const { tsdu } = await readFrom(client, client.socket);
      expect(tsdu.equals(octets)).toBe(true);
      expect(kept.map(({ chunk, was }) => chunk.equals(was))).toEqual([true]);
    });

    test('once a server that decides has asked for the socket', async () => {
      let asked: Duplex | undefined;
      const { peer } = await pair(undefined, {
        onConnectRequest: (request) => {
          asked = request.socket;
          request.accept();
        },
      });
      const { isAsItWas } = await readFrom(peer, asked as Duplex);
      expect(isAsItWas).toBe(true);
    });

    test('when the socket is the own one of the user', async () => {
      const server = await serve();
      const socket = connectTcp(server.address);
      const client = await connect(server.address, { socket });
      closeLater(() => client.destroy());
      const { isAsItWas } = await readFrom(client, socket);
      expect(isAsItWas).toBe(true);
    });

    test('when the stream is the own one of the user', async () => {
      const { connection, stream } = await overOwnStream();
      const { isAsItWas } = await readFrom(connection, stream);
      expect(isAsItWas).toBe(true);
    });

    test('when somebody who watches all sockets listens to this one', async () => {
      const { client, sockets } = await pairWithSockets();
      sockets.client.on('data', () => {});
      const { isAsItWas } = await readFrom(client, sockets.client);
      expect(isAsItWas).toBe(true);
    });
  });

  test('leaves to a trace what it was given', async () => {
    const seen: Uint8Array[] = [];
    const { client, sockets } = await pairWithSockets({
      trace: ({ direction, octets: tpdu }) => {
        if (direction === 'received' && tpdu[1] === 0xf0) {
          seen.push(tpdu);
        }
      },
    });
    await readFrom(client, sockets.client);
    expect(join(...seen.map((tpdu) => tpdu.subarray(3)))).toEqual(octets);
  });
});

describe('a payload of 8192 octets or more in one DT', () => {
  const sizes = [8_192, 30_000, LARGEST];

  test.each(sizes)('of %i octets is given to the stream as it is', async (size) => {
    const { connection, stream } = await overOwnStream(SIZE);
    const tsdu = pattern(size);
    connection.write(tsdu);
    await turnEnd();
    expect(stream.written.map(({ length }) => length)).toEqual([7, size]);
    expect(stream.written[1]?.buffer).toBe(tsdu.buffer);
  });

  test.each([...sizes, 10 * LARGEST])('is not copied: a TSDU of %i octets', async (size) => {
    const { connection } = await overOwnStream(SIZE);
    const tsdu = Buffer.from(pattern(size));
    const copies = await countCopiesAsync(() => {
      connection.write(tsdu);
      return turnEnd();
    });
    expect([copies.octets, copies.allocations]).toEqual([0, []]);
  });

  test('is given to a socket as it is', async () => {
    const { client, peer } = await pair(SIZE, SIZE);
    const { taken } = spyOnSocket(client);
    const tsdu = Buffer.alloc(2 * LARGEST, 7);
    client.write(tsdu);
    expect(await peer.read()).toHaveLength(tsdu.length);
    const views = taken.filter(({ buffer }) => buffer === tsdu.buffer);
    expect(views.map(({ length }) => length)).toEqual([LARGEST, LARGEST]);
  });
});

describe('a smaller payload in a DT', () => {
  test.each([48, 64, 2045, 8_191])('of %i octets is copied once', async (size) => {
    const { connection, stream } = await overOwnStream(SIZE);
    const tsdu = Buffer.from(pattern(size));
    const copies = await countCopiesAsync(() => {
      connection.write(tsdu);
      return turnEnd();
    });
    expect(copies.by).toEqual({ set: size });
    expect(stream.written).toEqual(dts(tsdu, LARGEST));
  });

  test('is copied once whatever the TSDU comes to', async () => {
    const { connection } = await overOwnStream();
    const tsdu = Buffer.from(pattern(500 * 2045));
    const copies = await countCopiesAsync(() => {
      connection.write(tsdu);
      return turnEnd();
    });
    expect(copies.by).toEqual({ set: tsdu.length });
  });

  test('is not part of what a socket is given as it is', async () => {
    const { client, peer } = await pair();
    const { taken } = spyOnSocket(client);
    const tsdu = Buffer.alloc(100_000, 7);
    client.write(tsdu);
    expect(await peer.read()).toHaveLength(tsdu.length);
    expect(taken.filter(({ buffer }) => buffer === tsdu.buffer)).toEqual([]);
  });

  test('of a large TSDU is copied to memory that is used again once a socket has taken it', async () => {
    const { client, peer } = await pair();
    const { taken } = spyOnSocket(client);
    for (let i = 0; i < 20; i += 1) {
      const tsdu = Buffer.alloc(65_536, i);
      client.write(tsdu);
      expect((await peer.read()).equals(tsdu)).toBe(true);
    }
    expect(taken).toHaveLength(20);
    expect(new Set(taken.map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(2);
  });

  test("of a large TSDU is never changed in what a stream of the user's own has taken", async () => {
    const { connection, stream } = await overOwnStream();
    const tsdus = Array.from({ length: 10 }, (_, i) => Buffer.alloc(65_536, i + 1));
    for (const tsdu of tsdus) {
      connection.write(tsdu);
      await turnEnd();
    }
    expect(join(...stream.written)).toEqual(join(...tsdus.flatMap((tsdu) => dts(tsdu, 2045))));
  });
});

describe('memory that is used again', () => {
  /** A TSDU that tells whose it is and which. */
  function tsduOf(owner: number, index: number): Buffer {
    return Buffer.alloc(65_536, (owner * 50 + index) % 251);
  }

  function nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** One after the other, until the system does not take the last one whole. Gives how many. */
  async function fill({ client, peer }: Awaited<ReturnType<typeof pair>>, owner: number) {
    peer.socket.pause();
    let count = 0;
    for (let turns = 0; turns < 20; turns += 1) {
      if (client.writeBuffered === 0) {
        client.write(tsduOf(owner, count));
        count += 1;
        turns = 0;
      }
      await nextTurn();
    }
    return count;
  }

  test('is not that of what waits for a peer that takes nothing, nor of what was lost', async () => {
    const [stuck, lost, busy] = await Promise.all([pair(), pair(), pair()]);
    const count = await fill(stuck, 1);
    await fill(lost, 2);
    lost.client.destroy();
    for (let i = 0; i < 100; i += 1) {
      busy.client.write(tsduOf(3, i));
      expect((await busy.peer.read()).equals(tsduOf(3, i))).toBe(true);
    }
    stuck.peer.socket.resume();
    for (let i = 0; i < count; i += 1) {
      expect((await stuck.peer.read()).equals(tsduOf(1, i))).toBe(true);
    }
  });
});
