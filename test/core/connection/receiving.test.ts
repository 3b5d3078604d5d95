/** What an open connection does with octets: order of data and events, what is counted, memory, and deadlines. */
import { describe, expect, it } from 'vitest';
import { COSTLY_TPDU } from '../../../src/core/engine.js';
import {
  concatenated,
  confirmOfPeer,
  initiator2,
  inState2,
  open2,
} from '../../support/class2-states.js';
import { watching } from '../../support/observer.js';
import { chunksOf, digits, hex, join, pattern, tpkt } from '../../support/splits.js';
import {
  CR,
  DT,
  inState,
  messages,
  packet,
  raw,
  responder,
  type Subject,
  THEIRS,
} from '../../support/states.js';

const ED = raw('0410 0a0b 80 78');
const DT2 = raw('04f0 0a0b 80 010203');
/** A DT that begins a TSDU. */
const begun = (userData: Uint8Array) => tpkt(join(hex('02f000'), userData));
const EMPTY_DT = raw('02f000');

/** Gives a connection a receiver; returns what that gets, in order. */
function received(subject: Subject): string[] {
  const story: string[] = [];
  subject.connection.deliverTo({
    onMessage: (message) => story.push(`TSDU ${digits(message)}`),
    onExpedited: (data) => story.push(`ED ${digits(data)}`),
  });
  return story;
}

/** How many TPDUs these octets count for, as a measure of time. */
function workOf(subject: Subject, ...chunks: readonly Uint8Array[]): number {
  const { work } = subject.connection;
  return subject.feed(...chunks).connection.work - work;
}

describe('the receiver of data', () => {
  it('gets it at once when no event waits', () => {
    const subject = inState('OPEN');
    const story = received(subject);
    subject.feed(DT);
    expect(story).toEqual(['TSDU 010203']);
  });

  it('gets nothing before the event in front of it was taken', () => {
    const subject = responder().feed(CR);
    subject.connection.accept({}, 10);
    const story = received(subject);
    subject.feed(DT);
    expect([subject.connection.next(), subject.connection.next()]).toMatchObject([
      { type: 'connectIndication' },
      { type: 'open' },
    ]);
    expect(story).toEqual([]);
    expect([subject.connection.next(), story]).toEqual([undefined, ['TSDU 010203']]);
  });

  it('gets no expedited data before that either', () => {
    const subject = initiator2();
    subject.connection.streamConnected(10);
    const story = received(subject);
    subject.feed(confirmOfPeer(), ED);
    expect(story).toEqual([]);
    expect(subject.events().map(({ type }) => type)).toEqual(['open']);
    expect(story).toEqual(['ED 78']);
  });

  it('does not get events', () => {
    const subject = inState('OPEN');
    const story = received(subject);
    subject.connection.receiveEnd(200);
    expect([subject.events(), story]).toEqual([[{ type: 'end' }], []]);
  });
});

describe('news', () => {
  /** Whether a call has any effect beside messages for the receiver and their deadline. */
  const hasNewsAfter = (subject: Subject, act: () => void) => {
    subject.connection.hasNews = false;
    act();
    return subject.connection.hasNews;
  };

  it('is not there before anything has happened', () => {
    expect(responder().connection.hasNews).toBe(false);
  });

  it('is a message that waits to be taken', () => {
    const subject = inState('OPEN');
    expect(hasNewsAfter(subject, () => subject.feed(DT))).toBe(true);
  });

  it('is no message that the receiver has got', () => {
    const subject = inState('OPEN');
    received(subject);
    expect(hasNewsAfter(subject, () => subject.feed(DT))).toBe(false);
  });

  it('is the FIN of the peer', () => {
    const subject = inState('OPEN');
    expect(hasNewsAfter(subject, () => subject.connection.receiveEnd(200))).toBe(true);
  });

  it('are octets that come while others wait for the user', () => {
    const subject = responder().feed(join(CR, DT));
    subject.connection.resume(10);
    expect(hasNewsAfter(subject, () => subject.feed(DT))).toBe(true);
  });

  it('is not that data has left, in class 2', () => {
    const subject = open2('responder');
    const send = () => {
      subject.connection.send(hex('01'));
      subject.octets();
    };
    expect(hasNewsAfter(subject, send)).toBe(false);
  });
});

