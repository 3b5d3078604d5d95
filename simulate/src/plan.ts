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
  /** Writes so many items of expedited data. */
  | readonly ['expedited', count: number]
  /** Reads so many items of expedited data; only where the plan says that nobody is called with them. */
  | readonly ['readExpedited', count: number]
  | readonly ['disconnect', isDisruptive: boolean]
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
  /** A CR of class 2 with class 0 as alternative; the number is that of 0xC6. */
  | readonly ['connect2', options: number]
  | readonly ['confirm']
  /** A CC of class 2 that grants these of the options asked for; of class 0 if the CR prefers that. */
  | readonly ['confirm2', options: number]
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
  /** So many ED, if expedited data was agreed on. */
  | readonly ['ed', count: number]
  /** In class 2, as the next ones: so many EA that may answer no ED, and a DT with a TSDU in the same TPKT. */
  | readonly ['concatenated', acknowledgements: number, size: number]
  /** A DR of this reason; with 0xE0 unless that is 0. */
  | readonly ['dr', reason: number, information: number]
  /** So many DR for another connection, or CR for a second one: each is answered. */
  | readonly ['foreign', what: 'DR' | 'CR', count: number]
  /** From now on answers ED by EA, and a DR by DC and FIN; or does not. It does not to begin with. */
  | readonly ['answering', boolean]
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
  /** It has no `onExpedited`: its applications read expedited data. */
  readonly readsExpedited?: boolean;
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
  /** The client has no `onExpedited`: it reads expedited data. */
  readonly readsExpedited?: boolean;
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
  readonly readsExpedited?: boolean;
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
