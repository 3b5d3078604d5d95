import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateZeroed } from '../../src/core/octet-collector.js';
import { Outbox, SEND_VIEW_FROM } from '../../src/core/outbox.js';
import { SendBlocks } from '../../src/core/send-blocks.js';
import { takePieces } from '../support/engine.js';
import { digits, join, pattern, tpkt } from '../support/splits.js';

const HEADER = [0x02, 0xf0, 0x80] as const;

function filled(...payloads: readonly Uint8Array[]): Outbox {
  const outbox = new Outbox(new SendBlocks(allocateZeroed));
  for (const payload of payloads) {
    outbox.packet(HEADER, payload);
  }
  return outbox;
}

function wire(...payloads: readonly Uint8Array[]): Uint8Array {
  return join(...payloads.map((payload) => tpkt(join(Uint8Array.from(HEADER), payload))));
}

describe('Outbox', () => {
  const sizes = [1, 47, 48, 49, 1_000, SEND_VIEW_FROM - 1, SEND_VIEW_FROM, 60_000];

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

  it('does not change pieces taken when more is added', () => {
    const outbox = filled(pattern(100));
    const taken = takePieces(outbox);
    const before = taken.map((piece) => piece.slice());
    for (let i = 0; i < 2_000; i += 1) {
      outbox.packet(HEADER, pattern(100, i));
    }
    takePieces(outbox);
    expect(taken).toEqual(before);
  });

  it('does not change pieces taken when it is cleared and used again', () => {
    const outbox = filled(pattern(100));
    const [taken] = takePieces(outbox);
    outbox.packet(HEADER, pattern(50));
    outbox.clear();
    outbox.packet(HEADER, pattern(60, 9));
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
    const outbox = new Outbox(new SendBlocks(allocateZeroed));
    const taken: Uint8Array[] = [];
    for (const payload of payloads) {
      outbox.packet(HEADER, payload);
      taken.push(outbox.shift() ?? pattern(0));
    }
    taken.push(...takePieces(outbox));
    expect(digits(...taken)).toBe(digits(wire(...payloads)));
  });

  it('does not mix its octets with those of another that shares its blocks', () => {
    const blocks = new SendBlocks(allocateZeroed);
    const outboxes = [new Outbox(blocks), new Outbox(blocks)];
    const payloads = Array.from({ length: 200 }, (_, i) => pattern(((i * 131) % 900) + 1, i));
    payloads.forEach((payload, i) => {
      outboxes[i % 3 === 0 ? 1 : 0]?.packet(HEADER, payload);
    });
    const sent = outboxes.map((outbox) => digits(...takePieces(outbox)));
    expect(sent).toEqual([
      digits(wire(...payloads.filter((_, i) => i % 3 !== 0))),
      digits(wire(...payloads.filter((_, i) => i % 3 === 0))),
    ]);
  });

  it('gives nothing when nothing waits', () => {
    expect(new Outbox(new SendBlocks(allocateZeroed)).shift()).toBeUndefined();
  });

  it('forgets what waits when cleared', () => {
    const outbox = filled(pattern(10), pattern(10_000));
    outbox.clear();
    expect([outbox.length, takePieces(outbox)]).toEqual([0, []]);
  });
});

/** An outbox, the pieces that left it, and those that stay as they are for good. */
function watched(blocks: SendBlocks) {
  const outbox = new Outbox(blocks);
  const snapshot = (piece: Uint8Array) => ({ piece, before: piece.slice() });
  let handedOver: ReturnType<typeof snapshot>[] = [];
  const kept: ReturnType<typeof snapshot>[] = [];
  return {
    outbox,
    shift() {
      const piece = outbox.shift();
      if (piece !== undefined) {
        handedOver.push(snapshot(piece));
      }
    },
    taken(isFree: boolean) {
      outbox.taken(isFree);
      if (!isFree) {
        kept.push(...handedOver);
      }
      handedOver = [];
    },
    clear() {
      outbox.clear();
      kept.push(...handedOver);
      handedOver = [];
    },
    expectUnchanged() {
      for (const { piece, before } of [...handedOver, ...kept]) {
        expect(piece.every((octet, i) => octet === before[i])).toBe(true);
      }
    },
  };
}

