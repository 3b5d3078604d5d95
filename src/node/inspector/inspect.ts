/**
 * `inspect`: shows the TPDUs of this process in a browser. The server and the page are loaded when it is called, not
 * with the library.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import process from 'node:process';
import type { FullAddress } from '../address.js';
import { INSPECT_OPTIONS, type InspectOptions } from '../options/inspector.js';
import { resolveOptions } from '../options/rows.js';
import { CONNECTION_CHANNEL, TPDU_CHANNEL, type TraceEntry } from '../trace/entry.js';
import type { ConnectionEvent } from '../trace/events.js';
import { whenAborted } from '../waiting.js';
import type { StartedInspector } from './start.js';

/** An inspector that listens. */
export interface Inspector extends AsyncDisposable {
  /** The address to open in a browser. It has a random token: whoever knows it sees everything. */
  readonly url: string;
  /** The address on which it listens. */
  readonly address: FullAddress;
  /**
   * Stops listening, notifies the browsers that there are no more, and closes their connections: at once, or after 500
   * milliseconds if a browser does not take the last rows. Never rejects.
   */
  asyncClose(): Promise<void>;
}

/**
 * Starts a live inspector for all connections of this process: a web page on the loopback interface that shows every
 * TPDU that is sent or received from now on, octet by octet. It does not keep the process running. It uses the channels
 * `cotp:tpdu` and `cotp:connection`; while no browser has the page open, a TPDU costs its trace entry and one copy of
 * its octets.
 *
 * @throws TypeError or RangeError for a bad option
 * @throws the error of the system if it cannot listen there, such as `EADDRINUSE`
 * @throws the reason of `signal` when that aborts
 *
 * @example
 * ```ts
 * import { connect, inspect, listen } from 'cotp';
 *
 * const inspector = await inspect({ title: 'my gateway' });
 * console.log(inspector.url.startsWith('http://127.0.0.1:')); // true
 * const server = await listen(() => {}, { host: '127.0.0.1', port: 0 });
 * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' });
 * await conn.asyncClose();
 * await server.asyncClose();
 * await inspector.asyncClose();
 * ```
 */
export async function inspect(options: InspectOptions = {}): Promise<Inspector> {
  const {
    signal,
    title = `process ${process.pid}`,
    ...resolved
  } = resolveOptions(INSPECT_OPTIONS, options);
  signal?.throwIfAborted();
  const { startInspector } = await import('./start.js');
  const source = 'process';
  const started = await startInspector({
    ...{ ...resolved, source, isRef: false },
    title: () => title,
  });
  const inspector = new ProcessInspector(started);
  if (signal !== undefined) {
    if (signal.aborted) {
      await inspector.asyncClose();
      throw signal.reason;
    }
    inspector.closeOn(signal);
  }
  return inspector;
}

class ProcessInspector implements Inspector {
  readonly url: string;
  readonly address: FullAddress;
  readonly #started: StartedInspector;
  #stopWaiting: () => void = () => {};

  constructor(started: StartedInspector) {
    this.#started = started;
    this.url = started.url;
    this.address = started.address;
    subscribe(TPDU_CHANNEL, this.#onTpdu);
    subscribe(CONNECTION_CHANNEL, this.#onEvent);
  }

  closeOn(signal: AbortSignal): void {
    this.#stopWaiting = whenAborted(signal, () => void this.asyncClose());
  }

  asyncClose(): Promise<void> {
    this.#stopWaiting();
    unsubscribe(TPDU_CHANNEL, this.#onTpdu);
    unsubscribe(CONNECTION_CHANNEL, this.#onEvent);
    return this.#started.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.asyncClose();
  }

  readonly #onTpdu = (entry: unknown): void => {
    this.#started.feed.tpdu(entry as TraceEntry);
  };

  readonly #onEvent = (event: unknown): void => {
    this.#started.feed.event(event as ConnectionEvent);
  };
}
