/**
 * Reports the TPDUs and events of one connection to the `trace` option, the diagnostics channels and
 * `NODE_DEBUG=cotp`. If none of them is in use, a TPDU costs two property reads.
 */
import { debuglog } from 'node:util';
import type { ConnectionObserver } from '../../core/data-transfer/observer.js';
import { payloads } from '../../core/tpkt/header.js';
import { type Ends, type FullAddress, formatAddress, UNKNOWN_ADDRESS } from '../address.js';
import { toBuffer } from '../buffers.js';
import { settle } from '../callbacks.js';
import type { ConnectionInfo } from '../connection/connection.js';
import type { CloseObserver, Driver } from '../stream/driver.js';
import {
  connectionChannel,
  Entry,
  ON_RUN,
  type RunTraceListener,
  type TraceListener,
  tpduChannel,
  traceTime,
} from './entry.js';
import type {
  ConnectionClose,
  ConnectionDropped,
  ConnectionEvent,
  ConnectionFailed,
  ConnectionOpen,
  ConnectionRefused,
  ConnectionRequested,
  EventBase,
  EventSource,
} from './events.js';

/** `NODE_DEBUG=cotp` prints a line per TPDU on stderr. */
const debug = debuglog('cotp');

const UNKNOWN_ENDS: Ends = { localAddr: UNKNOWN_ADDRESS, remoteAddr: UNKNOWN_ADDRESS };

let lastConnection = 0;

/** The number of a new connection. */
export function takeConnectionNumber(): number {
  lastConnection += 1;
  return lastConnection;
}

/** The options of a connection that its trace uses. */
export interface TraceOptions {
  readonly trace: TraceListener | undefined;
  readonly name: string | undefined;
}

/** What identifies a connection, beside its addresses. */
export interface TraceIdentity {
  readonly id?: number;
  readonly server?: FullAddress | undefined;
}

/** The trace of one connection. */
export class ConnectionTrace implements ConnectionObserver, CloseObserver {
  /** The number of the connection. */
  readonly id: number;
  readonly #role: 'client' | 'server';
  readonly #peer: FullAddress;
  /** `undefined` once the connection is open: then its `info` has the addresses. */
  #ends: (() => Ends) | undefined;
  readonly #listener: RunTraceListener | undefined;
  readonly #name: string | undefined;
  readonly #report: (thrown: unknown) => void;
  readonly #server: FullAddress | undefined;
  #hasFailed = false;
  /**
   * The `trace` option or `NODE_DEBUG` requests this connection, whether or not the channel has subscribers.
   */
  readonly #isWanted: boolean;
  /** Created with the first entry or event; `undefined` while none was published. */
  #source: EventSource | undefined;
  /** `undefined` until the connection is open. */
  #info: ConnectionInfo | undefined;

  /**
   * @param peer the peer as this side knows it
   * @param ends returns the addresses once the stream is connected; called with the first entry
   * @param report receives the first failure of the `trace` listener
   * @param identity the number, a new one by default; `server`: the address on which the server listens
   */
  constructor(
    role: 'client' | 'server',
    peer: FullAddress,
    ends: () => Ends,
    { trace, name }: TraceOptions,
    report: (thrown: unknown) => void,
    { id = takeConnectionNumber(), server }: TraceIdentity = {},
  ) {
    this.id = id;
    this.#role = role;
    this.#peer = peer;
    this.#ends = ends;
    this.#listener = trace;
    this.#name = name;
    this.#report = report;
    this.#server = server;
    this.#isWanted = trace !== undefined || debug.enabled;
  }

  get isWatching(): boolean {
    return this.#isWanted || tpduChannel.hasSubscribers;
  }

  see(direction: 'sent' | 'received', octets: Uint8Array): void {
    const source = this.#known();
    const entry = new Entry({
      source,
      peer: source.peer,
      direction,
      octets: toBuffer(octets),
    });
    if (debug.enabled) {
      debug('%s', entry.toString());
    }
    if (this.#listener !== undefined) {
      this.#call(this.#listener, entry);
    }
    tpduChannel.publish(entry);
  }

