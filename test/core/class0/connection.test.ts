/** An open connection: TSDUs out and in, their limits and their time. */
import { describe, expect, it } from 'vitest';
import {
  ConnectionClosedError,
  TimeoutError,
  TsduTooLargeError,
} from '../../../src/core/errors.js';
import { watching } from '../../support/observer.js';
import { chunksOf, digits, hex, join, pattern, splits, tpkt } from '../../support/splits.js';
import {
  CR,
  DT,
  initiator,
  inState,
  messages,
  OURS,
  only,
  packet,
  raw,
  responder,
  type Subject,
} from '../../support/states.js';

const FAST_ACK = raw('02f000');

describe('sending', () => {
  function agreedOn(size: number): Subject {
    return initiator({}, { parameters: { tpduSize: size } });
  }

  function opened(size: number): Subject {
    const subject = agreedOn(size);
    subject.connection.streamConnected(1);
    subject.quiet();
    return subject
      .feed(packet({ type: 'CC', dstRef: OURS, srcRef: 1, parameters: { tpduSize: size } }))
      .quiet();
  }

  //= X.224 6.3.3 para 1 test
  //= X.224 8.2.3 test
  //= X.224 13.7.5 test
  //= X.224 14.4 e test
  it.each([
    [128, 1, [1]],
    [128, 124, [124]],
    [128, 125, [125]],
    [128, 126, [125, 1]],
    [128, 250, [125, 125]],
    [128, 251, [125, 125, 1]],
    [256, 253, [253]],
    [256, 254, [253, 1]],
    [2048, 4_090, [2045, 2045]],
  ])('at size %i cuts %i octets into %j', (size, length, parts) => {
    const subject = opened(size);
    subject.connection.send(pattern(length));
    const sent = subject.sent().map((tpdu) => (tpdu.type === 'DT' ? tpdu : undefined));
    expect(sent.map((dt) => dt?.userData.length)).toEqual(parts);
    expect(sent.map((dt) => dt?.eot)).toEqual(parts.map((_, i) => i === parts.length - 1));
    expect(digits(...sent.map((dt) => dt?.userData ?? hex('')))).toBe(digits(pattern(length)));
  });

  //= X.224 6.3.3 para 1 test
  it('keeps one TSDU behind the other', () => {
    const subject = opened(128);
    subject.connection.send(pattern(300));
    subject.connection.send(pattern(200, 7));
    const data = subject.sent().map((dt) => (dt.type === 'DT' ? dt.userData : hex('')));
    expect(digits(...data)).toBe(digits(pattern(300), pattern(200, 7)));
  });

  it('goes on after the FIN of the peer', () => {
    const subject = inState('FIN_RECEIVED');
    subject.connection.send(hex('01'));
    expect(only(subject, 'DT').eot).toBe(true);
  });

  it('is refused after our own end of data', () => {
    expect(() => inState('FIN_SENT').connection.send(hex('01'))).toThrow(ConnectionClosedError);
  });

  it('out of place does not blame the peer', () => {
    expect(() => inState('WFCC').connection.send(hex('01'))).toThrow(/not possible/);
  });
});

