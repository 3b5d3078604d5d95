/** What a TSDU costs in the engine does not depend on how large it is, octet by octet. */
import { describe, expect, it, test } from 'vitest';
import type { TransportEngine } from '../../src/core/connection/transport-engine.js';
import { Fifo } from '../../src/core/fifo.js';
import { OctetCollector } from '../../src/core/octets/collector.js';
import { NO_OCTETS } from '../../src/core/octets/octets.js';
import { countCopies } from '../support/copies.js';
import { takeEvents, takePieces } from '../support/engine.js';
import { expectLinear, memoryHeld } from '../support/growth.js';
import { hex, tpkt } from '../support/splits.js';
import { packet, responder } from '../support/states.js';

const MEBIBYTE = 1_048_576;

/** An open connection, both ways by DTs of up to that size. */
function opened(maxTpduSize: number): TransportEngine {
  const allocate = (length: number) => Buffer.allocUnsafe(length);
  const limits = { maxTsduSize: 64 * MEBIBYTE, maxTsduSegments: 2_000_000 };
  const subject = responder({ maxTpduSize, ...limits, allocate });
  const parameters = { tpduSize: 2048, preferredMaxTpduSize: 65_408 };
  subject.feed(packet({ type: 'CR', srcRef: 7, parameters }));
  subject.connection.accept({}, 0);
  return subject.quiet().connection;
}

/** Sends a TSDU from one connection to another, and gives what has arrived. */
function transfer(tsdu: Uint8Array, maxTpduSize: number): Uint8Array | undefined {
  const [sender, receiver] = [opened(maxTpduSize), opened(maxTpduSize)];
  sender.send(tsdu);
  for (const piece of takePieces(sender.sendBuffer)) {
    receiver.receive(piece, 0);
  }
  const [event] = takeEvents(receiver);
  return event?.type === 'data' ? event.message : undefined;
}

describe('the measure of growth', () => {
  /** The work is counted here, as nothing else is done. */
  const counted = (costOfRun: (size: number) => number) => {
    let spent = 0;
    const run = (size: number) => {
      spent += costOfRun(size);
    };
    const costOf = async (act: () => unknown) => {
      spent = 0;
      await act();
      return spent;
    };
    return expectLinear(1_600, run, costOf);
  };

  it('lets pass what grows as the work does', async () => {
    await expect(counted((size) => 30 * size + 7)).resolves.toBeUndefined();
  });

  it('finds what grows with the square', async () => {
    await expect(counted((size) => size ** 2)).rejects.toThrow('in one cost');
  });

  it('finds what grows with the square although a part of it costs little more', async () => {
    await expect(counted((size) => 100 * size + size ** 2)).rejects.toThrow('1600 in one cost');
  });

  it('finds a loop within a loop by its time', async () => {
    const run = (size: number) => {
      let sum = 0;
      for (let i = 0; i < size * size; i += 1) {
        sum += i % 7;
      }
      return sum;
    };
    await expect(expectLinear(4_000, run)).rejects.toThrow('in one cost');
  });
});

describe.each([
  // Copied to be sent, and copied to be joined.
  [2_048, 2],
  // Sent as views.
  [65_408, 1],
])('a TSDU of up to 64 MiB, in TPDUs of %i octets', (maxTpduSize, copies) => {
  it('arrives as it was sent, copied as often, octet by octet, as a smaller one', () => {
    const text = Buffer.alloc(64 * MEBIBYTE, 'all that is written, in order; ');
    // The smaller ones come first: were they copied too often, the largest would take for ever.
    for (const size of [MEBIBYTE, 8 * MEBIBYTE, 64 * MEBIBYTE]) {
      const tsdu = text.subarray(0, size);
      let received: Uint8Array | undefined;
      const { octets } = countCopies(() => {
        received = transfer(tsdu, maxTpduSize);
      });
      expect(octets / size).toBeCloseTo(copies, 2);
      expect(tsdu.compare(received ?? NO_OCTETS)).toBe(0);
    }
  });

  it('takes no more time than its octets in smaller ones', async () => {
    const octets = Buffer.alloc(64 * MEBIBYTE, 'x');
    await expectLinear(octets.length, (size) => transfer(octets.subarray(0, size), maxTpduSize));
  });
});

test('a TSDU in 320,000 DTs of one octet takes no more time than its DTs in smaller ones', async () => {
  const packets = Buffer.alloc(8 * 10_000, tpkt(hex('02f00055')));
  await expectLinear(320_000, (count) => {
    const receiver = opened(2_048);
    for (let left = count; left > 0; left -= 10_000) {
      receiver.receive(packets.subarray(0, 8 * left), 0);
    }
    return receiver;
  });
});

test('a collector takes no more time for a million octets one by one than for fewer', async () => {
  const octet = Uint8Array.of(7);
  await expectLinear(1_000_000, (count) => {
    const collector = new OctetCollector();
    for (let i = 0; i < count; i += 1) {
      collector.append(octet, 0, 1);
    }
    return collector.take((length) => new Uint8Array(length));
  });
});

test('a queue takes no more time for an item when it holds a million than when it holds fewer', async () => {
  await expectLinear(1_000_000, (count) => {
    const fifo = new Fifo<number>();
    for (let i = 0; i < count; i += 1) {
      fifo.push(i);
    }
    while (fifo.length > 0) {
      fifo.shift();
    }
    return fifo;
  });
});

test('a queue that never runs empty holds what is in it and nothing of what was', async () => {
  const fifo = new Fifo<number>();
  fifo.push(0);
  const before = await memoryHeld();
  for (let i = 1; i < 1_000_000; i += 1) {
    fifo.push(i);
    fifo.shift();
  }
  expect((await memoryHeld()) - before).toBeLessThan(MEBIBYTE);
  expect(fifo.length).toBe(1);
});

test('a packet takes no more time when 100,000 of them wait than when fewer do', async () => {
  const payload = new Uint8Array(8_192);
  await expectLinear(100_000, (count) => {
    const sender = opened(65_408);
    for (let i = 0; i < count; i += 1) {
      sender.send(payload);
    }
    return takePieces(sender.sendBuffer);
  });
});
