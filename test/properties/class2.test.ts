/**
 * Two connections back to back, in class 2 with and without EA and in class 0 with expedited data: random commands,
 * random cuts, random rounds of the stream.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransportEngine } from '../../src/core/connection/transport-engine.js';
import { CotpError } from '../../src/core/errors.js';
import { inState2, STATES_AND_ROLES } from '../support/class2-states.js';
import { type Output, takeEvents } from '../support/engine.js';
import { class0Options } from '../support/pair.js';
import { runs } from '../support/runs.js';
import { cutAt, hex, join, pattern, tpkt } from '../support/splits.js';
import type { Subject } from '../support/states.js';

interface Form {
  readonly tpClass: 0 | 2;
  readonly expeditedAck: boolean;
}

const FORMS: readonly Form[] = [
  { tpClass: 0, expeditedAck: false },
  { tpClass: 2, expeditedAck: false },
  { tpClass: 2, expeditedAck: true },
];

/** What was written or delivered: the number of it, and whether it was expedited. */
interface Item {
  readonly kind: 'data' | 'expedited';
  readonly number: number;
}

/** One side of the pair: what it has written, what it has got, and the octets on their way to it. */
class Side {
  readonly connection: TransportEngine;
  readonly written: Item[] = [];
  readonly got: Item[] = [];
  readonly ends: Output[] = [];
  readonly inbound: Uint8Array[] = [];
  #hasSentFin = false;
  isFinDue = false;
  #hasEnded = false;

  constructor(connection: TransportEngine) {
    this.connection = connection;
  }

  /** Writes one TSDU or ED whose first two octets are its number. */
  write(kind: Item['kind'], length: number): void {
    const number = this.written.length;
    const octets = pattern(length);
    octets[0] = number >> 8;
    octets[1] = number & 0xff;
    if (kind === 'data') {
      this.connection.send(octets);
    } else {
      this.connection.sendExpedited(octets);
    }
    this.written.push({ kind, number });
  }

  /** The stream takes at most so many pieces, and carries them to the peer. */
  flush(peer: Side, pieces: number): void {
    for (let i = 0; i < pieces; i += 1) {
      const piece = this.connection.sendBuffer.shift();
      if (piece === undefined) {
        break;
      }
      peer.inbound.push(piece.slice());
    }
    const { streamRequest, sendBuffer } = this.connection;
    if (streamRequest === 'end' && sendBuffer.length === 0 && !this.#hasSentFin) {
      this.#hasSentFin = true;
      peer.isFinDue = true;
    }
  }

  /** All that is on the way comes, cut at these places. */
  receive(cuts: readonly number[], now: number): void {
    const octets = join(...this.inbound.splice(0));
    for (const chunk of cutAt(
      octets,
      cuts.map((cut) => cut % (octets.length + 1)),
    )) {
      this.connection.receive(chunk, now);
    }
    this.#take();
    if (this.isFinDue && this.inbound.length === 0 && !this.#hasEnded) {
      this.#hasEnded = true;
      this.connection.receiveEnd(now);
      this.#take();
    }
  }

  /** TCP is over once both sides have sent FIN. */
  get isOver(): boolean {
    return this.#hasEnded && this.#hasSentFin;
  }

  #take(): void {
    for (const event of takeEvents(this.connection)) {
      if (event.type === 'data' || event.type === 'expedited') {
        const octets = event.type === 'data' ? event.message : event.data;
        const number = ((octets[0] ?? 0) << 8) | (octets[1] ?? 0);
        this.got.push({ kind: event.type, number });
      } else if (event.type === 'disconnect' || event.type === 'end') {
        this.ends.push(event);
      }
    }
  }
}

function pair({ tpClass, expeditedAck }: Form, strict: boolean): readonly [Side, Side] {
  const asked = { tpClass, expedited: true, expeditedAck };
  const common = { strict, maxTpduSize: 128, ...asked };
  const request = { parameters: { tpduSize: 128 }, userData: hex(''), ...asked };
  const client = TransportEngine.initiator(class0Options({ ...common, localRef: 1 }), request, 0);
  const server = TransportEngine.responder(class0Options({ ...common, localRef: 2 }), 0);
  const sides = [new Side(client), new Side(server)] as const;
  client.streamConnected(0);
  sides[0].flush(sides[1], 1);
  sides[1].receive([], 0);
  server.accept({}, 0);
  sides[1].flush(sides[0], 1);
  sides[0].receive([], 0);
  expect([client.state, server.state]).toEqual(['OPEN', 'OPEN']);
  return sides;
}

type Command =
  | { readonly do: 'data' | 'expedited'; readonly side: 0 | 1; readonly length: number }
  | { readonly do: 'flush'; readonly side: 0 | 1; readonly pieces: number }
  | { readonly do: 'receive'; readonly side: 0 | 1; readonly cuts: readonly number[] };

const side = fc.constantFrom<0 | 1>(0, 1);
const commands: fc.Arbitrary<readonly Command[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('data' as const),
        side,
        length: fc.oneof(fc.integer({ min: 2, max: 400 }), fc.constant(20_000)),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('expedited' as const),
        side,
        length: fc.integer({ min: 2, max: 16 }),
      }),
    },
    fc.record({ do: fc.constant('flush' as const), side, pieces: fc.integer({ min: 1, max: 5 }) }),
    fc.record({
      do: fc.constant('receive' as const),
      side,
      cuts: fc.array(fc.nat(2_000), { maxLength: 4 }),
    }),
  ),
  { maxLength: 40 },
);

