/** What is offered and chosen: class, expedited data, EA. */
import { describe, expect, it } from 'vitest';
import type { Acceptance } from '../../../src/core/connection/transition.js';
import type { EngineEvent } from '../../../src/core/engine.js';
import type { TpClassChoice } from '../../../src/core/negotiation/class-and-options.js';
import { initiator2, open2, requestOfPeer, responder2 } from '../../support/class2-states.js';
import { digits, hex } from '../../support/splits.js';
import { CR, inState, only, packet, raw, type Subject, THEIRS } from '../../support/states.js';

function agreement(subject: Subject) {
  const event = subject.events().find(({ type }) => type === 'open');
  return (event as Extract<EngineEvent, { type: 'open' }> | undefined)?.agreement;
}

describe('the CR', () => {
  //= X.224 14.4 a test
  //= RFC 2126 6.3 test
  it.each([
    [0, false, false, '09e000000a0b00c0010a'],
    [0, true, true, '0ce000000a0b00c0010ac60101'],
    [2, false, false, '0ce000000a0b21c0010ac60100'],
    ['2,0', true, false, '0fe000000a0b21c0010ac60101c70100'],
    ['2,0', true, true, '0fe000000a0b21c0010ac60121c70100'],
    ['2,0', false, true, '0fe000000a0b21c0010ac60100c70100'],
  ] as const)('for %j, expedited %s, EA %s is %s', (tpClass, expedited, expeditedAck, octets) => {
    const subject = initiator2({}, { tpClass, expedited, expeditedAck });
    subject.connection.streamConnected(10);
    expect(digits(subject.octets().subarray(4))).toBe(octets);
  });
});

describe('the proposal', () => {
  const rows: readonly (readonly [
    string,
    TpClassChoice,
    string,
    readonly number[],
    boolean,
    boolean,
  ])[] = [
    ['class 0', '2,0', '06e0 0000 0c0d 00', [0], false, false],
    ['class 0 with 21', '2,0', '09e0 0000 0c0d 00 c60121', [0], true, false],
    ['2 or 0', '2,0', '0fe0 0000 0c0d 21 c0010a c60121 c70100', [2, 0], true, true],
    ['2 or 0 at a side with class 0', 0, '0ce0 0000 0c0d 21 c60121 c70100', [0], true, false],
    ['2 alone', '2,0', '09e0 0000 0c0d 21 c60101', [2], true, false],
    ['2 with flow control, or 0', '2,0', '09e0 0000 0c0d 20 c70100', [0], false, false],
    ['4', 2, '09e0 0000 0c0d 41 c60121', [2], true, false],
  ];

  it.each(rows)(
    'of %s at a side that takes %j',
    (_name, tpClass, octets, classes, expedited, ack) => {
      const subject = responder2({ tpClass }).feed(raw(octets));
      const [event] = subject.events();
      const { request } = event as Extract<EngineEvent, { type: 'connectIndication' }>;
      expect(subject.connection.proposal(request)).toEqual({
        tpClasses: classes,
        expedited,
        expeditedAck: ack,
      });
    },
  );
});

describe('accept', () => {
  function accepted(acceptance: Acceptance, own = {}): Subject {
    const subject = responder2(own).feed(requestOfPeer());
    subject.connection.accept(acceptance, 100);
    return subject;
  }

  //= RFC 2126 4.2.1 bit 1 test
  //= RFC 2126 4.2.1 bit 6 test
  it.each([
    [{}, { tpClass: 2, expedited: true, expeditedAck: true }],
    [{ expeditedAck: false }, { tpClass: 2, expedited: true, expeditedAck: false }],
    [{ expedited: false }, { tpClass: 2, expedited: false, expeditedAck: false }],
    [{ tpClass: 0 as const }, { tpClass: 0, expedited: true, expeditedAck: false }],
  ])('with %j agrees on %j', (acceptance, agreed) => {
    expect(agreement(accepted(acceptance))).toMatchObject(agreed);
  });

  it('may grant what the options of the side do not', () => {
    const subject = accepted({ expedited: true }, { expedited: false });
    expect(agreement(subject)).toMatchObject({ expedited: true });
  });

  it.each([
    ['a class that was not proposed', CR, { tpClass: 2 as const }, /tpClass must be 0/],
    [
      'expedited data that was not asked for',
      CR,
      { expedited: true },
      /does not ask for expedited/,
    ],
    [
      'EA that were not asked for',
      requestOfPeer({ expeditedAck: false }),
      { expeditedAck: true },
      /expeditedAck cannot be true/,
    ],
  ])(
    'of %s is an error, and the request stays undecided',
    (_name, request, acceptance, message) => {
      const subject = responder2().feed(request);
      expect(() => subject.connection.accept(acceptance, 100)).toThrow(TypeError);
      expect(() => subject.connection.accept(acceptance, 100)).toThrow(message);
      expect([subject.connection.state, subject.sent()]).toEqual(['WFTRESP', []]);
    },
  );
});

