/** What leaves before the data that waits, and what is counted when data is lost. */
import { describe, expect, it } from 'vitest';
import { SEND_VIEW_FROM, SendBuffer } from '../../../src/core/data-transfer/send-buffer.js';
import { SendPool } from '../../../src/core/data-transfer/send-pool.js';
import type { ExpeditedUse } from '../../../src/core/data-transfer/urgent-packets.js';
import { allocateZeroed } from '../../../src/core/octets/collector.js';
import { takePieces } from '../../support/engine.js';
import { digits, hex, pattern, splitTpkts } from '../../support/splits.js';

const DT = [0x04, 0xf0, 0, 1, 0x80];
const HEADER = DT.length;

/** A send buffer, and what its listener was notified of. */
function buffer(use: ExpeditedUse = 'unacknowledged') {
  const told: string[] = [];
  const sendBuffer = new SendBuffer(new SendPool(allocateZeroed));
  sendBuffer.allowUrgent(use, {
    onExpeditedSent: () => told.push('expedited'),
    onDataSent: () => told.push('data'),
  });
  return { sendBuffer, told };
}

/** The packets that leave now, as the first digits of each. */
function packets(sendBuffer: SendBuffer): readonly string[] {
  const taken = digits(...takePieces(sendBuffer));
  return splitTpkts(hex(taken)).map((octets) => digits(octets.subarray(0, 8)));
}

const REPLY = hex('05c000010002');
const ED = hex('041000018001');
const SMALL = hex('616263');
const LARGE = pattern(SEND_VIEW_FROM);
const SMALL_DT = digits(Uint8Array.from(DT), SMALL);
const LARGE_DT = digits(Uint8Array.from(DT), LARGE.subarray(0, 3));

describe('the number of EDs', () => {
  it('is 0 without expedited data', () => {
    expect(new SendBuffer(new SendPool(allocateZeroed)).expedited).toBe(0);
  });

  it('counts those that wait, and no replies', () => {
    const { sendBuffer } = buffer();
    sendBuffer.addReply(REPLY);
    sendBuffer.addExpedited(ED);
    sendBuffer.addExpedited(ED);
    expect(sendBuffer.expedited).toBe(2);
    takePieces(sendBuffer);
    expect(sendBuffer.expedited).toBe(0);
  });
});

describe('before the data that waits', () => {
  //= RFC 2126 4.2.2 no EA test
  it('a reply leaves, and then expedited data', () => {
    const { sendBuffer } = buffer();
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.addExpedited(ED);
    sendBuffer.addReply(REPLY);
    expect(packets(sendBuffer)).toEqual([digits(REPLY), digits(ED), SMALL_DT]);
  });

  it('nothing leaves inside a packet whose header was taken', () => {
    const { sendBuffer } = buffer();
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.addPacket(DT, SMALL);
    const header = sendBuffer.shift();
    sendBuffer.addReply(REPLY);
    sendBuffer.addExpedited(ED);
    const rest = takePieces(sendBuffer);
    const all = splitTpkts(hex(digits(header ?? hex(''), ...rest)));
    expect(all.map((octets) => digits(octets.subarray(0, 8)))).toEqual([
      SMALL_DT,
      LARGE_DT,
      digits(REPLY),
      digits(ED),
      SMALL_DT,
    ]);
  });

  it('it leaves although a payload that waits is the same object as one that was taken', () => {
    const { sendBuffer } = buffer();
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.shift();
    expect(sendBuffer.shift()).toBe(LARGE);
    sendBuffer.addExpedited(ED);
    expect(packets(sendBuffer)).toEqual([digits(ED), LARGE_DT]);
  });

  it('expedited data keeps its order', () => {
    const { sendBuffer } = buffer();
    sendBuffer.addExpedited(ED);
    sendBuffer.addExpedited(REPLY);
    expect(packets(sendBuffer)).toEqual([digits(ED), digits(REPLY)]);
  });
});

