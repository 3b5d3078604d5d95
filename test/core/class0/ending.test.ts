/** How an open connection ends: by a fault, an ER, a DR, or the end of TCP. */
import { describe, expect, it } from 'vitest';
import { ConnectionClosedError, ProtocolError } from '../../../src/core/errors.js';
import { digits, hex, join, pattern, tpkt } from '../../support/splits.js';
import {
  CC,
  CR,
  DT,
  inState,
  messages,
  only,
  openInitiator,
  raw,
  responder,
  THEIRS,
} from '../../support/states.js';

describe('a protocol error on an open connection', () => {
  it.each([
    //= X.224 6.1.1.3 para 1 test
    //= X.224 6.1.1.3 para 2 test
    //= X.224 6.9.1.4.2 para 1 test
    ['a second CR', digits(CR.slice(4)), 2],
    //= X.224 6.5.4 para 4 test
    //= X.224 6.9.1.4.2 para 1 test
    ['a CR of class 4 that comes again', '06e0 0000 0c0d 40', 2],
    ['a CC', digits(CC.slice(4)), 2],
    //= X.224 13.6 test
    ['a DC', '05c0 0a0b 0c0d', 2],
    ['an ED', '021080 01', 2],
    //= X.224 13.9 test
    ['an AK', '0460 0a0b 01', 2],
    //= X.224 6.22.1.3 para 1 test
    ['an unknown code', '0300 0102', 2],
    //= X.224 6.9.1.4.1 a undecodable test
    ['LI past the end', '09f080 01', 0],
  ])('%s is answered by an ER with its cause', (_name, octets, cause) => {
    const subject = inState('OPEN').feed(raw(octets));
    expect(only(subject, 'ER')).toMatchObject({ dstRef: THEIRS, rejectCause: cause });
    expect(subject.ending()).toMatchObject({ orderly: false });
  });

  //= X.224 6.22.1.3 note 4 test
  it('is sent to the peer before the FIN, and closes in time', () => {
    const subject = inState('OPEN').feed(raw('0300 0102'));
    expect([subject.connection.streamRequest, subject.connection.deadline]).toEqual(['end', 5_100]);
  });

  it('is answered behind what was written before', () => {
    const subject = inState('OPEN');
    subject.connection.send(hex('01'));
    subject.feed(raw('0300 0102'));
    expect(subject.sent().map(({ type }) => type)).toEqual(['DT', 'ER']);
  });

  it.each([
    ['128 octets', 128, 121],
    ['1024 octets', 1024, 248],
  ])('is quoted within %s', (_name, size, quoted) => {
    const subject = responder({ strict: true }).feed(CR);
    subject.connection.accept({ maxTpduSize: size }, 10);
    subject.quiet().feed(tpkt(join(hex('02f080'), pattern(2_000))));
    expect(only(subject, 'ER').parameters.invalidTpdu).toHaveLength(quoted);
  });

  it('does not hide the data in front of it', () => {
    const subject = inState('OPEN').feed(join(DT, raw('0300 0102'), DT));
    expect(subject.events().map(({ type }) => type)).toEqual(['data', 'disconnect']);
  });

  it('keeps at most 64 octets in the error', () => {
    const subject = inState('OPEN').feed(tpkt(join(hex('0300'), pattern(1_000))));
    expect(subject.ending().error.octets).toHaveLength(64);
  });
});

//= X.224 6.22.1.3 note 1 test
//= X.224 6.22.1.3 note 2 test
describe('an ER from the peer', () => {
  it.each([
    ['with 0xC1', '0770 0a0b 01 c101 02'],
    ['without 0xC1', '0470 0a0b 01'],
  ])('%s is a failure with its cause', (_name, octets) => {
    const { error } = inState('OPEN').feed(raw(octets)).ending();
    expect(error.message).toMatch(/ER with cause 1 \(invalid parameter code\)/);
  });

  it.each([
    ['cut short', '0370 0a0b'],
    ['followed by octets', '0470 0a0b 01 ff'],
    ['with a truncated parameter', '0670 0a0b 01 c105'],
  ])('%s is never answered', (_name, octets) => {
    const subject = inState('OPEN').feed(raw(octets));
    expect(subject.sent()).toEqual([]);
    expect(subject.ending().error).toBeInstanceOf(ProtocolError);
  });
});

