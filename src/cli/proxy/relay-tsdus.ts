/**
 * A proxy that terminates both connections and relays TSDUs: each side has its own TPDU size and
 * references.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Address,
  type Connection,
  ConnectionClosedError,
  type ConnectionEvent,
  ConnectionRefusedError,
  type ConnectRequest,
  CotpError,
  connect,
  type FullAddress,
  listen,
  type Server,
  type TraceEntry,
  type Tsel,
} from '../../index.js';
import { DR_REASONS, isRefusalReason } from '../../node/codes.js';
import { disconnectLike } from '../../node/connection.js';
import { CONNECTION_CHANNEL } from '../../node/trace/entry.js';
import { CLOSE_TIME_ON_STOP } from '../close-on-stop.js';
import { failureOf } from '../failure.js';
import { addressText } from '../format-info.js';
import type { classOptions } from '../options/transport-class.js';
import type { ClientLadder, Ladder, Path } from './ladder.js';

/** Options of both kinds of proxy. */
export interface ProxyOptions {
  readonly listenAddr: Required<Address> & { readonly port: number };
  readonly target: Required<Address> & { readonly port: number };
  /** The called T-selector for the target. Default: the one that the client calls. */
  readonly remoteTsel: Tsel | undefined;
  /** The transport classes and the expedited data that clients may have, if the target has them too. */
  readonly transport: ReturnType<typeof classOptions>;
  readonly ladder: Ladder;
  /** Called with every TPDU of both legs, to write it to files. */
  readonly record: (entry: TraceEntry) => void;
  /** Called when a leg ends that the library did not open. */
  readonly ended: (connection: number, how: 'fin' | 'reset', by: 'local' | 'remote') => void;
}

/** A running proxy. */
export interface RunningProxy {
  readonly addresses: Server['addresses'];
  /** Stops listening and closes all connections. */
  close(): Promise<void>;
}

/** A client may send FIN long before the target has answered. */
const HALF_OPEN = { allowHalfOpen: true };

export async function relayTsdus(options: ProxyOptions): Promise<RunningProxy> {
  const { listenAddr, ladder, record } = options;
  /** The open connection pairs, by the address of the client. */
  const pairs = new Map<string, ConnectionPair>();
  const working = new Set<Promise<void>>();
  const pairOf = (client: FullAddress, time?: number): ConnectionPair => {
    const peer = addressText(client);
    let pair = pairs.get(peer);
    if (pair === undefined) {
      pair = new ConnectionPair(ladder.opened(client, time), options);
      pairs.set(peer, pair);
    }
    return pair;
  };
  // Only this channel reports the end of a client whose connection was never established.
  const onChannelEvent = (message: unknown) => {
    const { event, role, remoteAddr } = message as ConnectionEvent;
    if (event === 'close' && role === 'server') {
      pairs.delete(addressText(remoteAddr));
    }
  };
  subscribe(CONNECTION_CHANNEL, onChannelEvent);
  const server = await listen(
    (incoming) => {
      const relaying = pairOf(incoming.info.remoteAddr).relay(incoming);
      working.add(relaying);
      return relaying.finally(() => working.delete(relaying));
    },
    listenAddr,
    {
      ...HALF_OPEN,
      ...options.transport,
      bindConnections: true,
      onExpedited: (data, conn) => pairOf(conn.info.remoteAddr).relayExpedited(data, conn),
      trace: (entry) => {
        record(entry);
        const path = entry.direction === 'received' ? 'client to proxy' : 'proxy to client';
        pairOf(entry.remoteAddr, entry.time).show(path, entry);
      },
      onConnectRequest: (request) => pairOf(request.remoteAddr).answer(request),
      onError: (error, { peer }) => {
        const pair = pairs.get(peer);
        if (pair === undefined) {
          ladder.failed(`${peer}: ${failureOf(error).sentence}`);
        } else {
          pair.failed(error);
        }
      },
    },
  );
  return {
    addresses: server.addresses,
    async close() {
      const timer = setTimeout(() => {
        for (const pair of pairs.values()) {
          pair.drop();
        }
      }, CLOSE_TIME_ON_STOP);
      await server.asyncClose();
      await Promise.all(working);
      clearTimeout(timer);
      unsubscribe(CONNECTION_CHANNEL, onChannelEvent);
    },
  };
}

