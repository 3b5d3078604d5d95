/**
 * A proxy that ends both connections itself and hands on TSDUs: each side has its own sizes and
 * references.
 */
import {
  type Address,
  type Connection,
  type ConnectRequest,
  ConnectionRefusedError,
  connect,
  type FullAddress,
  listen,
  type Server,
  type TraceEntry,
  type Tsel,
} from '../../index.js';
import { failureOf } from '../failure.js';
import { addressText } from '../report.js';
import type { Ladder, Way } from './ladder.js';

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
  const calls = new Map<string, Call>();
  let last = 0;
  const callOf = (client: FullAddress): Call => {
    const peer = addressText(client);
    let call = calls.get(peer);
    if (call === undefined) {
      last += 1;
      call = new Call(last, options);
      calls.set(peer, call);
      ladder.opened(last, client);
    }
    return call;
  };
  const server = await listen(
    (incoming) => callOf(incoming.info.remoteAddr).relay(incoming),
    listenAddr,
    {
      ...HALF_OPEN,
      bindConnections: true,
      trace: (entry) => {
        record(entry);
        const way = entry.direction === 'received' ? 'client to proxy' : 'proxy to client';
        callOf(entry.remoteAddr).show(way, entry);
      },
      onConnectRequest: (request) => {
        const peer = addressText(request.remoteAddr);
        request.socket.once('close', () => calls.delete(peer));
        return callOf(request.remoteAddr).answer(request);
      },
      onError: (error, { peer }) => {
        const call = calls.get(peer);
        if (call === undefined) {
          ladder.failed(0, `${peer}: ${failureOf(error).sentence}`);
        } else {
          call.failed(error);
        }
      },
    },
  );
  return { addresses: server.addresses, close: () => server.asyncClose() };
}

/** One connection that came in, and the one that goes on from it. */
class Call {
  readonly number: number;
  readonly #options: ProxyOptions;
  #outgoing: Connection | undefined;
  #hasFailed = false;

  constructor(number: number, options: ProxyOptions) {
    this.number = number;
    this.#options = options;
  }

  show(way: Way, entry: TraceEntry): void {
    const isCounted = way === 'client to proxy' || way === 'target to proxy';
    this.#options.ladder.tpdu(this.number, way, entry, isCounted);
  }

  /** One failure brings others; the first tells the story. A refusal is none: the ladder shows it. */
  failed(error: Error): void {
    if (!this.#hasFailed && !(error instanceof ConnectionRefusedError)) {
      this.#hasFailed = true;
      this.#options.ladder.failed(this.number, failureOf(error).sentence);
    }
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
        name: `#${this.number}`,
        signal: request.signal,
        trace: (entry) => {
          record(entry);
          this.show(entry.direction === 'sent' ? 'proxy to target' : 'target to proxy', entry);
        },
      });
    } catch (error) {
      if (!request.signal.aborted) {
        this.failed(error as Error);
        const reason = error instanceof ConnectionRefusedError ? (error.reason ?? 0) : 0;
        // Class 0 knows 0 to 3 only (X.224 13.5.3).
        request.refuse(reason > 3 ? 0 : reason);
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
    const outgoing = this.#outgoing;
    if (outgoing === undefined) {
      return;
    }
    // The server closes what came in; what went out goes with it.
    const closeOther = () => outgoing.close();
    incoming.signal.addEventListener('abort', closeOther, { once: true });
    const failures = await Promise.all([pump(incoming, outgoing), pump(outgoing, incoming)]);
    const failure = failures.find((each) => each !== undefined);
    await Promise.all([incoming.asyncClose(), outgoing.asyncClose()]);
    if (failure !== undefined) {
      this.failed(failure);
    }
    this.#options.ladder.closed(this.number, 'both sides are closed');
  }
}

/** Hands on every TSDU and then the end; when one side fails, the other is closed. */
async function pump(from: Connection, to: Connection): Promise<Error | undefined> {
  try {
    for await (const tsdu of from) {
      if (!to.write(tsdu)) {
        await to.drain();
      }
    }
    to.end();
    return undefined;
  } catch (error) {
    from.close();
    to.close();
    return error as Error;
  }
}
