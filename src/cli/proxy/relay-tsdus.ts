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
import { CONNECTION_CHANNEL } from '../../node/trace/entry.js';
import { CLOSE_TIME_ON_STOP } from '../close-on-stop.js';
import { failureOf } from '../failure.js';
import { addressText } from '../format-info.js';
import type { ClientLadder, Ladder, Path } from './ladder.js';

/** Options of both kinds of proxy. */
export interface ProxyOptions {
  readonly listenAddr: Required<Address> & { readonly port: number };
  readonly target: Required<Address> & { readonly port: number };
  /** The called T-selector for the target. Default: the one that the client calls. */
  readonly remoteTsel: Tsel | undefined;
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
      bindConnections: true,
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
      const { connectData } = this.#outgoing.info;
      request.accept(connectData === undefined ? {} : { connectData });
    }
  }

  async relay(incoming: Connection): Promise<void> {
    this.#incoming = incoming;
    const outgoing = this.#outgoing;
    if (outgoing === undefined) {
      return;
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

/** True if data was lost or the protocol was violated; closing the other side by FIN would hide that. */
function isAbrupt(error: unknown): boolean {
  return error instanceof CotpError && !CLEAN_ENDINGS.includes(error.ending);
}

const CLEAN_ENDINGS: readonly (string | undefined)[] = ['fin', 'local', 'dr', undefined];

/** Ends a connection the way the other side ended: cleanly or by a reset. */
function endLike(conn: Connection, error: unknown): void {
  if (isAbrupt(error)) {
    conn.destroy();
  } else {
    conn.close();
  }
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
    if (isAbrupt(reason)) {
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
  const reason = error instanceof ConnectionRefusedError ? (error.reason ?? 0) : 0;
  // Class 0 has reasons 0 to 3 only (X.224 13.5.3).
  request.refuse(reason > 3 ? 0 : reason);
}

/** Relays every TSDU, then the end: FIN or reset. Returns the error of an abrupt end. */
async function pump(from: Connection, to: Connection, ladder: Ladder): Promise<Error | undefined> {
  try {
    for await (const tsdu of from) {
      if (!to.write(tsdu)) {
        await to.drain();
      }
      await ladder.ready();
    }
    to.end();
    return undefined;
  } catch (error) {
    // Data written in this turn is sent at the end of the turn, before the reset.
    await nextTurn();
    endLike(from, error);
    endLike(to, error);
    return error as Error;
  }
}
