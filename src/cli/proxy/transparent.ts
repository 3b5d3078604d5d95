/**
 * A proxy that hands on TPKTs octet for octet: both sides speak with each other, faults and all.
 */
import { connect, createServer, type Socket } from 'node:net';
import { formatAddress, socketAddresses } from '../../node/address.js';
import { TpktCutter } from '../../node/tpkt/cutter.js';
import { Entry, type TracedConnection } from '../../node/trace/entry.js';
import { takeConnectionNumber } from '../../node/trace/observer.js';
import type { ProxyOptions, RunningProxy } from './relay.js';
import { rewriteCalledTsel } from './rewrite.js';

const TPKT_LENGTH = 4;

export async function relayTpdus(options: ProxyOptions): Promise<RunningProxy> {
  const calls = new Set<TransparentCall>();
  let last = 0;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  server.on('connection', (client) => {
    last += 1;
    const call = new TransparentCall(last, client, options);
    calls.add(call);
    void call.ended.then(() => calls.delete(call));
  });
  const { host, port } = options.listenAddr;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  const boundPort = bound !== null && typeof bound === 'object' ? bound.port : port;
  return {
    addresses: [{ host, port: boundPort }],
    async close() {
      server.close();
      for (const call of calls) {
        call.close();
      }
      await Promise.all([...calls].map((call) => call.ended));
    },
  };
}

/** One side of a call. */
interface Leg {
  readonly socket: Socket;
  readonly role: 'client' | 'server';
  readonly cutter: TpktCutter;
  source: TracedConnection | undefined;
  /** How it ended, once it has. */
  ending: { readonly how: 'fin' | 'reset'; readonly by: 'local' | 'remote' } | undefined;
}

/** A client and the target it is put through to. */
class TransparentCall {
  /** Resolves when both sides are gone. Never rejects. */
  readonly ended: Promise<void>;
  readonly #number: number;
  readonly #options: ProxyOptions;
  readonly #client: Leg;
  readonly #target: Leg;
  #hasSeenFirst = false;
  #hasFailed = false;

  constructor(number: number, client: Socket, options: ProxyOptions) {
    this.#number = number;
    this.#options = options;
    this.#client = leg(client, 'server');
    const { host, port } = options.target;
    this.#target = leg(connect({ host, port, allowHalfOpen: true, noDelay: true }), 'client');
    const { remoteAddr } = socketAddresses(client, { host: 'unknown', port: 0 });
    options.ladder.opened(number, remoteAddr);
    const gone = [this.#watch(this.#client, this.#target), this.#watch(this.#target, this.#client)];
    this.#target.socket.once('connect', () => client.resume());
    this.ended = Promise.all(gone).then(() => {
      options.ladder.closed(number, 'both sides are closed');
    });
  }

  /** In good order, but not waiting for either side. */
  close(): void {
    this.#client.socket.destroy();
    this.#target.socket.destroy();
  }

  /** Hands on what comes from one side to the other; resolves when that side is gone. */
  #watch(from: Leg, to: Leg): Promise<void> {
    const { socket } = from;
    socket.on('data', (chunk) => this.#take(chunk, from, to));
    socket.on('drain', () => to.socket.resume());
    socket.on('end', () => {
      from.ending ??= { how: 'fin', by: 'remote' };
      to.ending ??= { how: 'fin', by: 'local' };
      to.socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      from.ending ??= { how: 'reset', by: 'remote' };
      this.#fail(from.role === 'client' ? `target: ${error.message}` : `client: ${error.message}`);
    });
    return new Promise((resolve) => {
      socket.on('close', () => {
        this.#tellEnd(from);
        if (!to.socket.destroyed) {
          this.#drop(to, from.ending?.how === 'reset');
        }
        resolve();
      });
    });
  }

  #take(chunk: Buffer, from: Leg, to: Leg): void {
    let fault: Error | undefined;
    for (const tpkt of from.cutter.cut(chunk, (error) => {
      fault = error;
    })) {
      const passed = this.#isFirst(from) ? this.#rewritten(tpkt) : tpkt;
      this.#see(from, 'received', tpkt, passed === tpkt ? 'all the way' : 'first leg');
      this.#see(to, 'sent', passed, passed === tpkt ? 'not shown' : 'second leg');
      if (!to.socket.write(passed)) {
        from.socket.pause();
      }
    }
    if (fault !== undefined) {
      this.#fail(
        `what the ${from.role === 'server' ? 'client' : 'target'} sends is no TPKT: ${fault.message}`,
      );
      this.#drop(from, true);
      this.#drop(to, true);
    }
  }

  #isFirst(from: Leg): boolean {
    const isFirst = from === this.#client && !this.#hasSeenFirst;
    this.#hasSeenFirst ||= isFirst;
    return isFirst;
  }

  #rewritten(tpkt: Buffer): Buffer {
    const { remoteTsel } = this.#options;
    return remoteTsel === undefined ? tpkt : rewriteCalledTsel(tpkt, remoteTsel);
  }

  #see(
    leg: Leg,
    direction: 'sent' | 'received',
    tpkt: Buffer,
    show: 'all the way' | 'first leg' | 'second leg' | 'not shown',
  ): void {
    const { ladder, record, target } = this.#options;
    leg.source ??= {
      connection: takeConnectionNumber(),
      name: `#${this.#number}`,
      role: leg.role,
      ...socketAddresses(leg.socket, target),
    };
    const octets = tpkt.subarray(TPKT_LENGTH);
    const peer = formatAddress(leg.source.remoteAddr);
    const entry = new Entry({ source: leg.source, peer, direction, octets });
    record(entry);
    const isClients = leg.role === 'server' ? direction === 'received' : direction === 'sent';
    if (show === 'all the way') {
      ladder.tpdu(this.#number, isClients ? 'client to target' : 'target to client', entry, true);
    } else if (show === 'first leg') {
      ladder.tpdu(this.#number, 'client to proxy', entry, true);
    } else if (show === 'second leg') {
      ladder.tpdu(this.#number, 'proxy to target', entry, false);
    }
  }

  #tellEnd({ source, ending }: Leg): void {
    if (source !== undefined) {
      const { how, by } = ending ?? { how: 'fin', by: 'local' };
      this.#options.ended(source.connection, how, by);
    }
  }

  #drop(leg: Leg, byReset: boolean): void {
    if (byReset && !leg.socket.connecting) {
      leg.ending ??= { how: 'reset', by: 'local' };
      leg.socket.resetAndDestroy();
    } else {
      leg.ending ??= { how: 'fin', by: 'local' };
      leg.socket.destroySoon();
    }
  }

  /** One failure brings others; the first tells the story. */
  #fail(message: string): void {
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.#options.ladder.failed(this.#number, message);
    }
  }
}

function leg(socket: Socket, role: Leg['role']): Leg {
  return { socket, role, cutter: new TpktCutter(), source: undefined, ending: undefined };
}
