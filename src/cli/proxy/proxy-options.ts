/**
 * What both kinds of proxy take and return.
 */
import type {
  Address,
  ConnectOptions,
  ListenOptions,
  Server,
  TracedConnection,
  TraceEntry,
  Tsel,
} from '../../index.js';
import type { TraceRun } from '../../node/trace/entry.js';
import type { classOptions } from '../options/transport-class.js';
import type { Ladder } from './ladder.js';

/** Options of both kinds of proxy. */
export interface ProxyOptions {
  readonly listenAddr: Required<Address> & { readonly port: number };
  readonly target: Required<Address> & { readonly port: number };
  /** The called T-selector for the target. Default: the one that the client calls. */
  readonly remoteTsel: Tsel | undefined;
  /** The transport classes and the expedited data that clients may have, if the target has them too. */
  readonly transport: ReturnType<typeof classOptions>;
  /** The address of this machine from which the target is called. */
  readonly localAddress: string | undefined;
  /** TLS of the clients; `undefined` for none. Not for TPDUs that are relayed unchanged. */
  readonly clientTls: ListenOptions['tls'];
  /** TLS of the target, likewise. */
  readonly targetTls: ConnectOptions['tls'];
  readonly ladder: Ladder;
  /**
   * Called with every TPDU of both legs, each with the name `#N` of its client, and with the number of the client, to
   * write it to files and to show it.
   */
  readonly record: (entry: TraceEntry, client: number) => void;
  /** In its place for TPDUs that are relayed together, if nothing needs each of them by itself. */
  readonly recordRun:
    | ((source: TracedConnection, run: TraceRun, client: number) => void)
    | undefined;
  /** Called when a leg fails that the library did not open. */
  readonly failed: (leg: TracedConnection, client: number, error: Error) => void;
  /** Called when a leg ends that the library did not open. */
  readonly ended: (connection: number, how: 'fin' | 'reset', by: 'local' | 'remote') => void;
}

/** A running proxy. */
export interface RunningProxy {
  readonly addresses: Server['addresses'];
  /** Stops listening and closes all connections. */
  close(): Promise<void>;
}
