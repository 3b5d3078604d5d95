/**
 * Seeing every TPDU: the `trace` option and the lines of `NODE_DEBUG=cotp`. Nothing here runs when
 * neither is asked for.
 */
import { debuglog } from 'node:util';
import { CotpError } from '../core/errors.js';
import { decode } from '../core/tpdu/decode.js';
import { describeTpdu } from '../core/tpdu/describe.js';
import type { Tpdu } from '../core/tpdu/types.js';
import { toBuffer } from './buffers.js';

/** One TPDU that was sent or received. */
export interface TraceEntry {
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
  readonly direction: 'sent' | 'received';
  /** The `name` option of the connection, if it has one. */
  readonly name: string | undefined;
  /** The peer, as `host:port`. */
  readonly peer: string;
  /** The TPDU as it is on the wire, without the TPKT header. */
  readonly octets: Buffer;
  /**
   * The TPDU decoded, worked out when first asked for; an error (`ERR_COTP_PROTOCOL`) when it cannot
   * be.
   */
  readonly tpdu: Tpdu | CotpError;
  /** One line of text, in the wording of protocol analysers. */
  toString(): string;
}

/** Takes every TPDU. What it throws is ignored. */
export type TraceListener = (entry: TraceEntry) => void;

class Entry implements TraceEntry {
  readonly time = performance.timeOrigin + performance.now();
  readonly direction: 'sent' | 'received';
  readonly name: string | undefined;
  readonly peer: string;
  readonly octets: Buffer;
  #tpdu: Tpdu | CotpError | undefined;

  constructor(
    direction: 'sent' | 'received',
    octets: Uint8Array,
    name: string | undefined,
    peer: string,
  ) {
    this.direction = direction;
    this.octets = toBuffer(octets);
    this.name = name;
    this.peer = peer;
  }

  get tpdu(): Tpdu | CotpError {
    if (this.#tpdu === undefined) {
      try {
        this.#tpdu = decode(this.octets);
      } catch (error) {
        if (!(error instanceof CotpError)) {
          throw error;
        }
        this.#tpdu = error;
      }
    }
    return this.#tpdu;
  }

  toString(): string {
    const arrow = this.direction === 'sent' ? '>' : '<';
    const who = this.name === undefined ? this.peer : `${this.name} ${this.peer}`;
    const what = this.tpdu instanceof CotpError ? this.tpdu.message : describeTpdu(this.tpdu);
    return `${arrow} ${who} ${what}`;
  }
}

/** `NODE_DEBUG=cotp` prints a line per TPDU on stderr. */
const debug = debuglog('cotp');

/** What a connection calls with every TPDU; `undefined` when nobody looks. */
export function tpduObserver(
  listener: TraceListener | undefined,
  name: string | undefined,
  peer: string,
): ((direction: 'sent' | 'received', octets: Uint8Array) => void) | undefined {
  if (listener === undefined && !debug.enabled) {
    return undefined;
  }
  return (direction, octets) => {
    const entry = new Entry(direction, octets, name, peer);
    if (debug.enabled) {
      debug('%s', entry.toString());
    }
    try {
      listener?.(entry);
    } catch {
      // A broken listener must not break the connection that it looks at.
    }
  };
}
