/** The inspector of a proxy: both legs of every client. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ConnectionEvent, TracedConnection, TraceEntry } from '../../index.js';
import { formatAddress } from '../../node/address.js';
import type { StartedInspector } from '../../node/inspector/start.js';
import { DEFAULT_MAX_OCTETS } from '../../node/options/inspector.js';
import { CONNECTION_CHANNEL, type TraceRun, traceTime } from '../../node/trace/entry.js';
import { announceInspector, openInspector } from '../inspect/open-inspector.js';
import type { Io } from '../io.js';
import { failureOf } from '../output/failure.js';
import type { Ladder } from './ladder.js';

/** Notes of the ladder that no row of a connection says. */
const SHOWN_NOTES: ReadonlySet<string> = new Set(['error', 'through']);

/** An inspector that listens. */
export class ProxyInspector {
  readonly #started: StartedInspector;
  readonly #setTitle: (title: string) => void;
  /** The connection with each client, by the number of the client. */
  readonly #connections = new Map<number, number>();
  /** The client of each connection, until it closes: events do not say it. */
  readonly #clients = new Map<number, number>();
  /** The error that {@link failed} has just shown: the ladder has a note of it too. */
  #shown: string | undefined;

  /**
   * Starts it before the proxy listens, so that nothing is missed. `undefined` without a port.
   *
   * @param target as text
   */
  static async open(
    port: number | undefined,
    target: string,
    ladder: Ladder,
  ): Promise<ProxyInspector | undefined> {
    if (port === undefined) {
      return undefined;
    }
    let title = '';
    const started = await openInspector({
      ...{ source: 'proxy', target, port, maxOctets: DEFAULT_MAX_OCTETS },
      title: () => title,
    });
    const inspector = new ProxyInspector(started, (bound) => {
      title = bound;
    });
    ladder.onNote = (...note) => inspector.#note(...note);
    return inspector;
  }

  private constructor(started: StartedInspector, setTitle: (title: string) => void) {
    this.#started = started;
    this.#setTitle = setTitle;
    subscribe(CONNECTION_CHANNEL, this.#onEvent);
  }

  /** Prints the address. @param where the address on which the proxy listens */
  announce(where: string, io: Io, json: boolean): Promise<void> {
    this.#setTitle(where);
    return announceInspector(this.#started, io, json);
  }

  record(entry: TraceEntry, client: number): void {
    this.#know(entry, client);
    this.#started.feed.tpdu(entry, client);
  }

  recordRun(source: TracedConnection, run: TraceRun, client: number): void {
    this.#know(source, client);
    this.#started.feed.run(source, run, client);
  }

  /** The failure of a leg that the library did not open. */
  failed(leg: TracedConnection, client: number, error: Error): void {
    this.#know(leg, client);
    this.#shown = failureOf(error).sentence;
    const { connection: id, remoteAddr } = leg;
    const event: ConnectionEvent = {
      ...leg,
      ...{ id, peer: formatAddress(remoteAddr), server: undefined, time: traceTime() },
      ...{ event: 'error', error },
    };
    this.#started.feed.event(event, client);
  }

  /** The end of a leg that the library did not open. */
  ended(connection: number, how: 'fin' | 'reset', by: 'local' | 'remote'): void {
    this.#started.feed.ended(connection, { how, by });
    this.#forget(connection);
  }

  close(): Promise<void> {
    unsubscribe(CONNECTION_CHANNEL, this.#onEvent);
    return this.#started.close();
  }

  #know({ role, connection }: TracedConnection, client: number): void {
    if (this.#clients.has(connection)) {
      return;
    }
    this.#clients.set(connection, client);
    if (role === 'server') {
      this.#connections.set(client, connection);
    }
  }

  #note(client: number, event: string, message: string, time: number): void {
    const isShownAlready = this.#shown !== undefined && message.endsWith(this.#shown);
    this.#shown = undefined;
    if (SHOWN_NOTES.has(event) && !isShownAlready) {
      const connection = this.#connections.get(client) ?? 0;
      this.#started.feed.note(message, { time, connection });
    }
  }

  /** The connection has closed. */
  #forget(connection: number): void {
    const client = this.#clients.get(connection);
    this.#clients.delete(connection);
    if (client !== undefined && this.#connections.get(client) === connection) {
      this.#connections.delete(client);
    }
  }

  readonly #onEvent = (message: unknown): void => {
    const event = message as ConnectionEvent;
    this.#started.feed.event(event, this.#clients.get(event.connection));
    if (event.event === 'close') {
      this.#forget(event.connection);
    }
  };
}
