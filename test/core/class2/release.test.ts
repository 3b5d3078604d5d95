/** The release of class 2: in which order TPDUs leave, what is lost, and what is reported. */
import { describe, expect, it } from 'vitest';
import { disconnectRequest } from '../../../src/core/connection/release.js';
import { ConnectionClosedError } from '../../../src/core/errors.js';
import { decode } from '../../../src/core/tpdu/decode.js';
import {
  concatenated,
  initiator2,
  inState2,
  open2,
  requestOfPeer,
  responder2,
} from '../../support/class2-states.js';
import { digits, hex, join, pattern, splitTpkts } from '../../support/splits.js';
import {
  initiator,
  inState,
  OURS,
  only,
  packet,
  raw,
  type Subject,
  THEIRS,
} from '../../support/states.js';

const DC = packet({ type: 'DC', dstRef: OURS, srcRef: THEIRS });
const DR = packet({ type: 'DR', dstRef: OURS, srcRef: THEIRS, reason: 128 });

function types(subject: Subject): readonly string[] {
  return subject.sent().map(({ type }) => type);
}

describe('close', () => {
  //= X.224 6.7.1.5 a 1 test
  //= RFC 2126 4.2.3 non-disruptive test
  it('sends a DR with reason 128 and 0xE0 = 80', () => {
    const subject = open2('initiator');
    subject.connection.disconnect(100);
    expect(digits(subject.octets())).toBe('0300000e09800c0d0a0b80e00180');
  });

  it('waits in RELEASING until the stream has taken what was written', () => {
    const subject = open2('responder');
    subject.connection.send(hex('616263'));
    subject.connection.disconnect(100);
    expect(subject.connection.state).toBe('RELEASING');
    expect(types(subject)).toEqual(['DT', 'DR']);
    expect(subject.connection.state).toBe('CLOSING');
  });

  it('does not wait for an EA alone', () => {
    const subject = open2('responder');
    subject.connection.sendExpedited(hex('01'));
    subject.quiet();
    subject.connection.disconnect(100);
    expect(types(subject)).toEqual(['DR']);
  });

  it('may carry user data, which follows what was written', () => {
    const subject = open2('initiator');
    subject.connection.send(hex('616263'));
    subject.connection.disconnect(100, { userData: hex('627965') });
    const [, dr] = subject.sent();
    expect(dr).toMatchObject({ type: 'DR', userData: hex('627965') });
  });

  //= X.224 13.5.5 test
  it.each([0, 65])('does not take %i octets of user data', (length) => {
    const subject = open2('initiator');
    expect(() => subject.connection.disconnect(1, { userData: new Uint8Array(length) })).toThrow(
      new RangeError(`userData: 1 to 64 octets expected, got ${length}`),
    );
    expect(subject.connection.state).toBe('OPEN');
  });

  //= X.224 13.5.5 test
  it('takes 64 octets of user data', () => {
    const subject = open2('initiator');
    subject.connection.disconnect(1, { userData: pattern(64) });
    expect(only(subject, 'DR').userData).toEqual(pattern(64));
  });

  it('with the reason of another DR, which a relay passes on, does not add 0xE0', () => {
    const subject = open2('initiator');
    subject.connection.disconnect(1, { reason: 129 });
    expect(digits(subject.octets())).toBe('0300000b06800c0d0a0b81');
  });

  it('takes no user data in class 0, which has no DR', () => {
    const { connection } = inState('OPEN');
    expect(() => connection.disconnect(1, { userData: hex('01') })).toThrow(
      new RangeError('userData: none expected, for class 0 ends without a DR'),
    );
    expect(connection.state).toBe('OPEN');
  });

  it('cannot be done for one direction alone', () => {
    const { connection } = open2('initiator');
    expect(() => connection.endOfData(1)).toThrow(
      expect.objectContaining({ code: 'ERR_COTP_NO_HALF_CLOSE' }),
    );
    expect(connection.state).toBe('OPEN');
  });
});

