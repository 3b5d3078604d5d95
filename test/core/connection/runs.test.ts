/** What a relay receives as runs and sends on as runs: order, counts, and what an observer sees. */
import { describe, expect, it } from 'vitest';
import { ConnectionClosedError } from '../../../src/core/errors.js';
import { type Class2Options, open2 } from '../../support/class2-states.js';
import { watching } from '../../support/observer.js';
import { chunksOf, digits, hex, join, pattern, tpkt } from '../../support/splits.js';
import { CR, DT, inState, raw, responder, type Subject } from '../../support/states.js';

const FIRST = raw('02f080 0102');
const SECOND = raw('02f080 030405');
/** A TSDU of two DTs. */
const BEGUN = raw('02f000 a1');
const ENDED = raw('02f080 a2');
const ED = raw('021080 ee');
const CR_EXPEDITED = raw('0fe0 0000 0c0d 21 c0010b c60101 c70100');

/** The name of a run in a story. */
const run = (tsdus: number, octets: number, ...packets: readonly Uint8Array[]) =>
  `run of ${tsdus} with ${octets}: ${digits(...packets)}`;

/** Passes what a connection receives to receivers; returns what they get, in order. */
function relayed(subject: Subject, maxTpduSize = 2_048): string[] {
  const story: string[] = [];
  subject.connection.deliverTo({
    onMessage: (message) => story.push(`TSDU ${digits(message)}`),
    onExpedited: (data) => story.push(`ED ${digits(data)}`),
  });
  subject.connection.deliverRunsTo({
    maxTpduSize,
    onRun: (packets, tsdus, octets) => story.push(run(tsdus, octets, packets)),
  });
  return story;
}

/** An open connection of class 0 with expedited data. */
function withExpedited(options: Class2Options = {}): Subject {
  const subject = responder({ tpClass: 0, expedited: true, ...options }).feed(CR_EXPEDITED);
  subject.connection.accept({}, 10);
  return subject.quiet();
}

