/** What an observer sees of the TPDUs of a connection other than DT: each once, and when. */
import { describe, expect, it } from 'vitest';
import { open2, requestOfPeer, responder2 } from '../../support/class2-states.js';
import { watching } from '../../support/observer.js';
import { hex } from '../../support/splits.js';
import { CR, initiator, inState, OURS, packet, raw, responder } from '../../support/states.js';

const watchingSent = (isWatching = true) => watching(isWatching, 'sent');

describe('an observer', () => {
  it('sees the CR when TCP is connected', () => {
    const { seen, observer } = watchingSent();
    const subject = initiator({ observer });
    expect(seen).toEqual([]);
    subject.connection.streamConnected(10);
    expect(seen).toEqual(['sent 09e000000a0b00c0010a']);
  });

  it.each([
    ['class 0', responder, CR, 'sent 09d00c0d0a0b00c0010a'],
    ['class 2', responder2, requestOfPeer(), 'sent 0cd00c0d0a0b21c0010ac60121'],
  ])(
    'sees the CC of %s once, before the connection is reported as open',
    (_name, respond, cr, cc) => {
      const { seen, observer } = watchingSent();
      const subject = respond({ observer }).feed(cr);
      subject.connection.accept({}, 20);
      expect(seen).toEqual([cc]);
      subject.quiet();
      expect(seen).toEqual([cc]);
    },
  );

  it('sees the DR of a refusal', () => {
    const { seen, observer } = watchingSent();
    inState('WFTRESP', { observer }).connection.refuse(1, 20);
    expect(seen).toEqual(['sent 06800c0d000001']);
  });

  it('sees an ER of class 0', () => {
    const { seen, observer } = watchingSent();
    const subject = inState('OPEN', { observer });
    seen.length = 0;
    subject.feed(raw('0300 0102'));
    expect(seen).toEqual(['sent 08700c0d02c1020300']);
  });

  it('sees replies, expedited data and the DR of class 2 when they leave, once and in that order', () => {
    const { seen, observer } = watchingSent();
    const subject = open2('responder', { observer, expeditedAck: false });
    seen.length = 0;
    subject.connection.sendExpedited(hex('01'));
    subject.feed(packet({ type: 'DR', dstRef: 0x4321, srcRef: 0x99, reason: 128 }));
    subject.connection.disconnect(100);
    expect(seen).toEqual([]);
    subject.quiet();
    expect(seen).toEqual(['sent 05c000994321', 'sent 04100c0d8001', 'sent 09800c0d0a0b80e00180']);
  });

  it('that does not watch sees nothing', () => {
    const { seen, observer } = watchingSent(false);
    const subject = responder({ observer }).feed(CR);
    subject.connection.accept({}, 20);
    subject.feed(packet({ type: 'AK', dstRef: OURS, yrTuNr: 1 })).quiet();
    initiator({ observer }).connection.streamConnected(10);
    open2('responder', { observer }).connection.disconnect(100);
    expect(seen).toEqual([]);
  });
});
