/**
 * A proxy that ends both connections itself and hands on TSDUs: each side has its own sizes and
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
  type ConnectRequest,
  ConnectionRefusedError,
  CotpError,
  connect,
  type FullAddress,
  listen,
  type Server,
  type TraceEntry,
  type Tsel,
} from '../../index.js';
import { CONNECTION_CHANNEL } from '../../node/trace/entry.js';
import { failureOf } from '../failure.js';
import { addressText, CLOSING_TIME_ON_STOP } from '../report.js';
import type { CallOnLadder, Ladder, Way } from './ladder.js';

/** What both kinds of proxy are told. */
export interface ProxyOptions {
  readonly listenAddr: Required<Address> & { readonly port: number };
  readonly target: Required<Address> & { readonly port: number };
  /** Called instead of what the client calls. */
  readonly remoteTsel: Tsel | undefined;
  readonly ladder: Ladder;
  /** Every TPDU of both legs, for files. */
  readonly record: (entry: TraceEntry) => void;
  /** The end of a leg that the library has not opened. */
  readonly ended: (connection: number, how: 'fin' | 'reset', by: 'local' | 'remote') => void;
}

/** A proxy at work. */
export interface RunningProxy {
  readonly addresses: Server['addresses'];
  /** Closes what it listens on and what it relays. */
  close(): Promise<void>;
}

/** The answer of the target may come long after the end of the client's requests. */
const HALF_OPEN = { allowHalfOpen: true };

export async function relayTsdus(options: ProxyOptions): Promise<RunningProxy> {
  const { listenAddr, ladder, record } = options;
  /** Those that are connected, by the address of the client. */
  const calls = new Map<string, Call>();
  const working = new Set<Promise<void>>();
  const callOf = (client: FullAddress, time?: number): Call => {
    const peer = addressText(client);
    let call = calls.get(peer);
    if (call === undefined) {
      call = new Call(ladder.opened(client, time), options);
      calls.set(peer, call);
    }
    return call;
  };
  // Only this tells of the end of a client that never had a connection.
  const seeEnd = (message: unknown) => {
    const { event, role, remoteAddr } = message as ConnectionEvent;
    if (event === 'close' && role === 'server') {
      calls.delete(addressText(remoteAddr));
    }
  };
  subscribe(CONNECTION_CHANNEL, seeEnd);
  const server = await listen(
    (incoming) => {
      const relaying = callOf(incoming.info.remoteAddr).relay(incoming);
      working.add(relaying);
      return relaying.finally(() => working.delete(relaying));
    },
    listenAddr,
    {
      ...HALF_OPEN,
      bindConnections: true,
      trace: (entry) => {
        record(entry);
        const way = entry.direction === 'received' ? 'client to proxy' : 'proxy to client';
        callOf(entry.remoteAddr, entry.time).show(way, entry);
      },
      onConnectRequest: (request) => callOf(request.remoteAddr).answer(request),
      onError: (error, { peer }) => {
        const call = calls.get(peer);
        if (call === undefined) {
          ladder.failed(`${peer}: ${failureOf(error).sentence}`);
        } else {
          call.failed(error);
        }
      },
    },
  );
  return {
    addresses: server.addresses,
    async close() {
      const timer = setTimeout(() => {
        for (const call of calls.values()) {
          call.drop();
        }
      }, CLOSING_TIME_ON_STOP);
      await server.asyncClose();
      await Promise.all(working);
      clearTimeout(timer);
      unsubscribe(CONNECTION_CHANNEL, seeEnd);
    },
  };
}

/** One connection that came in, and the one that goes on from it. */
class Call {
  readonly #onLadder: CallOnLadder;
  readonly #options: ProxyOptions;
  #incoming: Connection | undefined;
  #outgoing: Connection | undefined;
  #hasFailed = false;

  constructor(onLadder: CallOnLadder, options: ProxyOptions) {
    this.#onLadder = onLadder;
    this.#options = options;
  }

  show(way: Way, entry: TraceEntry): void {
    const isCounted = way === 'client to proxy' || way === 'target to proxy';
    this.#onLadder.tpdu(way, entry, isCounted);
  }

  /** One failure brings others; only the first is shown. A refusal is none: the ladder shows it. */
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

  /** Asks the target what the client asks, and gives its answer. */
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
    // An end that no reader sees, for the other side takes nothing: it is passed on all the same.
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

/** Octets were lost or rules broken: an end by FIN would hide that. */
function isAbrupt(error: unknown): boolean {
  return error instanceof CotpError && !CLEAN_ENDINGS.includes(error.ending);
}

const CLEAN_ENDINGS: readonly (string | undefined)[] = ['fin', 'local', 'dr', undefined];

/** Ends a connection as the other side has ended: cleanly, or by a reset. */
function endLike(conn: Connection, error: unknown): void {
  if (isAbrupt(error)) {
    conn.destroy();
  } else {
    conn.close();
  }
}

/** A side that has ended leaves the other so many milliseconds to take what came before the end. */
const TIME_FOR_THE_REST = 500;

/** Ends `other` too when `conn` closes; at once when this side closes it. Gives what undoes it. */
function endAlso(conn: Connection, other: Connection): () => void {
  let timer: NodeJS.Timeout | undefined;
  const ended = () => {
    const { reason } = conn.signal;
    if (isAbrupt(reason)) {
      timer = setTimeout(() => other.destroy(), TIME_FOR_THE_REST);
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

/** Gives the client what the target has given: a reason, or the end of TCP. */
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
  // Class 0 knows 0 to 3 only (X.224 13.5.3).
  request.refuse(reason > 3 ? 0 : reason);
}

/** Hands on every TSDU and then the end, of the kind that it is. */
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
    // What was written in this turn leaves at its end, before the reset.
    await nextTurn();
    endLike(from, error);
    endLike(to, error);
    return error as Error;
  }
}