describe('octets that wait for the decision on a CR', () => {
  it.each([
    [65_535, true],
    [65_536, false],
  ])('%i: room for more is %s', (length, hasRoom) => {
    const subject = responder().feed(join(CR, new Uint8Array(length)));
    expect(subject.connection.hasRoom).toBe(hasRoom);
  });

  it('are gone on with once, by resume', () => {
    const subject = responder().feed(join(CR, DT));
    subject.connection.accept({}, 10);
    expect([subject.connection.resume(20), subject.connection.resume(20)]).toEqual([true, false]);
  });

  it('are read while no data is among them: the peer may give up', () => {
    const dr = packet({ type: 'DR', dstRef: 0, srcRef: THEIRS, reason: 0 });
    const subject = responder().feed(join(CR, dr));
    expect(subject.events().map(({ type }) => type)).toEqual(['connectIndication']);
    expect(subject.connection.resume(10)).toBe(true);
    expect(subject.ending().error).toMatchObject({ ending: 'dr' });
  });

  it('end the connection if they are no packet, behind the data in front of them', () => {
    const subject = responder().feed(join(CR, DT, hex('05')));
    subject.connection.accept({}, 10);
    subject.quiet();
    expect(subject.connection.resume(20)).toBe(true);
    const [data, end] = subject.events();
    expect(data).toEqual({ type: 'data', message: hex('010203') });
    expect(end).toMatchObject({ type: 'disconnect', error: { fault: 'tpkt-version' } });
    expect(subject.connection.streamRequest).toBe('reset');
  });

  it.each([
    ['with the CR', [join(CR, DT)]],
    ['behind it', [CR, DT]],
  ])('are seen by an observer once, when they are processed, if they came %s', (_name, chunks) => {
    const { observer, seen } = watching();
    /** Direction, LI and code of each TPDU. */
    const shown = () => seen.map((line) => /^\w+ .{4}/.exec(line)?.[0]);
    const subject = responder({ observer });
    for (const chunk of chunks) {
      subject.feed(chunk).connection.resume(10);
    }
    expect(shown()).toEqual(['received 09e0']);
    subject.connection.accept({}, 20);
    subject.connection.resume(20);
    expect(shown()).toEqual(['received 09e0', 'sent 09d0', 'received 02f0']);
  });
});

describe('messages', () => {
  it('are counted as they are received, whole ones alone', () => {
    const { connection } = inState('OPEN').feed(DT, DT, begun(hex('01')));
    expect(connection.messagesReceived).toBe(2);
  });

  it('are counted as they are sent, however many TPDUs they take', () => {
    const { connection } = inState('OPEN');
    connection.send(pattern(5));
    connection.send(pattern(5_000));
    expect(connection.messagesSent).toBe(2);
  });
});

describe('the work that a TPDU makes', () => {
  it.each([
    ['of class 0', (strict: boolean) => inState('OPEN', { strict }), '02f080', 3],
    ['of class 2', (strict: boolean) => open2('responder', { strict }), '04f0 0a0b 80', 5],
  ])('is 1 for a plain DT %s, whole or cut', (_name, opened, header, headerLength) => {
    for (const strict of [false, true]) {
      // The longest: of the agreed size.
      for (const length of [1, 1_024 - headerLength]) {
        const dt = tpkt(join(hex(header), pattern(length)));
        expect(workOf(opened(strict), dt, ...chunksOf(dt, 5))).toBe(2);
      }
    }
  });

  it('is that of 16 plain DTs more for one that must be decoded', () => {
    expect(workOf(open2('responder'), ED, ...chunksOf(ED, 5))).toBe(2 * (1 + COSTLY_TPDU));
  });

  it('is not made by what is behind a TPDU that ends the connection', () => {
    const er = raw('0470 0a0b 01');
    expect(workOf(inState('OPEN'), join(er, DT, DT))).toBe(1 + COSTLY_TPDU);
  });
});

