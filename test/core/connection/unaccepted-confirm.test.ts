/** A CC that opens no connection, and what comes in its place: what the initiator reports and answers. */
import { describe, expect, it } from 'vitest';
import { ConnectionRefusedError } from '../../../src/core/errors.js';
import { inState2 } from '../../support/class2-states.js';
import { hex } from '../../support/splits.js';
import { initiator, inState, only, raw, type Subject, THEIRS } from '../../support/states.js';

const CC_TLS = raw('0ed0 0a0b 0c0d 00 0200 0800 0100 0000');
const CC_FAILURE = raw('0ed0 0a0b 0c0d 00 0300 0800 0200 0000');

/** An initiator whose CR requests TLS of a remote desktop server. */
function desktop(): Subject {
  const negotiation = { type: 'request', requestedProtocols: 1 } as const;
  const subject = initiator({}, { parameters: {}, remoteDesktop: { negotiation } });
  subject.connection.streamConnected(10);
  return subject.quiet();
}

describe('a CC of remote desktop', () => {
  it('in answer to a CR without it is a fault that says so', () => {
    const { error } = inState('WFCC').feed(CC_TLS).ending();
    expect(error).toMatchObject({ fault: 'remote-desktop', octet: 8, phase: 'cr-sent' });
    expect(error.message).toContain('(in answer to a CR without it)');
    expect(error.hint).toContain('is it the right port?');
  });

  it('opens the connection if the CR asked for it', () => {
    const subject = desktop().feed(CC_TLS);
    expect(subject.events().map(({ type }) => type)).toEqual(['open']);
  });

  it('that opens nothing is not answered, and TCP is dropped', () => {
    const subject = inState('WFCC').feed(CC_TLS);
    expect([subject.sent(), subject.connection.state]).toEqual([[], 'CLOSED']);
    expect(subject.connection.streamRequest).toBe('destroy');
  });

  it.each([
    ['that asked for it', desktop, 'request standard RDP security: requestedProtocols 0'],
    [
      'without it',
      () => inState('WFCC'),
      'the peer is a remote desktop server: is it the right port?',
    ],
  ])('with a failure refuses a CR %s', (_name, begin, hint) => {
    const { error } = begin().feed(CC_FAILURE).ending();
    expect(error).toBeInstanceOf(ConnectionRefusedError);
    expect(error).toMatchObject({ failureCode: 2, phase: 'cr-sent', hint });
  });
});

describe('a CC with option bits that X.224 does not define, when strict', () => {
  const strict = () => inState2('initiator', 'WFCC', { strict: true });

  it('is refused by DR: for the peer the connection of class 2 is open', () => {
    const subject = strict().feed(raw('06d0 0a0b 0c0d 29'));
    expect(subject.ending().error).toMatchObject({ fault: 'option-bits', phase: 'cr-sent' });
    expect(only(subject, 'DR')).toMatchObject({ dstRef: THEIRS, reason: 130 });
    expect(subject.connection.state).toBe('CLOSING');
  });

  it('and another DST-REF is refused by DR, and the connection ends with FIN', () => {
    const subject = strict().feed(raw('06d0 4321 0c0d 29'));
    expect(subject.ending().error).toMatchObject({ fault: 'option-bits', phase: 'cr-sent' });
    expect(only(subject, 'DR').dstRef).toBe(THEIRS);
    expect(subject.connection.streamRequest).toBe('end');
  });

  it('is not answered in class 0', () => {
    const subject = inState('WFCC', { strict: true }).feed(raw('06d0 0a0b 0c0d 01'));
    expect(subject.ending().error).toMatchObject({ fault: 'option-bits' });
    expect([subject.sent(), subject.connection.state]).toEqual([[], 'CLOSED']);
  });

  it('and a broken parameter is not answered', () => {
    const subject = strict().feed(raw('08d0 0a0b 0c0d 29 c105'));
    expect([subject.ending().error, subject.sent()]).toMatchObject([{ fault: 'option-bits' }, []]);
  });
});

describe('an initiator of class 2 that gave up before the CC', () => {
  const gaveUp = () => inState2('initiator', 'WBCL', { strict: true });

  it('answers a CC with an unknown parameter by DR even when strict', () => {
    const subject = gaveUp().feed(raw('09d0 0a0b 0c0d 21 dd0155'));
    expect(only(subject, 'DR').dstRef).toBe(THEIRS);
    expect(subject.connection.state).toBe('CLOSING');
  });

  it('takes a CC that cannot be decoded for no DR', () => {
    const subject = gaveUp().feed(raw('08d0 0a0b 0c0d 21 c105'));
    expect([subject.sent(), subject.connection.state]).toEqual([[], 'WBCL']);
  });

  it('answers a DR whose parameters are broken by DC', () => {
    const subject = gaveUp().feed(raw('0880 0a0b 0c0d 80 e009'));
    expect(only(subject, 'DC').dstRef).toBe(THEIRS);
  });
});

describe('diagnostics of a CC', () => {
  it('are those of decoding and those of the negotiation, in this order', () => {
    const subject = inState('WFCC').feed(raw('06d0 0a0c 0c0d 01'));
    expect(subject.events()).toMatchObject([
      {
        confirm: {
          diagnostics: [
            { code: 'option-bits', octet: 7 },
            { code: 'cc-ref-mismatch', octet: 4 },
          ],
          userData: hex(''),
        },
      },
    ]);
  });
});
