/**
 * A world as data: all that is decided before it runs. A plan is JSON, so a finding can be kept,
 * made smaller and run again.
 */
import type { Path } from './tcp.js';

export type Service = 'cotp' | 'tpkt';

/**
 * What an application does with its connection, one after the other. Numbers are milliseconds for
 * `wait`, `block` and `giveUp`, octets for sizes, and counts else.
 */
export type Act =
  | readonly ['wait', number]
  /** Blocks the event loop. */
  | readonly ['block', number]
  /** Writes so many TSDUs of so many octets and ignores `false`. */
  | readonly ['write', size: number, count: number]
  /** The same, but waits for `drain` when `write` gives `false`. */
  | readonly ['writeHeeding', size: number, count: number]
  | readonly ['drain']
  /** Reads so many TSDUs, one after the other. */
  | readonly ['read', number]
  /** Calls `read` so often at once, and does not wait. */
  | readonly ['readAtOnce', number]
  /** Reads until that fails. */
  | readonly ['readAll']
  /** Iterates until the end, or so many TSDUs, with a pause of so many milliseconds after each. */
  | readonly ['iterate', count: number, pause: number]
  /** Writes back what it reads, until the end. */
  | readonly ['echo']
  /** A read that is given up after so many milliseconds. */
  | readonly ['giveUp', number]
  /** Goes on as a stream: reads all of it. */
  | readonly ['duplex']
  | readonly ['end']
  | readonly ['close']
  | readonly ['asyncClose']
  | readonly ['destroy']
  | readonly ['waitClosed']
  /** The connection callback throws, or rejects. */
  | readonly ['throw'];

/** What a peer does that is no connection of ours, one after the other. */
export type RawAct =
  | readonly ['wait', number]
  /** Waits until so many octets have come, but not longer than so many milliseconds. */
  | readonly ['await', octets: number, milliseconds: number]
  | readonly ['connect']
  | readonly ['confirm']
  | readonly ['refuse']
  /** So many TSDUs of so many octets, in DTs of at most so many octets of user data. */
  | readonly ['send', size: number, count: number, dt: number]
  /** DTs of a TSDU that does not end: so many of so many octets. */
  | readonly ['unfinished', dt: number, count: number]
  /** So many DTs that carry nothing. */
  | readonly ['empty', number]
  /** One TSDU of so many octets, some octets at a time, with a pause after each. */
  | readonly ['drip', size: number, octets: number, pause: number]
  | readonly ['octets', hex: string]
  /** Stops or starts reading. It reads to begin with. */
  | readonly ['reading', boolean]
  | readonly ['fin']
  | readonly ['reset']
  | readonly ['close']
  | readonly ['vanish'];

export type Options = Readonly<Record<string, number | boolean | string>>;

/** What becomes of a CR. */
export type Decision =
  | readonly ['accept', wait: number]
  | readonly ['refuse', wait: number]
  | readonly ['never']
  | readonly ['forget']
  | readonly ['throw'];

export interface ServerPlan {
  readonly service: Service;
  readonly options: Options;
  /** When it closes, if it does before the end. */
  readonly closeAt?: number;
  /** It has an `onConnectRequest`. */
  readonly decides?: boolean;
}

interface Common {
  readonly at: number;
  readonly path: Path;
  /** Which server it connects to. */
  readonly server: number;
}

/** A client of ours and what the server does with its connection. */
export interface PairPlan extends Common {
  readonly kind: 'pair';
  readonly options: Options;
  readonly client: readonly Act[];
  readonly serverSide: readonly Act[];
  readonly decision?: Decision;
  /** Gives the connecting up after so many milliseconds. */
  readonly abortAfter?: number;
  /** Both sides keep to the rules and have time enough: nothing may go wrong between them. */
  readonly isHonest?: boolean;
}

/** A peer of our server that is no connection of ours. */
export interface RawClientPlan extends Common {
  readonly kind: 'rawClient';
  readonly raw: readonly RawAct[];
  readonly serverSide: readonly Act[];
  readonly decision?: Decision;
}

/** A client of ours whose server is none of ours. */
export interface RawServerPlan extends Omit<Common, 'server'> {
  readonly kind: 'rawServer';
  readonly service: Service;
  readonly options: Options;
  readonly client: readonly Act[];
  readonly raw: readonly RawAct[];
  readonly abortAfter?: number;
}

/** The event loop is blocked by something else. */
export interface BlockPlan {
  readonly kind: 'block';
  readonly at: number;
  readonly milliseconds: number;
}

export type ActorPlan = PairPlan | RawClientPlan | RawServerPlan | BlockPlan;

export interface Plan {
  /** For what the network and `Math.random` choose. */
  readonly seed: number;
  readonly servers: readonly ServerPlan[];
  readonly actors: readonly ActorPlan[];
  /** When everybody who is left closes, in milliseconds. */
  readonly end: number;
}
