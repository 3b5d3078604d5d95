import { describe, expect, it } from 'vitest';
import { ConnectionClosedError, TimeoutError } from '../../../src/core/errors.js';
import { Pair } from '../../support/pair.js';
import { digits, hex, pattern } from '../../support/splits.js';

const TSDUS = [1, 2, 124, 125, 126, 250, 251, 1_000].map((length, i) => pattern(length, i * 17));

function sendAll(pair: Pair): void {
  for (const tsdu of TSDUS) {
    pair.initiator.connection.send(tsdu);
    pair.responder.connection.send(tsdu);
  }
}

function texts(tsdus: readonly Uint8Array[]): readonly string[] {
  return tsdus.map((tsdu) => digits(tsdu));
}

describe('two connections exchange TSDUs', () => {
  it.each(Array.from({ length: 20 }, (_, i) => i + 1))('in chunks of %i octets', (chunk) => {
    const pair = new Pair({ offeredSize: 128, network: { chunk } }).open();
    sendAll(pair);
    pair.drive();
    expect(texts(pair.initiator.tsdus)).toEqual(texts(TSDUS));
    expect(texts(pair.responder.tsdus)).toEqual(texts(TSDUS));
  });

  //= X.224 14.4 a test
  //= X.224 14.4 e test
  it.each([128, 256, 512, 1_024, 2_048])('at a TPDU size of %i', (offeredSize) => {
    const pair = new Pair({ offeredSize }).open();
    const tsdu = pattern(20_000);
    pair.initiator.connection.send(tsdu);
    pair.drive();
    expect(texts(pair.responder.tsdus)).toEqual([digits(tsdu)]);
  });

  it('with one agreed size, the smaller of what the two can take', () => {
    const pair = new Pair({ offeredSize: 2_048, responder: { maxTpduSize: 512 } }).open();
    const sizes = [pair.initiator, pair.responder].map(({ events }) =>
      events.flatMap((event) => (event.type === 'open' ? [event.agreement.maxTpduSize] : [])),
    );
    expect(sizes).toEqual([[512], [512]]);
  });

  it('each knowing the reference of the other', () => {
    const pair = new Pair().open();
    const refs = [pair.initiator, pair.responder].map(({ events }) =>
      events.flatMap((event) =>
        event.type === 'open' ? [event.agreement.localRef, event.agreement.remoteRef] : [],
      ),
    );
    expect(refs).toEqual([
      [0x0101, 0x0202],
      [0x0202, 0x0101],
    ]);
  });

  it('both strict, without one objection', () => {
    const strict = { strict: true };
    const pair = new Pair({ offeredSize: 128, initiator: strict, responder: strict }).open();
    sendAll(pair);
    pair.drive();
    expect([pair.initiator.story, pair.responder.story]).toEqual([
      ['open'],
      ['connectIndication', 'open'],
    ]);
  });

  it('and stay open for as long as nothing happens', () => {
    const pair = new Pair().open();
    pair.drive(1_000_000_000);
    expect(pair.initiator.disconnect).toBeUndefined();
  });
});

describe('a close', () => {
  it.each(['initiator', 'responder'] as const)('by the %s delivers what was sent before', (who) => {
    const pair = new Pair({ offeredSize: 128, network: { chunk: 7, delay: 30 } }).open();
    const other = who === 'initiator' ? pair.responder : pair.initiator;
    for (const tsdu of TSDUS) {
      pair[who].connection.send(tsdu);
    }
    pair[who].connection.disconnect(pair.now);
    pair.drive();
    expect(texts(other.tsdus)).toEqual(texts(TSDUS));
    expect(other.story.at(-1)).toBe('end');
  });

  //= X.224 6.7.1.4 test
  it('is complete once the other side closes too', () => {
    const pair = new Pair().open();
    pair.initiator.connection.disconnect(pair.now);
    pair.drive();
    pair.responder.connection.endOfData(pair.now);
    pair.drive();
    expect(
      [pair.initiator, pair.responder].map((side) => [side.gone, side.connection.state]),
    ).toEqual([
      [true, 'CLOSED'],
      [true, 'CLOSED'],
    ]);
    expect([pair.initiator.disconnect, pair.responder.disconnect]).toEqual([undefined, undefined]);
  });

  it('by both at once is no failure for either', () => {
    const pair = new Pair({ network: { delay: 10 } }).open();
    pair.initiator.connection.disconnect(pair.now);
    pair.responder.connection.disconnect(pair.now);
    pair.drive();
    expect([pair.initiator.disconnect, pair.responder.disconnect]).toEqual([undefined, undefined]);
    expect([pair.initiator.connection.state, pair.responder.connection.state]).toEqual([
      'CLOSED',
      'CLOSED',
    ]);
  });

  it('drops TCP when the other side does not close within the close time', () => {
    const pair = new Pair({ initiator: { closeTimeout: 700 } }).open();
    const start = pair.now;
    pair.initiator.connection.disconnect(start);
    pair.drive(start + 699);
    expect(pair.initiator.gone).toBe(false);
    pair.drive(start + 700);
    expect(pair.initiator.gone).toBe(true);
  });

  it('of one half still lets the answers through', () => {
    const pair = new Pair({ network: { chunk: 3 } }).open();
    pair.initiator.connection.send(hex('01'));
    pair.initiator.connection.endOfData(pair.now);
    pair.drive();
    pair.responder.connection.send(hex('02'));
    pair.responder.connection.endOfData(pair.now);
    pair.drive();
    expect(pair.initiator.tsdus).toEqual([hex('02')]);
    expect(pair.initiator.story).toEqual(['open', 'end']);
    expect(pair.initiator.connection.state).toBe('CLOSED');
  });
});

