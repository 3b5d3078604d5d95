/** What is reported about the end of a connection when its stream is closed: by whom, confirmed or not, what is lost. */
import { describe, expect, it } from 'vitest';
import { inState2, open2 } from '../../support/class2-states.js';
import { hex } from '../../support/splits.js';
import { initiator, inState, OURS, packet, type Subject, THEIRS } from '../../support/states.js';

type Connection = Subject['connection'];

const reset = () => new Error('read ECONNRESET');

/** What is known of the end of an open connection of class 0 after these calls. */
function endedBy(...calls: readonly ((connection: Connection) => void)[]) {
  const { connection } = inState('OPEN');
  for (const call of calls) {
    call(connection);
  }
  return connection.disconnection;
}

const close = (connection: Connection) => connection.disconnect(100);
const endOfData = (connection: Connection) => connection.endOfData(100);
const finOfPeer = (connection: Connection) => connection.receiveEnd(110);
const closed = (connection: Connection) => connection.streamClosed(undefined, 120);
const lost = (connection: Connection) => connection.streamClosed(reset(), 120);

describe('the end of class 0 is confirmed', () => {
  it.each([
    ['this side has closed and the peer has sent FIN', [close, finOfPeer, closed], 'local'],
    ['both sides have sent FIN', [endOfData, finOfPeer, closed], 'fin'],
    ['both sides have sent FIN, the peer first', [finOfPeer, endOfData, closed], 'fin'],
  ] as const)('once %s', (_name, calls, ending) => {
    expect(endedBy(...calls)).toEqual({ ending, confirmed: true, unsent: 0 });
  });
});

describe('the end of class 0 is not confirmed', () => {
  it.each([
    ['TCP ends after FIN of this side alone', [close, closed], 'local'],
    ['TCP ends after FIN of the peer alone', [finOfPeer, closed], 'fin'],
    ['the stream is destroyed without FIN of either side', [closed], 'local'],
    ['TCP is reset after both FINs', [endOfData, finOfPeer, lost], 'reset'],
    ['TCP is reset after this side has closed', [close, finOfPeer, lost], 'local'],
    ['TCP is reset after FIN of the peer alone', [finOfPeer, lost], 'reset'],
  ] as const)('when %s', (_name, calls, ending) => {
    expect(endedBy(...calls)).toEqual({ ending, confirmed: false, unsent: 0 });
  });

  it('by FINs in class 2, which ends by TPDUs', () => {
    const { connection } = inState2('responder', 'CLOSING');
    connection.handleDeadline(connection.deadline ?? 0);
    connection.receiveEnd(110);
    connection.streamClosed(undefined, 120);
    expect(connection.disconnection?.confirmed).toBe(false);
  });
});

describe('a close that comes too late', () => {
  it('does not change how the connection ended', () => {
    expect(endedBy(endOfData, finOfPeer, close, closed)).toMatchObject({ ending: 'fin' });
  });

  it('is not reported as the end before TCP is closed either', () => {
    expect(endedBy(endOfData, finOfPeer, close)).toBeUndefined();
  });
});

describe('what is lost', () => {
  it('is no user data when TCP is reset before the CR has left', () => {
    const subject = initiator();
    subject.connection.streamConnected(10);
    subject.connection.streamClosed(reset(), 20);
    expect(subject.ending().disconnection).toEqual({
      ending: 'reset',
      confirmed: false,
      unsent: 0,
    });
  });

  it('is the data that waits when TCP is reset, and not its headers', () => {
    const subject = inState('OPEN');
    subject.connection.send(hex('616263'));
    subject.connection.streamClosed(reset(), 20);
    expect(subject.ending()).toMatchObject({
      error: { unsent: 3 },
      disconnection: { ending: 'reset', unsent: 3 },
    });
  });

  it('is the data that waits before an ER, and not the ER', () => {
    const subject = inState('OPEN');
    subject.connection.send(hex('616263'));
    subject.feed(hex('0300000705f080'));
    expect(subject.connection.streamRequest).toBe('end');
    subject.connection.dropUnsent();
    subject.connection.streamClosed(undefined, 20);
    expect(subject.connection.disconnection?.unsent).toBe(3);
  });

  it('is not sent any more in class 2, where TCP is closed without a reset', () => {
    const subject = open2('responder');
    subject.connection.send(hex('616263'));
    subject.connection.receiveEnd(100);
    expect(subject.ending().disconnection).toMatchObject({ ending: 'fin', unsent: 3 });
    expect(subject.connection.streamRequest).toBe('destroy');
    expect(subject.octets()).toEqual(hex(''));
  });
});

describe('a DR with a reference of the peer before the connection is open', () => {
  it('says in class 2 what it carries', () => {
    const dr = packet({
      type: 'DR',
      dstRef: OURS,
      srcRef: THEIRS,
      reason: 1,
      parameters: { additionalInfo: hex('c0') },
      userData: hex('627965'),
    });
    const { disconnection } = inState2('initiator', 'WFCC').feed(dr).ending();
    const said = { userData: hex('627965'), additionalInfo: hex('c0'), nonDisruptive: false };
    expect(disconnection).toEqual({
      ending: 'dr',
      confirmed: false,
      unsent: 0,
      reason: 1,
      ...said,
    });
  });
});
