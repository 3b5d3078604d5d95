import { describe, expect, it } from 'vitest';
import {
  ConnectionClosedError,
  ConnectionRefusedError,
  ProtocolError,
  TimeoutError,
  TsduTooLargeError,
} from '../../../src/core/errors.js';
import type { Tpdu, TpduType } from '../../../src/core/tpdu/types.js';
import { chunksOf, digits, hex, join, pattern, splits, tpkt } from '../../support/splits.js';
import {
  CC,
  CR,
  DT,
  initiator,
  inState,
  OURS,
  openInitiator,
  packet,
  raw,
  responder,
  type Subject,
  THEIRS,
} from '../../support/states.js';

const FAST_ACK = raw('02f000');

function messages(subject: Subject): readonly Uint8Array[] {
  return subject.events().flatMap((event) => (event.type === 'data' ? [event.message] : []));
}

function only<T extends TpduType>(subject: Subject, type: T): Extract<Tpdu, { type: T }> {
  const [tpdu, ...rest] = subject.sent();
  if (tpdu?.type !== type || rest.length > 0) {
    throw new Error(`one ${type} was expected, ${tpdu?.type} came`);
  }
  return tpdu as Extract<Tpdu, { type: T }>;
}

describe('the CR', () => {
  it('is sent when TCP stands, and not before', () => {
    const subject = initiator();
    expect(subject.connection.outbox.length).toBe(0);
    subject.connection.streamConnected(10);
    expect(only(subject, 'CR')).toMatchObject({
      cdt: 0,
      dstRef: 0,
      srcRef: OURS,
      class: 0,
      options: 0,
    });
  });

  it('carries C1, C2 and C0 in this order', () => {
    const subject = initiator(
      {},
      {
        parameters: { tpduSize: 1024, calledTsel: hex('0102'), callingTsel: hex('0100') },
      },
    );
    subject.connection.streamConnected(10);
    expect(digits(subject.octets())).toBe('0300001611e000000a0b00c1020100c2020102c0010a');
  });

  it('carries the user data of the caller', () => {
    const subject = initiator({}, { parameters: {}, userData: hex('aabb') });
    subject.connection.streamConnected(10);
    expect(only(subject, 'CR').userData).toEqual(hex('aabb'));
  });
});

