import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SEND_VIEW_FROM, SendBuffer } from '../../../src/core/data-transfer/send-buffer.js';
import { SendPool } from '../../../src/core/data-transfer/send-pool.js';
import { allocateZeroed } from '../../../src/core/octets/collector.js';
import { takePieces } from '../../support/engine.js';
import { digits, join, pattern, tpkt } from '../../support/splits.js';

const HEADER = [0x02, 0xf0, 0x80] as const;

function filled(...payloads: readonly Uint8Array[]): SendBuffer {
  const outbox = new SendBuffer(new SendPool(allocateZeroed));
  for (const payload of payloads) {
    outbox.addPacket(HEADER, payload);
  }
  return outbox;
}

function wire(...payloads: readonly Uint8Array[]): Uint8Array {
  return join(...payloads.map((payload) => tpkt(join(Uint8Array.from(HEADER), payload))));
}

describe('SendBuffer', () => {
  const sizes = [1, 47, 48, 49, 1_000, SEND_VIEW_FROM - 1, SEND_VIEW_FROM, 60_000];

  //= X.224 6.2.3 para 4 test
  //= RFC 1006 5 N-DATA test
  //= RFC 1006 6 TPKT test
  //= RFC 2126 3.2.3.2 test
  //= RFC 2126 4.3 test
  it.each(sizes)('frames a payload of %i octets', (size) => {
    const payload = pattern(size);
    expect(digits(...takePieces(filled(payload)))).toBe(digits(wire(payload)));
  });

  it('keeps the order of small and large payloads', () => {
    const payloads = [...sizes, ...sizes].map((size, i) => pattern(size, i));
    expect(digits(...takePieces(filled(...payloads)))).toBe(digits(wire(...payloads)));
  });

  it('gives small packets of one turn as one piece', () => {
    expect(takePieces(filled(pattern(10), pattern(20), pattern(30)))).toHaveLength(1);
  });

  it('gives a large payload whole as the very object of the caller', () => {
    const payload = pattern(SEND_VIEW_FROM);
    expect(takePieces(filled(payload))[1]).toBe(payload);
  });

  it('copies a small payload, so that the caller may change it', () => {
    const payload = pattern(100);
    const outbox = filled(payload);
    payload.fill(0xee);
    expect(digits(...takePieces(outbox))).toBe(digits(wire(pattern(100))));
  });

  it('sends packets that are ready as they are, in order with others', () => {
    const outbox = filled(pattern(10));
    for (const size of [20, SEND_VIEW_FROM, 30]) {
      outbox.addRun(wire(pattern(size)));
    }
    outbox.addPacket(HEADER, pattern(40));
    const expected = [10, 20, SEND_VIEW_FROM, 30, 40].map((size) => pattern(size));
    expect(outbox.length).toBe(wire(...expected).length);
    expect(outbox.userDataLength(HEADER.length)).toBe(100 + SEND_VIEW_FROM);
    expect(digits(...takePieces(outbox))).toBe(digits(wire(...expected)));
    expect(outbox.length).toBe(0);
  });

  it('copies few octets of packets that are ready, and gives many as the very object', () => {
    const outbox = filled();
    const few = wire(pattern(100));
    const many = wire(pattern(SEND_VIEW_FROM - 7));
    outbox.addRun(few);
    outbox.addRun(many);
    few.fill(0xee);
    const [first, second] = takePieces(outbox);
    expect(digits(first as Uint8Array)).toBe(digits(wire(pattern(100))));
    expect(second).toBe(many);
  });

  it('copies ready packets of one octet less than those that are views', () => {
    const outbox = filled();
    const ready = wire(pattern(SEND_VIEW_FROM - 8));
    outbox.addRun(ready);
    expect(takePieces(outbox)[0]).not.toBe(ready);
  });

  it('drops packets that are ready with all other data', () => {
    const outbox = filled(pattern(10));
    outbox.addRun(wire(pattern(SEND_VIEW_FROM)));
    outbox.addRun(wire(pattern(5)));
    outbox.dropData();
    expect(outbox.length).toBe(0);
    expect(takePieces(outbox)).toEqual([]);
  });

  it('does not change pieces taken when more is added', () => {
    const outbox = filled(pattern(100));
    const taken = takePieces(outbox);
    const before = taken.map((piece) => piece.slice());
    for (let i = 0; i < 2_000; i += 1) {
      outbox.addPacket(HEADER, pattern(100, i));
    }
    takePieces(outbox);
    expect(taken).toEqual(before);
  });

  it('does not change pieces taken when it is cleared and used again', () => {
    const outbox = filled(pattern(100));
    const [taken] = takePieces(outbox);
    outbox.addPacket(HEADER, pattern(50));
    outbox.clear();
    outbox.addPacket(HEADER, pattern(60, 9));
    expect(taken).toEqual(wire(pattern(100)));
    expect(digits(...takePieces(outbox))).toBe(digits(wire(pattern(60, 9))));
  });

  it('counts the octets that wait', () => {
    const outbox = filled(pattern(10), pattern(SEND_VIEW_FROM));
    expect(outbox.length).toBe(17 + SEND_VIEW_FROM + 7);
    takePieces(outbox);
    expect(outbox.length).toBe(0);
  });

  it('gives one piece at a time, and counts down', () => {
    const outbox = filled(pattern(10_000), pattern(10_000, 1));
    const seen: number[] = [];
    for (let piece = outbox.shift(); piece !== undefined; piece = outbox.shift()) {
      seen.push(piece.length, outbox.length);
    }
    expect(seen).toEqual([7, 20_007, 10_000, 10_007, 7, 10_000, 10_000, 0]);
  });

  it('keeps the order when packets are added while pieces are taken', () => {
    const payloads = Array.from({ length: 40 }, (_, i) => pattern(((i * 997) % 20_000) + 1, i));
    const outbox = new SendBuffer(new SendPool(allocateZeroed));
    const taken: Uint8Array[] = [];
    for (const payload of payloads) {
      outbox.addPacket(HEADER, payload);
      taken.push(outbox.shift() ?? pattern(0));
    }
    taken.push(...takePieces(outbox));
    expect(digits(...taken)).toBe(digits(wire(...payloads)));
  });

  it('does not mix its octets with those of another that shares its blocks', () => {
    const blocks = new SendPool(allocateZeroed);
    const outboxes = [new SendBuffer(blocks), new SendBuffer(blocks)];
    const payloads = Array.from({ length: 200 }, (_, i) => pattern(((i * 131) % 900) + 1, i));
    payloads.forEach((payload, i) => {
      outboxes[i % 3 === 0 ? 1 : 0]?.addPacket(HEADER, payload);
    });
    const sent = outboxes.map((outbox) => digits(...takePieces(outbox)));
    expect(sent).toEqual([
      digits(wire(...payloads.filter((_, i) => i % 3 !== 0))),
      digits(wire(...payloads.filter((_, i) => i % 3 === 0))),
    ]);
  });

  it('gives nothing when nothing waits', () => {
    expect(new SendBuffer(new SendPool(allocateZeroed)).shift()).toBeUndefined();
  });

  it('forgets what waits when cleared', () => {
    const outbox = filled(pattern(10), pattern(10_000));
    outbox.clear();
    expect([outbox.length, takePieces(outbox)]).toEqual([0, []]);
  });
});