describe('receiving', () => {
  const dts = (...parts: readonly Uint8Array[]) =>
    join(
      ...parts.map((part, i) =>
        tpkt(join(hex(i === parts.length - 1 ? '02f080' : '02f000'), part)),
      ),
    );

  it.each(splits(dts(pattern(5), pattern(6, 9), pattern(7, 20))))(
    'joins a TSDU of three DT that come $name',
    ({ chunks }) => {
      expect(messages(inState('OPEN').feed(...chunks))).toEqual([
        join(pattern(5), pattern(6, 9), pattern(7, 20)),
      ]);
    },
  );

  //= X.224 6.3.3 para 1 test
  //= X.224 6.3.3 note 1 test
  it.each([1, 3, 100, 511, 513, 700])('joins large DT that come in chunks of %i', (size) => {
    const parts = [pattern(900), pattern(1_000, 3), pattern(800, 5)];
    const subject = inState('OPEN').feed(...chunksOf(dts(...parts), size));
    expect(digits(...messages(subject))).toBe(digits(...parts));
  });

  it('gives a TSDU that lies in one chunk as a view of it', () => {
    const chunk = join(DT, DT);
    const [first, second] = messages(inState('OPEN').feed(chunk));
    expect([first?.buffer, second?.buffer]).toEqual([chunk.buffer, chunk.buffer]);
  });

  it('goes on after our own end of data', () => {
    expect(messages(inState('FIN_SENT').feed(DT))).toEqual([hex('010203')]);
  });

  //= X.224 13.7.3 a and b test
  //= X.224 13.7.3 e test
  //= RFC 1006 6 ignored bits test
  it('ignores low bits of code and number when tolerant', () => {
    expect(messages(inState('OPEN').feed(raw('02f180 01'), raw('02f081 02')))).toEqual([
      hex('01'),
      hex('02'),
    ]);
  });

  //= X.224 13.7.5 test
  it('takes a DT above the agreed size when tolerant', () => {
    const subject = inState('OPEN').feed(dts(pattern(1_024)));
    expect(messages(subject)[0]).toHaveLength(1_024);
  });

  it.each(splits(dts(pattern(1_024))).filter((_, i) => i < 12))(
    'rejects it by an ER when strict, $name',
    ({ chunks }) => {
      const subject = inState('OPEN', { strict: true }).feed(...chunks);
      expect(subject.ending().error).toMatchObject({ fault: 'tpdu-too-long' });
      expect(only(subject, 'ER').rejectCause).toBe(0);
    },
  );

  it('takes an empty last DT after data', () => {
    const subject = inState('OPEN', { strict: true }).feed(dts(hex('0102'), hex('')));
    expect(messages(subject)).toEqual([hex('0102')]);
  });

  it('passes every TPDU to the observer, whole or in pieces, and gives the same data', () => {
    const { observer, seen } = watching();
    const subject = responder({ observer }).feed(CR);
    subject.connection.accept({}, 10);
    seen.length = 0;
    subject.feed(DT, ...chunksOf(DT, 2));
    subject.connection.send(hex('09'));
    expect(seen).toEqual(['received 02f080010203', 'received 02f080010203', 'sent 02f08009']);
    observer.isWatching = false;
    subject.feed(DT, ...chunksOf(DT, 2));
    subject.connection.send(hex('09'));
    expect(seen.length).toBe(3);
  });
});

describe('an observer that sends', () => {
  it('sees the DTs of each TSDU together, in the order in which they leave', () => {
    const { observer, seen } = watching(true, 'sent');
    let sends = 0;
    const subject = responder({
      observer: {
        ...observer,
        see: (direction, tpdu) => {
          observer.see(direction, tpdu);
          if (sends > 0) {
            sends -= 1;
            subject.connection.send(hex('bb'));
          }
        },
      },
    }).feed(CR);
    subject.connection.accept({ maxTpduSize: 128 }, 10);
    subject.quiet();
    seen.length = 0;
    sends = 2;
    subject.connection.send(pattern(200));
    subject.connection.send(hex('cc'));
    const ends = seen.map((each) => each.slice(5, 11) + each.slice(-2));
    expect(ends).toEqual([
      `02f000${digits(pattern(200).subarray(124, 125))}`,
      `02f080${digits(pattern(200).subarray(199))}`,
      '02f080bb',
      '02f080bb',
      '02f080cc',
    ]);
  });
});

describe('an empty DT', () => {
  //= X.224 6.3.3 para 2 test
  it('alone is no TSDU', () => {
    expect(inState('OPEN').feed(FAST_ACK, raw('02f080')).events()).toEqual([]);
  });

  it('before a TSDU is not part of it', () => {
    // W9: what WinAC and SIPROTEC send.
    expect(messages(inState('OPEN').feed(join(FAST_ACK, FAST_ACK, DT)))).toEqual([hex('010203')]);
  });

  it('starts no deadline', () => {
    expect(inState('OPEN').feed(FAST_ACK).connection.deadline).toBeUndefined();
  });

  it('lets the FIN behind it end the connection cleanly', () => {
    const subject = inState('OPEN').feed(FAST_ACK);
    subject.connection.receiveEnd(200);
    expect(subject.events()).toEqual([{ type: 'end' }]);
  });

  it('between two TSDUs comes as often as the peer likes', () => {
    const subject = inState('OPEN', { maxTsduSegments: 2 });
    subject.feed(...Array.from({ length: 50 }, () => FAST_ACK), DT);
    expect(messages(subject)).toEqual([hex('010203')]);
  });

  it('within a TSDU counts as one of its DT', () => {
    const subject = inState('OPEN', { maxTsduSegments: 3 }).feed(raw('02f000 01'));
    subject.feed(FAST_ACK, FAST_ACK, FAST_ACK);
    expect(subject.ending().error).toBeInstanceOf(TsduTooLargeError);
  });

  it.each([
    ['without EOT', '02f000', 'empty-dt'],
    ['with EOT', '02f080', 'empty-tsdu'],
  ])('%s is rejected when strict', (_name, octets, fault) => {
    const subject = inState('OPEN', { strict: true }).feed(raw(octets));
    expect(subject.ending().error).toMatchObject({ fault });
    expect(only(subject, 'ER').parameters.invalidTpdu).toEqual(hex(octets));
  });
});

