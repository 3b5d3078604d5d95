/**
 * `relay`: passes TSDUs between two connections until both have ended, and how they ended.
 */
import process from 'node:process';
import type { Disconnection } from '../core/disconnection.js';
import { CotpError } from '../core/errors.js';
import { Connection } from './connection/connection.js';
import { instance, optional, resolveOptions, wrongType } from './options/rows.js';
import { type RelayGate, RelayLeg, type RelayOwner } from './relay-leg.js';
import { type Deferred, deferred, whenAborted } from './waiting.js';

/** Options of {@link relay}. */
export interface RelayOptions {
  /**
   * Closes both connections when it aborts, as {@link Connection.close} does: what was passed on before is still sent.
   * Once a connection is closing, which its own `signal` says, the relay ends anyway, and this has no effect. Default: the
   * relay works until a connection ends.
   *
   * @defaultValue `undefined`
   */
  readonly signal?: AbortSignal | undefined;
}

const RELAY_OPTIONS = { signal: optional(instance(AbortSignal, 'an AbortSignal')) };

/** What was relayed in one direction. */
export interface RelayedData {
  /** Whole TSDUs that were passed on. */
  readonly tsdus: number;
  /** Their octets. */
  readonly octets: number;
  /** Expedited data units that were passed on, each of 1 to 16 octets. */
  readonly expedited: number;
  /** Octets of user data, normal and expedited, that were received but not handed to the byte stream of the other side. */
  readonly unsent: number;
}

/** How a relay ended, and what it has passed on. Frozen. */
export interface RelayResult {
  /**
   * The side whose peer was the first to end: by FIN, a DR, a reset, or an error. `'local'` if this program was: by
   * `close()`, `destroy()` or `disconnect()` on either connection, or by expedited data that could not be passed on.
   */
  readonly closedBy: 'a' | 'b' | 'local';
  /** How the first connection ended: `ending`, the reason and user data of a DR. */
  readonly a: Disconnection;
  /** How the second connection ended. */
  readonly b: Disconnection;
  /** From the peer of the first connection to that of the second. */
  readonly aToB: RelayedData;
  /** From the peer of the second connection to that of the first. */
  readonly bToA: RelayedData;
  /** The first failure of either side; `undefined` if both ended cleanly. */
  readonly error: CotpError | undefined;
}

/**
 * Passes everything that each of two connections receives to the other, until both are closed. TSDUs keep their
 * boundaries and their order; those that wait to be read go first. Nobody else can read the connections: `read()` and
 * the like reject with `ERR_COTP_BUSY`. `write()` still adds a TSDU between those that are relayed.
 *
 * - Backpressure: a connection is not read while more than `writeHighWaterMark` octets wait on the other, so memory is
 *   bounded by that, `maxTsduSize` and a chunk of 64 KiB. Expedited data waits in TCP meanwhile. Until the EA of expedited
 *   data comes, the connection is read on up to `maxWriteBuffer` of the other, for the EA may come behind data.
 * - FIN is passed on as FIN, and the other direction stays open: the relay needs no `allowHalfOpen`. It only matters for a
 *   FIN that comes before `relay` is called. Class 2 has no half-close: a FIN closes a connection of class 2 by a DR, and
 *   later answers of its peer are lost.
 * - A DR is passed on with its reason, its user data and up to 32 octets of additional information (0xE0). A reason that
 *   X.224 does not define becomes 0, and 0xE0 = 0x80 is left out unless the reason is 128. A DR with reason 128 although
 *   data is lost, that of its sender or of the other side, is passed on as a reset, unless it says that it aborts
 *   (0xE0 = 0xC0). To a connection of class 0, which has no such DR, a DR that reports a clean end is
 *   passed on as FIN, any other as a reset.
 * - Any other end is passed on as a reset, 500 ms after the system accepted the last data, and at most 500 ms after the
 *   end: a reset, an error of the protocol, a limit, a timeout, the end of TCP within a TSDU, and in class 2 the end of
 *   TCP without a DR. Data that the peer has not received by then is lost; `unsent` does not count what the system had
 *   accepted.
 * - `close()` of one connection closes the other; `destroy()` resets the other.
 * - Expedited data is passed on as such. If it comes and the other connection has not agreed on it, both connections are
 *   reset, and `error` of the result has the code `ERR_COTP_NO_EXPEDITED`. So agree on it for both, or for none.
 *   `onExpedited` is no longer called.
 *
 * No promise is created for a TSDU, and small TSDUs that arrive in one chunk are sent in one batch.
 *
 * @param a a connection from {@link connect} or {@link listen}. If its peer has ended it already, the TSDUs that wait are
 * passed on, then its end
 * @param b another one, of any class and TPDU size
 * @returns how both ended, once both are closed
 * @throws TypeError for an argument that is no connection, twice the same connection, or a bad option; the connections
 * stay as they are
 * @throws CotpError (`ERR_COTP_BUSY`) when a connection is being read or relayed; the connections stay as they are
 * @throws CotpError (`ERR_COTP_CLOSED`) when this side has closed a connection; the other one stays as it is
 * @throws the reason of `signal` when that aborts: at once if it has aborted already, and the connections stay as they
 * are; otherwise once both are closed
 *
 * @example
 * ```ts
 * import { connect, listen, type RelayResult, relay } from 'cotp';
 *
 * const anyPort = { host: '127.0.0.1', port: 0 };
 * const target = await listen((peer) => void peer.read().then((tsdu) => peer.write(tsdu)), anyPort);
 * const relays: Promise<RelayResult>[] = [];
 * const server = await listen(async (incoming) => {
 *   const outgoing = await connect(target.addresses[0] ?? anyPort, { signal: incoming.signal });
 *   relays.push(relay(incoming, outgoing));
 * }, anyPort);
 * const conn = await connect(server.addresses[0] ?? anyPort);
 * conn.write(Buffer.from('by relay'));
 * console.log(String(await conn.read())); // by relay
 * await conn.asyncClose();
 * const [result] = await Promise.all(relays);
 * console.log(result?.closedBy, result?.aToB.tsdus, result?.aToB.octets); // a 1 8
 * await server.asyncClose();
 * await target.asyncClose();
 * ```
 */