/** An outbox whose pieces are said to be done with, as those of a socket are. */
function lending(blocks = new SendPool(allocateZeroed)): SendBuffer {
  const outbox = new SendBuffer(blocks);
  outbox.reportsSent = true;
  return outbox;
}

/** An outbox, what is to leave it, and what left it and may still be looked at. */
function watched(blocks: SendPool) {
  const outbox = lending(blocks);
  let added: Uint8Array[] = [];
  let handedOver: { readonly piece: Uint8Array; readonly before: Uint8Array }[] = [];
  const compare = () => {
    for (const { piece, before } of handedOver) {
      expect(Buffer.compare(piece, before)).toBe(0);
    }
  };
  return {
    add(payload: Uint8Array, following: number) {
      outbox.addPacket(HEADER, payload, following);
      added.push(wire(payload));
    },
    shift() {
      const piece = outbox.shift();
      if (piece !== undefined) {
        const waiting = Buffer.concat(added);
        expect(Buffer.compare(piece, waiting.subarray(0, piece.length))).toBe(0);
        added = [waiting.subarray(piece.length)];
        handedOver.push({ piece, before: piece.slice() });
      }
    },
    taken() {
      compare();
      outbox.sent();
      handedOver = [];
    },
    clear() {
      outbox.clear();
      added = [];
    },
    compare,
  };
}