describe('the memory of what is much', () => {
  /** As the DTs of a TSDU of 64 KiB are added. */
  function addLarge(outbox: Outbox, seed = 0): readonly Uint8Array[] {
    const payloads = Array.from({ length: 33 }, (_, i) => pattern(2_045, seed + i));
    payloads.forEach((payload, i) => {
      outbox.packet(HEADER, payload, (payloads.length - 1 - i) * 2_045);
    });
    return payloads;
  }

  it('gives the packets of 64 KiB as one piece', () => {
    const outbox = new Outbox(new SendBlocks(allocateZeroed));
    const payloads = addLarge(outbox);
    const pieces = takePieces(outbox);
    expect(pieces).toHaveLength(1);
    expect(digits(...pieces)).toBe(digits(wire(...payloads)));
  });

  it('is its own for many small packets too, once 32 KiB wait', () => {
    const outbox = new Outbox(new SendBlocks(allocateZeroed));
    const add = (count: number) => {
      for (let i = 0; i < count; i += 1) {
        outbox.packet(HEADER, pattern(1_000));
      }
    };
    add(100);
    const buffers = takePieces(outbox).map(({ buffer }) => buffer);
    outbox.taken(true);
    add(100);
    const again = takePieces(outbox).map(({ buffer }) => buffers.includes(buffer));
    expect(again).toEqual([true, true]);
  });

  it('is used again once the piece has been taken', () => {
    const outbox = new Outbox(new SendBlocks(allocateZeroed));
    addLarge(outbox);
    const [first] = takePieces(outbox);
    outbox.taken(true);
    addLarge(outbox, 9);
    expect(takePieces(outbox)[0]?.buffer).toBe(first?.buffer);
  });

  it('is not used again before', () => {
    const outbox = new Outbox(new SendBlocks(allocateZeroed));
    addLarge(outbox);
    const [first] = takePieces(outbox);
    addLarge(outbox, 9);
    expect(takePieces(outbox)[0]?.buffer).not.toBe(first?.buffer);
  });

  it.each<[string, (outbox: Outbox) => void]>([
    ['a stream that may have passed it on has taken it', (outbox) => outbox.taken(false)],
    [
      'the outbox was cleared, though it is said to be taken',
      (outbox) => {
        outbox.clear();
        outbox.taken(true);
      },
    ],
  ])('is not used again when %s', (_what, end) => {
    const outbox = new Outbox(new SendBlocks(allocateZeroed));
    addLarge(outbox);
    const [first] = takePieces(outbox);
    end(outbox);
    addLarge(outbox, 9);
    expect(takePieces(outbox)[0]?.buffer).not.toBe(first?.buffer);
  });

  it('is kept for about 2 MiB and no more', () => {
    const outbox = new Outbox(new SendBlocks(allocateZeroed));
    for (let i = 0; i < 100; i += 1) {
      addLarge(outbox);
    }
    const lent = new Set(takePieces(outbox).map(({ buffer }) => buffer));
    outbox.taken(true);
    for (let i = 0; i < 100; i += 1) {
      addLarge(outbox);
    }
    expect(takePieces(outbox).filter(({ buffer }) => lent.has(buffer))).toHaveLength(32);
  });

  it('stays as it is while somebody may look at it, whatever is sent by whom', () => {
    const action = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          does: fc.constant('large' as const),
          octets: fc.integer({ min: 1, max: 9_000 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          does: fc.constant('small' as const),
          octets: fc.integer({ min: 1, max: 9_000 }),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ does: fc.constantFrom('shift', 'taken', 'passed on', 'clear') }),
      },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1), action), { maxLength: 200 }), (actions) => {
        const blocks = new SendBlocks(allocateZeroed);
        const outboxes = [watched(blocks), watched(blocks)];
        actions.forEach(([who, act], seed) => {
          const subject = outboxes[who] as ReturnType<typeof watched>;
          switch (act.does) {
            case 'large':
            case 'small':
              subject.outbox.packet(
                HEADER,
                pattern(act.octets, seed),
                act.does === 'large' ? 32_768 : 0,
              );
              break;
            case 'shift':
              subject.shift();
              break;
            case 'clear':
              subject.clear();
              break;
            default:
              subject.taken(act.does === 'taken');
          }
        });
        for (const each of outboxes) {
          each.expectUnchanged();
        }
      }),
      { numRuns: 100 },
    );
  });
});
