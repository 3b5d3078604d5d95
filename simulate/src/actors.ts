/**
 * Starts the actors of a world: clients of the library, peers that do not use it, and blocks of the event loop.
 */
import { type AnyConnection, THROWN } from './application.js';
import { type ApplicationRuns, block, expeditedOption } from './application-runs.js';
import { type Context, wait } from './context.js';
import { codeOf, describe } from './event-log.js';
import type { ActorPlan, PairPlan, RawClientPlan, RawServerPlan, Service } from './plan.js';
import { CLIENT_PORT, RAW_SERVER_PORT, SERVER_PORT } from './ports.js';
import { Prng } from './prng.js';
import { RawPeer } from './raw-peer.js';
import { checkFailure } from './rules/errors.js';
import { opened, type Side } from './sides.js';
import { type Path, TcpEnd } from './tcp.js';

/** The path of a connection that no actor has opened: a probe. */
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

export class Actors {
  readonly #context: Context;
  readonly #applications: ApplicationRuns;
  /**
   * The actor that is connecting. `connect` opens its socket at once, so the next socket belongs to this
   * actor.
   */
  #connecting = 0;

  constructor(context: Context, applications: ApplicationRuns) {
    this.#context = context;
    this.#applications = applications;
  }

  start(actor: ActorPlan, number: number): void {
    const { sides } = this.#context;
    switch (actor.kind) {
      case 'block':
        block(this.#context, actor.milliseconds);
        break;
      case 'pair':
        this.#connect(actor, number, SERVER_PORT + actor.server, sides.serviceOf(actor.server));
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

  /** Both ends of a TCP connection. Each client has its own path and random choices, independent of others. */
  pair(localPort: number | undefined, port: number): readonly [TcpEnd, TcpEnd, number] {
    const { sides, plan, clock } = this.#context;
    const from = localPort ?? CLIENT_PORT + this.#connecting;
    const [actor, number] = sides.actorAt(from);
    const path: Path = actor !== undefined && 'path' in actor ? actor.path : PROBE_PATH;
    const prng = new Prng(plan.seed, number, 1);
    const [client, server] = TcpEnd.pair(from, port, clock, path, prng);
    return [client, server, path.latency[0]];
  }

  #connect(actor: PairPlan | RawServerPlan, number: number, port: number, service: Service): void {
    const context = this.#context;
    const { cotp, tpkt } = context.library;
    const side = context.sides.of(number, 'client');
    const addr = { host: '127.0.0.1', port };
    const signal = this.#signal(actor.abortAfter);
    const options = {
      ...actor.options,
      onError: (error: Error) => checkFailure(context, side, 'onError', error),
      signal,
      ...(service === 'cotp' ? expeditedOption(context, actor, () => side) : {}),
    };
    this.#connecting = number;
    const connecting: Promise<AnyConnection> =
      service === 'tpkt' ? tpkt.connect(addr, options) : cotp.connect(addr, options);
    context.promises.expect(`${side.name} to connect`, connecting).then(
      (connection) => this.#connected(side, connection, actor),
      (error: unknown) => {
        context.events.note(`connect failed ${codeOf(error)}`, side.port, 0);
        if (error !== signal?.reason) {
          checkFailure(context, side, 'connect', error);
        }
      },
    );
  }

  /** A signal that is aborted after this time; none if there is no time. */
  #signal(abortAfter: number | undefined): AbortSignal | undefined {
    if (abortAfter === undefined) {
      return undefined;
    }
    const controller = new AbortController();
    void wait(this.#context, abortAfter).then(() => controller.abort());
    return controller.signal;
  }

  #connected(side: Side, connection: AnyConnection, actor: PairPlan | RawServerPlan): void {
    const { events } = this.#context;
    opened(side, connection);
    events.note('connected', side.port, 0);
    this.#applications.run(side, connection, actor.client).catch((error: unknown) => {
      // The library does not close the connection of a client that throws.
      connection.destroy();
      if (error !== THROWN) {
        events.fail('application', describe(error));
      }
    });
  }

  #dialRaw(actor: RawClientPlan, number: number): void {
    const { sides, network, clock } = this.#context;
    const { incoming } = sides.of(number, 'server');
    const service = sides.serviceOf(actor.server);
    network.dial(SERVER_PORT + actor.server, CLIENT_PORT + number, (end) => {
      if (end !== undefined) {
        new RawPeer(end, clock, service, actor.raw, incoming);
      }
    });
  }

  #listenRaw(actor: RawServerPlan, number: number): void {
    const { sides, network, clock } = this.#context;
    const { incoming } = sides.of(number, 'client');
    network.listen(RAW_SERVER_PORT + number, {
      onConnection: (end) => {
        new RawPeer(end, clock, actor.service, actor.raw, incoming);
      },
    });
  }
}