describe('what is received for a relay', () => {
  it('comes as one run for a chunk: the packets as they are, their TSDUs and octets of user data', () => {
    const subject = inState('OPEN');
    const story = relayed(subject);
    subject.feed(join(FIRST, SECOND));
    expect(story).toEqual([run(2, 5, FIRST, SECOND)]);
  });

  it('comes as a run for each chunk, and does not wait for the next', () => {
    const subject = inState('OPEN');
    const story = relayed(subject);
    subject.feed(FIRST);
    expect(story).toEqual([run(1, 2, FIRST)]);
    subject.feed(SECOND);
    expect(story).toEqual([run(1, 2, FIRST), run(1, 3, SECOND)]);
  });

  it('is a view of the chunk', () => {
    const subject = inState('OPEN');
    const buffers: unknown[] = [];
    subject.connection.deliverRunsTo({
      maxTpduSize: 2_048,
      onRun: ({ buffer }) => buffers.push(buffer),
    });
    const chunk = join(FIRST, SECOND);
    subject.feed(chunk);
    expect(buffers).toEqual([chunk.buffer]);
  });

  it('is counted by its TSDUs, one TPDU each', () => {
    const subject = inState('OPEN');
    relayed(subject);
    const { work } = subject.connection;
    const { messagesReceived, work: after } = subject.feed(join(FIRST, SECOND, DT)).connection;
    expect([messagesReceived, after - work]).toEqual([3, 3]);
  });

  it('leaves nothing to be taken by next', () => {
    const subject = inState('OPEN');
    relayed(subject);
    expect(subject.feed(FIRST).events()).toEqual([]);
  });

  it('keeps its order with TSDUs of several DTs, which come as messages', () => {
    const subject = inState('OPEN');
    const story = relayed(subject);
    subject.feed(join(FIRST, BEGUN, ENDED, SECOND));
    expect(story).toEqual([run(1, 2, FIRST), 'TSDU a1a2', run(1, 3, SECOND)]);
    expect(subject.connection.messagesReceived).toBe(3);
  });

  it('does not overtake a TSDU that was begun in the chunk before', () => {
    const subject = inState('OPEN');
    const story = relayed(subject);
    subject.feed(join(FIRST, BEGUN), join(ENDED, SECOND));
    expect(story).toEqual([run(1, 2, FIRST), 'TSDU a1a2', run(1, 3, SECOND)]);
  });

  it('does not overtake a packet that TCP has cut, which comes as a message', () => {
    const subject = inState('OPEN');
    const story = relayed(subject);
    subject.feed(join(FIRST, SECOND.subarray(0, 6)), join(SECOND.subarray(6), FIRST));
    expect(story).toEqual([run(1, 2, FIRST), 'TSDU 030405', run(1, 2, FIRST)]);
  });

  it('comes as messages where all of it is cut', () => {
    const subject = inState('OPEN');
    const story = relayed(subject);
    subject.feed(...chunksOf(join(FIRST, SECOND), 3));
    expect(story).toEqual(['TSDU 0102', 'TSDU 030405']);
  });

  it('is not overtaken by expedited data behind it', () => {
    const subject = withExpedited();
    const story = relayed(subject);
    subject.feed(join(FIRST, ED, SECOND));
    expect(story).toEqual([run(1, 2, FIRST), 'ED ee', run(1, 3, SECOND)]);
  });

  it('does not overtake an event that waits: it comes as messages, when the event was taken', () => {
    const subject = responder().feed(CR);
    subject.connection.accept({}, 10);
    const story = relayed(subject);
    subject.feed(join(FIRST, SECOND));
    expect(story).toEqual([]);
    expect(subject.events().map(({ type }) => type)).toEqual(['connectIndication', 'open']);
    expect(story).toEqual(['TSDU 0102', 'TSDU 030405']);
    subject.feed(FIRST);
    expect(story.at(-1)).toBe(run(1, 2, FIRST));
  });

  it('is passed on before a fault of the peer is reported', () => {
    const subject = inState('OPEN');
    const story = relayed(subject);
    subject.feed(join(FIRST, raw('0300 0102'), SECOND));
    expect(story).toEqual([run(1, 2, FIRST)]);
    expect(subject.events().map(({ type }) => type)).toEqual(['disconnect']);
  });

  it('is passed on before octets of no packet end the connection', () => {
    const subject = inState('OPEN');
    const story = relayed(subject);
    subject.feed(join(FIRST, hex('05')));
    expect(story).toEqual([run(1, 2, FIRST)]);
    expect(subject.ending().error).toMatchObject({ fault: 'tpkt-version' });
  });

  it('has no TPDU above the size of the other connection: that comes as a message, in order', () => {
    const subject = inState('OPEN');
    const story = relayed(subject, 128);
    const [fits, long] = [pattern(125), pattern(126)].map((data) =>
      tpkt(join(hex('02f080'), data)),
    ) as [Uint8Array, Uint8Array];
    subject.feed(join(fits, long, FIRST));
    expect(story).toEqual([run(1, 125, fits), `TSDU ${digits(pattern(126))}`, run(1, 2, FIRST)]);
  });

  it('has no DT without user data', () => {
    const subject = inState('OPEN');
    const story = relayed(subject);
    subject.feed(join(FIRST, raw('02f080'), raw('02f000'), SECOND));
    expect(story).toEqual([run(1, 2, FIRST), run(1, 3, SECOND)]);
    expect(subject.connection.messagesReceived).toBe(2);
  });

  it('has no TSDU above the limit that the acceptance has set', () => {
    const subject = inState('WFTRESP', { maxTsduSize: 3 });
    subject.connection.accept({ maxTsduSize: 2 }, 10);
    const story = relayed(subject.quiet());
    subject.feed(join(FIRST, SECOND));
    expect(story).toEqual([run(1, 2, FIRST)]);
    expect(subject.ending().error).toMatchObject({ code: 'ERR_COTP_TSDU_TOO_LARGE' });
  });

  it('comes as messages in class 2, whose DTs have the reference of their receiver', () => {
    const subject = open2('responder', { expedited: false });
    const story = relayed(subject);
    subject.feed(join(raw('04f0 0a0b 80 01'), raw('04f0 0a0b 80 02')));
    expect(story).toEqual(['TSDU 01', 'TSDU 02']);
  });
});