describe('disconnect at once', () => {
  //= RFC 2126 4.2.3 disruptive test
  it('drops what was written, and says how much it was', () => {
    const subject = open2('initiator', { expeditedAck: false });
    subject.connection.send(hex('616263'));
    subject.connection.sendExpedited(hex('01'));
    subject.connection.disconnect(100, { disruptive: true, userData: hex('62') });
    expect(digits(subject.octets())).toBe('0300000c06800c0d0a0b8062');
    expect(subject.connection.disconnection).toEqual({
      ending: 'local',
      confirmed: false,
      unsent: 4,
    });
  });

  it('finishes a packet that was begun, before the DR', () => {
    const subject = responder2({ maxTpduSize: 65_531 });
    const parameters = { tpduSize: 32_768 };
    subject.feed(packet({ type: 'CR', srcRef: THEIRS, class: 2, options: 1, parameters }));
    subject.connection.accept({}, 20);
    subject.quiet();
    // Two DTs, whose user data is so long that it is a piece of its own.
    subject.connection.send(new Uint8Array(2 * (32_768 - 5)));
    const begun = subject.connection.sendBuffer.shift()?.slice() ?? hex('');
    expect(digits(begun)).toBe('0300800404f00c0d00');
    subject.connection.disconnect(100, { disruptive: true });
    const sent = splitTpkts(join(begun, subject.octets())).map((octets) => decode(octets));
    expect(sent.map(({ type }) => type)).toEqual(['DT', 'DR']);
  });

  it('drops what was written in class 0 too, and sends FIN', () => {
    const { connection } = inState('OPEN');
    connection.send(hex('616263'));
    connection.disconnect(100, { disruptive: true });
    expect(connection.sendBuffer.length).toBe(0);
    expect([connection.state, connection.streamRequest]).toEqual(['ENDING', 'end']);
    expect(connection.disconnection).toMatchObject({ ending: 'local', unsent: 3 });
  });
});

describe('0xE0 of a DR', () => {
  const references = { localRef: 1, remoteRef: 2 };

  it.each([
    ['says that no data is lost, if nothing else is given', {}, 'e00180'],
    ['is left out where it is empty', { additionalInfo: hex('') }, ''],
    ['is what is given', { additionalInfo: hex('c0') }, 'e001c0'],
    ['is left out where data is lost', { isDisruptive: true }, ''],
  ])('%s', (_when, parts, expected) => {
    const octets = disconnectRequest(references, 128, parts);
    expect(digits(octets.subarray(7))).toBe(expected);
  });
});

describe('closeTimeout', () => {
  //= X.224 6.7.1.5 note 6 test
  it('starts once, and no state restarts it', () => {
    const subject = open2('initiator', { closeTimeout: 5_000 });
    subject.connection.send(hex('616263'));
    subject.connection.disconnect(1_000);
    subject.quiet();
    subject.now = 3_000;
    expect(subject.connection.deadline).toBe(6_000);
    subject.feed(DC);
    expect([subject.connection.state, subject.connection.deadline]).toEqual(['ENDING', 6_000]);
  });

  it('starts when the user gives up before the CC', () => {
    const subject = inState2('initiator', 'WFCC', { closeTimeout: 5_000 });
    subject.connection.disconnect(1_000);
    expect([subject.connection.state, subject.connection.deadline]).toEqual(['WBCL', 6_000]);
  });

  it('goes on until TCP has ended, although the peer has sent FIN', () => {
    const { connection } = inState2('responder', 'ENDING');
    const { deadline = 0 } = connection;
    connection.receiveEnd(200);
    expect([connection.state, connection.deadline]).toEqual(['CLOSED', deadline]);
    connection.handleDeadline(deadline);
    expect(connection.streamRequest).toBe('destroy');
  });

  it('drops TCP when data could not leave, and no DR is sent', () => {
    const subject = inState2('initiator', 'RELEASING');
    subject.connection.handleDeadline(subject.connection.deadline ?? 0);
    const { error, disconnection } = subject.ending();
    expect(error.message).toMatch(/written before closing was not sent within 5000 ms/);
    expect(disconnection).toMatchObject({ ending: 'timeout', unsent: 3 });
    expect([types(subject), subject.connection.streamRequest]).toEqual([[], 'destroy']);
  });
});