/** The connection of a client and the connection to the target for it. */
class ConnectionPair {
  readonly #onLadder: ClientLadder;
  readonly #options: ProxyOptions;
  #incoming: Connection | undefined;
  #outgoing: Connection | undefined;
  /** Expedited data of the target that came before the client had its CC. */
  readonly #early: Buffer[] = [];
  #hasFailed = false;

  constructor(onLadder: ClientLadder, options: ProxyOptions) {
    this.#onLadder = onLadder;
    this.#options = options;
  }

  show(path: Path, entry: TraceEntry): void {
    const isCounted = path === 'client to proxy' || path === 'target to proxy';
    this.#onLadder.tpdu(path, entry, isCounted);
  }

  /** Reports the first failure; the others follow from it. A refusal is no failure: the ladder shows it. */
  failed(error: Error): void {
    if (!this.#hasFailed && !(error instanceof ConnectionRefusedError)) {
      this.#hasFailed = true;
      this.#onLadder.failed(failureOf(error).sentence, error);
    }
  }

  /** Resets both sides. */
  drop(): void {
    this.#incoming?.destroy();
    this.#outgoing?.destroy();
  }

  /** Sends the request of the client to the target, and answers the client as the target answers. */
  async answer(request: ConnectRequest): Promise<void> {
    const { target, remoteTsel, record } = this.#options;
    try {
      this.#outgoing = await connect(target, {
        ...HALF_OPEN,
        localTsel: request.remoteTsel,
        remoteTsel: remoteTsel ?? request.localTsel,
        maxTpduSize:
          request.tpdu.parameters.preferredMaxTpduSize === undefined ? undefined : 65_531,
        connectData: request.connectData,
        ...this.#offerOf(request),
        onExpedited: (data, conn) => this.relayExpedited(data, conn),
        name: `#${this.#onLadder.number}`,
        signal: request.signal,
        trace: (entry) => {
          record(entry);
          this.show(entry.direction === 'sent' ? 'proxy to target' : 'target to proxy', entry);
        },
      });
    } catch (error) {
      if (!request.signal.aborted) {
        this.failed(error as Error);
        await refuseLike(error as Error, request);
      }
      return;
    }
    if (request.signal.aborted) {
      this.#outgoing.close();
    } else {
      const { connectData, tpClass, expedited, expeditedAck } = this.#outgoing.info;
      request.accept({ connectData, tpClass, expedited, expeditedAck });
    }
  }

  /**
   * What the client offers, as far as the proxy may relay it. The answer of the target is that of the proxy, so
   * both sides have the same class, and expedited data only if both have agreed on it (RFC 2126 4.2.2).
   */
  #offerOf({ tpClasses, expedited, expeditedAck }: ConnectRequest) {
    const { transport } = this.#options;
    const [best = 0, other] = tpClasses;
    const isAsked = transport.expedited === true && expedited;
    return {
      tpClass: best === 2 && other === 0 ? ('2,0' as const) : best,
      expedited: isAsked,
      expeditedAck: isAsked && best === 2 && transport.expeditedAck === true && expeditedAck,
    };
  }

  /** Relays expedited data to the other side, ahead of TSDUs that wait there. */
  relayExpedited(data: Buffer, from: Connection): void {
    if (from === this.#incoming) {
      sendExpedited(data, this.#outgoing);
    } else if (this.#incoming === undefined) {
      this.#early.push(data);
    } else {
      sendExpedited(data, this.#incoming);
    }
  }

  async relay(incoming: Connection): Promise<void> {
    this.#incoming = incoming;
    const outgoing = this.#outgoing;
    if (outgoing === undefined) {
      return;
    }
    for (const data of this.#early.splice(0)) {
      sendExpedited(data, incoming);
    }
    // `pump` does not notice an end while it waits for the other side; endAlso relays it.
    const timers = [endAlso(incoming, outgoing), endAlso(outgoing, incoming)];
    const { ladder } = this.#options;
    const failures = await Promise.all([
      pump(incoming, outgoing, ladder),
      pump(outgoing, incoming, ladder),
    ]);
    const failure = failures.find((each) => each !== undefined);
    await Promise.all([incoming.asyncClose(), outgoing.asyncClose()]);
    for (const stop of timers) {
      stop();
    }
    if (failure !== undefined) {
      this.failed(failure);
    }
    this.#onLadder.closed('both sides are closed');
  }
}

/** Sends expedited data, unless the connection is closing: `pump` relays how it ended. */
function sendExpedited(data: Buffer, to: Connection | undefined): void {
  if (to?.isOpen === true) {
    to.writeExpedited(data);
  }
}

/** True if data was lost or the protocol was violated; closing the other side cleanly would hide that. */
function isAbrupt(error: unknown, { info }: Connection): boolean {
  // In class 2 the end of TCP without a DR is an error (X.224 6.8).
  const clean = info.tpClass === 2 ? CLEAN_ENDINGS_OF_CLASS_2 : CLEAN_ENDINGS;
  return error instanceof CotpError && !clean.includes(error.ending);
}

const CLEAN_ENDINGS_OF_CLASS_2: readonly (string | undefined)[] = ['local', 'dr', undefined];
const CLEAN_ENDINGS: readonly (string | undefined)[] = ['fin', ...CLEAN_ENDINGS_OF_CLASS_2];

/** Longest additional information that is relayed: a DR of class 2 must fit in 128 octets. */
const MAX_ADDITIONAL_INFO = 32;

/** Ends a connection the way the other side ended: cleanly, by the same DR, or by a reset. */
function endLike(conn: Connection, error: unknown): void {
  if (isAbrupt(error, conn)) {
    conn.destroy();
  } else if (conn.info.tpClass === 2 && isDr(error)) {
    const { reason, userData, additionalInfo } = error;
    const isShort = additionalInfo === undefined || additionalInfo.length <= MAX_ADDITIONAL_INFO;
    disconnectLike(conn, {
      reason,
      userData,
      additionalInfo: isShort ? additionalInfo : undefined,
    });
  } else {
    conn.close();
  }
}

function isDr(error: unknown): error is ConnectionClosedError {
  return error instanceof ConnectionClosedError && error.ending === 'dr';
}

/** After a reset, milliseconds for the other side to receive the data that came before the reset. */
const FLUSH_TIME = 500;

/**
 * Ends `other` when `conn` ends; at once if the proxy itself closes it. Returns a function that undoes
 * this.
 */
function endAlso(conn: Connection, other: Connection): () => void {
  let timer: NodeJS.Timeout | undefined;
  const ended = () => {
    const { reason } = conn.signal;
    if (isAbrupt(reason, conn)) {
      timer = setTimeout(() => other.destroy(), FLUSH_TIME);
    } else if (reason instanceof CotpError && reason.ending === 'local') {
      other.close();
    }
  };
  conn.signal.addEventListener('abort', ended, { once: true });
  if (conn.signal.aborted) {
    ended();
  }
  return () => {
    clearTimeout(timer);
    conn.signal.removeEventListener('abort', ended);
  };
}

/** Refuses the client the way the target refused: with the same reason, or by closing TCP. */
async function refuseLike(error: Error, request: ConnectRequest): Promise<void> {
  const { phase, ending } = error instanceof CotpError ? error : {};
  const isDropped = phase === 'cr-sent' && (ending === 'reset' || ending === 'fin');
  if (isDropped && request.socket instanceof Socket) {
    const gone = once(request.signal, 'abort');
    if (ending === 'reset') {
      request.socket.resetAndDestroy();
    } else {
      request.socket.destroySoon();
      request.socket.resume();
    }
    await gone;
    return;
  }
  const { reason = DR_REASONS.notSpecified, userData } =
    error instanceof ConnectionRefusedError ? error : {};
  const preferredClass = request.tpdu.class;
  const sendable = isRefusalReason(reason, preferredClass) ? reason : DR_REASONS.notSpecified;
  // The refusal of a CR of class 0 has no user data (X.224 6.6.3).
  const hasData = preferredClass !== 0 && userData !== undefined && userData.length > 0;
  request.refuse(sendable, hasData ? { userData } : {});
}

/** Relays every TSDU, then the end: FIN, DR or reset. Returns the error of an abrupt end. */
async function pump(from: Connection, to: Connection, ladder: Ladder): Promise<Error | undefined> {
  try {
    for await (const tsdu of from) {
      if (!to.write(tsdu)) {
        await to.drain();
      }
      await ladder.ready();
    }
    if (to.info.tpClass === 2) {
      endLike(to, from.signal.reason);
    } else {
      to.end();
    }
    return undefined;
  } catch (error) {
    // Data written in this turn is sent at the end of the turn, before the reset.
    await nextTurn();
    endLike(from, error);
    endLike(to, error);
    return error as Error;
  }
}
