/** How often an octet is copied on its way through the engine: counted, not believed. */
import { describe, expect, it } from 'vitest';
import type { TransportEngine } from '../../src/core/connection/transport-engine.js';
import { SendPool } from '../../src/core/data-transfer/send-pool.js';
import { plainView } from '../../src/core/octets/collector.js';
import { countCopies, octetWatcher } from '../support/copies.js';
import { type Output, takeEvents, takePieces } from '../support/engine.js';
import { chunksOf, cutAt, hex, join, pattern, tpkt } from '../support/splits.js';
import { packet, responder } from '../support/states.js';

/** Largest user data of a DT in a TPKT of 65535 octets; and of one whose size was agreed on. */
const LARGEST = 65_528;
const LARGEST_AGREED = 65_405;

/** An open connection, both ways by DTs of up to that size, and the lengths that it allocated. */
function opened(maxTpduSize: number, view = plainView) {
  const allocated: number[] = [];
  const allocate = (length: number) => {
    allocated.push(length);
    return new Uint8Array(length);
  };
  const sendPool = new SendPool(allocate);
  const subject = responder({ maxTpduSize, maxTsduSize: 2 ** 30, allocate, view, sendPool });
  const parameters = { tpduSize: 2048, preferredMaxTpduSize: 65_408 };
  subject.feed(packet({ type: 'CR', srcRef: 7, parameters }));
  subject.connection.accept({}, 0);
  subject.quiet();
  allocated.length = 0;
  return { connection: subject.connection, allocated };
}

/** A TSDU in DTs with so many octets of user data each. */
function dts(tsdu: Uint8Array, userData: number): readonly Uint8Array[] {
  const parts = chunksOf(tsdu, userData);
  return parts.map((part, i) =>
    tpkt(join(hex(i === parts.length - 1 ? '02f080' : '02f000'), part)),
  );
}

/** What the reception of these chunks copies, and the TSDUs that come of it. */
function receiveCounted(connection: TransportEngine, chunks: readonly Uint8Array[], isOwn = false) {
  const copies = countCopies(() => {
    for (const chunk of chunks) {
      connection.receive(chunk, 0, isOwn);
    }
  });
  return { copies, tsdus: tsdusOf(takeEvents(connection)) };
}

/** What the sending of a TSDU of so many octets copies by functions, and reads octet by octet. */
function sentCounted(maxTpduSize: number, size: number) {
  const { watch, reads } = octetWatcher();
  const { connection, allocated } = opened(maxTpduSize, (...at) => watch(plainView(...at)));
  const tsdu = watch(pattern(size));
  const copies = countCopies(() => connection.send(tsdu));
  return { allocated, copies, reads: reads() };
}

function tsdusOf(events: readonly Output[]): readonly Uint8Array[] {
  return events.flatMap((event) => (event.type === 'data' ? [event.message] : []));
}

describe('the count of copies', () => {
  const octets = Buffer.from(pattern(100));
  const plain = Uint8Array.from(octets);
  const room = new Uint8Array(200);

  it.each<[string, () => unknown]>([
    ['set', () => room.set(plain)],
    ['copyWithin', () => room.copyWithin(100, 0, 100)],
    ['slice', () => plain.slice()],
    ['map', () => plain.map((octet) => octet)],
    ['a spread', () => [...plain]],
    ['Uint8Array.from', () => Uint8Array.from(Array.from({ length: 100 }))],
    ['new Uint8Array of octets', () => new Uint8Array(octets)],
    ['ArrayBuffer.prototype.slice', () => plain.buffer.slice(0)],
    ['structuredClone', () => structuredClone(plain)],
    ['Buffer.concat', () => Buffer.concat([octets])],
    ['Buffer.from', () => Buffer.from(octets)],
    ['Buffer.copyBytesFrom', () => Buffer.copyBytesFrom(plain)],
    ['Buffer.prototype.copy', () => octets.copy(room)],
    ['Buffer.prototype.write', () => octets.write('x'.repeat(100))],
  ])('sees the 100 octets of %s', (_name, act) => {
    expect(countCopies(act).octets).toBe(100);
  });

  it.each<[string, () => unknown]>([
    ['new Uint8Array', () => new Uint8Array(100)],
    ['new ArrayBuffer', () => new ArrayBuffer(100)],
    ['Buffer.alloc', () => Buffer.alloc(100)],
    ['Buffer.allocUnsafe', () => Buffer.allocUnsafe(100)],
    ['Buffer.allocUnsafeSlow', () => Buffer.allocUnsafeSlow(100)],
    ['slice', () => plain.slice()],
    ['Buffer.concat', () => Buffer.concat([octets])],
  ])('sees the memory of %s', (_name, act) => {
    expect(countCopies(act).allocations).toEqual([100]);
  });

  it('sees nothing in views', () => {
    const copies = countCopies(() => [
      plain.subarray(1),
      octets.subarray(1),
      new Uint8Array(plain.buffer, 1),
      Buffer.from(plain.buffer, 1),
    ]);
    expect(copies).toMatchObject({ octets: 0, allocations: [] });
  });

  it('leaves everything as it was', () => {
    const before = [Uint8Array, plain.set, octets.copy, Buffer.from, Uint8Array.from];
    countCopies(() => {});
    expect([Uint8Array, plain.set, octets.copy, Buffer.from, Uint8Array.from]).toEqual(before);
  });
});

