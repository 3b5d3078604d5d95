/**
 * A world as data: all that is decided before it runs. A plan is JSON, so a finding can be saved, shrunk and
 * repeated.
 */
import type { Path } from './tcp.js';

export type Service = 'cotp' | 'tpkt';

/**
 * One act of an application on its connection. Numbers are milliseconds for `wait`, `block` and `giveUp`,
 * octets for sizes, and counts otherwise.
 */
export type Act =
  | readonly ['wait', number]
  /** Blocks the event loop. */
  | readonly ['block', number]
  /** Writes `count` TSDUs of `size` octets and ignores `false`. */
  | readonly ['write', size: number, count: number]
  /** The same, but waits for `drain` when `write` returns `false`. */
  | readonly ['writeHeeding', size: number, count: number]
  /** Sends so many units of expedited data, if it was agreed on. */
  | readonly ['expedite', number]
  | readonly ['drain']
  /** Reads this many TSDUs, one after the other. */
  | readonly ['read', number]
  /** Calls `read` this many times without waiting. */
  | readonly ['readAtOnce', number]
  /** Reads until a read fails. */
  | readonly ['readAll']
  /** Iterates until the end or for `count` TSDUs, with a pause in milliseconds after each. */
  | readonly ['iterate', count: number, pause: number]
  /** Writes back each TSDU that it reads, until the end. */
  | readonly ['echo']
  /** A read that is cancelled after this time. */
  | readonly ['giveUp', number]
  /** Uses `toDuplex` and reads everything. */
  | readonly ['duplex']
  | readonly ['end']
  | readonly ['close']
  | readonly ['asyncClose']
  | readonly ['destroy']
  | readonly ['waitClosed']
  /** The connection callback throws, or rejects. */
  | readonly ['throw'];

/** One act of a peer that does not use the library. */
export type RawAct =
  | readonly ['wait', number]
  /** Waits until this many octets were received, at most for this time. */
  | readonly ['await', octets: number, milliseconds: number]
  | readonly ['connect']
  | readonly ['confirm']
  | readonly ['refuse']
  /** Sends `count` TSDUs of `size` octets, in DTs of at most `dt` octets of user data. */
  | readonly ['send', size: number, count: number, dt: number]
  /** Sends `count` DTs of `dt` octets of a TSDU that does not end. */
  | readonly ['unfinished', dt: number, count: number]
  /** Sends this many empty DTs. */
  | readonly ['empty', number]
  /** Sends one TSDU of `size` octets, some octets at a time, with a pause after each. */
  | readonly ['drip', size: number, octets: number, pause: number]
  | readonly ['octets', hex: string]
  /** Stops or starts reading. At the start the peer reads. */
  | readonly ['reading', boolean]
  | readonly ['fin']
  | readonly ['reset']
  | readonly ['close']
  | readonly ['vanish'];

export type Options = Readonly<Record<string, number | boolean | string>>;

/** How the application decides on a CR. */
export type Decision =
  | readonly ['accept', wait: number]
  | readonly ['refuse', wait: number]
  | readonly ['never']
  | readonly ['forget']
  | readonly ['throw'];

export interface ServerPlan {
  readonly service: Service;
  readonly options: Options;
  /** When the server closes, if it closes before the end. */
  readonly closeAt?: number;
  /** True if the server has `onConnectRequest`. */
  readonly decides?: boolean;
}

interface Common {
  readonly at: number;
  readonly path: Path;
  /** Index of the server to connect to. */
  readonly server: number;
}

/** A client of the library, and what the server does with its connection. */
export interface PairPlan extends Common {
  readonly kind: 'pair';
  readonly options: Options;
  readonly client: readonly Act[];
  readonly serverSide: readonly Act[];
  readonly decision?: Decision;
  /** Cancels `connect` after this time, in milliseconds. */
  readonly abortAfter?: number;
  /** Both sides follow the rules and have enough time: nothing may fail between them. */
  readonly isHonest?: boolean;
}

/** A client that does not use the library. */
export interface RawClientPlan extends Common {
  readonly kind: 'rawClient';
  readonly raw: readonly RawAct[];
  readonly serverSide: readonly Act[];
  readonly decision?: Decision;
}

/** A client of the library whose server does not use it. */
export interface RawServerPlan extends Omit<Common, 'server'> {
  readonly kind: 'rawServer';
  readonly service: Service;
  readonly options: Options;
  readonly client: readonly Act[];
  readonly raw: readonly RawAct[];
  readonly abortAfter?: number;
}

/** Other code blocks the event loop. */
export interface BlockPlan {
  readonly kind: 'block';
  readonly at: number;
  readonly milliseconds: number;
}

export type ActorPlan = PairPlan | RawClientPlan | RawServerPlan | BlockPlan;

export interface Plan {
  /** Seed of the random choices of the network and of `Math.random`. */
  readonly seed: number;
  readonly servers: readonly ServerPlan[];
  readonly actors: readonly ActorPlan[];
  /** When all remaining connections are closed, in milliseconds. */
  readonly end: number;
}