describe('what was received of a TSDU', () => {
  const BEGUN = raw(`04f0 0a0b 00 ${'61'.repeat(1_000)}`);

  it.each([
    ['the user closes', (subject: Subject) => subject.connection.disconnect(100)],
    [
      'the user closes at once',
      (subject: Subject) => subject.connection.disconnect(100, { disruptive: true }),
    ],
    ['the peer breaks a rule', (subject: Subject) => subject.feed(raw('0463 0a0b 00'))],
  ])('is given up once %s', (_name, act) => {
    const subject = open2('responder').feed(BEGUN);
    expect(subject.connection.pinned).toBeGreaterThan(0);
    act(subject);
    expect(subject.connection.pinned).toBe(0);
  });
});

describe('an EA that is due', () => {
  it('is waited for no more once the DR has been sent', () => {
    const subject = open2('initiator', { writeTimeout: 1_000, closeTimeout: 5_000 });
    subject.connection.sendExpedited(hex('01'));
    subject.quiet();
    subject.connection.handleDeadline(100);
    subject.connection.disconnect(100, { disruptive: true });
    expect(subject.connection.deadline).toBe(5_100);
  });
});

describe('how it ended', () => {
  it('is not known while it goes on', () => {
    expect(open2('initiator').connection.disconnection).toBeUndefined();
  });

  //= X.224 6.7.1.5 a 3 test
  it.each([
    ['DC confirms', DC, true],
    ['ER does not confirm', packet({ type: 'ER', dstRef: OURS, rejectCause: 0 }), false],
    ['DR of the peer does not confirm', DR, false],
  ])('a %s our DR', (_name, answer, confirmed) => {
    const subject = inState2('initiator', 'CLOSING').feed(answer);
    expect(subject.connection.state).toBe('ENDING');
    subject.connection.receiveEnd(200);
    subject.connection.streamClosed(undefined, 200);
    expect(subject.connection.disconnection).toEqual({ ending: 'local', confirmed, unsent: 0 });
  });

  //= X.224 6.7.1.5 e test
  it('by the DR of the peer has what the DR says', () => {
    const dr = packet({
      type: 'DR',
      dstRef: OURS,
      srcRef: THEIRS,
      reason: 128,
      parameters: { additionalInfo: hex('80') },
      userData: hex('627965'),
    });
    const { error, orderly, disconnection } = open2('responder').feed(dr).ending();
    const said = { userData: hex('627965'), additionalInfo: hex('80'), nonDisruptive: true };
    expect(orderly).toBe(true);
    expect(error).toMatchObject({ reason: 128, ...said, unsent: undefined });
    expect(disconnection).toEqual({
      ending: 'dr',
      confirmed: false,
      unsent: 0,
      reason: 128,
      ...said,
    });
  });

  it.each([
    ['00', undefined],
    ['8000', undefined],
    ['c0', false],
    ['', undefined],
  ])('by a DR with additional information %j says %s', (info, nonDisruptive) => {
    const dr = packet({
      type: 'DR',
      dstRef: OURS,
      srcRef: THEIRS,
      reason: 128,
      parameters: { additionalInfo: hex(info) },
    });
    const { disconnection, orderly } = open2('initiator').feed(dr).ending();
    expect([disconnection.nonDisruptive, orderly]).toEqual([nonDisruptive, info !== 'c0']);
  });

  it('keeps what a DR carried although its chunk is used again', () => {
    const dr = raw('0680 0a0b 0c0d 80 6162').slice();
    const { disconnection } = open2('initiator').feed(dr).ending();
    dr.fill(0);
    expect(disconnection.userData).toEqual(hex('6162'));
  });

  it('with data that was queued is an error that says how much', () => {
    const subject = inState2('responder', 'RELEASING').feed(DR);
    const { error, orderly, disconnection } = subject.ending();
    expect(error).toBeInstanceOf(ConnectionClosedError);
    expect([(error as ConnectionClosedError).unsent, disconnection.unsent, orderly]).toEqual([
      3,
      3,
      false,
    ]);
    expect(types(subject)).toEqual(['DC']);
  });

  it('in class 0 is confirmed once both sides have sent FIN', () => {
    const { connection } = inState('OPEN');
    connection.disconnect(100);
    connection.receiveEnd(110);
    connection.streamClosed(undefined, 120);
    expect(connection.disconnection).toEqual({ ending: 'local', confirmed: true, unsent: 0 });
  });

  it('in class 0 is not confirmed when TCP is closed without the FIN of the peer', () => {
    const { connection } = inState('OPEN');
    connection.disconnect(100);
    connection.streamClosed(undefined, 120);
    expect(connection.disconnection).toEqual({ ending: 'local', confirmed: false, unsent: 0 });
  });

  it('in class 0 is still by the DR of the peer once it is confirmed', () => {
    const { connection } = inState('OPEN').feed(raw('0680 0a0b 0c0d 80 6162'));
    connection.receiveEnd(110);
    connection.streamClosed(undefined, 120);
    const said = { reason: 128, userData: hex('6162') };
    expect(connection.disconnection).toEqual({
      ending: 'dr',
      confirmed: true,
      unsent: 0,
      ...said,
    });
  });

  it('in class 0 still counts dropped data once it is confirmed', () => {
    const { connection } = inState('OPEN');
    connection.send(hex('616263'));
    connection.disconnect(100, { disruptive: true });
    connection.receiveEnd(110);
    connection.streamClosed(undefined, 120);
    expect(connection.disconnection).toEqual({ ending: 'local', confirmed: true, unsent: 3 });
  });

  it('is local as soon as the user has dropped data', () => {
    const { connection } = open2('responder');
    connection.send(hex('616263'));
    connection.dropUnsent();
    expect(connection.disconnection).toEqual({ ending: 'local', confirmed: false, unsent: 3 });
  });

  it('is not known where there was no data to drop', () => {
    const { connection } = open2('responder');
    connection.dropUnsent();
    expect(connection.disconnection).toBeUndefined();
  });

  it('in class 0 counts what the stream has not taken', () => {
    const { connection } = inState('OPEN');
    connection.send(hex('616263'));
    connection.disconnect(100);
    connection.streamClosed(new Error('reset'), 120);
    expect(connection.disconnection).toEqual({ ending: 'local', confirmed: false, unsent: 3 });
  });

  it('counts no answer to the peer that is queued once the user has reset it', () => {
    const { connection } = open2('responder');
    connection.send(hex('616263'));
    connection.dropUnsent();
    connection.sendBuffer.clear();
    connection.receive(raw('0680 0000 0d0e 80'), 100);
    connection.receive(raw('06e0 0000 0d0e 21'), 100);
    connection.streamClosed(undefined, 120);
    expect(connection.disconnection?.unsent).toBe(3);
  });

  it('by a FIN of the peer alone is an error of class 2, even between TSDUs', () => {
    const subject = open2('initiator');
    subject.connection.receiveEnd(100);
    expect(subject.ending()).toMatchObject({ orderly: false, disconnection: { ending: 'fin' } });
    expect(subject.connection.streamRequest).toBe('destroy');
  });
});