describe('after the CC of class 0', () => {
  it('the connection goes on in class 0, with half-close', () => {
    const subject = initiator2();
    subject.connection.streamConnected(10);
    subject.quiet();
    subject.feed(
      packet({ type: 'CC', dstRef: 0x0a0b, srcRef: THEIRS, parameters: { tpduSize: 1024 } }),
    );
    expect(agreement(subject)).toMatchObject({ tpClass: 0, expedited: false });
    subject.connection.endOfData(100);
    expect(subject.connection.state).toBe('FIN_SENT');
  });

  it('data right behind a CR of class 2 is not kept', () => {
    const subject = responder2().feed(requestOfPeer(), raw('04f0 0a0b 80 61'));
    expect(subject.ending().error).toMatchObject({ fault: 'tpdu-not-expected' });
  });
});

describe('the sizes of class 2', () => {
  //= X.224 10.2.3 para 1 test
  //= X.224 13.7.1 b test
  //= RFC 2126 4.2.1 size test
  it('leave five octets less for user data', () => {
    const subject = open2('initiator');
    subject.connection.send(new Uint8Array(1_020));
    const lengths = subject.sent().map((tpdu) => (tpdu.type === 'DT' ? tpdu.userData.length : 0));
    expect(lengths).toEqual([1_019, 1]);
  });
});

describe('class 0 with expedited data', () => {
  /** Agreed on by a CR that asks for it. */
  function opened(strict = false): Subject {
    const subject = responder2({ tpClass: 0, strict }).feed(raw('0ce0 0000 0c0d 00 c0010a c60101'));
    subject.connection.accept({}, 100);
    return subject;
  }

  //= RFC 1006 5 expedited negotiation test
  //= RFC 2126 4.1.1 expedited test
  it('is granted by bit 1 of 0xC6', () => {
    const subject = opened();
    expect(only(subject, 'CC').parameters.additionalOptions).toBe(1);
    expect(agreement(subject)).toMatchObject({ tpClass: 0, expedited: true, expeditedAck: false });
  });

  //= RFC 1006 5 expedited transfer test
  //= RFC 1006 6 ED format test
  //= RFC 2126 4.1.2 test
  it('sends an ED of three octets of header, ahead of data', () => {
    const subject = opened().quiet();
    subject.connection.send(hex('616263'));
    subject.connection.sendExpedited(hex('0102'));
    expect(digits(subject.octets())).toBe('030000090210800102' + '0300000a02f080616263');
  });

  it('delivers an ED inside a TSDU at once', () => {
    const subject = opened().quiet();
    subject.feed(raw('02f000 61'), raw('021080 78'), raw('02f080 62'));
    expect(subject.events()).toEqual([
      { type: 'expedited', data: hex('78') },
      { type: 'data', message: hex('6162') },
    ]);
  });

  it.each([
    ['without EOT', '021000 78', 'ed-eot'],
    ['with a number', '021081 78', 'tpdu-nr'],
    ['with a nibble in its code', '021180 78', 'code-nibble'],
  ])('takes an ED %s, unless it is strict', (_name, octets, fault) => {
    expect(opened().quiet().feed(raw(octets)).events()).toMatchObject([{ type: 'expedited' }]);
    const subject = opened(true).quiet().feed(raw(octets));
    expect(subject.ending().error).toMatchObject({ fault });
    expect(only(subject, 'ER').dstRef).toBe(THEIRS);
  });

  it.each([
    ['without data', '021080', 'ed-length'],
    ['of 17 octets', `021080 ${'41'.repeat(17)}`, 'ed-length'],
    ['in the form of class 2', '0410 0a0b 80 78', 'header-form'],
  ])('refuses an ED %s', (_name, octets, fault) => {
    const subject = opened().quiet().feed(raw(octets));
    expect(subject.ending().error).toMatchObject({ fault });
    expect([only(subject, 'ER').rejectCause, subject.connection.state]).toEqual([0, 'ENDING']);
  });

  it('refuses an EA', () => {
    const subject = opened().quiet().feed(raw('0420 0a0b 00'));
    expect([only(subject, 'ER').rejectCause, subject.connection.state]).toEqual([2, 'ENDING']);
  });

  it('sends it after the FIN of the peer too', () => {
    const subject = opened().quiet();
    subject.connection.receiveEnd(200);
    subject.connection.sendExpedited(hex('01'));
    expect(only(subject, 'ED').userData).toEqual(hex('01'));
  });

  it('takes it after our own FIN too', () => {
    const subject = opened().quiet();
    subject.connection.endOfData(200);
    expect(subject.feed(raw('021080 78')).events()).toMatchObject([{ type: 'expedited' }]);
  });

  it('that was not agreed on cannot be sent', () => {
    expect(() => inState('OPEN').connection.sendExpedited(hex('01'))).toThrow(
      expect.objectContaining({ code: 'ERR_COTP_NO_EXPEDITED' }),
    );
  });
});
