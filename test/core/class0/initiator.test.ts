/** An initiator up to its open connection: CR, CC and what comes instead. */
import { describe, expect, it } from 'vitest';
import { ConnectionRefusedError } from '../../../src/core/errors.js';
import { digits, hex, join, splits } from '../../support/splits.js';
import {
  CC,
  DT,
  initiator,
  inState,
  OURS,
  only,
  packet,
  raw,
  THEIRS,
} from '../../support/states.js';

describe('the CR', () => {
  //= X.224 8.2.2 a and b test
  //= X.224 A.4 Table A.6 TCONreq test
  //= X.224 A.4 Table A.6 NCONconf test
  it('is sent when TCP is connected, and not before', () => {
    const subject = initiator();
    expect(subject.connection.sendBuffer.length).toBe(0);
    subject.connection.streamConnected(10);
    expect(only(subject, 'CR')).toMatchObject({
      cdt: 0,
      dstRef: 0,
      srcRef: OURS,
      class: 0,
      options: 0,
    });
  });

  //= X.224 8.2.2 1 test
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

  //= X.224 8.2.2 2 test
  //= RFC 1006 5 initial user data test
  it('carries the user data of the caller', () => {
    const subject = initiator({}, { parameters: {}, userData: hex('aabb') });
    subject.connection.streamConnected(10);
    expect(only(subject, 'CR').userData).toEqual(hex('aabb'));
  });
});

describe('an initiator', () => {
  //= X.224 6.5.4 para 1 test
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

  //= X.224 6.5.4 j test
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

  //= X.224 6.9.1.4.2 para 3 test
  it.each(splits(join(CC, DT)))('takes CC and DT when they come $name', ({ chunks }) => {
    const types = inState('WFCC')
      .feed(...chunks)
      .events()
      .map(({ type }) => type);
    expect(types).toEqual(['open', 'data']);
  });

  //= X.224 6.6.3 para 2 test
  it('tells reason, text and hint of a DR that refuses it', () => {
    const subject = inState('WFCC').feed(raw('0680 0a0b 0000 03'));
    const { error } = subject.ending();
    expect(error).toBeInstanceOf(ConnectionRefusedError);
    expect(error).toMatchObject({ reason: 3, phase: 'cr-sent', ending: 'dr' });
    expect(error.message).toMatch(/address unknown.*remote T-selector/);
  });

  //= X.224 6.6.3 para 3 test
  //= X.224 6.22.1.3 note 1 test
  it('reports the cause of an ER that refuses it', () => {
    const subject = inState('WFCC').feed(raw('0470 0a0b 03'));
    expect(subject.ending().error).toMatchObject({ rejectCause: 3, ending: 'er' });
  });

  //= X.224 6.9.1.4.2 d 2 test
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

  //= X.224 13.4.3 test
  it.each(['0000', '0a0c', 'ffff'])('is open by a CC of class 0 whose DST-REF is %s', (dstRef) => {
    const subject = inState('WFCC').feed(raw(`06d0 ${dstRef} 0c0d 00`));
    expect(subject.events()).toMatchObject([
      {
        type: 'open',
        agreement: { localRef: OURS, remoteRef: THEIRS },
        confirm: { diagnostics: [{ code: 'cc-ref-mismatch', octet: 4 }] },
      },
    ]);
  });

  //= X.224 13.4.3 test
  it('fails on a CC for another reference when strict', () => {
    const subject = inState('WFCC', { strict: true }).feed(raw('06d0 0a0c 0c0d 00'));
    expect(subject.ending().error).toMatchObject({ fault: 'cc-ref-mismatch' });
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

  describe('that offered its size by 0xF0', () => {
    const offering = () => {
      const subject = initiator(
        {},
        { parameters: { tpduSize: 8192, preferredMaxTpduSize: 65_408 } },
      );
      subject.connection.streamConnected(10);
      return subject;
    };

    it('names the offer first when the peer closes TCP', () => {
      const subject = offering();
      subject.connection.receiveEnd(50);
      expect(subject.ending().error.hint).toMatch(
        /^the CR offered its size by parameter 0xF0.*sizeOffer.*remote T-selector/,
      );
    });

    it('names the offer first when the peer resets TCP', () => {
      const subject = offering();
      subject.connection.streamClosed(new Error('read ECONNRESET'), 50);
      expect(subject.ending().error.hint).toMatch(/^the CR offered its size by parameter 0xF0/);
    });
  });

  //= X.224 6.5.4 note 2 test
  it('asks whether a server listens when no CC comes in time', () => {
    const subject = inState('WFCC');
    subject.connection.handleDeadline(10_000);
    expect(subject.ending().error.message).toMatch(
      /no CC within 10000 ms: is a COTP server listening on peer:102/,
    );
  });

  it('drops TCP when it is not connected in time', () => {
    const subject = initiator();
    subject.connection.handleDeadline(10_000);
    expect(subject.ending().error).toMatchObject({ code: 'ERR_COTP_TIMEOUT', phase: 'tcp' });
    expect([subject.connection.state, subject.connection.streamRequest]).toEqual([
      'CLOSED',
      'destroy',
    ]);
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