function run(sides: readonly [Side, Side], all: readonly Command[]): void {
  all.forEach((command, now) => {
    const it = sides[command.side];
    const peer = sides[command.side === 0 ? 1 : 0];
    switch (command.do) {
      case 'flush':
        it.flush(peer, command.pieces);
        break;
      case 'receive':
        it.receive(command.cuts, now);
        break;
      default:
        it.write(command.do, command.length);
    }
  });
}

/** Rounds until nothing moves any more. */
function settle([one, other]: readonly [Side, Side]): void {
  for (let round = 0; round < 400; round += 1) {
    one.flush(other, 1_000);
    other.receive([], 1_000);
    other.flush(one, 1_000);
    one.receive([], 1_000);
  }
}

const numbers = (items: readonly Item[], kind: Item['kind']) =>
  items.filter((item) => item.kind === kind).map(({ number }) => number);

/** Everything came once, each kind in its order, and no expedited data after what was written later. */
function expectDelivered(from: Side, to: Side): void {
  for (const kind of ['data', 'expedited'] as const) {
    expect(numbers(to.got, kind)).toEqual(numbers(from.written, kind));
  }
  to.got.forEach((item, at) => {
    if (item.kind === 'expedited') {
      const before = to.got.slice(0, at).map(({ number }) => number);
      expect(before.filter((number) => number > item.number)).toEqual([]);
    }
  });
}

const modes = [
  ['tolerant', false],
  ['strict', true],
] as const;

//= X.224 6.11.1.4 para 3 test
//= RFC 2126 4.2.2 EA test
//= RFC 2126 6.7 test
describe.each(FORMS)('class $tpClass with expedited data, EA $expeditedAck', (form) => {
  describe.each(modes)('%s', (_name, strict) => {
    it('loses nothing, keeps the order of each kind, and delivers no expedited data late', () => {
      fc.assert(
        fc.property(commands, (all) => {
          const sides = pair(form, strict);
          run(sides, all);
          settle(sides);
          expectDelivered(sides[0], sides[1]);
          expectDelivered(sides[1], sides[0]);
          expect(sides.flatMap(({ ends }) => ends)).toEqual([]);
        }),
        { numRuns: runs(30) },
      );
    });

    it('delivers everything written before one side closes, and both sides end', () => {
      fc.assert(
        fc.property(commands, side, (all, closer) => {
          const sides = pair(form, strict);
          run(
            sides,
            all.filter((command) => !('length' in command) || command.side === closer),
          );
          const from = sides[closer];
          const to = sides[closer === 0 ? 1 : 0];
          from.connection.disconnect(500);
          settle(sides);
          if (form.tpClass === 0) {
            to.connection.disconnect(600);
            settle(sides);
          }
          expectDelivered(from, to);
          expect(to.ends).toMatchObject([
            form.tpClass === 0 ? { type: 'end' } : { type: 'disconnect', orderly: true },
          ]);
          expect([from.ends, from.isOver, to.isOver]).toEqual([[], true, true]);
        }),
        { numRuns: runs(30) },
      );
    });

    it('ends on both sides, whoever closes and whatever is queued', () => {
      fc.assert(
        fc.property(commands, fc.boolean(), fc.boolean(), (all, disruptive, together) => {
          const sides = pair(form, strict);
          run(sides, all);
          sides[0].connection.disconnect(500, { disruptive });
          if (together || form.tpClass === 0) {
            sides[1].connection.disconnect(500);
          }
          settle(sides);
          for (const { connection, isOver, ends } of sides) {
            expect(isOver || connection.streamRequest === 'reset').toBe(true);
            expect(ends.length).toBeLessThanOrEqual(1);
          }
        }),
        { numRuns: runs(30) },
      );
    });
  });
});

describe('whatever the peer sends', () => {
  const codes = [0xe0, 0xd0, 0x80, 0xc0, 0xf0, 0x10, 0x20, 0x60, 0x50, 0x70, 0x40];
  const reference = fc.constantFrom([0x0a, 0x0b], [0x0c, 0x0d], [0, 0], [0x43, 0x21]);
  const tail = fc.uint8Array({ maxLength: 20 });
  /** A TPDU that is sound at its start, or any octets. */
  const payload = fc.oneof(
    fc
      .tuple(fc.integer({ min: 2, max: 9 }), fc.constantFrom(...codes), reference, reference, tail)
      .map(([li, code, first, second, rest]) =>
        Uint8Array.from([li, code, ...first, ...second, ...rest]),
      ),
    fc.uint8Array({ minLength: 3, maxLength: 40 }),
  );
  const calls = fc.constantFrom('send', 'sendExpedited', 'disconnect', 'endOfData', 'take', 'time');

  /** One call of the user, the stream or the clock; a call that is not possible is an error of its own. */
  function act({ connection }: Subject, call: string, now: number): void {
    try {
      switch (call) {
        case 'send':
        case 'sendExpedited':
          connection[call](hex('010203'));
          break;
        case 'disconnect':
        case 'endOfData':
          connection[call](now);
          break;
        case 'time':
          connection.handleDeadline(now);
          break;
        default:
          connection.sendBuffer.shift();
      }
    } catch (error) {
      expect(error).toBeInstanceOf(CotpError);
    }
  }

  it.each(STATES_AND_ROLES)('$state, $role, throws nothing and ends once', ({ state, role }) => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(payload, calls), { minLength: 1, maxLength: 12 }),
        fc.boolean(),
        (all, strict) => {
          const subject = inState2(role, state, { strict, writeTimeout: 50 });
          all.forEach((one, now) => {
            if (typeof one === 'string') {
              act(subject, one, 1_000 * now);
            } else {
              subject.feed(tpkt(one));
            }
          });
          const ends = subject.events().filter(({ type }) => type === 'disconnect');
          expect(ends.length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: runs(50) },
    );
  });
});