describe('an observer of what is received for a relay', () => {
  /** Watches an open connection whose TSDUs are relayed. */
  function observed(maxTpduSize?: number) {
    const { observer, seen } = watching();
    const subject = inState('OPEN', { observer });
    seen.length = 0;
    return { observer, seen, subject, story: relayed(subject, maxTpduSize) };
  }

  it('sees each run once, with the number of its TPDUs', () => {
    const { seen, subject, story } = observed();
    subject.feed(join(FIRST, SECOND));
    expect(seen).toEqual([`received run of 2: ${digits(FIRST, SECOND)}`]);
    expect(story).toEqual([run(2, 5, FIRST, SECOND)]);
  });

  it('sees a run before it is passed on', () => {
    const { observer, seen } = watching();
    const { connection } = inState('OPEN', { observer });
    seen.length = 0;
    connection.deliverRunsTo({ maxTpduSize: 2_048, onRun: () => seen.push('passed on') });
    connection.receive(FIRST, 100);
    expect(seen).toEqual([`received run of 1: ${digits(FIRST)}`, 'passed on']);
  });

  it('sees what comes as messages in its place between two runs', () => {
    const { seen, subject } = observed();
    subject.feed(join(FIRST, BEGUN, ENDED, SECOND));
    expect(seen).toEqual([
      `received run of 1: ${digits(FIRST)}`,
      'received 02f000a1',
      'received 02f080a2',
      `received run of 1: ${digits(SECOND)}`,
    ]);
  });

  it('does not change what comes as a message because of its size', () => {
    const { seen, subject, story } = observed(5);
    subject.feed(join(FIRST, SECOND));
    expect(story).toEqual([run(1, 2, FIRST), 'TSDU 030405']);
    expect(seen).toEqual([`received run of 1: ${digits(FIRST)}`, 'received 02f080030405']);
  });

  it('sees nothing while it does not watch, and the run is passed on', () => {
    const { observer, seen, subject, story } = observed();
    observer.isWatching = false;
    subject.feed(join(FIRST, SECOND));
    expect([seen, story]).toEqual([[], [run(2, 5, FIRST, SECOND)]]);
  });
});

describe('a run that is sent', () => {
  const RUN = join(FIRST, SECOND);

  it('leaves as it came, behind what was sent before', () => {
    const subject = inState('OPEN');
    subject.connection.send(hex('99'));
    subject.connection.sendRun(RUN, 2);
    expect(digits(subject.octets())).toBe(digits(raw('02f080 99'), RUN));
  });

  it('is counted by its TSDUs', () => {
    const { connection } = inState('OPEN');
    connection.send(hex('99'));
    connection.sendRun(RUN, 2);
    expect(connection.messagesSent).toBe(3);
  });

  it('is counted as lost by its user data if it does not leave', () => {
    const { connection } = inState('OPEN');
    connection.sendRun(RUN, 2);
    connection.disconnect(100, { disruptive: true });
    expect(connection.disconnection?.unsent).toBe(5);
  });

  it('may follow the FIN of the peer', () => {
    const subject = inState('FIN_RECEIVED');
    subject.connection.sendRun(RUN, 2);
    expect(digits(subject.octets())).toBe(digits(RUN));
  });

  it('is refused after our own end of data, like a TSDU, and not counted', () => {
    const { connection } = inState('FIN_SENT');
    expect(() => connection.sendRun(RUN, 2)).toThrow(
      expect.objectContaining({
        code: 'ERR_COTP_CLOSED',
        message: 'this call is not possible after this side has sent its end of data',
      }),
    );
    expect([connection.messagesSent, connection.sendBuffer.length]).toEqual([0, 0]);
  });

  it('is refused once the connection is closed', () => {
    const { connection } = inState('CLOSED');
    expect(() => connection.sendRun(RUN, 2)).toThrow(ConnectionClosedError);
  });

  it('is seen by an observer once, when it is queued', () => {
    const { observer, seen } = watching();
    const subject = inState('OPEN', { observer });
    seen.length = 0;
    subject.connection.sendRun(RUN, 2);
    expect(seen).toEqual([`sent run of 2: ${digits(RUN)}`]);
    subject.octets();
    expect(seen).toHaveLength(1);
  });

  it('is not seen by an observer that does not watch', () => {
    const { observer, seen } = watching();
    const subject = inState('OPEN', { observer });
    seen.length = 0;
    observer.isWatching = false;
    subject.connection.sendRun(RUN, 2);
    expect([seen, digits(subject.octets())]).toEqual([[], digits(RUN)]);
  });

  it('is seen TPDU by TPDU when it leaves, where expedited data may overtake it', () => {
    const { observer, seen } = watching();
    const subject = withExpedited({ observer });
    seen.length = 0;
    subject.connection.sendRun(RUN, 2);
    expect(seen).toEqual([]);
    subject.connection.sendExpedited(hex('ee'));
    subject.octets();
    expect(seen).toEqual(['sent 021080ee', 'sent 02f0800102', 'sent 02f080030405']);
  });
});