describe('a TPDU of class 2 for another reference', () => {
  it.each(['04f0 4321 80 01', '04f0 0a0c 80 01', '04f0 0b0b 80 01'])(
    'is discarded, whole or cut: %s',
    (octets) => {
      const dt = raw(octets);
      const subject = open2('responder').feed(dt, ...chunksOf(dt, 3), DT2);
      expect(messages(subject)).toEqual([hex('010203')]);
    },
  );
});

describe('a TSDU above the limit of the acceptance', () => {
  it('ends the connection although the limit of the options is higher', () => {
    const subject = inState('WFTRESP', { maxTsduSize: 10 });
    subject.connection.accept({ maxTsduSize: 2 }, 10);
    subject.quiet().feed(DT);
    expect(subject.ending().error).toMatchObject({ code: 'ERR_COTP_TSDU_TOO_LARGE' });
  });
});

describe('a TSDU of as many octets as the limit, and one of an octet more', () => {
  const LIMIT = 10;
  const dtOf = (octets: number) => tpkt(join(hex('02f080'), pattern(octets)));

  it.each([1, 5, 17])('are taken and refused alike in chunks of %i octets', (size) => {
    const taken = inState('OPEN', { maxTsduSize: LIMIT }).feed(...chunksOf(dtOf(LIMIT), size));
    expect(messages(taken)).toEqual([pattern(LIMIT)]);
    const refused = inState('OPEN', { maxTsduSize: LIMIT });
    refused.feed(...chunksOf(dtOf(LIMIT + 1), size));
    expect(refused.ending().error).toMatchObject({ code: 'ERR_COTP_TSDU_TOO_LARGE' });
  });
});

describe('a message that is not complete', () => {
  it('is not there at first', () => {
    expect(responder().connection.hasUnfinished).toBe(false);
  });

  it.each([
    ['a TSDU', begun(hex('01'))],
    ['a packet', DT.subarray(0, 5)],
  ])('is %s that was begun, until the connection ends', (_name, chunk) => {
    const subject = inState('OPEN').feed(chunk);
    expect(subject.connection.hasUnfinished).toBe(true);
    subject.connection.disconnect(200);
    expect(subject.connection.hasUnfinished).toBe(false);
  });

  it('has no deadline any more when its packet turns out to be no DT', () => {
    const subject = open2('responder').feed(ED.subarray(0, 5));
    expect(subject.connection.deadline).toBe(60_100);
    subject.feed(ED.subarray(5));
    expect(subject.connection.deadline).toBeUndefined();
  });

  it('has more time by as long as the peer is not read', () => {
    const subject = inState('OPEN').feed(begun(hex('01')));
    subject.connection.postponeDeadline(500);
    expect(subject.connection.deadline).toBe(60_600);
  });

  it.each(['WFTRESP', 'ENDING'] as const)('gives %s no more time', (state) => {
    const { connection } = inState(state);
    const { deadline } = connection;
    connection.postponeDeadline(500);
    expect(connection.deadline).toBe(deadline);
  });

  it('makes no deadline where none runs', () => {
    const { connection } = inState('OPEN');
    connection.postponeDeadline(500);
    expect(connection.deadline).toBeUndefined();
  });
});

