/** What a peer may still send while its CR is being decided on, and once class 0 was chosen in place of class 2. */
import { describe, expect, it } from 'vitest';
import { requestOfPeer, responder2 } from '../../support/class2-states.js';
import { CR, packet, raw, responder, type Subject, THEIRS } from '../../support/states.js';

/** A CR of class 4, the only class that repeats a CR. */
const again = (srcRef = THEIRS) => packet({ type: 'CR', srcRef, class: 4, options: 1 });

function seen(subject: Subject) {
  return { state: subject.connection.state, sent: subject.sent().map(({ type }) => type) };
}

describe('while its CR is being decided on', () => {
  //= X.224 6.9.1.4.2 para 1 test
  it('a peer of class 2 or higher may repeat it in class 4', () => {
    const subject = responder2().feed(requestOfPeer(), again());
    expect(seen(subject)).toEqual({ state: 'WFTRESP', sent: [] });
  });

  it.each([
    ['of class 2, a CR of class 4 with another reference', requestOfPeer(), again(0x4321)],
    ['of class 2, the same CR', requestOfPeer(), requestOfPeer()],
    ['of class 0, a CR of class 4 with its reference', CR, again()],
  ])('after a CR %s ends the connection', (_name, first, second) => {
    const subject = responder2().feed(first, second);
    expect(subject.ending().error).toMatchObject({
      fault: 'tpdu-not-expected',
      phase: 'cr-received',
    });
    expect(seen(subject)).toEqual({ state: 'CLOSED', sent: [] });
  });

  it('data with the header of class 2 after a CR of class 0 ends it', () => {
    const subject = responder().feed(CR, raw('04f0 0a0b 80 61'));
    expect(subject.ending().error).toMatchObject({ fault: 'header-form', phase: 'cr-received' });
  });
});

describe('after class 0 was chosen for a CR of class 2', () => {
  const opened = () => {
    const subject = responder2().feed(requestOfPeer());
    subject.connection.accept({ tpClass: 0 }, 20);
    return subject.quiet();
  };

  //= X.224 6.9.1.4.2 d 1 test
  it('a DR ends the connection, and no DC answers it', () => {
    const subject = opened().feed(raw('0680 0a0b 0c0d 80'));
    expect(subject.ending().disconnection).toMatchObject({ ending: 'dr', reason: 128 });
    expect(seen(subject)).toEqual({ state: 'ENDING', sent: [] });
  });

  it('a CR again is answered by an ER, in class 4 too', () => {
    expect(seen(opened().feed(again()))).toEqual({ state: 'ENDING', sent: ['ER'] });
  });
});
