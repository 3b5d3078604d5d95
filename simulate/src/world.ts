/**
 * One world: runs a plan and checks the rules.
 */
import type { Connection, ConnectRequest, Server } from 'cotp';
import { type AnyConnection, Application, isCotp, type ReadingEnd, THROWN } from './application.js';
import { Arrivals } from './arrivals.js';
import { Clock } from './clock.js';
import { Departures } from './departures.js';
import { enter, type Library, real } from './environment.js';
import { Direction } from './ledger.js';
import { Loop } from './loop.js';
import type {
  Act,
  ActorPlan,
  Decision,
  Options,
  PairPlan,
  Plan,
  RawClientPlan,
  RawServerPlan,
  ServerPlan,
  Service,
} from './plan.js';
import { Prng } from './prng.js';
import { RawPeer } from './raw-peer.js';
import { request } from './raw-tpdus.js';
import { type Handle, Network } from './sockets.js';
import { type Path, TcpEnd } from './tcp.js';

/** A rule that was broken. */
export interface Finding {
  /** Which rule. */
  readonly rule: string;
  readonly message: string;
  /** Simulated milliseconds. */
  readonly at: number;
}

export interface Outcome {
  readonly finding: Finding | undefined;
  /** Number of callbacks of the loop and outside events. */
  readonly steps: number;
  /** A hash of all events. */
  readonly hash: number;
}

export interface WorldOptions {
  readonly library: Library;
  /** Receives a line for each event. */
  readonly log?: ((line: string) => void) | undefined;
}

/** First ports of servers, of servers that do not use the library, of clients, and of probes. */
const SERVER_PORT = 1_000;
const RAW_SERVER_PORT = 2_000;
const CLIENT_PORT = 10_000;
const PROBE_PORT = 30_000;

/** A connection whose TCP was reset must end within this time, in milliseconds. */
const GONE_WITHIN = 10_000;
/** Honest pairs must be done within this time after the end of a world, in milliseconds. */
const HONEST_WITHIN = 20_000;
/** Largest delay of timers and callbacks, in milliseconds. */
const SLACK = 60;
/** A timer must not overlook octets that arrived earlier than this time before it, in milliseconds. */
const OVERLOOKED = 5;
/**
 * Most work for one connection in one turn of the loop: its octets, and `OCTETS_PER_PACKET` for each packet.
 * The library counts the same, and stops after the chunk in which it reaches half of this.
 */
const MOST_WORK_A_TURN = 8_388_608;
const OCTETS_PER_PACKET = 256;
/** Octets that a socket can keep beside the read queue: its own buffer, and the chunks at both ends. */
const CHUNKS = 4 * 65_536;
/** Most steps of one world. A world with more steps does not end. */
const MOST_STEPS = 1_000_000;
/** Interval at which the rules are checked on all connections, in milliseconds. */
const LOOK_EVERY = 20;
const LOOK_WHEN_IDLE = 500;
/** Number of steps that are scheduled in Node's event loop at once. */
const BATCH = 64;

const DEFAULT_CLOSE_TIMEOUT = 5_000;
const DEFAULT_MAX_TSDU_SIZE = 16_777_216;
const DEFAULT_READ_MARK = 1_048_576;
const DEFAULT_MAX_CONNECTIONS = 1_024;
const DEFAULT_RECEIVE_BUFFER = 268_435_456;
/** Octets of each connection that the limit of a server does not count, including chunks. */
const RECEIVE_FLOOR = 65_536 + CHUNKS;
/** Slots are probed only on servers with at most this many. */
const PROBED_SLOTS = 8;

/** Codes of errors that the library may report. */
const KNOWN_CODES = /^ERR_COTP_/;

/** One end of a connection that uses the library. */
interface Side {
  readonly name: string;
  readonly port: number;
  readonly options: Options;
  readonly incoming: Direction;
  readonly outgoing: Direction;
  readonly arrivals: Arrivals;
  readonly departures: Departures;
  readonly peerIsOurs: boolean;
  readonly isHonest: boolean;
  readonly server: number | undefined;
  connection: AnyConnection | undefined;
  handle: Handle | undefined;
  closedByUs: boolean;
  reachedEnd: boolean;
  isOver: boolean;
  closingSince: { readonly at: number; readonly blocked: number } | undefined;
}

interface RunningServer {
  readonly plan: ServerPlan;
  readonly port: number;
  readonly server: Server;
}

/** Runs a plan. A process can run only one at a time. */
export function runPlan(plan: Plan, options: WorldOptions): Promise<Outcome> {
  return new World(plan, options).run();
}

