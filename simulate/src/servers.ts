/**
 * The servers of a world: they listen, decide on a CR, run applications and close.
 */
import type { ConnectRequest } from 'cotp';
import { type AnyConnection, THROWN } from './application.js';
import { type ApplicationRuns, expeditedOption } from './application-runs.js';
import { type Context, later, type RunningServer, wait } from './context.js';
import { codeOf, describe } from './event-log.js';
import type { PairPlan, RawClientPlan, ServerPlan } from './plan.js';
import { SERVER_PORT } from './ports.js';
import { checkFailure } from './rules/errors.js';
import { opened } from './sides.js';

export class Servers {
  readonly #context: Context;
  readonly #applications: ApplicationRuns;

  constructor(context: Context, applications: ApplicationRuns) {
    this.#context = context;
    this.#applications = applications;
  }

  start(plan: ServerPlan, number: number): void {
    const { events, servers } = this.#context;
    const port = SERVER_PORT + number;
    this.#listen(plan, port, number).then(
      (server) => servers.push({ plan, port, server }),
      (error: unknown) => events.fail('listen', describe(error)),
    );
    if (plan.closeAt !== undefined) {
      later(this.#context, plan.closeAt, () => this.close(number));
    }
  }

  #listen(plan: ServerPlan, port: number, number: number): Promise<RunningServer['server']> {
    const context = this.#context;
    const { cotp, tpkt } = context.library;
    const addr = { host: '127.0.0.1', port };
    const onError = (error: Error, { peer }: { readonly peer: string }) =>
      this.#onError(error, Number(peer.split(':')[1]));
    const onConnection = (connection: AnyConnection) => this.#onConnection(connection, number);
    if (plan.service === 'tpkt') {
      return tpkt.listen(onConnection, addr, { ...plan.options, onError });
    }
    const expedited = expeditedOption(context, plan, ({ info }) =>
      context.sides.atServer(info.remoteAddr.port),
    );
    const decision =
      plan.decides === true
        ? { onConnectRequest: (request: ConnectRequest) => this.#decide(request) }
        : {};
    return cotp.listen(onConnection, addr, { ...plan.options, onError, ...expedited, ...decision });
  }

  close(number: number): void {
    const { servers, sides, promises } = this.#context;
    const running = servers.find(({ port }) => port === SERVER_PORT + number);
    if (running === undefined || running.server.isClosing) {
      return;
    }
    if (running.plan.options.bindConnections === true) {
      for (const side of sides) {
        if (side.server === number && side.connection?.isClosed !== true) {
          side.closedByUs = true;
        }
      }
    }
    void promises.expect(`server ${number} to close`, running.server.asyncClose());
  }

  /** The actor of a client that connects to a server; none if the port belongs to no such client. */
  #clientAt(port: number): readonly [PairPlan | RawClientPlan | undefined, number] {
    const [actor, number] = this.#context.sides.actorAt(port);
    const isClient = actor?.kind === 'pair' || actor?.kind === 'rawClient';
    return [isClient ? actor : undefined, number];
  }

  #onConnection(connection: AnyConnection, server: number): void | Promise<void> {
    const { port } = connection.info.remoteAddr;
    const [actor, number] = this.#clientAt(port);
    if (actor === undefined) {
      return;
    }
    const side = this.#context.sides.of(number, 'server');
    opened(side, connection);
    this.#context.events.note('open', port, server);
    if (actor.serverSide[0]?.[0] === 'throw') {
      side.closedByUs = true;
      throw THROWN;
    }
    return this.#applications.run(side, connection, actor.serverSide);
  }

  async #decide(request: ConnectRequest): Promise<void> {
    const [actor] = this.#clientAt(request.remoteAddr.port);
    const decision = actor?.decision ?? (['accept', 0] as const);
    switch (decision[0]) {
      case 'accept':
      case 'refuse':
        if (decision[1] > 0) {
          await wait(this.#context, decision[1]);
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

  #onError(error: Error, port: number): void {
    const { events, sides } = this.#context;
    events.note(`server error ${codeOf(error)}`, port, 0);
    const [actor, number] = this.#clientAt(port);
    if (actor === undefined) {
      return;
    }
    const side = sides.of(number, 'server');
    if (error !== THROWN) {
      checkFailure(this.#context, side, 'onError', error);
    }
  }
}