export async function relay(
  a: Connection,
  b: Connection,
  options: RelayOptions = {},
): Promise<RelayResult> {
  checkConnection('a', a);
  checkConnection('b', b);
  if (a === b) {
    throw new TypeError('b must be another connection than a');
  }
  const { signal } = resolveOptions(RELAY_OPTIONS, options);
  signal?.throwIfAborted();
  const refusal = a.relayRefusal ?? b.relayRefusal;
  if (refusal !== undefined) {
    throw refusal;
  }
  return relayBetween(a, b, { signal });
}

function checkConnection(name: string, value: unknown): void {
  if (!(value instanceof Connection)) {
    throw wrongType(name, 'a Connection of connect() or listen()', value);
  }
}

/** What {@link relayBetween} has beside the options of users. */
export interface RelayControls extends RelayOptions {
  /** Holds up both directions. */
  readonly gate?: RelayGate;
}

/**
 * The same without the checks. A connection may have ended already: what waits to be read on it is passed on, then its
 * end.
 */
export function relayBetween(
  a: Connection,
  b: Connection,
  controls: RelayControls,
): Promise<RelayResult> {
  return new Relay(a, b, controls).run();
}

/** A running relay. */
class Relay implements RelayOwner {
  readonly #a: RelayLeg;
  readonly #b: RelayLeg;
  readonly #ended: Deferred<RelayResult> = deferred();
  readonly #signal: AbortSignal | undefined;
  #stopWatching: (() => void) | undefined;
  #isAborted = false;
  #closedBy: RelayResult['closedBy'] | undefined;
  #error: CotpError | undefined;

  constructor(a: Connection, b: Connection, { signal, gate }: RelayControls) {
    this.#a = new RelayLeg(a, this, gate);
    this.#b = new RelayLeg(b, this, gate);
    this.#signal = signal;
    RelayLeg.join(this.#a, this.#b);
  }

  run(): Promise<RelayResult> {
    if (this.#signal !== undefined) {
      this.#stopWatching = whenAborted(this.#signal, () => this.#abort());
    }
    this.#a.start();
    this.#b.start();
    return this.#ended.promise;
  }

  onEnding(leg: RelayLeg, isLocal: boolean, error: CotpError | undefined): void {
    this.#closedBy ??= isLocal ? 'local' : leg === this.#a ? 'a' : 'b';
    this.#error ??= error;
  }

  onNoExpedited(leg: RelayLeg): void {
    const [from, to] = leg === this.#a ? ['a', 'b'] : ['b', 'a'];
    const error = new CotpError(
      'ERR_COTP_NO_EXPEDITED',
      `expedited data came on connection ${from}, but connection ${to} has not agreed on any`,
      {
        ending: 'local',
        hint: 'agree on expedited data for both connections of a relay, or for none',
      },
    );
    this.#closedBy ??= 'local';
    this.#error ??= error;
    this.#a.stop();
    this.#b.stop();
    // Not in the middle of a chunk.
    process.nextTick(() => {
      this.#a.connection.destroy(error);
      this.#b.connection.destroy(error);
    });
  }

  onClosed(): void {
    if (!this.#a.connection.isClosed || !this.#b.connection.isClosed) {
      return;
    }
    this.#stopWatching?.();
    if (this.#isAborted) {
      this.#ended.reject(this.#signal?.reason);
    } else {
      this.#ended.resolve(this.#result());
    }
  }

  #abort(): void {
    const connections = [this.#a.connection, this.#b.connection];
    // The signal of a connection aborts before the end of that connection is passed on to the other.
    if (connections.some(({ isOpen }) => !isOpen)) {
      return;
    }
    this.#isAborted = true;
    for (const connection of connections) {
      connection.close();
    }
  }

  #result(): RelayResult {
    const a = this.#a.connection.disconnection as Disconnection;
    const b = this.#b.connection.disconnection as Disconnection;
    return Object.freeze({
      closedBy: this.#closedBy ?? 'local',
      a,
      b,
      aToB: relayedData(this.#a, b),
      bToA: relayedData(this.#b, a),
      error: this.#error,
    });
  }
}

/** @param to how the connection ended to which the data went */
function relayedData({ counts }: RelayLeg, to: Disconnection): RelayedData {
  const { tsdus, octets, expedited, lost } = counts;
  return Object.freeze({ tsdus, octets, expedited, unsent: lost + to.unsent });
}
