/**
 * What a large TSDU, many messages that wait and many reads that wait cost: each octet, message and
 * read as much as it would by itself, in time and in memory.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Connection, ConnectOptions } from '../../src/index.js';
import { expectLinear, memoryHeld } from '../support/growth.js';
import { pair } from '../support/life.js';
import { type OwnStream, overOwnStream } from '../support/own-stream.js';
import { dt } from '../support/raw.js';

const MEBIBYTE = 1_048_576;
const MANY = 100_000;
/** Octets of a message where there are many. */
const LENGTH = 64;
const MESSAGE: Buffer = Buffer.alloc(LENGTH, 'm');
/** Such a message in its DT. */
const PACKET: Buffer = dt(MESSAGE.toString('hex'));

/** Nothing is in the way of as many messages as a test wants. */
const ROOMY = {
  readHighWaterMark: 2 ** 30,
  maxWriteBuffer: 2 ** 30,
  writeHighWaterMark: 1,
} satisfies ConnectOptions;

/** That many messages arrive, about as many at a time as a socket gives. */
function pushMessages(stream: OwnStream, count: number): void {
  for (let left = count; left > 0; left -= 1_000) {
    stream.push(Buffer.alloc(Math.min(left, 1_000) * PACKET.length, PACKET));
  }
}

/** Writes to both in turn, so that none of what waits can be kept in one piece. */
function writeInTurn(connections: readonly Connection[], count: number): void {
  for (let i = 0; i < count; i += 1) {
    connections[i % connections.length]?.write(MESSAGE);
  }
}

async function untilDrained({ stream, connection }: Awaited<ReturnType<typeof overOwnStream>>) {
  stream.release();
  await connection.drain();
}

/** Reads a message and keeps nothing of it, as the test itself might while it goes on. */
async function lengthOfNext(connection: Connection): Promise<number> {
  const { length } = await connection.read();
  return length;
}

function lengthOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

describe.each([2_048, 65_408] as const)('a TSDU of 64 MiB in TPDUs of %i octets', (maxTpduSize) => {
  const options = { maxTpduSize, maxTsduSize: 64 * MEBIBYTE };

  test('takes no more time from socket to socket than its octets in smaller ones', async () => {
    const { client, peer } = await pair(options, options);
    const octets = Buffer.alloc(64 * MEBIBYTE, 'x');
    await expectLinear(octets.length, (size) => {
      client.write(octets.subarray(0, size));
      return peer.read();
    });
  });

  test('arrives as it was sent', async () => {
    const { client, peer } = await pair(options, options);
    const tsdu = Buffer.alloc(64 * MEBIBYTE, 'all that is written, in order; ');
    client.write(tsdu);
    expect(tsdu.compare(await peer.read())).toBe(0);
  });

  test('holds little more than its octets until it is complete', async () => {
    const { connection, stream } = await overOwnStream(options);
    const packet = dt('55'.repeat(maxTpduSize - 3), false);
    const chunkLength = 32 * packet.length;
    const before = await memoryHeld();
    const chunks = Math.floor((64 * MEBIBYTE) / chunkLength);
    for (let i = 0; i < chunks; i += 1) {
      stream.push(Buffer.alloc(chunkLength, packet));
      // One at a time, as a socket would: where each took longer and longer, the test would end.
      await nextTurn();
    }
    expect((await memoryHeld()) - before).toBeLessThan(1.1 * chunks * chunkLength);
    stream.push(dt('aa'));
    expect(await lengthOfNext(connection)).toBe(chunks * 32 * (maxTpduSize - 3) + 1);
    expect((await memoryHeld()) - before).toBeLessThan(MEBIBYTE);
  });
});