describe('the memory that is kept', () => {
  /** Octets of a chunk of a socket. */
  const CHUNK = 65_536;
  /** A chunk that ends with these octets, and whose other packets are empty DTs. */
  const ending = (octets: Uint8Array) => {
    const count = Math.floor((CHUNK - octets.length) / EMPTY_DT.length);
    return join(...Array.from({ length: count }, () => EMPTY_DT), octets);
  };

  it('is that of a TSDU and that of a packet together', () => {
    const subject = inState('OPEN').feed(ending(begun(pattern(600))));
    const { pinned } = subject.connection;
    expect(pinned).toBeGreaterThan(CHUNK - 1_000);
    subject.feed(begun(pattern(2_000)).subarray(0, 700));
    expect(subject.connection.pinned).toBeGreaterThanOrEqual(pinned + 700);
  });

  it('is that of their octets once it is compacted, and nothing is lost', () => {
    const last = tpkt(join(hex('02f080'), pattern(1_000, 5)));
    const subject = inState('OPEN').feed(ending(begun(pattern(600))));
    subject.feed(join(begun(pattern(CHUNK - 5_000)), last.subarray(0, 800)));
    subject.connection.compact();
    // A view costs some octets more.
    expect(subject.connection.pinned).toBeLessThan(600 + CHUNK - 5_000 + 800 + 1_000);
    subject.feed(last.subarray(800));
    const [tsdu, ...others] = messages(subject);
    const parts = [pattern(600), pattern(CHUNK - 5_000), pattern(1_000, 5)];
    expect(digits(tsdu ?? hex(''))).toBe(digits(...parts));
    expect(others).toEqual([]);
  });

  it('of one packet is that of its octets once it is compacted', () => {
    const subject = inState('OPEN').feed(ending(begun(pattern(2_000)).subarray(0, 700)));
    expect(subject.connection.pinned).toBeGreaterThan(CHUNK - 1_000);
    subject.connection.compact();
    expect(subject.connection.pinned).toBeLessThan(2_000);
  });

  it('is bounded where large chunks hold little of a TSDU', () => {
    const subject = inState('OPEN');
    for (let i = 0; i < 10; i += 1) {
      subject.feed(ending(begun(pattern(512))));
    }
    expect(subject.connection.pinned).toBeLessThan(4 * CHUNK);
  });

  it('is freed when a TPDU in the middle of a chunk ends the connection', () => {
    const subject = inState('OPEN').feed(join(raw('0300 0102'), new Uint8Array(CHUNK)));
    expect([subject.connection.pinned, subject.connection.hasRoom]).toEqual([0, true]);
  });

  it('was copied for a TSDU of several DTs, and not for one of a single DT', () => {
    const subject = inState('OPEN').feed(DT);
    expect(subject.connection.copied).toBe(0);
    subject.feed(begun(pattern(5)), DT);
    expect(subject.connection.copied).toBe(8);
  });
});

describe('a chunk that others may see', () => {
  it('stays as it is, although a TSDU of several DTs lies in it', () => {
    const chunk = join(begun(pattern(600)), tpkt(join(hex('02f080'), pattern(700, 3))));
    const before = chunk.slice();
    const subject = inState('OPEN').feed(chunk);
    subject.connection.receive(chunk, 100);
    expect(messages(subject)).toHaveLength(2);
    expect(chunk).toEqual(before);
  });
});

describe('a connection that its user ends from within an observer', () => {
  it('processes and shows nothing more of the chunk', () => {
    const seen: string[] = [];
    const observer = {
      isWatching: false,
      see: (direction: string, tpdu: Uint8Array) => {
        seen.push(`${direction} ${digits(tpdu)}`);
        subject.connection.disconnect(200);
      },
      seeRun: () => expect.unreachable(),
    };
    const subject = inState('OPEN', { observer });
    observer.isWatching = true;
    // The second packet only stops the splitting.
    expect(workOf(subject, join(DT, DT, DT, hex('05')))).toBe(2);
    expect(seen).toEqual(['received 02f080010203']);
    expect(subject.events().map(({ type }) => type)).not.toContain('disconnect');
  });
});

describe('a TPKT of several TPDUs', () => {
  it('is shown to an observer up to the one that ends the connection', () => {
    const { observer, seen } = watching(false);
    const subject = inState2('responder', 'CLOSING', { observer });
    observer.isWatching = true;
    subject.feed(concatenated('05c0 0a0b 0c0d', '04f0 0a0b 80 61'));
    expect(seen).toEqual(['received 05c00a0b0c0d']);
  });
});

describe('an ED of class 0 that is cut', () => {
  it('is the same as a whole one', () => {
    const cr = raw('0fe0 0000 0c0d 21 c0010b c60101 c70100');
    const subject = responder({ tpClass: 0, expedited: true }).feed(cr);
    subject.connection.accept({}, 10);
    subject.quiet().feed(...chunksOf(raw('021080 ee'), 3), DT);
    expect(subject.events()).toEqual([
      { type: 'expedited', data: hex('ee') },
      { type: 'data', message: hex('010203') },
    ]);
  });
});

describe('a FIN in place of a CC', () => {
  it('ends the time for the answer', () => {
    const { connection } = inState('WFCC');
    expect(connection.deadline).toBe(10_000);
    connection.receiveEnd(200);
    expect([connection.state, connection.deadline]).toEqual(['CLOSED', undefined]);
  });
});