describe('a TSDU received whole in one chunk', () => {
  const sizes = [1, 64, 2041, 2045, 30_000, 50_000, LARGEST];

  it.each(sizes)('of %i octets is copied nowhere, and no memory is taken for it', (size) => {
    const { connection, allocated } = opened(65_531);
    const { copies } = receiveCounted(connection, dts(pattern(size), LARGEST));
    expect([copies.octets, copies.allocations, allocated]).toEqual([0, [], []]);
  });

  it.each(sizes)('of %i octets is a view of that chunk', (size) => {
    const { connection } = opened(65_531);
    const [chunk] = dts(pattern(size), LARGEST) as [Uint8Array];
    const { tsdus } = receiveCounted(connection, [chunk]);
    expect(tsdus).toEqual([pattern(size)]);
    expect([tsdus[0]?.buffer === chunk.buffer, tsdus[0]?.byteOffset]).toEqual([true, 7]);
  });

  it('is a view although others come before and behind it', () => {
    const { connection } = opened(2048);
    const chunk = join(...[3, 700, 2045, 1].flatMap((size) => dts(pattern(size), 2045)));
    const { copies, tsdus } = receiveCounted(connection, [chunk]);
    expect(tsdus.map(({ length }) => length)).toEqual([3, 700, 2045, 1]);
    expect(tsdus.every(({ buffer }) => buffer === chunk.buffer)).toBe(true);
    expect(copies).toMatchObject({ octets: 0, allocations: [] });
  });
});

describe('a TSDU received in pieces', () => {
  it.each<[string, number, number, (wire: Uint8Array) => readonly Uint8Array[]]>([
    ['2 DTs in one chunk', 4_000, 2045, (wire) => [wire]],
    ['5 DTs in chunks of their own', 5 * 2045, 2045, (wire) => chunksOf(wire, 2052)],
    ['one DT cut in the middle', 2045, 2045, (wire) => cutAt(wire, [1_000])],
    ['one large DT in segments of TCP', 42 * 1_460 - 7, LARGEST, (wire) => chunksOf(wire, 1_460)],
    ['large DTs in chunks of a socket', 900_000, 60_000, (wire) => chunksOf(wire, 65_536)],
    ['490 DTs in one chunk', 490 * 2045, 2045, (wire) => [wire]],
  ])('is copied once, into memory of its length: %s', (_name, size, userData, cut) => {
    const { connection, allocated } = opened(65_531);
    const tsdu = pattern(size);
    const { copies, tsdus } = receiveCounted(connection, cut(join(...dts(tsdu, userData))));
    expect(tsdus.map((received) => Buffer.compare(received, tsdu))).toEqual([0]);
    expect([copies.octets, copies.by, copies.allocations, allocated]).toEqual([
      size,
      { set: size },
      [size],
      [size],
    ]);
  });
});

