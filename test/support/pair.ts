/**
 * Two core connections back to back on a virtual clock. Between them stands a stream as TCP is one:
 * octets in order, cut anywhere, late by a chosen time; FIN in order behind them; a reset at once.
 */
import type { ConnectionOptions } from '../../src/core/connection/options.js';
import type { Acceptance } from '../../src/core/connection/transition.js';
import { TransportEngine } from '../../src/core/connection/transport-engine.js';
import { SendPool } from '../../src/core/data-transfer/send-pool.js';
import type { EngineEvent } from '../../src/core/engine.js';
import { allocateZeroed, plainView } from '../../src/core/octets/collector.js';
import { type Output, takeEvents, takePieces } from './engine.js';
import { chunksOf, join } from './splits.js';

/** Options of one side; what is left out is roomy. */
export function class0Options(own: Partial<ConnectionOptions> = {}): ConnectionOptions {
  return {
    allocate: allocateZeroed,
    view: plainView,
    sendPool: new SendPool(allocateZeroed),
    localRef: 1,
    peer: 'peer:102',
    strict: false,
    maxTpduSize: 2048,
    maxTsduSize: 1_000_000,
    maxTsduSegments: 1_000_000,
    handshakeTimeout: 10_000,
    reassemblyTimeout: 60_000,
    closeTimeout: 5_000,
    ...own,
  };
}

/** How the stream behaves. */
export interface Network {
  /** Octets of one chunk; whole writes when absent. */
  readonly chunk?: number;
  /** Milliseconds on the way. */
  readonly delay?: number;
}

type Parcel =
  | { readonly at: number; readonly kind: 'octets'; readonly octets: Uint8Array }
  | { readonly at: number; readonly kind: 'fin' }
  | { readonly at: number; readonly kind: 'reset' };

/** One side with everything that happened to it. */
export class Side {
  readonly connection: TransportEngine;
  readonly events: Output[] = [];
  /** Octets, FIN or reset on the way to this side. */
  readonly inbound: Parcel[] = [];
  peer: Side | undefined;
  sentFin = false;
  gotFin = false;
  /** The stream is gone on this side. */
  gone = false;
  /** Octets of every write, for tests that look at the wire. */
  readonly written: Uint8Array[] = [];

  constructor(connection: TransportEngine) {
    this.connection = connection;
  }

  /** TSDUs received, each an octet string. */
  get tsdus(): readonly Uint8Array[] {
    return this.events.flatMap((event) => (event.type === 'data' ? [event.message] : []));
  }

  /** Names of the events in order, those of data left out. */
  get story(): readonly string[] {
    return this.events.map(({ type }) => type).filter((type) => type !== 'data');
  }

  get disconnect(): Extract<EngineEvent, { type: 'disconnect' }> | undefined {
    return this.events.find((event) => event.type === 'disconnect');
  }
}

/** What the pair is made of. */
export interface PairOptions {
  readonly initiator?: Partial<ConnectionOptions>;
  readonly responder?: Partial<ConnectionOptions>;
  /** Size that the CR offers, in octets; none is stated when absent. */
  readonly offeredSize?: number;
  readonly network?: Network;
  /** Decision on the CR, at once. Default: accept. */
  readonly decide?: (connection: TransportEngine, now: number) => void;
  readonly acceptance?: Acceptance;
}

/** An initiator and a responder, joined. */
export class Pair {
  now = 0;
  readonly initiator: Side;
  readonly responder: Side;
  readonly #network: Network;
  readonly #decide: (connection: TransportEngine, now: number) => void;

  constructor(options: PairOptions = {}) {
    const { acceptance = {} } = options;
    this.#network = options.network ?? {};
    this.#decide = options.decide ?? ((connection, now) => connection.accept(acceptance, now));
    const { offeredSize } = options;
    this.initiator = new Side(
      TransportEngine.initiator(
        class0Options({ localRef: 0x0101, ...options.initiator }),
        {
          parameters: offeredSize === undefined ? {} : { tpduSize: offeredSize },
          userData: new Uint8Array(0),
        },
        0,
      ),
    );
    this.responder = new Side(
      TransportEngine.responder(class0Options({ localRef: 0x0202, ...options.responder }), 0),
    );
    this.initiator.peer = this.responder;
    this.responder.peer = this.initiator;
  }

