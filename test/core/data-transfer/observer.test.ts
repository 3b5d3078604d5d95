/** TPDUs are shown in the order in which they leave, where some of them overtake others. */
import { describe, expect, test } from 'vitest';
import { showPackets } from '../../../src/core/data-transfer/observer.js';
import { SendBuffer } from '../../../src/core/data-transfer/send-buffer.js';
import { SendPool } from '../../../src/core/data-transfer/send-pool.js';
import { digits, join, pattern, tpkt } from '../../support/splits.js';

const allocate = (length: number) => new Uint8Array(length);
const LISTENER = { onExpeditedSent() {}, onDataSent() {} };

/** A buffer that may be overtaken, and what its observer sees, in hexadecimal. */
function watched(isWatching = true) {
  const seen: string[] = [];
  const observer = {
    isWatching,
    see: (direction: string, tpdu: Uint8Array) => {
      expect(direction).toBe('sent');
      seen.push(Buffer.from(tpdu).toString('hex'));
    },
  };
  const buffer = new SendBuffer(new SendPool(allocate));
  buffer.allowUrgent('acknowledged', LISTENER, observer);
  return { buffer, seen, observer };
}

function takeAll(buffer: SendBuffer): void {
  while (buffer.shift() !== undefined) {
    // Each piece is taken.
  }
}

describe('an observer of a buffer in which TPDUs overtake others', () => {
  test('is served by the buffer itself', () => {
    expect(watched().buffer.showsLeaving).toBe(true);
  });

  test('sees expedited data before the data that was added earlier', () => {
    const { buffer, seen } = watched();
    buffer.addPacket([0xf0], Uint8Array.of(1));
    buffer.addExpedited(Uint8Array.of(0x10));
    takeAll(buffer);
    expect(seen).toEqual(['10']);
    buffer.acknowledged();
    takeAll(buffer);
    expect(seen).toEqual(['10', 'f001']);
  });

  test('sees a TPDU whole, although its header and its payload leave as two pieces', () => {
    const { buffer, seen } = watched();
    buffer.addPacket([0xf0], Uint8Array.of(1));
    buffer.addPacket([0xf1], new Uint8Array(8_192));
    takeAll(buffer);
    expect(seen).toEqual(['f001', `f1${'00'.repeat(8_192)}`]);
  });

  test('sees a copy, for the memory of a Buffer is used again after it was sent', () => {
    const seen: Uint8Array[] = [];
    const buffer = new SendBuffer(new SendPool(Buffer.alloc));
    const observer = { isWatching: true, see: (_: string, tpdu: Uint8Array) => seen.push(tpdu) };
    buffer.allowUrgent('unacknowledged', LISTENER, observer);
    buffer.addPacket([0xf0], Uint8Array.of(1));
    buffer.shift()?.fill(0);
    expect(seen).toEqual([Buffer.of(0xf0, 1)]);
  });

  test('does not see what was dropped', () => {
    const { buffer, seen } = watched();
    buffer.addPacket([0xf0], Uint8Array.of(1));
    buffer.addReply(Uint8Array.of(0x80));
    buffer.dropData();
    takeAll(buffer);
    expect(seen).toEqual(['80']);
  });

  test('does not see again a reply that it has seen', () => {
    const { buffer, seen } = watched();
    buffer.addShownReply(Uint8Array.of(0xd0));
    buffer.addReply(Uint8Array.of(0x80));
    takeAll(buffer);
    expect(seen).toEqual(['80']);
  });

  test('sees nothing of a TPDU whose header left before it watched', () => {
    const { buffer, seen, observer } = watched(false);
    buffer.addPacket([0xf0], new Uint8Array(8_192));
    buffer.addPacket([0xf0], Uint8Array.of(2));
    buffer.shift();
    observer.isWatching = true;
    takeAll(buffer);
    expect(seen).toEqual(['f002']);
  });
});

describe('showPackets', () => {
  test('shows a copy of each TPDU', () => {
    const seen: Uint8Array[] = [];
    const tpdus = [5, 300].map((length) => join(Uint8Array.of(0x02, 0xf0, 0x80), pattern(length)));
    const packets = join(...tpdus.map(tpkt));
    showPackets(packets, {
      isWatching: true,
      see: (direction, tpdu) => {
        expect(direction).toBe('sent');
        seen.push(tpdu);
      },
    });
    packets.fill(0xee);
    expect(seen.map((tpdu) => digits(tpdu))).toEqual(tpdus.map((tpdu) => digits(tpdu)));
  });
});