describe('a TSDU in several DTs of a chunk that nobody else looks at', () => {
  /** The chunks as a socket makes them: each in memory of its own. */
  const receiveOwn = (size: number, userData: number, cut: readonly number[] = []) => {
    const { connection, allocated } = opened(65_531);
    const tsdu = pattern(size);
    const chunks = cutAt(join(...dts(tsdu, userData)), cut).map((chunk) => Uint8Array.from(chunk));
    const { copies, tsdus } = receiveCounted(connection, chunks, true);
    expect(tsdus.map((received) => Buffer.compare(received, tsdu))).toEqual([0]);
    return { copies, allocated, isThere: tsdus[0]?.buffer === chunks[0]?.buffer };
  };

  it.each([
    ['2 DTs', 4_000, 2045],
    ['490 DTs', 490 * 2045, 2045],
    ['DTs of 512 octets of user data', 5_120, 512],
  ])(
    'is joined there: each octet is moved once, and no memory is taken: %s',
    (_, size, userData) => {
      const { copies, allocated, isThere } = receiveOwn(size, userData);
      expect([copies.octets, copies.allocations, allocated]).toEqual([size, [], []]);
      expect(isThere).toBe(true);
    },
  );

  it('is joined there although TCP has cut off its end, where its headers leave room for that', () => {
    const { allocated, isThere } = receiveOwn(65_536, 65_528, [65_536]);
    expect([allocated, isThere]).toEqual([[], true]);
  });

  it('is joined elsewhere when its headers leave one octet too few', () => {
    const { allocated, isThere } = receiveOwn(65_536, 65_528, [65_535]);
    expect([allocated, isThere]).toEqual([[65_536], false]);
  });

  it('is joined elsewhere when it begins with less than 512 octets, which would keep the chunk', () => {
    const { allocated, isThere } = receiveOwn(1_022, 511);
    expect([allocated, isThere]).toEqual([[1_022], false]);
  });

  describe('behind others', () => {
    /** Length of each of the TSDUs here, and of the two DTs that it comes in. */
    const SIZE = 4_090;
    const WIRE = SIZE + 2 * 7;

    /** Which chunk's memory each of so many TSDUs is in, and the memory that was taken for them. */
    const homes = (
      count: number,
      cut: (wire: Uint8Array) => readonly Uint8Array[],
      userData = 2045,
    ) => {
      const { connection, allocated } = opened(65_531);
      const sent = Array.from({ length: count }, (_, i) => pattern(SIZE + i).subarray(i));
      const chunks = cut(join(...sent.flatMap((tsdu) => dts(tsdu, userData)))).map((part) =>
        Uint8Array.from(part),
      );
      const { copies, tsdus } = receiveCounted(connection, chunks, true);
      expect(tsdus.map((tsdu, i) => Buffer.compare(tsdu, sent[i] as Uint8Array))).toEqual(
        sent.map(() => 0),
      );
      const of = tsdus.map(({ buffer }) => chunks.findIndex((part) => part.buffer === buffer));
      return { homes: of, allocated, copies };
    };

    it('is joined right behind them', () => {
      const joined = homes(3, (wire) => [wire]);
      expect([joined.homes, joined.allocated]).toEqual([[0, 0, 0], []]);
    });

    it('is joined over the end of one that was joined in the chunk before', () => {
      const { copies, ...joined } = homes(4, (wire) => chunksOf(wire, WIRE - 4));
      expect([joined.homes, joined.allocated]).toEqual([[0, 1, 2, 3], []]);
      expect(copies.octets).toBeLessThan(4 * WIRE + 100);
    });

    it('is joined there although its first DT is cut', () => {
      const joined = homes(40, (wire) => chunksOf(wire, WIRE - 4), 4_000);
      const each = Array.from({ length: 40 }, (_, i) => i);
      expect([joined.homes, joined.allocated]).toEqual([each, []]);
    });

    it.each([
      [511, -1],
      [512, 1],
    ])('is joined there when 512 octets of it are there: %i', (begun, home) => {
      const joined = homes(2, (wire) => cutAt(wire, [10, WIRE + 7 + begun]));
      expect(joined.homes).toEqual([-1, home]);
    });

    it('is joined elsewhere when too few octets of it are there, whatever came before', () => {
      const cuts = [10, 2 * WIRE - 4, 3 * WIRE + 100];
      const { allocated, ...joined } = homes(4, (wire) => cutAt(wire, cuts));
      expect([joined.homes, allocated]).toEqual([
        [-1, 1, 2, -1],
        [SIZE, SIZE],
      ]);
    });
  });
});

/** The exception: a view of fewer than 512 octets would cost nearly as much as they do. */
describe('a piece of fewer than 512 octets of a TSDU', () => {
  it('is copied twice when it is the user data of a whole DT', () => {
    const { connection } = opened(2048);
    const wire = join(...dts(pattern(2 * 511), 511));
    expect(receiveCounted(connection, [wire]).copies.octets).toBe(2 * (2 * 511));
  });

  it('is copied twice when TCP has cut it from a DT that is a whole TSDU', () => {
    const { connection } = opened(2048);
    const [wire] = dts(pattern(2045), 2045) as [Uint8Array];
    const { copies } = receiveCounted(connection, cutAt(wire, [7 + 1_645]));
    expect(copies.octets).toBe(1_645 + 2 * 400);
  });

  it('is copied three times when TCP has cut it from one DT of several', () => {
    const { connection } = opened(2048);
    const [wire, last] = dts(pattern(2045 + 600), 2045) as [Uint8Array, Uint8Array];
    const { copies } = receiveCounted(connection, [...cutAt(wire, [7 + 1_645]), last]);
    expect(copies.octets).toBe(1_645 + 3 * 400 + 600);
  });

  it('makes no other piece be copied more than once', () => {
    const { connection } = opened(2048);
    const wire = dts(pattern(2045 + 511), 2045);
    expect(receiveCounted(connection, wire).copies.octets).toBe(2045 + 2 * 511);
  });

  it.each([1, 7, 100, 511])(
    'is copied three times at most, headers counted, in chunks of %i octets',
    (size) => {
      const { connection, allocated } = opened(2048);
      const wire = join(...dts(pattern(20_000), 2045));
      const { copies } = receiveCounted(connection, chunksOf(wire, size));
      expect(copies.octets).toBeLessThanOrEqual(3 * wire.length);
      expect(allocated).toEqual([20_000]);
    },
  );

  it('is seldom enough: chunks of a socket add less than one octet in a hundred', () => {
    const { connection } = opened(2048);
    const wire = join(...dts(pattern(1_000_000), 2045));
    const { copies } = receiveCounted(connection, chunksOf(wire, 65_536));
    expect(copies.octets).toBeLessThan(1_010_000);
  });
});