describe('a refusal', () => {
  it.each([0, 1, 2, 3])('by DR %i reaches the initiator with its reason', (reason) => {
    const pair = new Pair({
      network: { chunk: 1, delay: 5 },
      decide: (connection, now) => connection.refuse(reason, now),
    }).open();
    expect(pair.initiator.disconnect?.error).toMatchObject({ code: 'ERR_COTP_REFUSED', reason });
    expect([pair.initiator.gone, pair.responder.gone]).toEqual([true, true]);
  });

  it('by closing reaches the initiator as a DR', () => {
    const pair = new Pair({ decide: (connection, now) => connection.disconnect(now) }).open();
    expect(pair.initiator.disconnect?.error).toMatchObject({ code: 'ERR_COTP_REFUSED', reason: 0 });
  });
});

describe('a slow network', () => {
  it('opens when the CC comes one millisecond before the time runs out', () => {
    const pair = new Pair({
      network: { delay: 50 },
      initiator: { handshakeTimeout: 101 },
    }).open();
    expect(pair.initiator.story).toEqual(['open']);
  });

  it('ends in a TimeoutError when the CC comes too late, and the CC is then ignored', () => {
    const pair = new Pair({
      network: { delay: 60 },
      initiator: { handshakeTimeout: 110 },
    }).open();
    expect(pair.initiator.story).toEqual(['disconnect']);
    expect(pair.initiator.disconnect?.error).toBeInstanceOf(TimeoutError);
  });

  it('notifies a responder that accepted of the reset that follows', () => {
    const pair = new Pair({
      network: { delay: 60 },
      initiator: { handshakeTimeout: 110 },
    }).open();
    expect(pair.responder.story).toEqual(['connectIndication', 'open', 'disconnect']);
  });

  it('ends the wait for a decision by a DR', () => {
    const pair = new Pair({ decide: () => {}, responder: { handshakeTimeout: 200 } }).open();
    pair.drive(200);
    expect(pair.responder.disconnect?.error).toMatchObject({ timer: 'handshakeTimeout' });
    expect(pair.initiator.disconnect?.error).toMatchObject({ code: 'ERR_COTP_REFUSED' });
  });
});

describe('a reset', () => {
  //= X.224 6.8.3 para 1 test
  //= RFC 2126 4.1.3 test
  it('in the middle of a TSDU is a failure on both sides, and no part is delivered', () => {
    const pair = new Pair({ offeredSize: 128, network: { chunk: 10, delay: 1 } }).open();
    pair.initiator.connection.send(pattern(1_000));
    for (let i = 0; i < 20; i += 1) {
      pair.step();
    }
    pair.reset();
    expect(pair.responder.tsdus).toEqual([]);
    for (const side of [pair.initiator, pair.responder]) {
      expect(side.disconnect).toMatchObject({ orderly: false, error: { ending: 'reset' } });
    }
  });

  it('keeps what was complete before it', () => {
    const pair = new Pair().open();
    pair.initiator.connection.send(hex('01'));
    pair.drive();
    pair.reset();
    expect(pair.responder.tsdus).toEqual([hex('01')]);
  });

  it('before the decision withdraws the indication', () => {
    const pair = new Pair({ decide: () => {} }).open();
    pair.reset();
    expect(pair.responder.disconnect?.error).toBeInstanceOf(ConnectionClosedError);
    expect(() => pair.responder.connection.accept({}, pair.now)).toThrow(ConnectionClosedError);
  });

  it('of a connection that closes already is no failure', () => {
    const pair = new Pair({ network: { delay: 10 } }).open();
    pair.initiator.connection.disconnect(pair.now);
    pair.settle();
    pair.reset();
    expect(pair.initiator.disconnect).toBeUndefined();
  });
});

describe('a failure on one side', () => {
  it('reaches the other as an ER with its cause, behind the data', () => {
    const pair = new Pair({ offeredSize: 128, responder: { strict: true } }).open();
    pair.responder.connection.send(hex('0102'));
    pair.responder.connection.receive(hex('0300 0008 0300 0102'), pair.now);
    pair.drive();
    expect(pair.initiator.tsdus).toEqual([hex('0102')]);
    expect(pair.initiator.disconnect?.error).toMatchObject({ ending: 'er' });
    expect(pair.initiator.disconnect?.error.message).toMatch(/cause 2/);
  });

  //= X.224 6.22.1.3 note 2 test
  it('ends in silence: neither answers the other for ever', () => {
    const pair = new Pair({ network: { chunk: 2, delay: 3 } }).open();
    pair.responder.connection.receive(hex('0300 0008 0300 0102'), pair.now);
    pair.initiator.connection.receive(hex('0300 0008 0300 0102'), pair.now);
    pair.drive(pair.now + 10_000);
    expect([pair.initiator.gone, pair.responder.gone]).toEqual([true, true]);
  });
});