class World {
  readonly #plan: Plan;
  readonly #library: Library;
  readonly #log: ((line: string) => void) | undefined;
  readonly #clock = new Clock();
  readonly #loop = new Loop(this.#clock);
  readonly #network: Network;
  readonly #sides = new Map<string, Side>();
  readonly #seenErrors = new WeakSet<Error>();
  readonly #servers: RunningServer[] = [];
  readonly #expected = new Map<number, string>();
  readonly #probes: { server: number; end: TcpEnd; answer: Buffer }[] = [];
  readonly #references: number;
  #expectations = 0;
  #finding: Finding | undefined;
  #callbacks = 0;
  #hash = 0x811c9dc5;
  #isEnding = false;
  #lastLook = 0;
  #looks = 0;
  #turn = 0;
  readonly #workOfTurn = new Map<Handle, number>();

  constructor(plan: Plan, { library, log }: WorldOptions) {
    this.#plan = plan;
    this.#library = library;
    this.#log = log;
    this.#references = library.references();
    library.renewMemory();
    this.#network = new Network(
      this.#loop,
      {
        onRead: (handle, octets) => this.#onRead(handle, octets),
        onWrite: (handle, octets) => this.#onWrite(handle, octets),
        onEof: (handle) => this.#note('eof', handle.end.port, 0),
        onGone: (handle) => this.#note('gone', handle.end.port, 0),
      },
      (localPort, port) => this.#pair(localPort, port),
    );
  }

  async run(): Promise<Outcome> {
    const stop = this.#watchProcess();
    enter({ loop: this.#loop, network: this.#network, prng: new Prng(this.#plan.seed) });
    try {
      this.#begin();
      await this.#turnLoop();
      if (this.#finding === undefined) {
        this.#checkEnd();
      }
    } finally {
      await quiet();
      enter(undefined);
      stop();
    }
    return { finding: this.#finding, steps: this.#steps, hash: this.#hash >>> 0 };
  }

  get #steps(): number {
    return this.#callbacks + this.#clock.ran - this.#looks;
  }

  /** Checks the rules regularly, even if the loop is idle. */
  #keepLooking(): void {
    this.#clock.at(this.#clock.now + LOOK_WHEN_IDLE, () => {
      this.#looks += 1;
      if (!this.#clock.isBlocking) {
        this.#look(this.#clock.now);
      }
      if (this.#clock.now < this.#loop.limit) {
        this.#keepLooking();
      }
    });
  }

  /** Runs the loop, one callback in each real immediate, so that ticks and promises finish in between. */
  #turnLoop(): Promise<void> {
    const loop = this.#loop.run();
    return new Promise((resolve) => {
      let isDone = false;
      const step = () => {
        if (isDone) {
          return;
        }
        try {
          this.#afterStep();
          isDone = this.#finding !== undefined || loop.next().done === true;
        } catch (error) {
          this.#fail('uncaught exception', describe(error));
          isDone = true;
        }
        if (isDone) {
          resolve();
        }
      };
      const batch = () => {
        for (let count = 0; count < BATCH && !isDone; count += 1) {
          real.setImmediate(step);
        }
        if (!isDone) {
          real.setImmediate(batch);
        }
      };
      batch();
    });
  }

  #begin(): void {
    this.#plan.servers.forEach((server, number) => {
      this.#startServer(server, number);
    });
    this.#plan.actors.forEach((actor, number) => {
      // Actors start at least one turn after the servers, whose start takes 1 ms.
      this.#later(Math.max(2, actor.at), () => this.#startActor(actor, number));
    });
    const close = Math.max(
      DEFAULT_CLOSE_TIMEOUT,
      ...[...this.#plan.servers, ...this.#plan.actors].map((of) =>
        'options' in of ? closeTimeout(of.options) : 0,
      ),
    );
    const { end } = this.#plan;
    this.#later(end, () => this.#closeAll((side) => !side.isHonest));
    // Honest pairs end by themselves within this time.
    const honest = this.#plan.actors.some((of) => 'isHonest' in of) ? HONEST_WITHIN : 0;
    this.#later(end + honest, () => this.#closeAll(() => true));
    const closed = end + honest + close + GONE_WITHIN;
    this.#later(closed + 2_000, () => this.#probe());
    this.#later(closed + 2_050, () => this.#closeServers());
    this.#loop.limit = closed + 8_000;
    this.#keepLooking();
  }

  #later(at: number, run: () => void): void {
    this.#loop.later(Math.max(1, at - this.#clock.now), run);
  }

  // Servers

  #startServer(plan: ServerPlan, number: number): void {
    const port = SERVER_PORT + number;
    const addr = { host: '127.0.0.1', port };
    const onError = (error: Error, { peer }: { readonly peer: string }) =>
      this.#onServerError(error, Number(peer.split(':')[1]));
    const onConnection = (connection: AnyConnection) =>
      this.#onConnection(connection, connection.info.remoteAddr.port, number);
    const { cotp, tpkt } = this.#library;
    const listening =
      plan.service === 'tpkt'
        ? tpkt.listen(onConnection, addr, { ...plan.options, onError })
        : cotp.listen(onConnection, addr, {
            ...plan.options,
            onError,
            ...this.#expedited(plan, (connection) =>
              this.#serverSide(connection.info.remoteAddr.port),
            ),
            ...(plan.decides === true
              ? { onConnectRequest: (request: ConnectRequest) => this.#decide(request) }
              : {}),
          });
    listening.then(
      (server) => this.#servers.push({ plan, port, server }),
      (error: unknown) => this.#fail('listen', describe(error)),
    );
    if (plan.closeAt !== undefined) {
      this.#later(plan.closeAt, () => this.#closeServer(number));
    }
  }

  #closeServer(number: number): void {
    const running = this.#servers.find(({ port }) => port === SERVER_PORT + number);
    if (running === undefined || running.server.isClosing) {
      return;
    }
    if (running.plan.options.bindConnections === true) {
      for (const side of this.#sides.values()) {
        if (side.server === number && side.connection?.isClosed !== true) {
          side.closedByUs = true;
        }
      }
    }
    void this.#expect(`server ${number} to close`, running.server.asyncClose());
  }

  /** The actor whose client has this port. */
  #actorAt(port: number): readonly [ActorPlan | undefined, number] {
    const number = port - CLIENT_PORT;
    return [this.#plan.actors[number], number];
  }

  #onConnection(connection: AnyConnection, port: number, server: number): void | Promise<void> {
    const [actor, number] = this.#actorAt(port);
    if (actor === undefined || actor.kind === 'block' || actor.kind === 'rawServer') {
      return;
    }
    const side = this.#side(number, 'server');
    this.#opened(side, connection);
    this.#note('open', port, server);
    const first = actor.serverSide[0];
    if (first?.[0] === 'throw') {
      side.closedByUs = true;
      throw THROWN;
    }
    return this.#runApplication(side, actor.serverSide);
  }

  async #decide(request: ConnectRequest): Promise<void> {
    const [actor] = this.#actorAt(request.remoteAddr.port);
    const decision: Decision =
      (actor !== undefined && 'decision' in actor ? actor.decision : undefined) ??
      (['accept', 0] as const);
    switch (decision[0]) {
      case 'accept':
      case 'refuse':
        if (decision[1] > 0) {
          await this.#wait(decision[1]);
        }
        if (decision[0] === 'accept') {
          request.accept();
        } else {
          request.refuse();
        }
        break;
      case 'throw':
        throw THROWN;
      case 'never':
        await new Promise(() => {});
        break;
      case 'forget':
        break;
    }
  }

  #onServerError(error: Error, port: number): void {
    this.#note(`server error ${codeOf(error)}`, port, 0);
    const [actor, number] = this.#actorAt(port);
    if (actor === undefined || actor.kind === 'block' || actor.kind === 'rawServer') {
      return;
    }
    const side = this.#side(number, 'server');
    if (error !== THROWN) {
      this.#onError(side, 'onError', error);
    }
  }

  // Actors

  #startActor(actor: ActorPlan, number: number): void {
    switch (actor.kind) {
      case 'block':
        this.#block(actor.milliseconds);
        break;
      case 'pair':
        this.#connect(actor, number, SERVER_PORT + actor.server, this.#serviceOf(actor.server));
        break;
      case 'rawServer':
        this.#listenRaw(actor, number);
        this.#connect(actor, number, RAW_SERVER_PORT + number, actor.service);
        break;
      case 'rawClient':
        this.#dialRaw(actor, number);
        break;
    }
  }

  #serviceOf(server: number): Service {
    return this.#plan.servers[server]?.service ?? 'cotp';
  }

  #connect(actor: PairPlan | RawServerPlan, number: number, port: number, service: Service): void {
    const side = this.#side(number, 'client');
    const onError = (error: Error) => this.#onError(side, 'onError', error);
    const { cotp, tpkt } = this.#library;
    const addr = { host: '127.0.0.1', port };
    const controller = actor.abortAfter === undefined ? undefined : new AbortController();
    const options = {
      ...actor.options,
      onError,
      signal: controller?.signal,
      ...(service === 'cotp' ? this.#expedited(actor, () => side) : {}),
    };
    if (actor.abortAfter !== undefined) {
      void this.#wait(actor.abortAfter).then(() => controller?.abort());
    }
    this.#connecting = number;
    const connecting: Promise<AnyConnection> =
      service === 'tpkt' ? tpkt.connect(addr, options) : cotp.connect(addr, options);
    this.#expect(`${side.name} to connect`, connecting).then(
      (connection) => {
        this.#opened(side, connection);
        this.#note('connected', side.port, 0);
        this.#runApplication(side, actor.client).catch((error: unknown) => {
          // The library does not close the connection of a client that throws.
          connection.destroy();
          if (error !== THROWN) {
            this.#fail('application', describe(error));
          }
        });
      },
      (error: unknown) => {
        this.#note(`connect failed ${codeOf(error)}`, side.port, 0);
        if (error !== controller?.signal.reason) {
          this.#onError(side, 'connect', error);
        }
      },
    );
  }

  /** The callback of expedited data, where its users do not read it. */
  #expedited(
    plan: { readonly options: Options; readonly readsExpedited?: boolean },
    sideOf: (connection: Connection) => Side | undefined,
  ): object {
    if (plan.options.expedited !== true || plan.readsExpedited === true) {
      return {};
    }
    const onExpedited = (data: Buffer, connection: Connection) => {
      const side = sideOf(connection);
      this.#note('expedited', side?.port ?? 0, data.length);
      if (side !== undefined && side.connection === undefined) {
        this.#fail('order', `${side.name}: expedited data came before the connection`);
      }
      side?.incoming.deliverExpedited(data, false);
    };
    return { onExpedited };
  }

  #serverSide(port: number): Side | undefined {
    const [actor, number] = this.#actorAt(port);
    return actor === undefined || actor.kind === 'block' ? undefined : this.#side(number, 'server');
  }

  /** What is sent from now on is judged by what was agreed on. */
  #opened(side: Side, connection: AnyConnection): void {
    side.connection = connection;
    if (isCotp(connection) && connection.info.tpClass === 2) {
      const { localRef, remoteRef, expeditedAck } = connection.info;
      side.departures.references = { theirs: remoteRef, ours: localRef };
      side.departures.hasAcks = expeditedAck;
    }
  }

  /**
   * The actor that is connecting. `connect` opens its socket at once, so the next socket belongs to this
   * actor.
   */
  #connecting = 0;

  #dialRaw(actor: RawClientPlan, number: number): void {
    const { incoming } = this.#side(number, 'server');
    const service = this.#serviceOf(actor.server);
    this.#network.dial(SERVER_PORT + actor.server, CLIENT_PORT + number, (end) => {
      if (end !== undefined) {
        new RawPeer(end, this.#clock, service, actor.raw, incoming);
      }
    });
  }

  #listenRaw(actor: RawServerPlan, number: number): void {
    const { incoming } = this.#side(number, 'client');
    this.#network.listen(RAW_SERVER_PORT + number, {
      onConnection: (end) => {
        new RawPeer(end, this.#clock, actor.service, actor.raw, incoming);
      },
    });
  }

  /** Each client has its own path and random choices, independent of others. */
  #pair(localPort: number | undefined, port: number): readonly [TcpEnd, TcpEnd, number] {
    const from = localPort ?? CLIENT_PORT + this.#connecting;
    const [actor, number] = this.#actorAt(from);
    const path: Path = actor !== undefined && 'path' in actor ? actor.path : PROBE_PATH;
    const prng = new Prng(this.#plan.seed, number, 1);
    const [client, server] = TcpEnd.pair(from, port, this.#clock, path, prng);
    return [client, server, path.latency[0]];
  }

  #side(number: number, which: 'client' | 'server'): Side {
    const name = `${which} ${number}`;
    const found = this.#sides.get(name);
    if (found !== undefined) {
      return found;
    }
    const actor = this.#plan.actors[number] as Exclude<ActorPlan, { kind: 'block' }>;
    const isServer = which === 'server';
    const there = `${isServer ? 'client' : 'server'} ${number}`;
    const other = this.#sides.get(there);
    const service = 'service' in actor ? actor.service : this.#serviceOf(actor.server);
    const options = isServer && 'server' in actor ? this.#plan.servers[actor.server]?.options : {};
    const ownOptions = isServer ? (options ?? {}) : 'options' in actor ? actor.options : {};
    const maxTsduSize = numberOf(ownOptions, 'maxTsduSize', DEFAULT_MAX_TSDU_SIZE);
    const departures = new Departures();
    const arrivals = new Arrivals(service === 'tpkt', maxTsduSize);
    arrivals.onAck = () => departures.acknowledged();
    const side: Side = {
      name,
      port: CLIENT_PORT + number,
      options: ownOptions,
      incoming: other?.outgoing ?? new Direction(2 * number + (isServer ? 0 : 1)),
      outgoing: other?.incoming ?? new Direction(2 * number + (isServer ? 1 : 0)),
      arrivals,
      departures,
      peerIsOurs: actor.kind === 'pair',
      isHonest: actor.kind === 'pair' && actor.isHonest === true,
      server: isServer && 'server' in actor ? actor.server : undefined,
      connection: undefined,
      handle: undefined,
      closedByUs: false,
      reachedEnd: false,
      isOver: false,
      closingSince: undefined,
    };
    this.#sides.set(name, side);
    return side;
  }

  async #runApplication(side: Side, acts: readonly Act[]): Promise<void> {
    const { connection } = side;
    if (connection === undefined) {
      return;
    }
    if (this.#isEnding && !side.isHonest) {
      this.#close(side);
    }
    const application = new Application(connection, {
      incoming: side.incoming,
      outgoing: side.outgoing,
      readsWithSignal: this.#library.readsWithSignal,
      wait: (milliseconds) => this.#wait(milliseconds),
      block: (milliseconds) => this.#block(milliseconds),
      expect: (what, promise) => this.#expect(`${side.name}: ${what}`, promise),
      onReadingEnd: (end) => this.#onReadingEnd(side, end),
      onFailure: (act, error) => this.#onError(side, act, error),
      onClosing: () => {
        side.closedByUs = true;
      },
      log: (line) => this.#note(`${side.name}: ${line}`, side.port, 0),
    });
    await application.run(acts);
    side.isOver = true;
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#loop.later(Math.max(1, milliseconds), resolve);
    });
  }

  #block(milliseconds: number): void {
    this.#note('block', 0, milliseconds);
    this.#look(this.#clock.now);
    this.#clock.block(milliseconds);
  }

  #expect<T>(what: string, promise: Promise<T>): Promise<T> {
    const number = this.#expectations;
    this.#expectations += 1;
    this.#expected.set(number, what);
    const settled = () => this.#expected.delete(number);
    promise.then(settled, settled);
    return promise;
  }

  // The end of a world

  #closeAll(which: (side: Side) => boolean): void {
    this.#note('end', 0, 0);
    this.#isEnding = true;
    for (const side of this.#sides.values()) {
      if (which(side)) {
        this.#close(side);
      }
    }
  }

  #close(side: Side): void {
    const { connection } = side;
    if (connection?.isOpen === true) {
      side.closedByUs = true;
      void this.#expect(`${side.name}: asyncClose at the end`, connection.asyncClose());
    }
  }

  /** Checks that every slot of a small server is free again. */
  #probe(): void {
    this.#servers.forEach(({ plan, port, server }, number) => {
      if (server.isClosing) {
        return;
      }
      if (server.connectionCount > 0) {
        this.#fail(
          'slot',
          `server ${number} counts ${server.connectionCount} connections at the end`,
        );
      }
      const slots = numberOf(plan.options, 'maxConnections', DEFAULT_MAX_CONNECTIONS);
      for (let slot = 0; slot < slots && slots <= PROBED_SLOTS; slot += 1) {
        const from = PROBE_PORT + number * PROBED_SLOTS + slot;
        this.#network.dial(port, from, (end) => {
          if (end !== undefined) {
            const probe = { server: number, end, answer: Buffer.alloc(0) };
            this.#probes.push(probe);
            end.user = { onChange: () => hear(probe) };
            end.write(PROBE_CR);
          }
        });
      }
    });
  }

  #closeServers(): void {
    for (const { server, end, answer } of this.#probes) {
      const isTpkt = this.#servers[server]?.plan.service === 'tpkt';
      if (isTpkt ? end.resetAt !== undefined || end.finArrived : answer[5] !== 0xd0) {
        const got = answer.length === 0 ? 'nothing' : answer.toString('hex');
        this.#fail('slot', `server ${server} has no connection, but answers a CR by ${got}`);
      }
      end.reset();
    }
    this.#servers.forEach((_, number) => {
      this.#closeServer(number);
    });
  }

  #checkEnd(): void {
    const { open } = this.#network;
    const [handle] = open;
    if (handle !== undefined) {
      const { port, peer } = handle.end;
      this.#fail(
        'left',
        `${open.size} sockets are open at the end, the first ${port} to ${peer.port}`,
      );
    }
    const [unanswered] = this.#expected.values();
    if (unanswered !== undefined) {
      this.#fail('answer', `${unanswered}: not settled at the end (${this.#expected.size} in all)`);
    }
    if (this.#loop.outstanding > 0) {
      this.#fail('left', `${this.#loop.outstanding} timers are set at the end`);
    }
    const references = this.#library.references() - this.#references;
    if (references !== 0) {
      this.#fail('left', `${references} references are in use at the end`);
    }
    this.#servers.forEach(({ server }, number) => {
      if (server.connectionCount > 0) {
        this.#fail('slot', `server ${number} counts ${server.connectionCount} connections`);
      }
    });
    for (const side of this.#sides.values()) {
      this.#checkUnsent(side);
      this.#checkHonest(side);
    }
  }

  /** What was written was handed to TCP, or is unsent. */
  #checkUnsent({ name, connection, outgoing, departures }: Side): void {
    const end =
      connection !== undefined && isCotp(connection) ? connection.disconnection : undefined;
    if (end === undefined) {
      return;
    }
    const { octetsWritten } = outgoing;
    const { userOctets } = departures;
    if (userOctets + end.unsent !== octetsWritten) {
      this.#fail(
        'unsent',
        `${name}: ${octetsWritten} octets were written, ${userOctets} handed to TCP, and ${end.unsent} are unsent; it ended by ${end.ending}`,
      );
    }
  }

  #checkHonest(side: Side): void {
    if (!side.isHonest) {
      return;
    }
    const { delivered, written } = side.incoming;
    if (!side.isOver) {
      this.#fail('honest', `${side.name} did not end`);
    } else if (delivered !== written) {
      this.#fail('honest', `${side.name} read ${delivered} of ${written} TSDUs`);
    } else if (side.incoming.expeditedDelivered !== side.incoming.expeditedWritten) {
      const { expeditedDelivered, expeditedWritten } = side.incoming;
      this.#fail('honest', `${side.name} got ${expeditedDelivered} of ${expeditedWritten} ED`);
    } else if (side.connection !== undefined && isCotp(side.connection)) {
      this.#checkHonestEnd(side, side.connection);
    }
  }

  /** In class 2 one side sends a DR behind all that it has written, and the other one confirms it. */
  #checkHonestEnd({ name, closedByUs }: Side, { info, disconnection: end }: Connection): void {
    const isGood = closedByUs
      ? end?.ending === 'local' && end.confirmed
      : end?.ending === 'dr' && end.reason === 128 && end.nonDisruptive === true;
    if (info.tpClass === 2 && (!isGood || end?.unsent !== 0)) {
      this.#fail('honest', `${name} ended so: ${JSON.stringify(end)}`);
    }
  }

  // Rules

  #afterStep(): void {
    this.#callbacks += 1;
    const { now } = this.#clock;
    if (now - this.#lastLook >= LOOK_EVERY) {
      this.#lastLook = now;
      this.#look(now);
    }
    if (this.#steps > MOST_STEPS) {
      this.#fail('end', `the world did not end within ${MOST_STEPS} steps`);
    }
  }

  #look(now: number): void {
    const { blocked } = this.#clock;
    for (const handle of this.#network.open) {
      const { resetAt } = handle.end;
      if (resetAt !== undefined && now > resetAt + GONE_WITHIN + blocked + SLACK) {
        this.#fail(
          'gone',
          `the TCP connection of socket ${nameOf(handle)} was reset at ${resetAt.toFixed(0)} ms, but it is still open`,
        );
      }
    }
    for (const side of this.#sides.values()) {
      const { connection, closingSince } = side;
      if (side.incoming.fault !== undefined) {
        this.#fail('order', `${side.name}: ${side.incoming.fault}`);
      }
      if (connection === undefined || connection.isClosed || !connection.isClosing) {
        continue;
      }
      side.closingSince ??= { at: now, blocked: this.#clock.blockedLongAgo };
      const limit = closeTimeout(side.options);
      const since = closingSince ?? side.closingSince;
      // A timer that a block has delayed waits once more for the same time, so that octets received meanwhile
      // can be processed.
      if (now > since.at + limit + 2 * (blocked - since.blocked) + LOOK_EVERY + SLACK) {
        this.#fail(
          'close',
          `${side.name} has been closing since ${since.at.toFixed(0)} ms; closeTimeout is ${limit} ms`,
        );
      }
    }
  }

  #sideOf(handle: Handle): Side | undefined {
    const { port, peer } = handle.end;
    const isServer = port < RAW_SERVER_PORT;
    const [actor, number] = this.#actorAt(isServer ? peer.port : port);
    if (actor === undefined || actor.kind === 'block') {
      return undefined;
    }
    const side = this.#side(number, isServer ? 'server' : 'client');
    side.handle = handle;
    return side;
  }

  #onRead(handle: Handle, octets: Buffer): void {
    const { port, peer } = handle.end;
    this.#note('read', port < RAW_SERVER_PORT ? peer.port : port, octets.length);
    const side = this.#sideOf(handle);
    if (side === undefined) {
      return;
    }
    const isOpen = side.connection?.isOpen ?? true;
    // Octets after the end are dropped and not counted.
    if (!isOpen || side.closedByUs || side.departures.isRefusal) {
      // An EA lets what is queued go on.
      side.arrivals.isDropping = true;
      side.arrivals.push(octets);
    } else {
      this.#checkMemory(side);
      const { packets } = side.arrivals;
      side.arrivals.push(octets);
      this.#checkTurn(
        handle,
        octets.length + OCTETS_PER_PACKET * (side.arrivals.packets - packets),
      );
    }
  }

  #onWrite(handle: Handle, octets: Buffer): void {
    const side = this.#sideOf(handle);
    if (side === undefined || this.#isTpkt(side)) {
      return;
    }
    side.departures.push(octets);
    const { fault } = side.departures;
    if (fault !== undefined) {
      this.#fail(fault.rule, `${side.name}: ${fault.message}`);
    }
  }

  #isTpkt({ connection }: Side): boolean {
    return connection !== undefined && !isCotp(connection);
  }

  #checkTurn(handle: Handle, work: number): void {
    if (this.#turn !== this.#loop.turn) {
      this.#turn = this.#loop.turn;
      this.#workOfTurn.clear();
    }
    const sum = (this.#workOfTurn.get(handle) ?? 0) + work;
    this.#workOfTurn.set(handle, sum);
    if (sum > MOST_WORK_A_TURN) {
      this.#fail(
        'turn',
        `work of ${sum} for one connection (${nameOf(handle)}) in one turn of the loop`,
      );
    }
  }

  /** When octets arrive, the unread octets must have been below the mark, except for chunks in transit. */
  #checkMemory(side: Side): void {
    // After the end of TCP everything that is left is read; it is at most the receive buffer.
    if (side.connection === undefined || side.handle?.end.isOver) {
      return;
    }
    const held = side.arrivals.octets - side.incoming.octets;
    const mark = numberOf(side.options, 'readHighWaterMark', DEFAULT_READ_MARK);
    const most = mark + CHUNKS + side.arrivals.largest;
    if (held > most) {
      this.#fail(
        'memory',
        `${side.name} has ${held} unread octets and reads more; its mark is ${mark}`,
      );
    }
    if (this.#library.limitsReceiving && side.server !== undefined) {
      this.#checkServerMemory(side.server);
    }
  }

  #checkServerMemory(server: number): void {
    const options = this.#plan.servers[server]?.options ?? {};
    let sum = 0;
    let count = 0;
    for (const { connection, server: of, arrivals, incoming } of this.#sides.values()) {
      if (of === server && connection?.isOpen === true) {
        sum += arrivals.octets + arrivals.unfinished - incoming.octets;
        count += 1;
      }
    }
    const most = numberOf(options, 'maxReceiveBuffer', DEFAULT_RECEIVE_BUFFER);
    if (sum > most + count * RECEIVE_FLOOR) {
      this.#fail(
        'memory',
        `the ${count} connections of server ${server} use ${sum} octets; maxReceiveBuffer is ${most}`,
      );
    }
  }

  #onReadingEnd(side: Side, end: ReadingEnd): void {
    const { error } = end;
    this.#note(`${side.name}: reading ended ${codeOf(error)}`, side.port, 0);
    if (error !== undefined) {
      this.#checkError(side, 'read', error);
    }
    if (side.reachedEnd || side.closedByUs) {
      return;
    }
    side.reachedEnd = true;
    const { delivered, written } = side.incoming;
    const { messages, isBroken } = side.arrivals;
    const ending = (error as { ending?: string } | undefined)?.ending;
    // In class 2 the end of TCP alone is a failure.
    const isCleanEnd = isClass2(side) ? isNonDisruptive(error) : ending === 'fin';
    const isClean = error === undefined || isCleanEnd;
    // A limit of the server can end a connection before all received octets are processed.
    const isCut = ending === 'limit' && !isBroken;
    if (delivered !== messages && !isCut) {
      this.#fail(
        'lost',
        `${side.name}: ${messages} TSDUs had arrived, ${delivered} were read; it ended by ${ending ?? 'nothing'}`,
      );
    } else if (isClean && delivered !== written && !isBroken && !side.incoming.isDropped) {
      this.#fail(
        'lost',
        `${side.name}: ${written} TSDUs were written, ${delivered} were read, and it ended cleanly`,
      );
    }
    if (side.isHonest && !isClean) {
      this.#fail('honest', `${side.name}: reading failed: ${describe(error)}`);
    }
  }

  #onError(side: Side, where: string, error: unknown): void {
    this.#note(`${side.name}: ${where} failed ${codeOf(error)}`, side.port, 0);
    this.#checkError(side, where, error);
    if (side.isHonest) {
      this.#fail('honest', `${side.name}: ${where}: ${describe(error)}`);
    }
  }

  #checkError(side: Side, where: string, error: unknown): void {
    const code = codeOf(error);
    const mayBeSystem = where === 'connect';
    if (!(error instanceof Error) || (!KNOWN_CODES.test(code) && !mayBeSystem)) {
      if (!(where === 'onError' && error instanceof TypeError)) {
        this.#fail('error', `${side.name}: ${where}: ${describe(error)}`);
      }
    }
    // Later calls fail with the same error. Only its first occurrence is checked.
    if (code === 'ERR_COTP_TIMEOUT' && !this.#seenErrors.has(error as Error)) {
      this.#seenErrors.add(error as Error);
      this.#checkTimer(side, error as Error & { timer: string });
    }
  }

  /** A timer must not end a connection while octets that arrived during a block are unprocessed. */
  #checkTimer(side: Side, error: Error & { timer: string }): void {
    const isServer = side.server !== undefined;
    const handle =
      side.handle ??
      [...this.#network.open].find(({ end }) =>
        isServer ? end.peer.port === side.port : end.port === side.port,
      );
    if (handle === undefined || error.timer === 'writeTimeout' || error.timer === 'closeTimeout') {
      return;
    }
    const overlooked = handle.overlookedSince;
    if (overlooked !== undefined && overlooked.at - overlooked.since > OVERLOOKED) {
      const { what, since, at } = overlooked;
      this.#fail(
        'timer',
        `${side.name}: ${error.timer} expired at ${at.toFixed(1)} ms, but ${what} had arrived at ${since.toFixed(1)} ms`,
      );
    }
  }

  // Everything else

  #watchProcess(): () => void {
    const onException = (error: unknown) => this.#fail('uncaught exception', describe(error));
    const onRejection = (error: unknown) => this.#fail('unhandled rejection', describe(error));
    const onWarning = (warning: Error) => this.#fail('warning', describe(warning));
    process.on('uncaughtException', onException);
    process.on('unhandledRejection', onRejection);
    process.on('warning', onWarning);
    return () => {
      process.off('uncaughtException', onException);
      process.off('unhandledRejection', onRejection);
      process.off('warning', onWarning);
    };
  }

  #note(what: string, port: number, number: number): void {
    let hash = this.#hash;
    for (let at = 0; at < what.length; at += 1) {
      hash = Math.imul(hash ^ what.charCodeAt(at), 0x01000193);
    }
    hash = Math.imul(hash ^ port, 0x01000193);
    hash = Math.imul(hash ^ number, 0x01000193);
    this.#hash = Math.imul(hash ^ Math.round(this.#clock.now * 1_000), 0x01000193);
    this.#log?.(`${this.#clock.now.toFixed(3).padStart(12)}  ${port} ${what} ${number || ''}`);
  }

  #fail(rule: string, message: string): void {
    this.#finding ??= { rule, message, at: this.#clock.now };
  }
}