describe('an initiator', () => {
  it('is open by the CC, with what was agreed', () => {
    const subject = inState('WFCC').feed(CC);
    expect(subject.events()).toMatchObject([
      {
        type: 'open',
        agreement: { tpClass: 0, maxTpduSize: 1024, localRef: OURS, remoteRef: THEIRS },
        confirm: { type: 'CC' },
      },
    ]);
  });

  it('takes the smaller size of the CC', () => {
    const cc = packet({ type: 'CC', dstRef: OURS, srcRef: 9, parameters: { tpduSize: 512 } });
    expect(inState('WFCC').feed(cc).events()).toMatchObject([{ agreement: { maxTpduSize: 512 } }]);
  });

  it('keeps its own offer when the CC states no size', () => {
    const cc = packet({ type: 'CC', dstRef: OURS, srcRef: 9 });
    expect(inState('WFCC').feed(cc).events()).toMatchObject([{ agreement: { maxTpduSize: 1024 } }]);
  });

  it('sends no larger TPDU than it takes when no size is stated at all', () => {
    const subject = initiator({ maxTpduSize: 512 }, { parameters: {} });
    subject.connection.streamConnected(1);
    subject.feed(packet({ type: 'CC', dstRef: OURS, srcRef: 9 }));
    expect(subject.events()).toMatchObject([{ agreement: { maxTpduSize: 512 } }]);
  });

  it.each(splits(join(CC, DT)))('takes CC and DT when they come $name', ({ chunks }) => {
    const types = inState('WFCC')
      .feed(...chunks)
      .events()
      .map(({ type }) => type);
    expect(types).toEqual(['open', 'data']);
  });

  it('tells reason, text and hint of a DR that refuses it', () => {
    const subject = inState('WFCC').feed(raw('0680 0a0b 0000 03'));
    const { error } = subject.ending();
    expect(error).toBeInstanceOf(ConnectionRefusedError);
    expect(error).toMatchObject({ reason: 3, phase: 'cr-sent', ending: 'dr' });
    expect(error.message).toMatch(/address unknown.*remote T-selector/);
  });

  it('tells the cause of an ER that refuses it', () => {
    const subject = inState('WFCC').feed(raw('0470 0a0b 03'));
    expect(subject.ending().error).toMatchObject({ rejectCause: 3, ending: 'er' });
  });

  it.each([
    ['W17 both references 0', '0680 0000 0000 00', 0],
    ['W18 a refusal', '0680 0001 0000 80', 128],
    ['W19 of another connection', '0680 0001 0001 00', 0],
    ['W20 with a stray octet', '0680 0001 0001 00 00', 0],
    ['W21 made from a CR', '1180 0000 0001 00 c0010a c1020100 c2020102', 0],
  ])('takes the DR %s for a refusal', (_name, octets, reason) => {
    const { error } = inState('WFCC').feed(raw(octets)).ending();
    expect(error).toMatchObject({ code: 'ERR_COTP_REFUSED', reason });
  });

  it('fails on a CC for another reference, strict or not', () => {
    for (const strict of [false, true]) {
      const subject = inState('WFCC', { strict }).feed(raw('06d0 0a0c 0c0d 00'));
      expect(subject.ending().error).toMatchObject({ fault: 'cc-ref-mismatch' });
    }
  });

  it('fails on a CC of a class that it did not offer', () => {
    const subject = inState('WFCC').feed(raw('06d0 0a0b 0c0d 21'));
    expect(subject.ending().error).toMatchObject({ fault: 'cc-class' });
  });

  it('says that a FIN in place of a CC is how many devices refuse', () => {
    const subject = inState('WFCC');
    subject.connection.receiveEnd(50);
    expect(subject.ending().error.hint).toMatch(/remote T-selector/);
  });

  it('asks whether a server listens when no CC comes in time', () => {
    const subject = inState('WFCC');
    subject.connection.handleDeadline(10_000);
    expect(subject.ending().error.message).toMatch(
      /no CC within 10000 ms: is a COTP server listening on peer:102/,
    );
  });

  it('has one deadline for TCP and CC together', () => {
    const subject = initiator();
    subject.connection.streamConnected(9_000);
    subject.now = 9_500;
    subject.feed(hex('03'));
    expect(subject.connection.deadline).toBe(10_000);
  });

  it('names the cause of a lost TCP connection', () => {
    const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    const subject = inState('WFCC');
    subject.connection.streamClosed(cause, 50);
    expect(subject.ending().error).toMatchObject({ cause, ending: 'reset' });
  });
});

