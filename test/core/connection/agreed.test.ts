/** What an open connection does according to what CR and CC have agreed on, or have not. */
import { describe, expect, it } from 'vitest';
import { open2 } from '../../support/class2-states.js';
import { hex } from '../../support/splits.js';
import { inState, raw } from '../../support/states.js';

describe('class 2 without expedited data', () => {
  const own = { expedited: false };

  it('sends its DR when what was written has left', () => {
    const subject = open2('initiator', own);
    subject.connection.send(hex('616263'));
    subject.connection.disconnect(100);
    expect(subject.connection.state).toBe('RELEASING');
    expect(subject.sent().map(({ type }) => type)).toEqual(['DT', 'DR']);
  });

  it('sends a DC for another connection before data that waits', () => {
    const subject = open2('responder', own);
    subject.connection.send(hex('616263'));
    subject.feed(raw('0680 4321 0099 80'));
    expect(subject.sent().map(({ type }) => type)).toEqual(['DC', 'DT']);
  });

  it('lets the stream take as much as it likes, for nothing overtakes its data', () => {
    expect(open2('responder', own).connection.sendBuffer.mayBeOvertaken).toBe(false);
    expect(open2('responder').connection.sendBuffer.mayBeOvertaken).toBe(true);
  });
});

describe('expedited data that was not agreed on', () => {
  it.each(['OPEN', 'FIN_RECEIVED'] as const)('is refused in %s, and nothing is sent', (state) => {
    const subject = inState(state);
    expect(() => subject.connection.sendExpedited(hex('01'))).toThrow(
      expect.objectContaining({
        code: 'ERR_COTP_NO_EXPEDITED',
        phase: 'open',
        message: expect.stringContaining('class 0'),
      }),
    );
    expect(subject.sent()).toEqual([]);
  });
});

describe('the event of an open connection', () => {
  it('has no CC on the side that sent it', () => {
    const subject = inState('WFTRESP');
    subject.connection.accept({}, 20);
    const [event] = subject.events();
    expect(Object.keys(event ?? {})).toEqual(['type', 'agreement']);
  });
});
