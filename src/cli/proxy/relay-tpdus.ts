/**
 * A proxy that relays TPKTs octet for octet, with all their faults: both sides negotiate with each other.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { formatAddress, socketEnds } from '../../node/address.js';
import { TPKT_HEADER_LENGTH } from '../../node/codes.js';
import { goneError, isGone } from '../../node/stream/streams.js';
import { TpktCutter } from '../../node/tpkt/cutter.js';
import { Entry, type TracedConnection } from '../../node/trace/entry.js';
import { takeConnectionNumber } from '../../node/trace/observer.js';
import { failureOf } from '../output/failure.js';
import { counted } from '../output/plural.js';
import { guessProtocol } from '../output/protocol-guess.js';
import type { ClientLadder } from './ladder.js';
import type { ProxyOptions, RunningProxy } from './proxy-options.js';
import { type Rewritten, rewriteCalledTsel } from './rewrite-called-tsel.js';

/** If the target cannot be reached, milliseconds that the client has for its CR, so that it is shown. */
const CR_TIME = 500;

export async function relayTpdus(options: ProxyOptions): Promise<RunningProxy> {
  const pairs = new Set<SocketPair>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  server.on('connection', (client) => {
    const pair = new SocketPair(client, options);
    pairs.add(pair);
    void pair.ended.then(() => pairs.delete(pair));
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
      for (const pair of pairs) {
        pair.close();
      }
      await Promise.all([...pairs].map((pair) => pair.ended));
    },
  };
}

/** One of the two sockets of a pair. */
interface Leg {
  readonly socket: Socket;
  readonly role: 'client' | 'server';
  readonly cutter: TpktCutter;
  source: TracedConnection | undefined;
  /** How the socket ended; `undefined` while it is open. */
  ending: { readonly how: 'fin' | 'reset'; readonly by: 'local' | 'remote' } | undefined;
  /** Reading is paused while one of these is true: the other socket or the ladder output is full. */
  waitsForOther: boolean;
  waitsForLadder: boolean;
}

/** The socket of a client and the socket to the target for it. */
class SocketPair {
  /** Resolves when both sockets are closed. Never rejects. */
  readonly ended: Promise<void>;
  readonly #name: string;
  readonly #onLadder: ClientLadder;
  readonly #options: ProxyOptions;
  readonly #client: Leg;
  readonly #target: Leg;
  #hasSeenFirst = false;
  #hasFailed = false;
  /** TCP with the target is open, or was. */
  #isConnected = false;
  /** What the client has sent before that. It reads no more then. */
  #early: Buffer[] = [];
  /** The octets are no longer TPKTs: they are relayed without decoding. */
  #passesThrough = false;

  constructor(client: Socket, options: ProxyOptions) {
    this.#options = options;
    this.#client = leg(client, 'server');
    const { target, localAddress } = options;
    this.#target = leg(
      connect({ ...target, localAddress, allowHalfOpen: true, noDelay: true }),
      'client',
    );
    const { remoteAddr } = socketEnds(client, { host: 'unknown', port: 0 });
    this.#onLadder = options.ladder.opened(remoteAddr);
    this.#name = `#${this.#onLadder.number}`;
    const gone = [this.#watch(this.#client, this.#target), this.#watch(this.#target, this.#client)];
    this.#target.socket.once('connect', () => this.#passEarly());
    client.resume();
    this.ended = Promise.all(gone).then(() => this.#onLadder.closed('both sides are closed'));
  }

  /** Closes both sockets without waiting for the peers. */
  close(): void {
    this.#client.socket.destroy();
    this.#target.socket.destroy();
  }

  /** Relays one direction; resolves when the socket `from` is closed. */
  #watch(from: Leg, to: Leg): Promise<void> {
    const { socket } = from;
    socket.on('data', (chunk) => this.#take(chunk, from, to));
    socket.on('drain', () => {
      to.waitsForOther = false;
      readIfFree(to);
    });
    socket.on('end', () => {
      // Node reports an end, and no error, if a reset has come with the last octets.
      if (!socket.writableEnded && isGone(socket)) {
        socket.destroy(goneError());
        return;
      }
      from.ending ??= { how: 'fin', by: 'remote' };
      to.ending ??= { how: 'fin', by: 'local' };
      this.#passPartOfTpkt(from, to);
      to.socket.end();
    });
    socket.on('error', (error) => {
      from.ending ??= { how: 'reset', by: 'remote' };
      if (from === this.#target && !this.#isConnected) {
        void this.#refuse(error);
      } else {
        this.#report(from, from, error);
      }
    });
    return new Promise((resolve) => {
      socket.on('close', () => {
        this.#recordEnd(from);
        if (this.#isConnected || from === this.#client) {
          this.#drop(to, from.ending?.how === 'reset');
        }
        resolve();
      });
    });
  }

  /** The target can be reached: passes on what the client has sent meanwhile. */
  #passEarly(): void {
    this.#isConnected = true;
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) {
      this.#take(chunk, this.#client, this.#target);
    }
    readIfFree(this.#client);
  }

