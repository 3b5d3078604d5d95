import { describe, expect, it } from 'vitest';
import { TpktEngine } from '../../../src/core/connection/tpkt-engine.js';
import { SendPool } from '../../../src/core/data-transfer/send-pool.js';
import { ConnectionClosedError, ProtocolError, TimeoutError } from '../../../src/core/errors.js';
import { allocateZeroed, plainView } from '../../../src/core/octets/collector.js';
import { takeEvents, takePieces } from '../../support/engine.js';
import { hex, join, pattern, splits, tpkt } from '../../support/splits.js';

function engine(reassemblyTimeout = 1_000): TpktEngine {
  const sendPool = new SendPool(allocateZeroed);
  return new TpktEngine({
    allocate: allocateZeroed,
    view: plainView,
    sendPool,
    reassemblyTimeout,
    closeTimeout: 500,
  });
}

function messages(tpktEngine: TpktEngine): readonly Uint8Array[] {
  return takeEvents(tpktEngine).flatMap((e) => (e.type === 'data' ? [e.message] : []));
}

/** The event that ends the connection, the only one that waits. */
function ending(subject: TpktEngine) {
  const [event, ...others] = takeEvents(subject);
  if (event?.type !== 'disconnect' || others.length > 0) {
    throw new Error(`one disconnect was expected, ${event?.type ?? 'nothing'} came`);
  }
  return event;
}

describe('receiving', () => {
  const payloads = [pattern(3), pattern(600), pattern(9, 4)];

  it.each(splits(join(...payloads.map(tpkt))).filter((_, i) => i < 20 || i % 50 === 0))(
    'gives a message for each packet, the stream $name',
    ({ chunks }) => {
      const subject = engine();
      for (const chunk of chunks) {
        subject.receive(chunk, 0);
      }
      expect(messages(subject)).toEqual(payloads);
    },
  );

  it('ends in a typed error and drops the stream at a bad header', () => {
    const subject = engine();
    subject.receive(join(tpkt(pattern(3)), hex('05')), 0);
    const [data, end] = takeEvents(subject);
    expect(data?.type).toBe('data');
    expect(end?.type === 'disconnect' && end.error).toBeInstanceOf(ProtocolError);
    expect(subject.streamRequest).toBe('reset');
  });

  it('takes no more after it failed', () => {
    const subject = engine();
    subject.receive(hex('05'), 0);
    takeEvents(subject);
    subject.receive(tpkt(pattern(3)), 0);
    expect(takeEvents(subject)).toEqual([]);
  });
});

describe('the deadline of a packet', () => {
  it('runs from its first octet and is not moved by those that follow', () => {
    const subject = engine();
    subject.receive(hex('03'), 10);
    subject.receive(hex('00'), 900);
    expect(subject.deadline).toBe(1_010);
  });

  it('moves on with each packet', () => {
    const subject = engine();
    subject.receive(hex('03'), 10);
    subject.receive(join(hex('00 00 07 01 02 03'), hex('03')), 900);
    expect(subject.deadline).toBe(1_900);
  });

  it('is gone between two packets', () => {
    const subject = engine();
    subject.receive(hex('03'), 10);
    subject.receive(hex('00 00 07 01 02 03'), 20);
    expect(subject.deadline).toBeUndefined();
  });

  it('does not exist when it is 0', () => {
    const subject = engine(0);
    subject.receive(hex('03'), 10);
    expect(subject.deadline).toBeUndefined();
  });

  it('ends in a TimeoutError when it passes', () => {
    const subject = engine();
    subject.receive(hex('03'), 0);
    subject.handleDeadline(999);
    expect(takeEvents(subject)).toEqual([]);
    subject.handleDeadline(1_000);
    const [event] = takeEvents(subject);
    expect(event?.type === 'disconnect' && event.error).toBeInstanceOf(TimeoutError);
  });
});

describe('the end', () => {
  it('between two packets is reported, and sending goes on', () => {
    const subject = engine();
    subject.receiveEnd(0);
    subject.send(pattern(5));
    expect(takeEvents(subject)).toEqual([{ type: 'end' }]);
    expect(join(...takePieces(subject.sendBuffer))).toEqual(tpkt(pattern(5)));
    expect(subject.streamRequest).toBe('none');
  });

  it('within a packet is a failure', () => {
    const subject = engine();
    subject.receive(hex('03 00'), 0);
    subject.receiveEnd(0);
    const [event] = takeEvents(subject);
    expect(event?.type === 'disconnect' && event.error).toBeInstanceOf(ConnectionClosedError);
  });

  it.each([
    ['our end of data', (subject: TpktEngine) => subject.endOfData(0)],
    ['a close', (subject: TpktEngine) => subject.disconnect(0)],
    ['the loss of the stream', (subject: TpktEngine) => subject.streamClosed(undefined, 0)],
  ])('by %s lets nothing more be sent', (_name, end) => {
    const subject = engine();
    end(subject);
    expect(() => subject.send(pattern(3))).toThrow(ConnectionClosedError);
    expect(subject.sendBuffer.length).toBe(0);
  });

  it('of the data of the peer still lets us answer', () => {
    const subject = engine();
    subject.receiveEnd(0);
    subject.send(pattern(3));
    expect(subject.sendBuffer.length).toBe(7);
  });

  it('of our data leaves the other direction open', () => {
    const subject = engine();
    subject.endOfData(0);
    subject.receive(tpkt(pattern(3)), 1);
    expect(subject.streamRequest).toBe('end');
    expect(messages(subject)).toEqual([pattern(3)]);
  });

  it('of both directions, ours first, waits for the end of TCP until the close deadline', () => {
    const subject = engine();
    subject.endOfData(0);
    subject.receiveEnd(10);
    expect(subject.deadline).toBe(510);
    subject.handleDeadline(510);
    expect(subject.streamRequest).toBe('destroy');
  });

  it('of both directions, the peer first, waits likewise', () => {
    const subject = engine();
    subject.receiveEnd(0);
    subject.endOfData(10);
    expect([subject.streamRequest, subject.deadline]).toEqual(['end', 510]);
  });

  it('by a close is quiet: no event follows', () => {
    const subject = engine();
    subject.disconnect(0);
    subject.receive(tpkt(pattern(3)), 1);
    subject.receiveEnd(2);
    subject.streamClosed(undefined, 0);
    expect(takeEvents(subject)).toEqual([]);
    expect(subject.deadline).toBeUndefined();
  });

  it('by a lost stream is a failure with its cause', () => {
    const subject = engine();
    const cause = new Error('ECONNRESET');
    subject.streamClosed(cause, 0);
    const [event] = takeEvents(subject);
    expect(event?.type === 'disconnect' && event.error.cause).toBe(cause);
  });

  it('is reported once', () => {
    const subject = engine();
    subject.streamClosed(undefined, 0);
    subject.streamClosed(undefined, 0);
    subject.receiveEnd(1);
    expect(takeEvents(subject)).toHaveLength(1);
  });

  it('leaves nothing to go on with', () => {
    expect(engine().resume(0)).toBe(false);
  });
});