describe('the limits of a TSDU', () => {
  it('let through one of just that size', () => {
    const subject = inState('OPEN', { maxTsduSize: 6 }).feed(raw('02f000 010203'), DT);
    expect(messages(subject)[0]).toHaveLength(6);
  });

  it.each([
    ['in one DT', [raw('02f080 01020304')]],
    ['in two DT', [raw('02f000 0102'), raw('02f080 0304')]],
    ['in pieces', chunksOf(raw('02f080 01020304'), 1)],
    ['never ended', [raw('02f000 01020304')]],
  ])('end one that is larger, %s', (_name, chunks) => {
    const subject = inState('OPEN', { maxTsduSize: 3 }).feed(...chunks);
    expect(subject.ending().error).toBeInstanceOf(TsduTooLargeError);
    expect(subject.connection.streamRequest).toBe('reset');
  });

  it('are those of the acceptance when it has its own', () => {
    const subject = inState('WFTRESP', { maxTsduSize: 3 });
    subject.connection.accept({ maxTsduSize: 4 }, 10);
    subject.quiet().feed(raw('02f080 01020304'));
    expect(messages(subject)[0]).toHaveLength(4);
  });

  it('let through just as many DT', () => {
    const subject = inState('OPEN', { maxTsduSegments: 2 }).feed(raw('02f000 01'), DT);
    expect(messages(subject)[0]).toHaveLength(4);
  });

  it('end one of more DT', () => {
    const subject = inState('OPEN', { maxTsduSegments: 2 });
    subject.feed(raw('02f000 01'), raw('02f000 01'), DT);
    expect(subject.ending().error.message).toMatch(/maxTsduSegments/);
  });
});

describe('the deadline of a TSDU', () => {
  const begun = raw('02f000 01');

  it('runs from its first octet though more drip in', () => {
    const subject = inState('OPEN');
    for (const octet of join(begun, begun, DT).slice(0, -1)) {
      subject.now += 1_000;
      subject.feed(Uint8Array.of(octet));
    }
    expect(subject.connection.deadline).toBe(1_100 + 60_000);
  });

  it('moves on with each TSDU though none ends at the end of a chunk', () => {
    const subject = inState('OPEN').feed(hex('03'));
    subject.now = 5_000;
    subject.feed(join(DT.slice(1), hex('03')));
    expect(subject.connection.deadline).toBe(65_000);
  });

  it('moves on with each empty DT between two TSDUs', () => {
    const subject = inState('OPEN').feed(hex('03'));
    subject.now = 5_000;
    subject.feed(join(FAST_ACK.slice(1), hex('03')));
    expect(subject.connection.deadline).toBe(65_000);
  });

  it('does not move on with an empty DT within one', () => {
    const subject = inState('OPEN').feed(begun);
    subject.now = 5_000;
    subject.feed(FAST_ACK);
    expect(subject.connection.deadline).toBe(60_100);
  });

  it('is gone when the TSDU is complete', () => {
    expect(inState('OPEN').feed(begun, DT).connection.deadline).toBeUndefined();
  });

  it('runs from the CC for what came while the user decided', () => {
    const subject = inState('WFTRESP').feed(DT.subarray(0, 5));
    subject.connection.accept({}, 5_000);
    expect(subject.connection.deadline).toBe(65_000);
  });

  it('does not exist when it is 0', () => {
    expect(
      inState('OPEN', { reassemblyTimeout: 0 }).feed(begun).connection.deadline,
    ).toBeUndefined();
  });

  it('ends the connection when it passes', () => {
    const subject = inState('OPEN').feed(begun);
    subject.connection.handleDeadline(60_100);
    expect(subject.ending().error).toBeInstanceOf(TimeoutError);
    expect(subject.connection.state).toBe('CLOSED');
  });
});
