/**
 * A proxy that terminates both connections and relays TSDUs: each side has its own TPDU size and
 * references.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { Socket } from 'node:net';
import {
  type Connection,
  type ConnectionEvent,
  ConnectionRefusedError,
  type ConnectRequest,
  CotpError,
  connect,
  type FullAddress,
  listen,
  type TracedConnection,
  type TraceEntry,
  type TraceListener,
} from '../../index.js';
import { DR_REASONS, isRefusalReason, TPKT_HEADER_LENGTH } from '../../node/codes.js';
import { relayBetween } from '../../node/relay.js';
import { resetStream } from '../../node/stream/streams.js';
import { CONNECTION_CHANNEL, entryOf, ON_RUN, type TraceRun } from '../../node/trace/entry.js';
import { CLOSE_TIME_ON_STOP } from '../close-on-stop.js';
import { failureOf } from '../output/failure.js';
import { addressText } from '../output/format-info.js';
import type { Path } from './joined-legs.js';
import type { ClientLadder } from './ladder.js';
import type { ProxyOptions, RunningProxy } from './proxy-options.js';

/** A client may send FIN long before the target has answered. */
const HALF_OPEN = { allowHalfOpen: true };

export async function relayTsdus(options: ProxyOptions): Promise<RunningProxy> {
  const { listenAddr, ladder } = options;
  /** The open connection pairs, by the address of the client. */
  const pairs = new Map<string, ConnectionPair>();
  /** The same by the number of the connection, for the trace: making the text of an address takes time for each TPDU. */
  const traced = new Map<number, ConnectionPair>();
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
  const tracedPair = ({ connection, remoteAddr }: TracedConnection, time: number) => {
    let pair = traced.get(connection);
    if (pair === undefined) {
      pair = pairOf(remoteAddr, time);
      traced.set(connection, pair);
    }
    return pair;
  };
  // Only this channel reports the end of a client whose connection was never established.
  const onChannelEvent = (message: unknown) => {
    const { event, role, remoteAddr, connection } = message as ConnectionEvent;
    if (event === 'close' && role === 'server') {
      pairs.delete(addressText(remoteAddr));
      traced.delete(connection);
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
      tls: options.clientTls,
      bindConnections: true,
      trace: listener(
        options,
        (entry) => {
          const pair = tracedPair(entry, entry.time);
          const path = entry.direction === 'received' ? 'client to proxy' : 'proxy to client';
          pair.show(path, entryOf(entry, { name: pair.name }));
        },
        (run) => tracedPair(run.source, run.time).showRun(run),
      ),
      onConnectRequest: (request) => pairOf(request.remoteAddr).answer(request),
      onError: (error, { peer }) => {
        const pair = pairs.get(peer);
        if (pair === undefined) {
          ladder.failed(`${peer}: ${failureOf(error).sentence}`, error);
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
  #namedServer: TracedConnection | undefined;
  #hasFailed = false;

  constructor(onLadder: ClientLadder, options: ProxyOptions) {
    this.#onLadder = onLadder;
    this.#options = options;
  }

  /** The name of both connections in traces. */
  get name(): string {
    return `#${this.#onLadder.number}`;
  }

  show(path: Path, entry: TraceEntry): void {
    this.#options.record(entry, this.#onLadder.number);
    this.#onLadder.tpdu(path, entry);
  }

  showRun(run: TraceRun): void {
    const { source, packets, tpdus } = run;
    this.#options.recordRun?.(this.#named(source), run, this.#onLadder.number);
    this.#onLadder.run(tpdus, packets.length - tpdus * TPKT_HEADER_LENGTH);
  }

  /** A connection with the name of the pair: a server gives all its connections the same. */
  #named(source: TracedConnection): TracedConnection {
    if (source.role === 'client') {
      return source;
    }
    this.#namedServer ??= { ...source, name: this.name };
    return this.#namedServer;
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
    const { target, remoteTsel, localAddress, targetTls } = this.#options;
    try {
      this.#outgoing = await connect(target, {
        ...HALF_OPEN,
        localAddress,
        tls: targetTls,
        localTsel: request.remoteTsel,
        remoteTsel: remoteTsel ?? request.localTsel,
        maxTpduSize:
          request.tpdu.parameters.preferredMaxTpduSize === undefined ? undefined : 65_531,
        connectData: request.connectData,
        ...this.#offerOf(request),
        name: this.name,
        signal: request.signal,
        trace: listener(
          this.#options,
          (entry) => {
            this.show(entry.direction === 'sent' ? 'proxy to target' : 'target to proxy', entry);
          },
          (run) => this.showRun(run),
        ),
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

  /** Relays everything, from what waits on either side to how both ended. */
  async relay(incoming: Connection): Promise<void> {
    this.#incoming = incoming;
    const outgoing = this.#outgoing;
    if (outgoing === undefined) {
      return;
    }
    // With --json no event may be lost, so relaying waits for the reader of the ladder.
    const { error } = await relayBetween(incoming, outgoing, { gate: this.#options.ladder });
    if (error !== undefined) {
      this.failed(error);
    }
    this.#onLadder.closed('both sides are closed');
  }
}

/** A trace listener that takes what is relayed together at once, if nothing needs each TPDU. */
function listener(
  { recordRun }: ProxyOptions,
  onTpdu: (entry: TraceEntry) => void,
  onRun: (run: TraceRun) => void,
): TraceListener {
  return recordRun === undefined ? onTpdu : Object.assign(onTpdu, { [ON_RUN]: onRun });
}

/** Refuses the client the way the target refused: with the same reason, or by closing TCP. */
async function refuseLike(error: Error, request: ConnectRequest): Promise<void> {
  const { phase, ending } = error instanceof CotpError ? error : {};
  const isDropped = phase === 'cr-sent' && (ending === 'reset' || ending === 'fin');
  if (isDropped && request.socket instanceof Socket) {
    const gone = once(request.signal, 'abort');
    if (ending === 'reset') {
      resetStream(request.socket);
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
