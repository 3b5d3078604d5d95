/** A responder up to its open connection: the CR, the decision, CC or refusal. */
import { describe, expect, it } from 'vitest';
import { digits, hex, join, pattern, splits, tpkt } from '../../support/splits.js';
import {
  CC,
  CR,
  DT,
  inState,
  messages,
  OURS,
  only,
  raw,
  responder,
  type Subject,
  THEIRS,
} from '../../support/states.js';

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

  //= X.224 6.5.4 b test
  //= X.224 13.3.4 a test
  //= X.224 13.4.4 test
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

  it.each([
    [117, 118, [117, 118]],
    [118, 118, []],
    [122, 122, []],
    [243, 1, []],
  ])(
    'repeats selectors of %i and %i octets in the CC only if they fit',
    (calling, called, repeated) => {
      const tsel = (code: string, length: number) =>
        join(hex(code), Uint8Array.of(length), pattern(length));
      const variable = join(tsel('c1', calling), tsel('c2', called));
      const cr = tpkt(join(Uint8Array.of(6 + variable.length), hex('e0 0000 0c0d 00'), variable));
      const subject = responder().feed(cr);
      subject.connection.accept({}, 10);
      const { callingTsel, calledTsel } = only(subject, 'CC').parameters;
      expect([callingTsel, calledTsel].flatMap((tsel) => tsel?.length ?? [])).toEqual(repeated);
    },
  );

  //= RFC 2126 6.4 test
  it('states the size in the CC though the CR stated none', () => {
    const subject = responder().feed(raw('06e0 0000 0c0d 00'));
    subject.connection.accept({}, 10);
    expect(only(subject, 'CC').parameters.tpduSize).toBe(2048);
  });

  //= X.224 6.5.4 para 1 test
  //= X.224 13.4.3 test
  //= X.224 14.2 test
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

  //= RFC 1006 5 initial user data test
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

  //= RFC 2126 6.3 test
  it('accepts class 2 with alternative 0 as class 0', () => {
    const subject = responder().feed(raw('09e0 0000 0c0d 21 c70100'));
    subject.connection.accept({}, 10);
    expect(only(subject, 'CC').class).toBe(0);
  });

  //= X.224 6.6.3 para 1 test
  it('refuses class 2 alone with reason 130 from reference 0', () => {
    const subject = responder().feed(raw('06e0 0000 0c0d 21'));
    expect(only(subject, 'DR')).toMatchObject({ dstRef: THEIRS, srcRef: 0, reason: 130 });
  });

  //= X.224 6.6.3 para 3 test
  //= X.224 6.6.3 note 1 test
  it('answers an invalid CR of class 0 by an ER that quotes it up to the fault', () => {
    const subject = responder().feed(raw('09e0 0000 0c0d 00 c00702'));
    expect(only(subject, 'ER')).toMatchObject({ dstRef: THEIRS, rejectCause: 0 });
  });

  //= X.224 13.12.4 a test
  it('quotes in 0xC1 of the ER the octets of the CR', () => {
    const cr = hex('08e0 0000 0c0d 00 c105');
    const { parameters } = only(responder().feed(tpkt(cr)), 'ER');
    expect(digits(cr).startsWith(digits(parameters.invalidTpdu ?? hex('ff')))).toBe(true);
  });

  //= X.224 6.6.3 para 3 test
  //= X.224 6.6.3 note 1 test
  it('answers an invalid CR of another class by DR 133', () => {
    const subject = responder().feed(raw('08e0 0000 0c0d 40 c105'));
    expect(only(subject, 'DR')).toMatchObject({ dstRef: THEIRS, reason: 133 });
  });

  it('answers nothing when the reference of the CR cannot be read', () => {
    const subject = responder().feed(raw('04e0 0000 0c'));
    expect([subject.sent(), subject.connection.streamRequest]).toEqual([[], 'destroy']);
  });

  //= X.224 6.22.1.3 para 4 test
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

  //= X.224 6.6.3 para 1 test
  //= X.224 13.5.3 d test
  //= X.224 A.4 Table A.5 test
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

  it.each(['with the CR', 'after the CR', 'cut in two'])(
    'keeps a DT that comes %s until its user has decided',
    (how) => {
      const chunks = {
        'with the CR': [join(CR, DT)],
        'after the CR': [CR, DT],
        'cut in two': [join(CR, DT.subarray(0, 6)), DT.subarray(6)],
      }[how] as readonly Uint8Array[];
      const subject = responder();
      for (const chunk of chunks) {
        subject.feed(chunk);
        while (subject.connection.resume(10)) {}
      }
      expect(subject.events().map(({ type }) => type)).toEqual(['connectIndication']);
      subject.connection.accept({}, 20);
      while (subject.connection.resume(20)) {}
      expect(subject.events().map(({ type }) => type)).toEqual(['open', 'data']);
    },
  );

  it('has no room for more once 64 KiB of data wait for the decision', () => {
    const subject = responder().feed(join(CR, DT));
    while (subject.connection.resume(10)) {}
    for (let octets = DT.length; octets < 65_536; octets += DT.length) {
      expect(subject.connection.hasRoom).toBe(true);
      subject.feed(DT);
    }
    expect(subject.connection.hasRoom).toBe(false);
    subject.connection.accept({}, 20);
    while (subject.connection.resume(20)) {}
    expect(subject.connection.hasRoom).toBe(true);
  });

  it('drops the data that waits when the CR is refused', () => {
    const subject = responder().feed(join(CR, DT));
    while (subject.connection.resume(10)) {}
    subject.connection.refuse(0, 20);
    expect(subject.connection.resume(20)).toBe(false);
    expect(subject.connection.pinned).toBe(0);
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
    expect([subject.connection.state, subject.connection.streamRequest]).toEqual(['ENDING', 'end']);
  });

  it('drops TCP without an answer when no CR comes in time', () => {
    const subject = responder();
    subject.connection.handleDeadline(10_000);
    expect(subject.ending().error).toMatchObject({ timer: 'handshakeTimeout', phase: 'wait-cr' });
    expect([subject.sent(), subject.connection.state]).toEqual([[], 'CLOSED']);
    expect(subject.connection.streamRequest).toBe('destroy');
  });
});