describe('while an EA is due', () => {
  //= X.224 6.11.1.4 para 3 test
  //= RFC 2126 4.2.2 EA test
  it('replies leave, and neither normal nor expedited data', () => {
    const { sendBuffer, told } = buffer('acknowledged');
    sendBuffer.addExpedited(ED);
    sendBuffer.addExpedited(ED);
    sendBuffer.addPacket(DT, SMALL);
    expect(packets(sendBuffer)).toEqual([digits(ED)]);
    expect([told, sendBuffer.isAckDue]).toEqual([['expedited'], true]);
    sendBuffer.addReply(REPLY);
    expect(packets(sendBuffer)).toEqual([digits(REPLY)]);
    expect(sendBuffer.shift()).toBeUndefined();
  });

  it('what is held back still counts as waiting', () => {
    const { sendBuffer } = buffer('acknowledged');
    sendBuffer.addExpedited(ED);
    sendBuffer.addPacket(DT, SMALL);
    packets(sendBuffer);
    expect([sendBuffer.length, sendBuffer.dataLength]).toEqual([12, 12]);
  });

  it('the EA lets the next ED go, and its EA the data', () => {
    const { sendBuffer } = buffer('acknowledged');
    sendBuffer.addExpedited(ED);
    sendBuffer.addExpedited(ED);
    sendBuffer.addPacket(DT, SMALL);
    packets(sendBuffer);
    sendBuffer.acknowledged();
    expect(packets(sendBuffer)).toEqual([digits(ED)]);
    sendBuffer.acknowledged();
    expect(packets(sendBuffer)).toEqual([SMALL_DT]);
  });

  it('a packet that was begun is finished', () => {
    const { sendBuffer } = buffer('acknowledged');
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.shift();
    sendBuffer.addExpedited(ED);
    expect(sendBuffer.shift()).toBe(LARGE);
  });
});

describe('its listener', () => {
  it('is notified once no data waits, whatever replies do', () => {
    const { sendBuffer, told } = buffer();
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.addReply(REPLY);
    sendBuffer.shift();
    expect(told).toEqual([]);
    sendBuffer.shift();
    expect(told).toEqual(['data']);
  });

  it('may add a packet then, which leaves in the same round', () => {
    const sendBuffer = new SendBuffer(new SendPool(allocateZeroed));
    let isFirst = true;
    sendBuffer.allowUrgent('none', {
      onExpeditedSent: () => {},
      onDataSent: () => {
        if (isFirst) {
          isFirst = false;
          sendBuffer.addReply(REPLY);
        }
      },
    });
    sendBuffer.addPacket(DT, SMALL);
    expect(packets(sendBuffer)).toEqual([SMALL_DT, digits(REPLY)]);
  });
});

describe('the user data that waits', () => {
  it('is that of normal and of expedited data, headers and replies left out', () => {
    const { sendBuffer } = buffer();
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.addExpedited(ED);
    sendBuffer.addReply(REPLY);
    expect(sendBuffer.userDataLength(HEADER)).toBe(3 + 2 * LARGE.length + 3 + 1);
  });

  it('includes the payload of a packet whose header was taken', () => {
    const { sendBuffer } = buffer();
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.shift();
    expect(sendBuffer.userDataLength(HEADER)).toBe(LARGE.length + 3);
  });

  it('is counted without urgent packets too', () => {
    const sendBuffer = new SendBuffer(new SendPool(allocateZeroed));
    sendBuffer.addPacket([0x02, 0xf0, 0x80], SMALL);
    sendBuffer.addPacket([0x02, 0xf0, 0x80], LARGE);
    expect(sendBuffer.userDataLength(3)).toBe(3 + LARGE.length);
  });

  it('is dropped but for a packet that was begun and for replies', () => {
    const { sendBuffer } = buffer();
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.shift();
    sendBuffer.addExpedited(ED);
    sendBuffer.addReply(REPLY);
    sendBuffer.dropData();
    expect(sendBuffer.length).toBe(LARGE.length + REPLY.length + 4);
    expect(sendBuffer.shift()).toBe(LARGE);
    expect(packets(sendBuffer)).toEqual([digits(REPLY)]);
    expect(sendBuffer.length).toBe(0);
  });

  it('dropped, lets packets of whole blocks follow', () => {
    const { sendBuffer } = buffer();
    sendBuffer.reportsSent = true;
    for (let i = 0; i < 20; i += 1) {
      sendBuffer.addPacket(DT, pattern(8_000));
    }
    sendBuffer.dropData();
    expect([sendBuffer.length, sendBuffer.shift()]).toEqual([0, undefined]);
    sendBuffer.addPacket(DT, SMALL);
    expect(packets(sendBuffer)).toEqual([SMALL_DT]);
    sendBuffer.sent();
  });
});

