/** Expedited data of class 2: order, EA and its time, what is refused. */
import { describe, expect, it } from 'vitest';
import { TimeoutError } from '../../../src/core/errors.js';
import { open2 } from '../../support/class2-states.js';
import { digits, hex, pattern } from '../../support/splits.js';
import { inState, OURS, only, packet, raw, type Subject } from '../../support/states.js';

const EA = packet({ type: 'EA', dstRef: OURS, yrEdtuNr: 0 });
const ED = raw('0410 0a0b 85 78');

/** An open connection with EA whose EA may be due for 1,000 ms. */
function acknowledged(): Subject {
  return open2('initiator', { writeTimeout: 1_000 });
}

describe('an ED that is sent', () => {
  //= X.224 6.11.1.4 para 1 test
  //= X.224 13.8.1 test
  it('carries what the user gave, with the reference of the peer', () => {
    const subject = open2('initiator');
    subject.connection.sendExpedited(hex('cafe'));
    expect(digits(subject.octets())).toBe('0300000b04100c0d80cafe');
  });

  it('is numbered modulo 128', () => {
    const subject = open2('responder', { expeditedAck: false });
    for (let i = 0; i < 130; i += 1) {
      subject.connection.sendExpedited(hex('01'));
    }
    const numbers = subject.sent().map((tpdu) => (tpdu.type === 'ED' ? tpdu.tpduNr : undefined));
    expect([numbers[0], numbers[127], numbers[128], numbers[129]]).toEqual([0, 127, 0, 1]);
  });

  it('is a copy', () => {
    const subject = open2('initiator');
    const data = hex('01');
    subject.connection.sendExpedited(data);
    data[0] = 2;
    expect(only(subject, 'ED').userData).toEqual(hex('01'));
  });

  //= RFC 2126 4.2.2 no EA test
  it('overtakes the data that was queued before it', () => {
    const subject = open2('initiator', { expeditedAck: false });
    subject.connection.send(hex('616263'));
    subject.connection.sendExpedited(hex('01'));
    expect(subject.sent().map(({ type }) => type)).toEqual(['ED', 'DT']);
  });

  //= X.224 6.11.1.4 para 4 test
  //= X.224 13.8.5 test
  it.each([0, 17])('has 1 to 16 octets, not %i', (length) => {
    const subject = open2('initiator');
    expect(() => subject.connection.sendExpedited(new Uint8Array(length))).toThrow(
      new RangeError(`expedited data: 1 to 16 octets expected, got ${length}`),
    );
    expect(subject.sent()).toEqual([]);
  });

  //= X.224 13.8.5 test
  it.each([1, 16])('may have %i octets', (length) => {
    const subject = open2('initiator');
    subject.connection.sendExpedited(pattern(length));
    expect(only(subject, 'ED').userData).toEqual(pattern(length));
  });

  it('has the next number although data in between was refused', () => {
    const subject = open2('initiator', { expeditedAck: false });
    subject.connection.sendExpedited(hex('01'));
    expect(() => subject.connection.sendExpedited(hex(''))).toThrow(RangeError);
    subject.connection.sendExpedited(hex('02'));
    const numbers = subject.sent().map((tpdu) => (tpdu.type === 'ED' ? tpdu.tpduNr : undefined));
    expect(numbers).toEqual([0, 1]);
  });

  it.each([
    [0, () => inState('OPEN')],
    [2, () => open2('initiator', { expedited: false })],
  ])('in class %i needs to have been agreed on', (tpClass, open) => {
    const hint = 'both sides need the expedited option, and the CC must grant it';
    expect(() => open().connection.sendExpedited(hex('01'))).toThrow(
      expect.objectContaining({
        code: 'ERR_COTP_NO_EXPEDITED',
        phase: 'open',
        message: `expedited data was not agreed on when this connection of class ${tpClass} was opened: ${hint}`,
        hint,
      }),
    );
  });
});

describe('an EA', () => {
  it('that comes before the ED has left is none that is due', () => {
    const subject = acknowledged();
    subject.connection.sendExpedited(hex('01'));
    subject.feed(EA);
    expect(subject.sent().map(({ type }) => type)).toEqual(['ED']);
    subject.connection.send(hex('616263'));
    expect(subject.sent()).toEqual([]);
  });

  it('repeats the number of the ED', () => {
    expect(only(open2('initiator').feed(ED), 'EA').yrEdtuNr).toBe(5);
  });

  //= X.224 6.11.1.4 para 2 test
  it('leaves before data that waits', () => {
    const subject = open2('initiator');
    subject.connection.send(hex('616263'));
    expect(
      subject
        .feed(ED)
        .sent()
        .map(({ type }) => type),
    ).toEqual(['EA', 'DT']);
  });

  it('is not sent where none was agreed on', () => {
    expect(open2('initiator', { expeditedAck: false }).feed(ED).sent()).toEqual([]);
  });
});