  /** TCP stands; runs until the connection is open, or has failed. */
  open(): this {
    this.initiator.connection.streamConnected(this.now);
    this.drive();
    return this;
  }

  /** Drops everything between the two, as a reset of TCP does. */
  reset(): void {
    for (const side of this.#sides) {
      side.inbound.length = 0;
      this.#lose(side, new Error('reset'));
    }
  }

  /** Events and octets of both sides, without moving the clock. */
  settle(): void {
    for (const side of this.#sides) {
      this.#settle(side);
    }
  }

  /** The next thing that happens: one parcel or one deadline. `false` when there is none left. */
  step(): boolean {
    this.settle();
    const times = this.#sides.flatMap((side) => [this.#arrival(side), this.#deadline(side)]);
    const at = Math.min(...times);
    if (at === Number.POSITIVE_INFINITY) {
      return false;
    }
    this.now = Math.max(this.now, at);
    const arriving = this.#sides.find((side) => this.#arrival(side) === at);
    if (arriving !== undefined) {
      this.#arrive(arriving);
    } else {
      this.#sides.find((side) => this.#deadline(side) === at)?.connection.handleDeadline(this.now);
    }
    this.settle();
    return true;
  }

  /** Steps until nothing is on the way; deadlines up to `until` run out, those beyond wait. */
  drive(until = this.now): void {
    for (let left = 1_000_000; left > 0; left -= 1) {
      this.settle();
      const moving = this.#sides.some((side) => side.inbound.length > 0);
      const due = this.#sides.some((side) => this.#deadline(side) <= until);
      if (!moving && !due) {
        this.now = Math.max(this.now, until);
        return;
      }
      this.step();
    }
    throw new Error('the pair does not come to rest');
  }

  get #sides(): readonly Side[] {
    return [this.initiator, this.responder];
  }

  #arrival(side: Side): number {
    return side.inbound[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  #deadline(side: Side): number {
    return side.gone
      ? Number.POSITIVE_INFINITY
      : (side.connection.deadline ?? Number.POSITIVE_INFINITY);
  }

  #arrive(side: Side): void {
    const parcel = side.inbound.shift();
    if (parcel === undefined || side.gone) {
      return;
    }
    switch (parcel.kind) {
      case 'octets':
        side.connection.receive(parcel.octets, this.now);
        break;
      case 'fin':
        side.gotFin = true;
        side.connection.receiveEnd(this.now);
        break;
      case 'reset':
        this.#lose(side, new Error('reset'));
        break;
    }
  }

  #settle(side: Side): void {
    const { connection } = side;
    let more = true;
    while (more) {
      const events = takeEvents(connection);
      for (const event of events) {
        side.events.push(event);
        if (event.type === 'connectIndication') {
          this.#decide(connection, this.now);
        }
      }
      more = connection.resume(this.now) || events.length > 0;
    }
    if (side.gone) {
      return;
    }
    this.#write(side);
    if (connection.streamRequest === 'destroy' || connection.streamRequest === 'reset') {
      this.#post(side, 'reset');
      this.#lose(side, undefined);
    } else if (connection.streamRequest === 'end' && !side.sentFin) {
      side.sentFin = true;
      this.#post(side, 'fin');
    }
    if (side.sentFin && side.gotFin) {
      this.#lose(side, undefined);
    }
  }

  #write(side: Side): void {
    const pieces = takePieces(side.connection.sendBuffer);
    if (pieces.length === 0) {
      return;
    }
    const octets = join(...pieces);
    side.written.push(octets);
    const { chunk = octets.length, delay = 0 } = this.#network;
    for (const part of chunksOf(octets, chunk)) {
      side.peer?.inbound.push({ at: this.now + delay, kind: 'octets', octets: part });
    }
  }

  #post(side: Side, kind: 'fin' | 'reset'): void {
    side.peer?.inbound.push({ at: this.now + (this.#network.delay ?? 0), kind });
  }

  /** The stream of one side is gone. */
  #lose(side: Side, cause: Error | undefined): void {
    if (!side.gone) {
      side.gone = true;
      side.connection.streamClosed(cause, this.now);
      side.events.push(...takeEvents(side.connection));
    }
  }
}