  /** The target cannot be reached: shows the CR of the client, then the error, and drops the client. */
  async #refuse(error: Error): Promise<void> {
    const { socket, cutter } = this.#client;
    if (this.#early.length === 0 && !socket.destroyed && !socket.readableEnded) {
      // No CR in time, or an error of the client: there is nothing to show.
      await once(socket, 'data', { signal: AbortSignal.timeout(CR_TIME) }).catch(() => {});
    }
    for (const tpkt of this.#early.flatMap((chunk) => [...cutter.cut(chunk, () => {})])) {
      this.#see(this.#client, 'received', tpkt, 'first leg');
    }
    // The target has no leg: the client is the one that gets nothing.
    this.#report(this.#target, this.#client, error);
    this.#drop(this.#client, true);
  }

  #report(from: Leg, failed: Leg, error: Error): void {
    this.#options.failed(this.#sourceOf(failed), this.#onLadder.number, error);
    this.#fail(`${nameOf(from)}: ${failureOf(error).sentence}`, error);
  }

  #take(chunk: Buffer, from: Leg, to: Leg): void {
    if (!this.#isConnected) {
      this.#early.push(chunk);
      from.socket.pause();
      return;
    }
    if (this.#passesThrough) {
      this.#send(chunk, from, to);
      return;
    }
    let hasFault = false;
    const packets = from.cutter.cut(chunk, () => {
      hasFault = true;
    });
    for (const tpkt of packets) {
      const rewritten = this.#isFirst(from) ? this.#rewritten(tpkt) : undefined;
      const passed = rewritten?.tpkt ?? tpkt;
      this.#see(from, 'received', tpkt, passed === tpkt ? 'both legs' : 'first leg');
      this.#see(to, 'sent', passed, passed === tpkt ? 'not shown' : 'second leg');
      if (rewritten?.obstacle !== undefined) {
        this.#onLadder.failed(`the called T-selector is not rewritten: ${rewritten.obstacle}`);
      }
      this.#send(passed, from, to);
    }
    if (hasFault) {
      this.#passThrough(from, to);
    } else {
      this.#awaitLadder(from);
    }
  }

  /**
   * Stops decoding. Both sides may switch to another protocol: remote desktop starts TLS after the CC.
   */
  #passThrough(from: Leg, to: Leg): void {
    this.#passesThrough = true;
    const rest = from.cutter.takeRest();
    const guess = guessProtocol(rest);
    const what = guess === undefined ? '' : `, it looks like ${guess}`;
    this.#onLadder.passesThrough(
      `the ${nameOf(from)} sent octets that are no TPKT${what}: from now on the octets of both directions are relayed, but neither shown nor recorded`,
    );
    this.#send(rest, from, to);
    this.#send(to.cutter.takeRest(), to, from);
  }

  /** Relays an incomplete TPKT at the end of the stream. */
  #passPartOfTpkt(from: Leg, to: Leg): void {
    const rest = from.cutter.takeRest();
    if (rest.length > 0) {
      this.#fail(
        `the ${nameOf(from)} ended within a TPKT, ${counted(rest.length, 'octet')} after its beginning`,
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

  #rewritten(tpkt: Buffer): Rewritten | undefined {
    const { remoteTsel } = this.#options;
    return remoteTsel === undefined ? undefined : rewriteCalledTsel(tpkt, remoteTsel);
  }

  #see(
    leg: Leg,
    direction: 'sent' | 'received',
    tpkt: Buffer,
    show: 'both legs' | 'first leg' | 'second leg' | 'not shown',
  ): void {
    const { record } = this.#options;
    const source = this.#sourceOf(leg);
    const octets = tpkt.subarray(TPKT_HEADER_LENGTH);
    const peer = formatAddress(source.remoteAddr);
    const entry = new Entry({ source, peer, direction, octets });
    record(entry, this.#onLadder.number);
    const isClients = leg.role === 'server' ? direction === 'received' : direction === 'sent';
    if (show === 'both legs') {
      this.#onLadder.tpdu(isClients ? 'client to target' : 'target to client', entry);
    } else if (show === 'first leg') {
      this.#onLadder.tpdu('client to proxy', entry);
    } else if (show === 'second leg') {
      this.#onLadder.tpdu('proxy to target', entry);
    }
  }

  #sourceOf(leg: Leg): TracedConnection {
    leg.source ??= {
      connection: takeConnectionNumber(),
      name: this.#name,
      role: leg.role,
      ...socketEnds(leg.socket, this.#options.target),
    };
    return leg.source;
  }

  #recordEnd({ source, ending }: Leg): void {
    if (source !== undefined) {
      const { how, by } = ending ?? { how: 'fin', by: 'local' };
      this.#options.ended(source.connection, how, by);
    }
  }

  #drop(leg: Leg, byReset: boolean): void {
    if (leg.socket.destroyed) {
      return;
    }
    if (byReset && !leg.socket.connecting) {
      leg.ending ??= { how: 'reset', by: 'local' };
      leg.socket.resetAndDestroy();
    } else {
      leg.ending ??= { how: 'fin', by: 'local' };
      leg.socket.destroySoon();
    }
  }

  /** Reports the first failure; the others follow from it. */
  #fail(message: string, error?: Error): void {
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.#onLadder.failed(message, error);
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

/** The name of a side in messages. */
function nameOf({ role }: Leg): 'client' | 'target' {
  return role === 'server' ? 'client' : 'target';
}

function readIfFree({ socket, waitsForOther, waitsForLadder }: Leg): void {
  if (!waitsForOther && !waitsForLadder) {
    socket.resume();
  }
}
