/**
 * The contents of a trace: one TPDU and the connection it belongs to; and the channels of `node:diagnostics_channel`
 * on which any code in the process can subscribe to TPDUs and to the events of connections.
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { CotpError } from '../../core/errors.js';
import { decode } from '../../core/tpdu/decode.js';
import { describeTpdu } from '../../core/tpdu/describe.js';
import type { Tpdu } from '../../core/tpdu/types.js';
import type { FullAddress } from '../address.js';

/** The connection of a trace entry or event. */
export interface TracedConnection {
  /** Number of the connection, unique in this thread, counted from 1. */
  readonly connection: number;
  /** The `name` option of the connection, if it has one. */
  readonly name: string | undefined;
  /** Which side of the connection this is: the one that sent the CR is the client. */
  readonly role: 'client' | 'server';
  /**
   * The address of this side: on a server behind a proxy the destination in the PROXY header. A stream without TCP
   * addresses has on a client the address given to `connect`, on a server the path on which it listens, or
   * `{ host: 'unknown', port: 0 }`.
   */
  readonly localAddr: FullAddress;
  /**
   * The address of the peer: on a server the source in the PROXY header if there is one, or what `server.accept` was
   * given; without TCP addresses the same as `localAddr`.
   */
  readonly remoteAddr: FullAddress;
}

/** One TPDU that was sent or received. */
export interface TraceEntry extends TracedConnection {
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
  /** As this side sees it. */
  readonly direction: 'sent' | 'received';
  /** The peer as `host:port`; for a client the address that was given to `connect`. */
  readonly peer: string;
  /** The encoded TPDU, 3 to 65531 octets, without the TPKT header. */
  readonly octets: Buffer;
  /**
   * The decoded TPDU, or an error (`ERR_COTP_PROTOCOL`) if it cannot be decoded. It is decoded at the first access,
   * without `strict`.
   */
  readonly tpdu: Tpdu | CotpError;
  /** One line of text, in the wording of protocol analysers. */
  toString(): string;
}

/**
 * Called with every TPDU. If it throws or rejects, the connection continues, and the first failure on each
 * connection is reported to `onError`.
 */
export type TraceListener = (entry: TraceEntry) => void;

/** Packets that a relay passes on, whole, each with a DT that is a whole TSDU: consecutive TPDUs of a connection. */
export interface TraceRun extends Pick<TraceEntry, 'time' | 'direction'> {
  readonly source: TracedConnection;
  /** With their TPKT headers. */
  readonly packets: Buffer;
  /** How many they are. */
  readonly tpdus: number;
}

/** What a listener of this package has if it takes runs at once. Any other gets an entry for each TPDU of a run. */
export const ON_RUN: unique symbol = Symbol('onRun');

/** A trace listener of this package. */
export interface RunTraceListener extends TraceListener {
  readonly [ON_RUN]?: (run: TraceRun) => void;
}

/** The time in milliseconds since 1970, with fractions. */
export function traceTime(): number {
  return performance.timeOrigin + performance.now();
}

/** The decoded TPDU, or the error of decoding. */
export function decodeOrError(octets: Uint8Array): Tpdu | CotpError {
  try {
    return decode(octets);
  } catch (error) {
    if (error instanceof CotpError) {
      return error;
    }
    throw error;
  }
}

/** The description of a TPDU in one line, or the message of the error. */
export function describeOrError(tpdu: Tpdu | CotpError): string {
  return tpdu instanceof CotpError ? tpdu.message : describeTpdu(tpdu);
}

/** The parts of an entry. */
export interface EntryParts {
  readonly source: TracedConnection;
  readonly peer: string;
  readonly direction: 'sent' | 'received';
  readonly octets: Buffer;
  readonly time?: number;
}

/** A trace entry. It decodes the TPDU at the first access. */
export class Entry implements TraceEntry {
  readonly time: number;
  readonly direction: 'sent' | 'received';
  readonly connection: number;
  readonly name: string | undefined;
  readonly role: 'client' | 'server';
  readonly localAddr: FullAddress;
  readonly remoteAddr: FullAddress;
  readonly peer: string;
  readonly octets: Buffer;
  #tpdu: Tpdu | CotpError | undefined;

  constructor({ source, peer, direction, octets, time = traceTime() }: EntryParts) {
    this.time = time;
    this.direction = direction;
    this.connection = source.connection;
    this.name = source.name;
    this.role = source.role;
    this.localAddr = source.localAddr;
    this.remoteAddr = source.remoteAddr;
    this.peer = peer;
    this.octets = octets;
  }

  get tpdu(): Tpdu | CotpError {
    this.#tpdu ??= decodeOrError(this.octets);
    return this.#tpdu;
  }

  toString(): string {
    const arrow = this.direction === 'sent' ? '>' : '<';
    const who = this.name === undefined ? this.peer : `${this.name} ${this.peer}`;
    return `${arrow} ${who} ${describeOrError(this.tpdu)}`;
  }
}

/** The same TPDU with other facts about its connection. */
export function entryOf(entry: TraceEntry, changes: Partial<TracedConnection>): TraceEntry {
  const { connection, name, role, localAddr, remoteAddr } = entry;
  const source = { connection, name, role, localAddr, remoteAddr, ...changes };
  const { peer, direction, octets, time } = entry;
  return new Entry({ source, peer, direction, octets, time });
}

/** Channel of every TPDU of this process; its messages are `TraceEntry`. */
export const TPDU_CHANNEL = 'cotp:tpdu';

/** Channel of the events of connections; its messages are `ConnectionEvent`. */
export const CONNECTION_CHANNEL = 'cotp:connection';

export const tpduChannel: Channel = channel(TPDU_CHANNEL);
export const connectionChannel: Channel = channel(CONNECTION_CHANNEL);
