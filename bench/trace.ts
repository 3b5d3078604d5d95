/**
 * Measures the cost of observers for a TPDU: engines without an observer, with an observer without
 * subscribers, and with a subscriber. It uses engines instead of connections, because the differences are
 * nanoseconds, which a socket would hide, and takes the shortest of many rounds, because other work only
 * adds time.
 */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TransportEngine as Engine } from '../src/core/connection/transport-engine.js';
import type { ConnectionObserver } from '../src/core/data-transfer/observer.js';
import type { SendPool as Blocks } from '../src/core/data-transfer/send-pool.js';
import type { MakeView } from '../src/core/octets/collector.js';
import { CR } from './messages.js';

/** Nanoseconds that one TPDU of 64 octets of user data takes. */
export interface TraceCost {
  readonly observer: 'none' | 'not heard' | 'heard';
  readonly received: number;
  readonly sent: number;
}

const TPDUS = 900;
const CHUNKS = 50;
const NO_TIME = 60_000;

/** A DT of 64 octets. */
const TSDU = Buffer.alloc(64, 1);
const DT = Buffer.concat([Buffer.from('0300004702f080', 'hex'), TSDU]);

const CHANNEL = 'cotp-bench:tpdu';

/** As in the library: a property of a channel is read for every TPDU. */
class Observer implements ConnectionObserver {
  readonly #channel = channel(CHANNEL);

  get isWatching(): boolean {
    return this.#channel.hasSubscribers;
  }

  see(_direction: string, octets: Uint8Array): void {
    this.#channel.publish(octets);
  }

  seeRun(): void {
    throw new Error('the bench relays nothing');
  }
}

export async function traceCosts(rounds: number): Promise<TraceCost[]> {
  // The modules that the bundle is made of are in dist, beside it.
  const load = (module: string) =>
    import(new URL(`../${module}`, import.meta.resolve('cotp')).href);
  const { TransportEngine } = (await load('core/connection/transport-engine.js')) as {
    TransportEngine: typeof Engine;
  };
  const { SendPool } = (await load('core/data-transfer/send-pool.js')) as {
    SendPool: typeof Blocks;
  };
  const { view } = (await load('node/buffers.js')) as { view: MakeView };
  const engine = (observer: ConnectionObserver | undefined) => {
    const opened = TransportEngine.responder(
      {
        allocate: Buffer.allocUnsafe,
        view,
        sendPool: new SendPool(Buffer.allocUnsafeSlow),
        localRef: 1,
        peer: 'bench',
        strict: false,
        maxTpduSize: 2048,
        maxTsduSize: 65_536,
        maxTsduSegments: 64,
        handshakeTimeout: NO_TIME,
        reassemblyTimeout: NO_TIME,
        closeTimeout: NO_TIME,
        observer,
      },
      0,
    );
    opened.streamConnected(0);
    opened.receive(CR, 0);
    opened.accept({}, 0);
    takeEvents(opened);
    opened.sendBuffer.clear();
    return opened;
  };
  const listener = () => {};
  const contestants = (['none', 'not heard', 'heard'] as const).map((observer) => ({
    observer,
    engine: engine(observer === 'none' ? undefined : new Observer()),
    received: Number.POSITIVE_INFINITY,
    sent: Number.POSITIVE_INFINITY,
  }));
  const chunk = Buffer.concat(Array.from({ length: TPDUS }, () => DT));
  const measure = (each: (typeof contestants)[number]) => {
    each.received = Math.min(
      each.received,
      nanoseconds(() => receive(each.engine, chunk)),
    );
    each.sent = Math.min(
      each.sent,
      nanoseconds(() => send(each.engine)),
    );
  };
  const unheard = contestants.filter(({ observer }) => observer !== 'heard');
  for (let round = 0; round < rounds; round += 1) {
    for (const each of round % 2 === 0 ? unheard : unheard.toReversed()) {
      measure(each);
    }
  }
  // Last, because most processes never have a subscriber.
  subscribe(CHANNEL, listener);
  for (let round = 0; round < rounds; round += 1) {
    for (const each of contestants.filter(({ observer }) => observer === 'heard')) {
      measure(each);
    }
  }
  unsubscribe(CHANNEL, listener);
  return contestants.map(({ observer, received, sent }) => ({ observer, received, sent }));
}

function takeEvents(engine: Engine): void {
  while (engine.next() !== undefined) {
    // The entry is not used.
  }
}

function receive(engine: Engine, chunk: Buffer): void {
  for (let i = 0; i < CHUNKS; i += 1) {
    engine.receive(chunk, 0);
    takeEvents(engine);
  }
}

function send(engine: Engine): void {
  for (let i = 0; i < CHUNKS; i += 1) {
    for (let j = 0; j < TPDUS; j += 1) {
      engine.send(TSDU);
    }
    engine.sendBuffer.clear();
  }
}

function nanoseconds(act: () => void): number {
  const start = process.hrtime.bigint();
  act();
  return Number(process.hrtime.bigint() - start) / (CHUNKS * TPDUS);
}

export function traceLines(costs: readonly TraceCost[]): string[] {
  return [
    'nanoseconds per TPDU, by kind of observer',
    ...costs.map(
      ({ observer, received, sent }) =>
        `  ${observer.padEnd(10)} received ${received.toFixed(0).padStart(4)}   sent ${sent.toFixed(0).padStart(4)}`,
    ),
  ];
}