//= X.224 6.9.1.4.2 d 1 test
//= X.224 A.4 Table A.6 DR test
describe('a DR on an open connection', () => {
  it.each([
    ['W17', '0680 0000 0000 00'],
    ['W18', '0680 0001 0000 80'],
    ['W19', '0680 0001 0001 00'],
    ['W20', '0680 0001 0001 00 00'],
    ['W21', '1180 0000 0001 00 c0010a c1020100 c2020102'],
  ])('%s is a good end when tolerant, without an answer', (_name, octets) => {
    const subject = inState('OPEN').feed(raw(octets));
    expect(subject.ending()).toMatchObject({ orderly: true, error: { ending: 'dr' } });
    expect([subject.sent(), subject.connection.streamRequest]).toEqual([[], 'end']);
  });

  it('is no good end when strict', () => {
    const subject = inState('OPEN', { strict: true }).feed(raw('0680 0a0b 0c0d 00'));
    expect(subject.ending().orderly).toBe(false);
  });

  it('within a TSDU is no good end and says what is lost', () => {
    const subject = inState('OPEN').feed(raw('02f000 0102'), raw('0680 0a0b 0c0d 00'));
    const { error, orderly } = subject.ending();
    expect([orderly, subject.connection.state]).toEqual([false, 'CLOSED']);
    expect(error.message).toMatch(/in the middle of a TSDU, of which 2 octets had come/);
  });

  it('delivers what came before it', () => {
    const subject = inState('OPEN').feed(join(DT, raw('0680 0a0b 0c0d 00')));
    expect(messages(subject)).toEqual([hex('010203')]);
  });
});

describe('the end of a connection', () => {
  it.each([
    ['inside a TSDU', raw('02f000 0102'), 2],
    ['inside a TPKT', hex('0300 00'), 3],
    ['inside the second TPKT of a TSDU', join(raw('02f000 0102'), hex('0300 00')), 5],
  ])('by FIN %s is a failure, and nothing of it is delivered', (_name, octets, held) => {
    const subject = inState('OPEN').feed(octets);
    subject.connection.receiveEnd(200);
    const events = subject.events();
    expect(events).toMatchObject([
      { type: 'disconnect', error: { message: expect.stringContaining(`${held} octets`) } },
    ]);
    expect(subject.connection.streamRequest).toBe('reset');
  });

  //= X.224 6.7.1.4 test
  it('by FIN between two TSDUs lets us answer', () => {
    const subject = inState('OPEN').feed(DT);
    subject.connection.receiveEnd(200);
    subject.connection.send(hex('01'));
    subject.connection.endOfData(300);
    expect(subject.sent()).toHaveLength(1);
    expect([subject.connection.state, subject.connection.streamRequest]).toEqual(['ENDING', 'end']);
  });

  //= X.224 6.7.1.4 test
  //= X.224 8.2.4 test
  //= RFC 1006 5 N-DISCONNECT test
  //= RFC 2126 3.2.3.3 test
  it('by our close leaves what was written to be sent', () => {
    const subject = inState('OPEN');
    subject.connection.send(hex('01'));
    subject.connection.disconnect(200);
    expect(subject.sent()).toHaveLength(1);
  });

  it('by our close does not wait longer than the close time', () => {
    const subject = inState('OPEN');
    subject.connection.disconnect(200);
    subject.connection.disconnect(400);
    subject.feed(DT);
    expect(subject.connection.deadline).toBe(5_200);
    subject.connection.handleDeadline(5_200);
    expect([subject.connection.state, subject.connection.streamRequest]).toEqual([
      'CLOSED',
      'destroy',
    ]);
  });

  //= X.224 6.22.1.3 para 2 test
  it('by our close discards whatever still comes, octets of no packet too', () => {
    const subject = inState('ENDING').feed(join(DT, hex('ffff')), hex('00'), DT);
    expect([subject.events(), subject.connection.resume(200)]).toEqual([[], false]);
  });

  it('leaves no octets to go on with when it came in the middle of a chunk', () => {
    const subject = inState('OPEN').feed(join(raw('0300 0102'), DT, DT));
    expect(subject.connection.resume(200)).toBe(false);
  });

  it('sends nothing more once TCP is lost', () => {
    const subject = inState('CLOSED');
    expect(() => subject.connection.send(hex('01'))).toThrow(ConnectionClosedError);
  });

  it('has no deadline once it is there', () => {
    expect(inState('CLOSED').connection.deadline).toBeUndefined();
  });

  it('by FIN while we wait for the last TSDUs closes both halves', () => {
    const subject = openInitiator();
    subject.connection.endOfData(100);
    subject.connection.receiveEnd(200);
    expect(subject.events()).toEqual([{ type: 'end' }]);
    expect([subject.connection.state, subject.connection.deadline]).toEqual(['ENDING', 5_200]);
  });
});