describe('what an error says', () => {
  it('of a FIN within a packet names the TPKT and its octets that came', () => {
    const subject = engine();
    subject.receive(hex('03 00 00 07 01'), 0);
    subject.receiveEnd(0);
    expect(ending(subject).error).toMatchObject({
      code: 'ERR_COTP_CLOSED',
      phase: 'open',
      ending: 'fin',
      message: 'the peer closed TCP in the middle of a TPKT, of which 5 octets had come',
    });
  });

  it('of a deadline names the TPKT, the option and the time', () => {
    const subject = engine();
    subject.receive(hex('03'), 0);
    subject.handleDeadline(1_000);
    expect(ending(subject).error).toMatchObject({
      timer: 'reassemblyTimeout',
      milliseconds: 1_000,
      message: expect.stringContaining('TPKT'),
    });
  });

  it('of expedited data is that TPKTs alone have none', () => {
    expect(() => engine().sendExpedited()).toThrow(
      expect.objectContaining({
        code: 'ERR_COTP_NO_EXPEDITED',
        phase: 'open',
        message: 'TPKTs alone have no expedited data',
      }),
    );
  });
});

describe('what is known of the end', () => {
  it('is that both FINs confirm it', () => {
    const subject = engine();
    subject.disconnect(0);
    subject.receiveEnd(10);
    subject.streamClosed(undefined, 20);
    expect(subject.disconnection).toEqual({ ending: 'local', confirmed: true, unsent: 0 });
    expect(subject.endsByTpdu).toBe(false);
  });

  it('is how many octets of messages were not sent, their headers not counted', () => {
    const subject = engine();
    subject.send(pattern(5));
    subject.send(pattern(9_000));
    subject.streamClosed(new Error('ECONNRESET'), 0);
    expect(ending(subject)).toMatchObject({
      error: { unsent: 9_005 },
      disconnection: { ending: 'reset', unsent: 9_005 },
    });
  });
});

describe('what is counted', () => {
  it('are the messages of either direction', () => {
    const subject = engine();
    subject.send(pattern(5));
    subject.send(pattern(6));
    subject.receive(join(tpkt(pattern(3)), hex('03')), 0);
    expect([subject.messagesSent, subject.messagesReceived]).toEqual([2, 1]);
  });

  it('is each packet as one step of work, whole or cut', () => {
    const subject = engine();
    subject.receive(tpkt(pattern(3)), 0);
    expect(subject.work).toBe(1);
    for (const octet of tpkt(pattern(3))) {
      subject.receive(Uint8Array.of(octet), 0);
    }
    expect(subject.work).toBe(2);
  });

  it('are the octets of messages that were copied: those that TCP has cut', () => {
    const subject = engine();
    subject.receive(tpkt(pattern(3)), 0);
    expect(subject.copied).toBe(0);
    for (const octet of tpkt(pattern(30))) {
      subject.receive(Uint8Array.of(octet), 0);
    }
    expect(subject.copied).toBe(30);
  });
});

describe('the memory that is kept for a packet', () => {
  it('is the chunk that it began in, until it is compacted', () => {
    const subject = engine();
    const last = tpkt(pattern(1_000, 5));
    subject.receive(join(tpkt(pattern(60_000)), last.subarray(0, 600)), 0);
    expect(subject.pinned).toBeGreaterThan(60_000);
    subject.compact();
    expect(subject.pinned).toBeGreaterThanOrEqual(600);
    expect(subject.pinned).toBeLessThan(1_000);
    subject.receive(last.subarray(600), 0);
    expect(messages(subject)[1]).toEqual(pattern(1_000, 5));
    expect(subject.pinned).toBe(0);
  });
});

describe('a run of a relay', () => {
  it('does not exist without TPDUs: packets come as messages', () => {
    const subject = engine();
    subject.deliverRunsTo({ maxTpduSize: 2_048, onRun: () => expect.unreachable() });
    subject.receive(tpkt(hex('02f080 01')), 0);
    expect(messages(subject)).toEqual([hex('02f080 01')]);
  });
});