/** A CR that every server takes, whatever its classes. */
const PROBE_CR = request(0);

const PROBE_PATH: Path = {
  latency: [1, 1],
  segment: 65_536,
  cuts: 0,
  stalls: 0,
  stall: 0,
  sendBuffer: 65_536,
  receiveBuffer: 65_536,
  resetDropsUnread: false,
};

/** A clean end of class 2 is a DR; the end of TCP alone is a failure. */
function isClass2({ connection }: Side): boolean {
  return connection !== undefined && 'disconnect' in connection && connection.info.tpClass === 2;
}

/** By a DR behind everything that the peer has written. */
function isNonDisruptive(error: unknown): boolean {
  return (error as { nonDisruptive?: boolean } | undefined)?.nonDisruptive === true;
}

function hear(probe: { readonly end: TcpEnd; answer: Buffer }): void {
  probe.answer = Buffer.concat([probe.answer, probe.end.read(1_024)]);
}

function nameOf({ end }: Handle): string {
  return `${end.port} to ${end.peer.port}`;
}

function numberOf(options: Options, name: string, otherwise: number): number {
  const value = options[name];
  return typeof value === 'number' ? value : otherwise;
}

function closeTimeout(options: Options): number {
  return numberOf(options, 'closeTimeout', DEFAULT_CLOSE_TIMEOUT);
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code ?? '');
}

function describe(error: unknown): string {
  return error instanceof Error
    ? `${codeOf(error)} ${error.name}: ${error.message.split('\n')[0]}`.trim()
    : String(error);
}

/** Lets the remaining ticks and promises finish. */
function quiet(): Promise<void> {
  return new Promise((resolve) => {
    real.setImmediate(() => real.setImmediate(resolve));
  });
}