describe('the time of an EA', () => {
  /** An ED has left at 5,000. */
  function sent(): Subject {
    const subject = acknowledged();
    subject.connection.sendExpedited(hex('01'));
    subject.quiet();
    subject.connection.handleDeadline(5_000);
    return subject;
  }

  /** The same, and then the user has closed, but a TSDU waits for the EA. */
  function closing(): Subject {
    const subject = sent();
    subject.connection.send(hex('616263'));
    subject.connection.disconnect(5_000);
    return subject;
  }

  it('is asked for at once when the ED leaves', () => {
    const subject = acknowledged();
    subject.connection.sendExpedited(hex('01'));
    expect(subject.connection.deadline).toBeUndefined();
    subject.quiet();
    expect(subject.connection.deadline).toBe(0);
  });

  it('runs from when it was reported', () => {
    expect(sent().connection.deadline).toBe(6_000);
  });

  it.each([
    ['OPEN', 'open', sent],
    ['RELEASING', 'closing', closing],
  ])(
    'resets an overdue connection in %s, and the error has the phase %s',
    (state, phase, begin) => {
      const subject = begin();
      subject.connection.handleDeadline(5_999);
      expect(subject.connection.state).toBe(state);
      subject.connection.handleDeadline(6_000);
      const { error, orderly } = subject.ending();
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).toMatchObject({ timer: 'writeTimeout', milliseconds: 1_000 });
      expect(error.message).toBe('no EA for expedited data within 1000 ms');
      expect(error).toMatchObject({ code: 'ERR_COTP_TIMEOUT', phase, ending: 'timeout' });
      expect([orderly, subject.connection.streamRequest]).toEqual([false, 'reset']);
    },
  );

  it('can be waited for alone, while the peer is not read', () => {
    const { connection } = sent();
    expect(connection.ackDeadline).toBe(6_000);
    connection.handleAckDeadline(5_999);
    expect(connection.state).toBe('OPEN');
    connection.handleAckDeadline(6_000);
    expect(connection.state).toBe('CLOSED');
  });

  it('is not restarted by an EA of ours', () => {
    const subject = sent().feed(ED);
    subject.quiet();
    expect(subject.connection.deadline).toBe(6_000);
  });

  it('ends with the EA', () => {
    expect(sent().feed(EA).connection.deadline).toBeUndefined();
  });

  it('is suspended while the peer is not read', () => {
    const subject = sent();
    subject.connection.postponeAck(5_500, 6_000);
    expect(subject.connection.deadline).toBe(6_500);
    // What came before the ED does not count.
    subject.connection.postponeAck(4_000, 5_700);
    expect(subject.connection.deadline).toBe(6_700);
    subject.connection.postponeDeadline(500);
    expect(subject.connection.deadline).toBe(6_700);
  });

  it('is not moved before it has begun', () => {
    const subject = acknowledged();
    subject.connection.postponeAck(0, 500);
    expect(subject.connection.deadline).toBeUndefined();
    subject.connection.sendExpedited(hex('01'));
    subject.quiet();
    subject.connection.postponeAck(0, 500);
    expect(subject.connection.deadline).toBe(0);
    subject.connection.startAckTime(700);
    subject.connection.startAckTime(900);
    expect(subject.connection.deadline).toBe(1_700);
  });

  it('counts beside that of a TSDU, whichever is first', () => {
    const subject = sent().feed(raw('04f0 0a0b 00 01'));
    expect(subject.connection.deadline).toBe(6_000);
  });

  it('does not run without a limit', () => {
    const subject = open2('initiator');
    subject.connection.sendExpedited(hex('01'));
    subject.quiet();
    expect(subject.connection.deadline).toBeUndefined();
  });
});

describe('expedited data that is received', () => {
  it('goes to the receiver at once, also inside a TSDU', () => {
    const subject = open2('responder');
    const received: string[] = [];
    subject.connection.deliverTo({
      onMessage: (message) => received.push(digits(message)),
      onExpedited: (data) => received.push(`ED ${digits(data)}`),
    });
    subject.feed(raw('04f0 0a0b 00 61'), ED, raw('04f0 0a0b 80 62'));
    expect(received).toEqual(['ED 78', '6162']);
  });

  it('that came before there was a receiver goes to it in order', () => {
    const subject = open2('responder').feed(raw('04f0 0a0b 80 61'), ED);
    const received: string[] = [];
    subject.connection.deliverTo({
      onMessage: (message) => received.push(digits(message)),
      onExpedited: (data) => received.push(`ED ${digits(data)}`),
    });
    expect([subject.connection.next(), received]).toEqual([undefined, ['61', 'ED 78']]);
  });

  it('is a copy, for the chunk may be used again', () => {
    const chunk = ED.slice();
    const [event] = open2('responder').feed(chunk).events();
    chunk.fill(0);
    expect(event).toEqual({ type: 'expedited', data: hex('78') });
  });
});

describe('after the connection has ended', () => {
  it.each(['sendExpedited', 'send'] as const)('%s throws', (call) => {
    const subject = open2('initiator');
    subject.connection.disconnect(100);
    expect(() => subject.connection[call](hex('010203'))).toThrow(
      expect.objectContaining({ code: 'ERR_COTP_CLOSED' }),
    );
  });
});