describe('a payload of 8192 octets or more in one DT', () => {
  it.each([8_192, 30_000, LARGEST_AGREED])('of %i octets leaves as a view', (size) => {
    const { connection } = opened(65_531);
    const tsdu = pattern(size);
    connection.send(tsdu);
    const pieces = takePieces(connection.sendBuffer);
    expect(pieces.map(({ length }) => length)).toEqual([7, size]);
    expect(pieces[1]?.buffer).toBe(tsdu.buffer);
  });

  it.each([8_192, 30_000, 10 * LARGEST_AGREED, 10 * LARGEST_AGREED + 8_192])(
    'is not copied: a TSDU of %i octets',
    (size) => {
      const { allocated, copies, reads } = sentCounted(65_531, size);
      expect([copies.octets, reads]).toEqual([0, 0]);
      // The headers lie in the block that is there already.
      expect(allocated).toEqual([]);
    },
  );
});

describe('a smaller payload in a DT', () => {
  it.each([1, 47, 48, 64, 2045, 8_191])('of %i octets is copied once', (size) => {
    const { copies, reads } = sentCounted(65_531, size);
    expect(copies.octets + reads).toBe(size);
  });

  it.each([1, 47, 48, 64, 2045, 8_191])('of %i octets leaves in one piece', (size) => {
    const { connection } = opened(65_531);
    const tsdu = pattern(size);
    connection.send(tsdu);
    const pieces = takePieces(connection.sendBuffer);
    expect(pieces).toEqual(dts(tsdu, LARGEST_AGREED));
    expect(pieces[0]?.buffer).not.toBe(tsdu.buffer);
  });

  it.each([2_046, 8_192, 65_536, 1_000_000])(
    'is copied once whatever the TSDU comes to: %i octets at a TPDU size of 2048',
    (size) => {
      const { copies, reads } = sentCounted(2_048, size);
      expect(copies.octets + reads).toBe(size);
    },
  );

  it('is the only one that is copied of a TSDU whose other DTs are large', () => {
    const { connection } = opened(65_531);
    const tsdu = pattern(10 * LARGEST_AGREED + 8_191);
    expect(countCopies(() => connection.send(tsdu)).octets).toBe(8_191);
  });

  it('shares blocks: no memory is taken for it by itself', () => {
    const { connection, allocated } = opened(2_048);
    const tsdu = pattern(1_000);
    for (let i = 0; i < 1_000; i += 1) {
      connection.send(tsdu);
      takePieces(connection.sendBuffer);
    }
    expect(allocated.every((length) => length === 65_536)).toBe(true);
    expect(allocated.length).toBeLessThanOrEqual(Math.ceil((1_000 * 1_007) / (65_536 - 1_007)));
  });

  it('goes to memory that is used again, where 32 KiB wait', () => {
    const { connection, allocated } = opened(2_048);
    connection.sendBuffer.reportsSent = true;
    const tsdu = pattern(1_000);
    for (let i = 0; i < 1_000; i += 1) {
      connection.send(tsdu);
      if (i % 100 === 99) {
        takePieces(connection.sendBuffer);
        connection.sendBuffer.sent();
      }
    }
    const octets = allocated.reduce((sum, length) => sum + length);
    expect(octets).toBeLessThan(1_000 * 1_000 * 0.6);
  });

  it('of a TSDU of 32 KiB or more goes to memory that is used again from its first octet', () => {
    const { connection, allocated } = opened(2_048);
    connection.sendBuffer.reportsSent = true;
    const tsdu = pattern(1_000_000);
    for (let i = 0; i < 10; i += 1) {
      connection.send(tsdu);
      takePieces(connection.sendBuffer);
      connection.sendBuffer.sent();
    }
    const wire = join(...dts(tsdu, 2045)).length;
    expect(allocated.length).toBeLessThanOrEqual(Math.ceil(wire / (69_632 - 2_048)));
  });
});