describe('a responder', () => {
  it('indicates the CR', () => {
    expect(responder().feed(CR).events()).toMatchObject([
      { type: 'connectIndication', request: { type: 'CR', srcRef: THEIRS } },
    ]);
  });

  it.each(splits(CR))('indicates it when it comes $name', ({ chunks }) => {
    expect(
      responder()
        .feed(...chunks)
        .events(),
    ).toHaveLength(1);
  });

  it.each([
    ['both', 'c1020100 c2020102', 'c1020100c2020102c0010a'],
    ['both, the other way round', 'c2020102 c1020100', 'c1020100c2020102c0010a'],
    ['the calling one alone', 'c1020100', 'c1020100c0010a'],
    ['the called one alone', 'c2020102', 'c2020102c0010a'],
    ['none', '', 'c0010a'],
    ['empty ones', 'c100 c200', 'c100c200c0010a'],
    ['long ones', 'c10401020304 c205aabbccddee', 'c10401020304c205aabbccddeec0010a'],
  ])('echoes in the CC the selectors of the CR: %s', (_name, selectors, parameters) => {
    const variable = hex(`${selectors} c0010a`);
    const cr = tpkt(join(Uint8Array.of(6 + variable.length), hex('e0 0000 0c0d 00'), variable));
    const subject = responder().feed(cr);
    subject.connection.accept({}, 10);
    expect(digits(subject.octets().subarray(11))).toBe(parameters);
  });

  it('states the size in the CC though the CR stated none', () => {
    const subject = responder().feed(raw('06e0 0000 0c0d 00'));
    subject.connection.accept({}, 10);
    expect(only(subject, 'CC').parameters.tpduSize).toBe(2048);
  });

  it('confirms to the reference of the CR with its own, in class 0', () => {
    const subject = responder().feed(CR);
    subject.connection.accept({}, 10);
    expect(only(subject, 'CC')).toMatchObject({ dstRef: THEIRS, srcRef: OURS, class: 0, cdt: 0 });
  });

  it('is open once it has accepted', () => {
    const subject = inState('WFTRESP');
    subject.connection.accept({}, 10);
    expect(subject.events()).toMatchObject([
      { type: 'open', agreement: { maxTpduSize: 1024, localRef: OURS, remoteRef: THEIRS } },
    ]);
  });

  it('answers a smaller size when its user limits it', () => {
    const subject = inState('WFTRESP');
    subject.connection.accept({ maxTpduSize: 256 }, 10);
    expect(only(subject, 'CC').parameters.tpduSize).toBe(256);
  });

  it('never answers a larger size than was offered', () => {
    const subject = responder({ maxTpduSize: 65_531 }).feed(CR);
    subject.connection.accept({ maxTpduSize: 65_531 }, 10);
    expect(only(subject, 'CC').parameters.tpduSize).toBe(1024);
  });

  it('puts the user data of its user into the CC', () => {
    const subject = inState('WFTRESP');
    subject.connection.accept({ userData: hex('aa') }, 10);
    expect(only(subject, 'CC').userData).toEqual(hex('aa'));
  });

  it('is as it was when the acceptance cannot be sent', () => {
    const subject = inState('WFTRESP');
    expect(() => subject.connection.accept({ userData: pattern(33) }, 10)).toThrow(RangeError);
    subject.connection.accept({}, 11);
    expect(only(subject, 'CC').userData).toHaveLength(0);
  });

  it('keeps no limit of an acceptance that cannot be sent', () => {
    const subject = inState('WFTRESP');
    expect(() => subject.connection.accept({ maxTsduSize: 1, userData: pattern(33) }, 10)).toThrow(
      RangeError,
    );
    subject.connection.accept({}, 11);
    expect(messages(subject.quiet().feed(DT))).toEqual([hex('010203')]);
  });

  it('is as it was when the reason of a refusal cannot be sent', () => {
    const subject = inState('WFTRESP');
    expect(() => subject.connection.refuse(134, 10)).toThrow(RangeError);
    expect(subject.connection.state).toBe('WFTRESP');
  });

  it('accepts class 2 with alternative 0 as class 0', () => {
    const subject = responder().feed(raw('09e0 0000 0c0d 21 c70100'));
    subject.connection.accept({}, 10);
    expect(only(subject, 'CC').class).toBe(0);
  });

  it('refuses class 2 alone with reason 130 from reference 0', () => {
    const subject = responder().feed(raw('06e0 0000 0c0d 21'));
    expect(only(subject, 'DR')).toMatchObject({ dstRef: THEIRS, srcRef: 0, reason: 130 });
  });

  it('answers an invalid CR of class 0 by an ER that quotes it up to the fault', () => {
    const subject = responder().feed(raw('09e0 0000 0c0d 00 c00702'));
    expect(only(subject, 'ER')).toMatchObject({ dstRef: THEIRS, rejectCause: 0 });
  });

  it('quotes in 0xC1 of the ER the octets of the CR', () => {
    const cr = hex('08e0 0000 0c0d 00 c105');
    const { parameters } = only(responder().feed(tpkt(cr)), 'ER');
    expect(digits(cr).startsWith(digits(parameters.invalidTpdu ?? hex('ff')))).toBe(true);
  });

  it('answers an invalid CR of another class by DR 133', () => {
    const subject = responder().feed(raw('08e0 0000 0c0d 40 c105'));
    expect(only(subject, 'DR')).toMatchObject({ dstRef: THEIRS, reason: 133 });
  });

  it('answers nothing when the reference of the CR cannot be read', () => {
    const subject = responder().feed(raw('04e0 0000 0c'));
    expect([subject.sent(), subject.connection.streamRequest]).toEqual([[], 'destroy']);
  });

  it('answers nothing to what is no CR', () => {
    const subject = responder().feed(DT);
    expect(subject.sent()).toEqual([]);
    expect(subject.ending().error).toMatchObject({ fault: 'tpdu-not-expected', phase: 'wait-cr' });
  });

  it('asks whether both sides are servers when a CC comes', () => {
    expect(responder().feed(CC).ending().error.hint).toMatch(/both sides servers/);
  });

  it('holds no packet longer than a CR can be', () => {
    const subject = responder().feed(hex('03 00 01 44'));
    expect(subject.ending().error).toMatchObject({ fault: 'tpkt-length' });
  });

  it.each([0, 1, 2, 3])('refuses with reason %i from reference 0, then FIN', (reason) => {
    const subject = inState('WFTRESP');
    subject.connection.refuse(reason, 10);
    expect(only(subject, 'DR')).toMatchObject({ dstRef: THEIRS, srcRef: 0, reason });
    expect(subject.connection.streamRequest).toBe('end');
  });

  it('says that it refused when it disconnects in place of a decision', () => {
    const subject = inState('WFTRESP');
    subject.connection.disconnect(10);
    expect(only(subject, 'DR').reason).toBe(0);
    expect(subject.ending().error).toMatchObject({ ending: 'local', phase: 'cr-received' });
  });

  it.each([
    ['a FIN', (subject: Subject) => subject.connection.receiveEnd(10)],
    ['a reset', (subject: Subject) => subject.connection.streamClosed(new Error('reset'), 10)],
  ])('has nothing to tell of %s before a CR', (_name, end) => {
    const subject = responder().feed(CR.slice(0, -1));
    end(subject);
    expect([subject.events(), subject.connection.state]).toEqual([[], 'CLOSED']);
    expect(subject.connection.streamRequest).toBe('destroy');
  });

  it('takes CR and DT of one chunk when it accepts at once', () => {
    const subject = responder().feed(join(CR, DT));
    expect(subject.events().map(({ type }) => type)).toEqual(['connectIndication']);
    subject.connection.accept({}, 10);
    while (subject.connection.resume(10)) {}
    expect(subject.events().map(({ type }) => type)).toEqual(['open', 'data']);
  });

  it('fails on a DT that comes while its user decides', () => {
    const subject = responder().feed(join(CR, DT));
    while (subject.connection.resume(10)) {}
    expect(subject.ending().error).toMatchObject({
      fault: 'tpdu-not-expected',
      phase: 'cr-received',
    });
  });

  it('has a deadline for the CR that drips do not move', () => {
    const subject = responder();
    for (const octet of CR.slice(0, -1)) {
      subject.now += 100;
      subject.feed(Uint8Array.of(octet));
    }
    expect(subject.connection.deadline).toBe(10_000);
  });

  it('has a deadline of its own for the decision, then refuses', () => {
    const subject = responder();
    subject.now = 4_000;
    subject.feed(CR).quiet();
    expect(subject.connection.deadline).toBe(14_000);
    subject.connection.handleDeadline(14_000);
    expect(only(subject, 'DR').reason).toBe(0);
    expect(subject.ending().error).toMatchObject({ timer: 'handshakeTimeout' });
  });
});

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

  it('ignores low bits of code and number when tolerant', () => {
    expect(messages(inState('OPEN').feed(raw('02f180 01'), raw('02f081 02')))).toEqual([
      hex('01'),
      hex('02'),
    ]);
  });

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
    const seen: string[] = [];
    const observer = {
      isWatching: true,
      see: (direction: string, tpdu: Uint8Array) => {
        seen.push(`${direction} ${digits(tpdu)}`);
      },
    };
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

