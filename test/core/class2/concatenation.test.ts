/** Several TPDUs in one TPKT: all decoded first, then handled in order. */
import { describe, expect, it } from 'vitest';
import { concatenated, open2 } from '../../support/class2-states.js';
import { watching } from '../../support/observer.js';
import { hex, splits } from '../../support/splits.js';
import { inState } from '../../support/states.js';

const EA = '0420 0a0b 00';
const DT = '04f0 0a0b 80 61';

describe('a TPKT of several TPDUs', () => {
  //= X.224 6.4.2 para 1 test
  //= X.224 6.4.2 a test
  //= X.224 6.4.2 para 3 test
  //= X.224 6.9.1.4.1 b decodable test
  it('is handled in order', () => {
    const subject = open2('initiator');
    subject.connection.sendExpedited(hex('01'));
    subject.quiet();
    subject.connection.send(hex('616263'));
    subject.feed(concatenated(EA, DT));
    expect(subject.sent().map(({ type }) => type)).toEqual(['DT']);
    expect(subject.events()).toEqual([{ type: 'data', message: hex('61') }]);
  });

  it.each(splits(concatenated(EA, DT)))('is the same where TCP cuts it: $name', ({ chunks }) => {
    const subject = open2('responder').feed(...chunks);
    expect(subject.events()).toEqual([{ type: 'data', message: hex('61') }]);
  });

  //= X.224 6.4.2 b test
  it('ends with the one that has user data', () => {
    const subject = open2('initiator').feed(concatenated('06800a0b0c0d80', '05c00a0b0c0d'));
    expect(subject.ending().disconnection.userData).toEqual(hex('05c00a0b0c0d'));
  });

  //= X.224 6.9.1.4.1 b 2 test
  it('has not happened where one of them cannot be decoded', () => {
    const subject = open2('initiator');
    subject.connection.sendExpedited(hex('01'));
    subject.quiet();
    subject.connection.send(hex('616263'));
    subject.feed(concatenated(EA, '0490 0a0b 00'));
    expect([subject.sent(), subject.connection.streamRequest]).toEqual([[], 'reset']);
  });

  it('is handled up to the one that ends the connection', () => {
    const subject = open2('responder').feed(
      concatenated('0470 0a0b 02', '05c0 0a0b 0c0d', '04f0 0a0b 80 61'),
    );
    expect(subject.connection.state).toBe('ENDING');
    expect(subject.events().map(({ type }) => type)).toEqual(['disconnect']);
  });

  it('is seen by an observer one by one', () => {
    const { observer, seen } = watching();
    const subject = open2('responder', { observer });
    seen.length = 0;
    subject.feed(concatenated(EA, DT));
    expect(seen).toEqual(['received 04200a0b00', 'received 04f00a0b8061']);
  });

  //= X.224 6.9.1.4.1 a decodable test
  it('is one TPDU in class 0', () => {
    const subject = inState('OPEN').feed(concatenated('0470 0a0b 02', '02f080 61'));
    expect(subject.ending().error).toMatchObject({ fault: 'trailing-octets' });
  });
});