describe('a TSDU past a limit', () => {
  const TOO_LONG = raw('04f0 0a0b 80 01020304');

  it('ends the connection by a DR with reason 0', () => {
    const subject = open2('responder', { maxTsduSize: 3 }).feed(TOO_LONG);
    expect(subject.ending()).toMatchObject({ error: { code: 'ERR_COTP_TSDU_TOO_LARGE' } });
    expect(only(subject, 'DR').reason).toBe(0);
    expect(subject.connection.state).toBe('CLOSING');
  });

  it('leaves what is behind it to be read: the DC, in one chunk', () => {
    const subject = open2('responder', { maxTsduSize: 3 }).feed(join(TOO_LONG, TOO_LONG, DC));
    expect(subject.connection.state).toBe('ENDING');
  });

  it('does the same where TCP has cut it', () => {
    const subject = open2('responder', { maxTsduSize: 3 });
    for (const octet of join(TOO_LONG, DC)) {
      subject.feed(Uint8Array.of(octet));
    }
    expect(subject.connection.state).toBe('ENDING');
  });

  it('does the same where the codec has read it', () => {
    const dt = concatenated('0420 0a0b 00', '04f0 0a0b 80 01020304');
    const subject = open2('responder', { maxTsduSize: 3 }).feed(dt, DC);
    expect(subject.connection.state).toBe('ENDING');
  });

  it('of a whole server does the same', () => {
    const subject = open2('responder');
    subject.connection.exceedLimit(new ConnectionClosedError('too much', { ending: 'limit' }), 100);
    expect(only(subject, 'DR').reason).toBe(0);
    expect(subject.connection.disconnection).toMatchObject({ ending: 'limit' });
  });
});