describe('an empty DT', () => {
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

  it('leaves a FIN behind it in good order', () => {
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
    expect(subject.connection.streamRequest).toBe('destroy');
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

describe('a protocol error on an open connection', () => {
  it.each([
    ['a second CR', digits(CR.slice(4)), 2],
    ['a CC', digits(CC.slice(4)), 2],
    ['a DC', '05c0 0a0b 0c0d', 2],
    ['an ED', '021080 01', 2],
    ['an AK', '0460 0a0b 01', 2],
    ['an unknown code', '0300 0102', 2],
    ['LI past the end', '09f080 01', 0],
  ])('%s is answered by an ER with its cause', (_name, octets, cause) => {
    const subject = inState('OPEN').feed(raw(octets));
    expect(only(subject, 'ER')).toMatchObject({ dstRef: THEIRS, rejectCause: cause });
    expect(subject.ending()).toMatchObject({ orderly: false });
  });

  it('is told to the peer before the FIN, and closes in time', () => {
    const subject = inState('OPEN').feed(raw('0300 0102'));
    expect([subject.connection.streamRequest, subject.connection.deadline]).toEqual(['end', 5_100]);
  });

  it('is answered behind what was written before', () => {
    const subject = inState('OPEN');
    subject.connection.send(hex('01'));
    subject.feed(raw('0300 0102'));
    expect(subject.sent().map(({ type }) => type)).toEqual(['DT', 'ER']);
  });

  it.each([
    ['128 octets', 128, 121],
    ['1024 octets', 1024, 248],
  ])('is quoted within %s', (_name, size, quoted) => {
    const subject = responder({ strict: true }).feed(CR);
    subject.connection.accept({ maxTpduSize: size }, 10);
    subject.quiet().feed(tpkt(join(hex('02f080'), pattern(2_000))));
    expect(only(subject, 'ER').parameters.invalidTpdu).toHaveLength(quoted);
  });

  it('does not hide the data in front of it', () => {
    const subject = inState('OPEN').feed(join(DT, raw('0300 0102'), DT));
    expect(subject.events().map(({ type }) => type)).toEqual(['data', 'disconnect']);
  });

  it('keeps at most 64 octets in the error', () => {
    const subject = inState('OPEN').feed(tpkt(join(hex('0300'), pattern(1_000))));
    expect(subject.ending().error.octets).toHaveLength(64);
  });
});

describe('an ER from the peer', () => {
  it.each([
    ['with 0xC1', '0770 0a0b 01 c101 02'],
    ['without 0xC1', '0470 0a0b 01'],
  ])('%s is a failure with its cause', (_name, octets) => {
    const { error } = inState('OPEN').feed(raw(octets)).ending();
    expect(error.message).toMatch(/ER with cause 1 \(invalid parameter code\)/);
  });

  it.each([
    ['cut short', '0370 0a0b'],
    ['followed by octets', '0470 0a0b 01 ff'],
    ['with a truncated parameter', '0670 0a0b 01 c105'],
  ])('%s is never answered', (_name, octets) => {
    const subject = inState('OPEN').feed(raw(octets));
    expect(subject.sent()).toEqual([]);
    expect(subject.ending().error).toBeInstanceOf(ProtocolError);
  });
});

describe('a DR on an open connection', () => {
  it.each([
    ['W17', '0680 0000 0000 00'],
    ['W18', '0680 0001 0000 80'],
    ['W19', '0680 0001 0001 00'],
    ['W20', '0680 0001 0001 00 00'],
    ['W21', '1180 0000 0001 00 c0010a c1020100 c2020102'],
  ])('%s is a good end when tolerant, without an answer', (_name, octets) => {
    const subject = inState('OPEN').feed(raw(octets));
    expect(subject.ending()).toMatchObject({ orderly: true, error: { ending: 'dr' } });
    expect([subject.sent(), subject.connection.streamRequest]).toEqual([[], 'end']);
  });

  it('is no good end when strict', () => {
    const subject = inState('OPEN', { strict: true }).feed(raw('0680 0a0b 0c0d 00'));
    expect(subject.ending().orderly).toBe(false);
  });

  it('within a TSDU is no good end and says what is lost', () => {
    const subject = inState('OPEN').feed(raw('02f000 0102'), raw('0680 0a0b 0c0d 00'));
    const { error, orderly } = subject.ending();
    expect([orderly, subject.connection.state]).toEqual([false, 'CLOSED']);
    expect(error.message).toMatch(/in the middle of a TSDU; 2 octets are dropped/);
  });

  it('delivers what came before it', () => {
    const subject = inState('OPEN').feed(join(DT, raw('0680 0a0b 0c0d 00')));
    expect(messages(subject)).toEqual([hex('010203')]);
  });
});

describe('the end of a connection', () => {
  it.each([
    ['inside a TSDU', raw('02f000 0102'), 2],
    ['inside a TPKT', hex('0300 00'), 3],
    ['inside the second TPKT of a TSDU', join(raw('02f000 0102'), hex('0300 00')), 5],
  ])('by FIN %s is a failure, and nothing of it is delivered', (_name, octets, held) => {
    const subject = inState('OPEN').feed(octets);
    subject.connection.receiveEnd(200);
    const events = subject.events();
    expect(events).toMatchObject([
      { type: 'disconnect', error: { message: expect.stringContaining(`${held} octets`) } },
    ]);
    expect(subject.connection.streamRequest).toBe('destroy');
  });

  it('by FIN between two TSDUs lets us answer', () => {
    const subject = inState('OPEN').feed(DT);
    subject.connection.receiveEnd(200);
    subject.connection.send(hex('01'));
    subject.connection.endOfData(300);
    expect(subject.sent()).toHaveLength(1);
    expect([subject.connection.state, subject.connection.streamRequest]).toEqual(['ENDING', 'end']);
  });

  it('by our close leaves what was written to be sent', () => {
    const subject = inState('OPEN');
    subject.connection.send(hex('01'));
    subject.connection.disconnect(200);
    expect(subject.sent()).toHaveLength(1);
  });

  it('by our close does not wait longer than the close time', () => {
    const subject = inState('OPEN');
    subject.connection.disconnect(200);
    subject.connection.disconnect(400);
    subject.feed(DT);
    expect(subject.connection.deadline).toBe(5_200);
    subject.connection.handleDeadline(5_200);
    expect([subject.connection.state, subject.connection.streamRequest]).toEqual([
      'CLOSED',
      'destroy',
    ]);
  });

  it('by our close discards whatever still comes, octets of no packet too', () => {
    const subject = inState('ENDING').feed(join(DT, hex('ffff')), hex('00'), DT);
    expect([subject.events(), subject.connection.resume(200)]).toEqual([[], false]);
  });

  it('leaves no octets to go on with when it came in the middle of a chunk', () => {
    const subject = inState('OPEN').feed(join(raw('0300 0102'), DT, DT));
    expect(subject.connection.resume(200)).toBe(false);
  });

  it('sends nothing more once TCP is lost', () => {
    const subject = inState('CLOSED');
    expect(() => subject.connection.send(hex('01'))).toThrow(ConnectionClosedError);
  });

  it('has no deadline once it is there', () => {
    expect(inState('CLOSED').connection.deadline).toBeUndefined();
  });

  it('by FIN while we wait for the last TSDUs closes both halves', () => {
    const subject = openInitiator();
    subject.connection.endOfData(100);
    subject.connection.receiveEnd(200);
    expect(subject.events()).toEqual([{ type: 'end' }]);
    expect([subject.connection.state, subject.connection.deadline]).toEqual(['ENDING', 5_200]);
  });
});
