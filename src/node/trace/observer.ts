/**
 * Reports the TPDUs and events of one connection to the `trace` option, the diagnostics channels and
 * `NODE_DEBUG=cotp`. If none of them is in use, a TPDU costs two property reads.
 */
import { debuglog } from 'node:util';
import type { TpduObserver } from '../../core/data-transfer/dt.js';
import { type Ends, type FullAddress, formatAddress } from '../address.js';
import { toBuffer } from '../buffers.js';
import { settle } from '../callbacks.js';
import type { ConnectionInfo } from '../connection.js';
import type { Driver } from '../driver.js';
import { whenClosed } from '../streams.js';
import {
  type ConnectionClose,
  type ConnectionOpen,
  type ConnectionRefused,
  connectionChannel,
  Entry,
  type TracedConnection,
  type TraceListener,
  tpduChannel,
  traceTime,
} from './entry.js';

/** `NODE_DEBUG=cotp` prints a line per TPDU on stderr. */
const debug = debuglog('cotp');

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

/** The trace of one connection. */
export class ConnectionTrace implements TpduObserver {
  readonly #number = takeConnectionNumber();
  readonly #role: 'client' | 'server';
  readonly #peer: FullAddress;
  readonly #ends: () => Ends;
  readonly #listener: TraceListener | undefined;
  readonly #name: string | undefined;
  readonly #report: (thrown: unknown) => void;
  #hasFailed = false;
  /**
   * The `trace` option or `NODE_DEBUG` requests this connection, whether or not the channel has subscribers.
   */
  readonly #isWanted: boolean;
  /** Created with the first entry or event; `undefined` while none was published. */
  #source: TracedConnection | undefined;

  /**
   * @param peer the peer as this side knows it
   * @param ends returns the addresses once the stream is connected; called with the first entry
   * @param report receives the first failure of the `trace` listener
   */
  constructor(
    role: 'client' | 'server',
    peer: FullAddress,
    ends: () => Ends,
    { trace, name }: TraceOptions,
    report: (thrown: unknown) => void,
  ) {
    this.#role = role;
    this.#peer = peer;
    this.#ends = ends;
    this.#listener = trace;
    this.#name = name;
    this.#report = report;
    this.#isWanted = trace !== undefined || debug.enabled;
  }

  get isWatching(): boolean {
    return this.#isWanted || tpduChannel.hasSubscribers;
  }

  see(direction: 'sent' | 'received', octets: Uint8Array): void {
    const entry = new Entry({
      source: this.#known(),
      peer: formatAddress(this.#peer),
      direction,
      octets: toBuffer(octets),
    });
    if (debug.enabled) {
      debug('%s', entry.toString());
    }
    this.#callListener(entry);
    tpduChannel.publish(entry);
  }

  /** A listener that fails must not break the connection that it observes. */
  #callListener(entry: Entry): void {
    if (this.#listener === undefined) {
      return;
    }
    let result: unknown;
    try {
      result = this.#listener(entry);
    } catch (thrown) {
      this.#onFailure(thrown);
      return;
    }
    if (result !== undefined) {
      settle(result, this.#onFailure);
    }
  }

  /** Reports the first failure only: a listener that fails once probably fails for each TPDU. */
  readonly #onFailure = (thrown: unknown): void => {
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      // Deferred: `onError` may use the connection, which is still processing this TPDU.
      queueMicrotask(() => this.#report(thrown));
    }
  };

  /** Publishes the end of the stream, if the connection was published before. */
  watch(driver: Driver): void {
    whenClosed(driver.stream, () => {
      if (this.#source !== undefined && connectionChannel.hasSubscribers) {
        const { how, by } = driver.ending;
        const close = { ...this.#source, event: 'close', time: traceTime(), how, by } as const;
        connectionChannel.publish(close satisfies ConnectionClose);
      }
    });
  }

  /** The CC was sent or received. */
  opened(info: ConnectionInfo): void {
    if (connectionChannel.hasSubscribers) {
      const open = { ...this.#known(), event: 'open', time: traceTime(), info } as const;
      connectionChannel.publish(open satisfies ConnectionOpen);
    }
  }

  /** This side has refused the CR. */
  refused(
    refusal: Pick<ConnectionRefused, 'cause' | 'reason' | 'rejectCause' | 'localTsel'>,
  ): void {
    if (connectionChannel.hasSubscribers) {
      const refused = {
        ...this.#known(),
        event: 'refused',
        time: traceTime(),
        ...refusal,
      } as const;
      connectionChannel.publish(refused satisfies ConnectionRefused);
    }
  }

  #known(): TracedConnection {
    if (this.#source === undefined) {
      const { localAddr, remoteAddr } = this.#ends();
      const connection = this.#number;
      this.#source = { connection, name: this.#name, role: this.#role, localAddr, remoteAddr };
    }
    return this.#source;
  }
}