describe('a reply, without urgent packets', () => {
  /** As before the connection is open, and in class 0. */
  function plain(): SendBuffer {
    return new SendBuffer(new SendPool(allocateZeroed));
  }

  it('leaves in the order in which it was added', () => {
    const sendBuffer = plain();
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.addReply(REPLY);
    expect(packets(sendBuffer)).toEqual([SMALL_DT, digits(REPLY)]);
  });

  it('before the data is no data that waits', () => {
    const sendBuffer = plain();
    sendBuffer.addReply(REPLY);
    sendBuffer.addPacket(DT, SMALL);
    expect([sendBuffer.dataLength, sendBuffer.userDataLength(HEADER)]).toEqual([12, 3]);
  });

  it('before the data stays when the data is dropped', () => {
    const sendBuffer = plain();
    sendBuffer.addReply(REPLY);
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.dropData();
    expect(sendBuffer.length).toBe(REPLY.length + 4);
    expect(packets(sendBuffer)).toEqual([digits(REPLY)]);
    expect(sendBuffer.length).toBe(0);
  });

  it('behind data counts as data', () => {
    const sendBuffer = plain();
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.addReply(REPLY);
    expect(sendBuffer.dataLength).toBe(12 + REPLY.length + 4);
    sendBuffer.dropData();
    expect([sendBuffer.length, sendBuffer.shift()]).toEqual([0, undefined]);
  });

  it('that has left protects nothing behind it', () => {
    const sendBuffer = plain();
    sendBuffer.addReply(REPLY);
    sendBuffer.shift();
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.dropData();
    expect([sendBuffer.dataLength, sendBuffer.shift()]).toEqual([0, undefined]);
  });

  it('is not counted, and an EA is never due', () => {
    const sendBuffer = plain();
    sendBuffer.addReply(REPLY);
    sendBuffer.acknowledged();
    sendBuffer.addExpedited(ED);
    expect([sendBuffer.replies, sendBuffer.isAckDue]).toEqual([0, false]);
  });

  it('is shown by nobody but its sender', () => {
    const sendBuffer = plain();
    expect(sendBuffer.showsLeaving).toBe(false);
  });
});

describe('a payload that was begun', () => {
  it('can be dropped for all that follows, more than once', () => {
    const sendBuffer = new SendBuffer(new SendPool(allocateZeroed));
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.shift();
    sendBuffer.dropData();
    sendBuffer.addPacket(DT, SMALL);
    sendBuffer.dropData();
    expect([sendBuffer.shift(), sendBuffer.shift()]).toEqual([LARGE, undefined]);
  });

  it('is no longer one once it has left', () => {
    const sendBuffer = new SendBuffer(new SendPool(allocateZeroed));
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.addPacket(DT, LARGE);
    sendBuffer.shift();
    sendBuffer.shift();
    sendBuffer.dropData();
    expect([sendBuffer.length, sendBuffer.shift()]).toEqual([0, undefined]);
  });
});

describe('a buffer that nobody observes', () => {
  it('shows no TPDU when it leaves', () => {
    expect(buffer().sendBuffer.showsLeaving).toBe(false);
  });

  it('reports an ED once, and not again with the data behind it', () => {
    const { sendBuffer, told } = buffer();
    sendBuffer.addExpedited(ED);
    sendBuffer.addPacket(DT, LARGE);
    takePieces(sendBuffer);
    expect(told.filter((event) => event === 'expedited')).toEqual(['expedited']);
  });
});

describe('replies that wait', () => {
  it('are counted', () => {
    const { sendBuffer } = buffer();
    sendBuffer.addReply(REPLY);
    sendBuffer.addReply(REPLY);
    expect([sendBuffer.replies, sendBuffer.dataLength]).toEqual([2, 0]);
    sendBuffer.shift();
    expect(sendBuffer.replies).toBe(1);
  });
});

describe('what takes pieces', () => {
  it.each([
    ['none', false],
    ['unacknowledged', true],
    ['acknowledged', true],
  ] as const)('with expedited data "%s" learns whether to take few at a time', (use, few) => {
    expect(buffer(use).sendBuffer.mayBeOvertaken).toBe(few);
  });

  it('learns it of a buffer without urgent packets too', () => {
    expect(new SendBuffer(new SendPool(allocateZeroed)).mayBeOvertaken).toBe(false);
  });
});
