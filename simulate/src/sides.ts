/**
 * The ends of connections that use the library, and what is known about each.
 */
import type { Connection } from 'cotp';
import { type AnyConnection, isCotp } from './application.js';
import { Arrivals } from './arrivals.js';
import { Departures } from './departures.js';
import { Direction } from './ledger.js';
import { maxTsduSize } from './library-options.js';
import type { ActorPlan, BlockPlan, Options, Plan, Service } from './plan.js';
import { CLIENT_PORT, clientPort, isServerSocket } from './ports.js';
import type { Handle } from './sockets.js';

/** One end of a connection that uses the library. */
export interface Side {
  readonly name: string;
  readonly port: number;
  readonly options: Options;
  readonly incoming: Direction;
  readonly outgoing: Direction;
  readonly arrivals: Arrivals;
  readonly departures: Departures;
  readonly isHonest: boolean;
  readonly server: number | undefined;
  connection: AnyConnection | undefined;
  handle: Handle | undefined;
  closedByUs: boolean;
  reachedEnd: boolean;
  isOver: boolean;
  closingSince: { readonly at: number; readonly blocked: number } | undefined;
  /** Calls of `drain` that wait. */
  drains: number;
  /** Since when a `drain` waits and no further octet was written to the stream. */
  stuckSince:
    | { readonly at: number; readonly blocked: number; readonly written: number }
    | undefined;
}

type Which = 'client' | 'server';

/** All sides of a world; each exists from its first use on. */
export class Sides {
  readonly #plan: Plan;
  readonly #sides = new Map<string, Side>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  [Symbol.iterator](): IterableIterator<Side> {
    return this.#sides.values();
  }

  /** The actor whose client has this port. */
  actorAt(port: number): readonly [ActorPlan | undefined, number] {
    const number = port - CLIENT_PORT;
    return [this.#plan.actors[number], number];
  }

  serviceOf(server: number): Service {
    return this.#plan.servers[server]?.service ?? 'cotp';
  }

  /** The side of this socket; none if the socket belongs to no actor. */
  ofSocket(handle: Handle): Side | undefined {
    const [actor, number] = this.actorAt(clientPort(handle));
    if (actor === undefined || actor.kind === 'block') {
      return undefined;
    }
    const side = this.of(number, isServerSocket(handle) ? 'server' : 'client');
    side.handle = handle;
    return side;
  }

  /** The server's side of the client with this port; none if the port belongs to no actor. */
  atServer(port: number): Side | undefined {
    const [actor, number] = this.actorAt(port);
    return actor === undefined || actor.kind === 'block' ? undefined : this.of(number, 'server');
  }

  /** The side of this actor. */
  of(number: number, which: Which): Side {
    const name = `${which} ${number}`;
    const found = this.#sides.get(name);
    if (found !== undefined) {
      return found;
    }
    const side = this.#create(name, number, which);
    this.#sides.set(name, side);
    return side;
  }

  #create(name: string, number: number, which: Which): Side {
    const actor = this.#plan.actors[number] as Exclude<ActorPlan, BlockPlan>;
    const isServer = which === 'server';
    const other = this.#sides.get(`${isServer ? 'client' : 'server'} ${number}`);
    const service = 'service' in actor ? actor.service : this.serviceOf(actor.server);
    const options = this.#optionsOf(actor, isServer);
    const departures = new Departures();
    const arrivals = new Arrivals(service === 'tpkt', maxTsduSize(options));
    arrivals.onAck = () => departures.acknowledged();
    return {
      name,
      port: CLIENT_PORT + number,
      options,
      incoming: other?.outgoing ?? new Direction(2 * number + (isServer ? 0 : 1)),
      outgoing: other?.incoming ?? new Direction(2 * number + (isServer ? 1 : 0)),
      arrivals,
      departures,
      isHonest: actor.kind === 'pair' && actor.isHonest === true,
      server: isServer && 'server' in actor ? actor.server : undefined,
      connection: undefined,
      handle: undefined,
      closedByUs: false,
      reachedEnd: false,
      isOver: false,
      closingSince: undefined,
      drains: 0,
      stuckSince: undefined,
    };
  }

  #optionsOf(actor: Exclude<ActorPlan, BlockPlan>, isServer: boolean): Options {
    if (!isServer) {
      return 'options' in actor ? actor.options : {};
    }
    return ('server' in actor ? this.#plan.servers[actor.server]?.options : undefined) ?? {};
  }
}

/** What is sent from now on is checked against what was agreed. */
export function opened(side: Side, connection: AnyConnection): void {
  side.connection = connection;
  if (isCotp(connection) && connection.info.tpClass === 2) {
    const { localRef, remoteRef, expeditedAck } = connection.info;
    side.departures.references = { theirs: remoteRef, ours: localRef };
    side.departures.hasAcks = expeditedAck;
  }
}

export function isTpkt({ connection }: Side): boolean {
  return connection !== undefined && !isCotp(connection);
}

/** The connection of a side that uses COTP and is open, or was. */
export function cotpOf({ connection }: Side): Connection | undefined {
  return connection !== undefined && isCotp(connection) ? connection : undefined;
}