describe('100,000 messages written while the peer takes nothing', () => {
  test('take no more time each than fewer do', async () => {
    await expectLinear(MANY, async (count) => {
      const ends = [await overOwnStream(ROOMY), await overOwnStream(ROOMY)];
      for (const { stream } of ends) {
        stream.hold();
      }
      writeInTurn(
        ends.map(({ connection }) => connection),
        count,
      );
      await Promise.all(ends.map(untilDrained));
      return ends;
    });
  });

  test('hold little more than their octets', async () => {
    const ends = [await overOwnStream(ROOMY), await overOwnStream(ROOMY)];
    for (const { stream } of ends) {
      stream.hold();
    }
    const before = await memoryHeld();
    writeInTurn(
      ends.map(({ connection }) => connection),
      MANY,
    );
    const held = (await memoryHeld()) - before;
    expect(ends.map(({ connection }) => connection.writeBuffered)).toEqual(
      ends.map(() => (MANY / 2) * PACKET.length),
    );
    expect(held / MANY).toBeLessThan(PACKET.length + 100);
  });

  test('are all sent in the end, and hold nothing more', async () => {
    const end = await overOwnStream(ROOMY);
    end.stream.hold();
    const before = await memoryHeld();
    writeInTurn([end.connection], MANY);
    await untilDrained(end);
    expect(lengthOf(end.stream.written.splice(0))).toBe(MANY * PACKET.length);
    expect((await memoryHeld()) - before).toBeLessThan(MEBIBYTE);
  });

  test('arrive in order at a peer that reads them at last', async () => {
    const { client, peer } = await pair(ROOMY);
    const message = Buffer.alloc(500);
    for (let i = 0; i < MANY; i += 1) {
      const numbered = Buffer.from(message);
      numbered.writeUInt32BE(i);
      client.write(numbered);
    }
    expect(client.writeBuffered).toBeGreaterThan((MANY / 2) * message.length);
    const order: number[] = [];
    for (let i = 0; i < MANY; i += 1) {
      order.push((await peer.read()).readUInt32BE());
    }
    expect(order).toEqual(Array.from({ length: MANY }, (_, i) => i));
  });
});

test('100,000 calls of drain that wait take no more time each than fewer do', async () => {
  await expectLinear(MANY, async (count) => {
    const end = await overOwnStream(ROOMY);
    end.stream.hold();
    end.connection.write(MESSAGE);
    const drains = Array.from({ length: count }, () => end.connection.drain());
    await untilDrained(end);
    return Promise.all(drains);
  });
});

describe('100,000 messages that nobody has read', () => {
  test('take no more time each than fewer do', async () => {
    await expectLinear(MANY, async (count) => {
      const { connection, stream } = await overOwnStream(ROOMY);
      pushMessages(stream, count);
      const messages: Buffer[] = [];
      for (let i = 0; i < count; i += 1) {
        messages.push(await connection.read());
      }
      return messages;
    });
  });

  test('hold little more than their octets', async () => {
    const { connection, stream } = await overOwnStream(ROOMY);
    const before = await memoryHeld();
    pushMessages(stream, MANY);
    const held = (await memoryHeld()) - before;
    expect(await connection.read()).toHaveLength(LENGTH);
    expect(held / MANY).toBeLessThan(PACKET.length + 100);
  });

  test('hold nothing more once they are read', async () => {
    const { connection, stream } = await overOwnStream(ROOMY);
    const before = await memoryHeld();
    pushMessages(stream, MANY);
    for (let i = 0; i < MANY; i += 1) {
      await connection.read();
    }
    expect((await memoryHeld()) - before).toBeLessThan(MEBIBYTE);
  });
});

describe('100,000 reads that wait', () => {
  test('take no more time each than fewer do', async () => {
    await expectLinear(MANY, async (count) => {
      const { connection, stream } = await overOwnStream(ROOMY);
      const reads = Array.from({ length: count }, () => connection.read());
      pushMessages(stream, count);
      return Promise.all(reads);
    });
  });

  test('take no more time each than fewer do when the connection ends', async () => {
    await expectLinear(MANY, async (count) => {
      const { connection } = await overOwnStream(ROOMY);
      const reads = Array.from({ length: count }, () => connection.read());
      connection.destroy();
      return Promise.allSettled(reads);
    });
  });
});