  seeRun(direction: 'sent' | 'received', packets: Uint8Array, tpdus: number): void {
    const onRun = this.#listener?.[ON_RUN];
    const octets = toBuffer(packets);
    if (onRun !== undefined && !debug.enabled && !tpduChannel.hasSubscribers) {
      const run = { source: this.#known(), time: traceTime(), direction, packets: octets, tpdus };
      this.#call(onRun, run);
      return;
    }
    for (const tpdu of payloads(octets)) {
      this.see(direction, tpdu);
    }
  }

  /** A listener that fails must not break the connection that it observes. */
  #call<T>(listener: (seen: T) => unknown, seen: T): void {
    let result: unknown;
    try {
      result = listener(seen);
    } catch (thrown) {
      this.#onFailure(thrown);
      return;
    }
    if (result !== undefined) {
      settle(result, (thrown) => this.#onFailure(thrown));
    }
  }

  /** Reports the first failure only: a listener that fails once probably fails for each TPDU. */
  #onFailure(thrown: unknown): void {
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      // Deferred: `onError` may use the connection, which is still processing this TPDU.
      queueMicrotask(() => this.#report(thrown));
    }
  }

  /** Publishes the end of the stream, if the connection was open or was published before. */
  onStreamClosed(driver: Driver): void {
    if (this.publishesEvents && (this.#source !== undefined || this.#info !== undefined)) {
      const { ending, bytesRead, bytesWritten, messagesRead, messagesWritten } = driver;
      const counts = { bytesRead, bytesWritten, messagesRead, messagesWritten };
      this.#publish<ConnectionClose>({ event: 'close', ...ending, ...counts });
    }
  }

  /** Whether anybody gets events now; if not, what they need is not computed. */
  get publishesEvents(): boolean {
    return connectionChannel.hasSubscribers;
  }

  /** A CR has come. */
  requested(request: Own<ConnectionRequested>): void {
    this.#publish<ConnectionRequested>({ event: 'request', ...request });
  }

  /** The CC was sent or received. */
  opened(info: ConnectionInfo): void {
    this.#info = info;
    // It may keep objects of the handshake.
    this.#ends = undefined;
    this.#publish<ConnectionOpen>({ event: 'open', info });
  }

  /** This side has refused the CR. */
  refused(refusal: Refusal): void {
    this.#publish<ConnectionRefused>({ event: 'refused', ...refusal });
  }

  /** This side closes the stream before a CR was accepted or refused. */
  dropped(dropping: Own<ConnectionDropped>): void {
    this.#publish<ConnectionDropped>({ event: 'drop', ...dropping });
  }

  /** The connection has failed. */
  failed(error: Error): void {
    this.#publish<ConnectionFailed>({ event: 'error', error });
  }

  #publish<E extends ConnectionEvent>(own: Omit<E, keyof EventBase>): void {
    if (connectionChannel.hasSubscribers) {
      connectionChannel.publish({ ...this.#known(), time: traceTime(), ...own });
    }
  }

  #known(): EventSource {
    if (this.#source === undefined) {
      const { id } = this;
      // A stream that is closed has no addresses any more.
      const { localAddr, remoteAddr } = this.#info ?? this.#ends?.() ?? UNKNOWN_ENDS;
      this.#source = {
        connection: id,
        id,
        name: this.#name,
        role: this.#role,
        peer: formatAddress(this.#peer),
        server: this.#server,
        localAddr,
        remoteAddr,
      };
    }
    return this.#source;
  }
}

/** What is special to a type of event. */
type Own<E extends ConnectionEvent> = Omit<E, keyof EventBase | 'event'>;

/** How a server has refused a CR. */
export type Refusal = Own<ConnectionRefused>;

/** A stream that a server dropped before it was passed to a connection. */
export interface DroppedStream extends Ends {
  readonly name: string | undefined;
  readonly server: FullAddress | undefined;
}

/** Publishes that a stream was dropped which never had a trace. It gets a number of its own. */
export function publishDrop(stream: DroppedStream, dropping: Own<ConnectionDropped>): void {
  if (connectionChannel.hasSubscribers) {
    const { name, server, localAddr, remoteAddr } = stream;
    const id = takeConnectionNumber();
    const drop: ConnectionDropped = {
      connection: id,
      id,
      name,
      role: 'server',
      peer: formatAddress(remoteAddr),
      server,
      localAddr,
      remoteAddr,
      time: traceTime(),
      event: 'drop',
      ...dropping,
    };
    connectionChannel.publish(drop);
  }
}