describe('replies that wait', () => {
  it('of more than 1,000 leave no room for more octets', () => {
    const subject = open2('responder');
    const foreign = packet({ type: 'DR', dstRef: 0x4321, srcRef: 0x99, reason: 128 });
    for (let i = 0; i < 1_000; i += 1) {
      subject.feed(foreign);
    }
    expect(subject.connection.hasRoom).toBe(true);
    subject.feed(foreign);
    expect(subject.connection.hasRoom).toBe(false);
    subject.octets();
    expect(subject.connection.hasRoom).toBe(true);
  });
});

describe('a refusal by the user', () => {
  it('carries user data where the CR preferred class 2', () => {
    const subject = responder2().feed(requestOfPeer());
    subject.quiet();
    subject.connection.refuse(1, 100, hex('6e6f'));
    expect(only(subject, 'DR')).toMatchObject({ srcRef: 0, reason: 1, userData: hex('6e6f') });
  });

  it('carries none where it preferred class 0', () => {
    const subject = inState('WFTRESP');
    expect(() => subject.connection.refuse(1, 100, hex('6e6f'))).toThrow(RangeError);
    expect(subject.connection.state).toBe('WFTRESP');
  });
});

describe('giving up before the CC', () => {
  //= X.224 6.7.1.5 b 1 test
  it('is answered by a DR when the CC has come', () => {
    const subject = inState2('initiator', 'WBCL');
    subject.feed(packet({ type: 'CC', dstRef: OURS, srcRef: THEIRS, class: 2, options: 1 }));
    expect(only(subject, 'DR')).toMatchObject({ dstRef: THEIRS, srcRef: OURS, reason: 128 });
    expect(subject.connection.state).toBe('CLOSING');
  });

  //= X.224 6.7.1.5 note 7 test
  it('ends in silence when TCP is lost', () => {
    const subject = inState2('initiator', 'WBCL');
    subject.connection.streamClosed(new Error('reset'), 200);
    expect([subject.connection.state, subject.events()]).toEqual(['CLOSED', []]);
  });

  it('drops TCP where class 0 alone was offered', () => {
    const subject = initiator();
    subject.connection.streamConnected(10);
    subject.connection.disconnect(20);
    expect([subject.connection.state, subject.connection.streamRequest]).toEqual([
      'CLOSED',
      'destroy',
    ]);
  });

  it('before TCP is connected drops it in class 2 as well', () => {
    const { connection } = initiator2();
    connection.disconnect(5);
    expect([connection.state, connection.streamRequest]).toEqual(['CLOSED', 'destroy']);
  });
});
