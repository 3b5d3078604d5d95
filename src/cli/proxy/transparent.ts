/**
 * A proxy that hands on TPKTs octet for octet: both sides speak with each other, faults and all.
 */
import { connect, createServer, type Socket } from 'node:net';
import { formatAddress, socketAddresses } from '../../node/address.js';
import { TpktCutter } from '../../node/tpkt/cutter.js';
import { Entry, type TracedConnection } from '../../node/trace/entry.js';
import { takeConnectionNumber } from '../../node/trace/observer.js';
import { appearanceOf } from '../appearance.js';
import type { CallOnLadder } from './ladder.js';
import type { ProxyOptions, RunningProxy } from './relay.js';
import { rewriteCalledTsel } from './rewrite.js';

const TPKT_LENGTH = 4;

export async function relayTpdus(options: ProxyOptions): Promise<RunningProxy> {
  const calls = new Set<TransparentCall>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  server.on('connection', (client) => {
    const call = new TransparentCall(client, options);
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
  /** It is not read while the other side takes nothing, nor while the reader of the ladder does not. */
  waitsForOther: boolean;
  waitsForLadder: boolean;
}

/** A client and the target it is put through to. */
class TransparentCall {
  /** Resolves when both sides are gone. Never rejects. */
  readonly ended: Promise<void>;
  readonly #name: string;
  readonly #onLadder: CallOnLadder;
  readonly #options: ProxyOptions;
  readonly #client: Leg;
  readonly #target: Leg;
  #hasSeenFirst = false;
  #hasFailed = false;
  /** What goes over it are TPKTs no more: octets are passed on and not looked at. */
  #passesThrough = false;

  constructor(client: Socket, options: ProxyOptions) {
    this.#options = options;
    this.#client = leg(client, 'server');
    const { host, port } = options.target;
    this.#target = leg(connect({ host, port, allowHalfOpen: true, noDelay: true }), 'client');
    const { remoteAddr } = socketAddresses(client, { host: 'unknown', port: 0 });
    this.#onLadder = options.ladder.opened(remoteAddr);
    this.#name = `#${this.#onLadder.number}`;
    const gone = [this.#watch(this.#client, this.#target), this.#watch(this.#target, this.#client)];
    this.#target.socket.once('connect', () => client.resume());
    this.ended = Promise.all(gone).then(() => this.#onLadder.closed('both sides are closed'));
  }

  /** Cleanly, but not waiting for either side. */
  close(): void {
    this.#client.socket.destroy();
    this.#target.socket.destroy();
  }

  /** Hands on what comes from one side to the other; resolves when that side is gone. */
  #watch(from: Leg, to: Leg): Promise<void> {
    const { socket } = from;
    socket.on('data', (chunk) => this.#take(chunk, from, to));
    socket.on('drain', () => {
      to.waitsForOther = false;
      readIfFree(to);
    });
    socket.on('end', () => {
      from.ending ??= { how: 'fin', by: 'remote' };
      to.ending ??= { how: 'fin', by: 'local' };
      this.#passPartOfTpkt(from, to);
      to.socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      from.ending ??= { how: 'reset', by: 'remote' };
      this.#fail(`${nameOf(from)}: ${error.message}`);
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
    if (this.#passesThrough) {
      this.#send(chunk, from, to);
      return;
    }
    let hasFault = false;
    const packets = from.cutter.cut(chunk, () => {
      hasFault = true;
    });
    for (const tpkt of packets) {
      const passed = this.#isFirst(from) ? this.#rewritten(tpkt) : tpkt;
      this.#see(from, 'received', tpkt, passed === tpkt ? 'all the way' : 'first leg');
      this.#see(to, 'sent', passed, passed === tpkt ? 'not shown' : 'second leg');
      this.#send(passed, from, to);
    }
    if (hasFault) {
      this.#passThrough(from, to);
    } else {
      this.#awaitLadder(from);
    }
  }

  /**
   * Both sides may agree on another protocol, as remote desktop does on TLS behind the CC: what they say
   * then is no business of this proxy.
   */
  #passThrough(from: Leg, to: Leg): void {
    this.#passesThrough = true;
    const rest = from.cutter.takeRest();
    const looks = appearanceOf(rest);
    const what = looks === undefined ? '' : `, it looks like ${looks}`;
    this.#onLadder.passesThrough(
      `what the ${nameOf(from)} sends is no TPKT${what}: from here on octets are passed on both ways, not shown and not recorded`,
    );
    this.#send(rest, from, to);
    this.#send(to.cutter.takeRest(), to, from);
  }

  /** What came of a TPKT that has no end is passed on all the same. */
  #passPartOfTpkt(from: Leg, to: Leg): void {
    const rest = from.cutter.takeRest();
    if (rest.length > 0) {
      this.#fail(
        `the ${nameOf(from)} ended within a TPKT, ${rest.length} octets after its beginning`,
      );
      this.#send(rest, from, to);
    }
  }

  #send(octets: Buffer, from: Leg, to: Leg): void {
    if (octets.length > 0 && to.socket.writable && !to.socket.write(octets)) {
      from.waitsForOther = true;
      from.socket.pause();
    }
  }

  #awaitLadder(from: Leg): void {
    const { ladder } = this.#options;
    if (!ladder.hasRoom && !from.waitsForLadder) {
      from.waitsForLadder = true;
      from.socket.pause();
      void ladder.ready().then(() => {
        from.waitsForLadder = false;
        readIfFree(from);
      });
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
    const { record, target } = this.#options;
    leg.source ??= {
      connection: takeConnectionNumber(),
      name: this.#name,
      role: leg.role,
      ...socketAddresses(leg.socket, target),
    };
    const octets = tpkt.subarray(TPKT_LENGTH);
    const peer = formatAddress(leg.source.remoteAddr);
    const entry = new Entry({ source: leg.source, peer, direction, octets });
    record(entry);
    const isClients = leg.role === 'server' ? direction === 'received' : direction === 'sent';
    if (show === 'all the way') {
      this.#onLadder.tpdu(isClients ? 'client to target' : 'target to client', entry, true);
    } else if (show === 'first leg') {
      this.#onLadder.tpdu('client to proxy', entry, true);
    } else if (show === 'second leg') {
      this.#onLadder.tpdu('proxy to target', entry, false);
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

  /** One failure brings others; only the first is shown. */
  #fail(message: string): void {
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.#onLadder.failed(message);
    }
  }
}

function leg(socket: Socket, role: Leg['role']): Leg {
  return {
    socket,
    role,
    cutter: new TpktCutter(),
    source: undefined,
    ending: undefined,
    waitsForOther: false,
    waitsForLadder: false,
  };
}

/** What people call it. */
function nameOf({ role }: Leg): 'client' | 'target' {
  return role === 'server' ? 'client' : 'target';
}

function readIfFree({ socket, waitsForOther, waitsForLadder }: Leg): void {
  if (!waitsForOther && !waitsForLadder) {
    socket.resume();
  }
}