describe('the memory of what is much', () => {
  /** As the DTs of a TSDU of 64 KiB are added. */
  function addLarge(outbox: SendBuffer, seed = 0): readonly Uint8Array[] {
    const payloads = Array.from({ length: 33 }, (_, i) => pattern(2_045, seed + i));
    payloads.forEach((payload, i) => {
      outbox.addPacket(HEADER, payload, (payloads.length - 1 - i) * 2_045);
    });
    return payloads;
  }

  it.each([
    ['packets', (outbox: SendBuffer) => outbox.addPacket(HEADER, Uint8Array.of(1))],
    ['runs', (outbox: SendBuffer) => outbox.addRun(wire(Uint8Array.of(1)))],
  ])('is in few pieces for small %s, although another connection sends in turn', (_what, add) => {
    const pool = new SendPool(allocateZeroed);
    // Of a stream that does not report when it has sent its octets.
    const outboxes = [new SendBuffer(pool), new SendBuffer(pool)] as const;
    const count = 100_000;
    for (let i = 0; i < count; i += 1) {
      outboxes.forEach(add);
    }
    for (const outbox of outboxes) {
      const { length } = outbox;
      const pieces: Uint8Array[] = [];
      for (let piece = outbox.shift(); piece !== undefined; piece = outbox.shift()) {
        pieces.push(piece);
      }
      const one = wire(Uint8Array.of(1));
      expect(length).toBe(count * one.length);
      expect(pieces.length).toBeLessThan(count / 20);
      const sent = Buffer.concat(pieces);
      expect(sent.equals(Buffer.alloc(length, one))).toBe(true);
    }
  });

  it.each([
    ['packets', (outbox: SendBuffer, part: Uint8Array) => outbox.addPacket(HEADER, part)],
    ['runs', (outbox: SendBuffer, part: Uint8Array) => outbox.addRun(part)],
  ])('keeps no chunk alive for a small part of it: %s', (_what, add) => {
    const outbox = new SendBuffer(new SendPool(allocateZeroed));
    const count = 100;
    for (let i = 0; i < count; i += 1) {
      const chunk = new Uint8Array(65_536);
      const run = wire(pattern(SEND_VIEW_FROM - 7));
      chunk.set(run, 100);
      add(outbox, chunk.subarray(100, 100 + run.length));
    }
    const kept = new Set<ArrayBufferLike>();
    for (let piece = outbox.shift(); piece !== undefined; piece = outbox.shift()) {
      kept.add(piece.buffer);
    }
    const octets = [...kept].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(octets).toBeLessThan(1.5 * count * SEND_VIEW_FROM);
  });

  describe.each([
    ['packet', (outbox: SendBuffer, part: Uint8Array) => outbox.addPacket(HEADER, part)],
    ['run', (outbox: SendBuffer, part: Uint8Array) => outbox.addRun(part)],
  ])('a large %s', (_what, add) => {
    it.each([
      ['is a part of a chunk, and nothing waits', 65_536, SEND_VIEW_FROM, false, true],
      ['is half of a chunk', 65_536, 32_768, true, true],
      ['is less than half of a chunk', 65_536, 32_767, true, false],
      ['is a part of larger memory', 65_537, SEND_VIEW_FROM, true, true],
    ])('that %s', (_when, size, length, waits, isView) => {
      const outbox = new SendBuffer(new SendPool(allocateZeroed));
      if (waits) {
        outbox.addPacket(HEADER, Uint8Array.of(1));
      }
      const memory = new Uint8Array(size);
      memory.set(wire(pattern(length - 7)), 0);
      add(outbox, memory.subarray(0, length));
      const isKept = takePieces(outbox).some(({ buffer }) => buffer === memory.buffer);
      expect(isKept).toBe(isView);
    });
  });

  it('is in own pieces below 32 KiB, then in a block, if two connections send runs in turn', () => {
    const pool = new SendPool(allocateZeroed);
    const outboxes = [new SendBuffer(pool), new SendBuffer(pool)] as const;
    const run = wire(pattern(4_096 - 7));
    for (let i = 0; i < 16; i += 1) {
      for (const outbox of outboxes) {
        outbox.addRun(run);
      }
    }
    // Seven pieces, 28 KiB together, and a block with the rest.
    expect(outboxes.map((outbox) => takePieces(outbox).length)).toEqual([8, 8]);
  });

  it('is in no block of the pool for a stream that may still read it', () => {
    const pool = new SendPool(allocateZeroed);
    const reporting = lending(pool);
    const used = () => {
      addLarge(reporting);
      const pieces = takePieces(reporting);
      reporting.sent();
      return new Set(pieces.map(({ buffer }) => buffer));
    };
    const ofPool = used();
    const outbox = new SendBuffer(pool);
    addLarge(outbox);
    const pieces = takePieces(outbox);
    outbox.sent();
    const before = digits(...pieces);
    for (const { buffer } of pieces) {
      expect(ofPool.has(buffer) && buffer.byteLength > 65_536).toBe(false);
    }
    addLarge(lending(pool), 1);
    addLarge(lending(pool), 2);
    used();
    expect(digits(...pieces)).toBe(before);
  });

  /** What is allocated for it, in octets. */
  function allocatedBy(add: (outbox: SendBuffer) => void): number {
    let octets = 0;
    const outbox = lending(
      new SendPool((length) => {
        octets += length;
        return new Uint8Array(length);
      }),
    );
    add(outbox);
    return octets;
  }

  it('gives the packets of 64 KiB as one piece', () => {
    const outbox = lending();
    const payloads = addLarge(outbox);
    const pieces = takePieces(outbox);
    expect(pieces).toHaveLength(1);
    expect(digits(...pieces)).toBe(digits(wire(...payloads)));
  });

  it('is its own for many small packets too, once 32 KiB wait', () => {
    const allocated = allocatedBy((outbox) => {
      for (let i = 0; i < 1_000; i += 1) {
        outbox.addPacket(HEADER, pattern(1_000));
        if (i % 100 === 99) {
          takePieces(outbox);
          outbox.sent();
        }
      }
    });
    expect(allocated).toBeLessThan(0.6 * 1_000 * 1_000);
  });

  it('is not its own for what is small beside views', () => {
    const allocated = allocatedBy((outbox) => {
      for (let i = 0; i < 100; i += 1) {
        outbox.addPacket(HEADER, pattern(60_000));
        outbox.addPacket(HEADER, pattern(100));
      }
    });
    expect(allocated).toBe(65_536);
  });

  it('is never more than three times what waits', () => {
    const allocated = allocatedBy((outbox) => {
      for (let i = 0; i < 20; i += 1) {
        for (let j = 0; j < 34; j += 1) {
          outbox.addPacket(HEADER, pattern(1_000));
        }
        outbox.addPacket(HEADER, pattern(8_192));
      }
    });
    expect(allocated).toBeLessThan(3 * 20 * (34_000 + 8_192));
  });

  it.each([
    [32_767, 65_536],
    [32_768, 69_632],
  ])('is a whole block from 32 KiB on that are about to be added: %i octets', (octets, block) => {
    const allocated = allocatedBy((outbox) => {
      outbox.addPacket(HEADER, pattern(2_000), octets - 2_000);
    });
    expect(allocated).toBe(block);
  });

  it('is shared up to its last octet', () => {
    const allocated = allocatedBy((outbox) => {
      for (let i = 0; i < 16; i += 1) {
        outbox.addPacket(HEADER, pattern(4_096 - 7));
        takePieces(outbox);
      }
    });
    expect(allocated).toBe(65_536);
  });

  it('is a whole block up to its last octet', () => {
    const allocated = allocatedBy((outbox) => {
      for (let i = 0; i < 17; i += 1) {
        outbox.addPacket(HEADER, pattern(4_096 - 7), 32_768);
      }
    });
    expect(allocated).toBe(69_632);
  });

  it('is shared again for what is small, once all has left', () => {
    const allocated = allocatedBy((outbox) => {
      for (let i = 0; i < 4; i += 1) {
        outbox.addPacket(HEADER, pattern(8_000));
      }
      takePieces(outbox);
      outbox.addPacket(HEADER, pattern(8_000));
    });
    expect(allocated).toBe(65_536);
  });

  it('returns to all connections once it was taken, each block once', () => {
    const released: Uint8Array[] = [];
    class Watched extends SendPool {
      override release(block: Uint8Array): void {
        released.push(block);
        super.release(block);
      }
    }
    const outbox = lending(new Watched(allocateZeroed));
    addLarge(outbox);
    takePieces(outbox);
    outbox.sent();
    outbox.sent();
    expect(released).toHaveLength(1);
  });

  it('does not return when it was dropped, though a piece is taken that lies in it', () => {
    const outbox = lending();
    addLarge(outbox);
    outbox.dropData();
    addLarge(outbox, 9);
    const [piece] = takePieces(outbox);
    const before = piece?.slice();
    outbox.sent();
    expect(piece).toEqual(before);
  });

  it('is used again once the piece has been taken', () => {
    const outbox = lending();
    addLarge(outbox);
    const [first] = takePieces(outbox);
    outbox.sent();
    addLarge(outbox, 9);
    expect(takePieces(outbox)[0]?.buffer).toBe(first?.buffer);
  });

  it('is not used again before', () => {
    const outbox = lending();
    addLarge(outbox);
    const [first] = takePieces(outbox);
    addLarge(outbox, 9);
    expect(takePieces(outbox)[0]?.buffer).not.toBe(first?.buffer);
  });

  it('is not used again when the outbox was cleared, though it is said to be taken', () => {
    const outbox = lending();
    addLarge(outbox);
    const [first] = takePieces(outbox);
    outbox.clear();
    outbox.sent();
    addLarge(outbox, 9);
    expect(takePieces(outbox)[0]?.buffer).not.toBe(first?.buffer);
  });

  it('is never used again where nobody says what has been taken', () => {
    const outbox = new SendBuffer(new SendPool(allocateZeroed));
    const pieces = Array.from({ length: 10 }, (_, i) => {
      addLarge(outbox, i);
      return takePieces(outbox).map((piece) => ({ piece, before: piece.slice() }));
    }).flat();
    for (const { piece, before } of pieces) {
      expect(Buffer.compare(piece, before)).toBe(0);
    }
  });

  it('is kept for about 2 MiB and no more', () => {
    const outbox = lending();
    for (let i = 0; i < 100; i += 1) {
      addLarge(outbox);
    }
    const lent = new Set(takePieces(outbox).map(({ buffer }) => buffer));
    outbox.sent();
    for (let i = 0; i < 100; i += 1) {
      addLarge(outbox);
    }
    expect(takePieces(outbox).filter(({ buffer }) => lent.has(buffer))).toHaveLength(32);
  });

  it('stays as it is while somebody may look at it, whatever is sent by whom', () => {
    const octets = fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 9_000 }));
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ octets, following: fc.constantFrom(0, 0, 32_768) }),
      },
      { weight: 4, arbitrary: fc.constantFrom('shift', 'shift', 'taken') },
      { weight: 1, arbitrary: fc.constant('clear') },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1), action), { maxLength: 200 }), (actions) => {
        const blocks = new SendPool(allocateZeroed);
        const outboxes = [watched(blocks), watched(blocks)];
        actions.forEach(([who, act], seed) => {
          const subject = outboxes[who] as ReturnType<typeof watched>;
          if (typeof act === 'object') {
            subject.add(pattern(act.octets, seed), act.following);
          } else {
            subject[act as 'shift' | 'taken' | 'clear']();
          }
        });
        for (const each of outboxes) {
          each.compare();
        }
      }),
      { numRuns: 200 },
    );
  });
});
