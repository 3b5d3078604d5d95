/**
 * One world: runs a plan in simulated time, checks the rules meanwhile, and ends everything.
 */
import { Actors } from './actors.js';
import { ApplicationRuns } from './application-runs.js';
import { Clock } from './clock.js';
import { type Context, later } from './context.js';
import { enter, type Library, real } from './environment.js';
import { describe, EventLog, type Finding } from './event-log.js';
import { closeTimeout, DEFAULT_CLOSE_TIMEOUT } from './library-options.js';
import { Loop } from './loop.js';
import type { Plan } from './plan.js';
import { Prng } from './prng.js';
import { Promises } from './promises.js';
import { CHECK_EVERY, checkRegularly, GONE_WITHIN } from './rules/regular.js';
import { checkWorldEnd } from './rules/world-end.js';
import { Servers } from './servers.js';
import { Sides } from './sides.js';
import { Slots } from './slots.js';
import { Network } from './sockets.js';
import { Traffic } from './traffic.js';

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

/** Honest pairs must be done within this time after the end of a world, in milliseconds. */
const HONEST_WITHIN = 20_000;
/** Most steps of one world. A world with more steps does not end. */
const MOST_STEPS = 1_000_000;
/** Interval at which the rules are checked while the loop is idle, in milliseconds. */
const CHECK_WHEN_IDLE = 500;
/** Number of steps that are scheduled in Node's event loop at once. */
const BATCH = 64;

/** Runs a plan. A process can run only one at a time. */
export function runPlan(plan: Plan, options: WorldOptions): Promise<Outcome> {
  return new World(plan, options).run();
}

class World {
  readonly #context: Context;
  readonly #applications: ApplicationRuns;
  readonly #servers: Servers;
  readonly #actors: Actors;
  readonly #slots: Slots;
  /** References in use before the world began. */
  readonly #references: number;
  #callbacks = 0;
  #idleChecks = 0;
  #lastCheck = 0;

  constructor(plan: Plan, { library, log }: WorldOptions) {
    this.#references = library.references();
    library.renewMemory();
    const clock = new Clock();
    const loop = new Loop(clock);
    // A socket is opened only once the world runs, when `actors` and `traffic` are there.
    const network: Network = new Network(
      loop,
      {
        onRead: (handle, octets) => traffic.onRead(handle, octets),
        onWrite: (handle, octets) => traffic.onWrite(handle, octets),
        onEof: (handle) => traffic.onEof(handle),
        onGone: (handle) => traffic.onGone(handle),
      },
      (localPort, port) => this.#actors.pair(localPort, port),
    );
    this.#context = {
      plan,
      library,
      clock,
      loop,
      network,
      events: new EventLog(clock, log),
      sides: new Sides(plan),
      promises: new Promises(),
      servers: [],
    };
    const traffic = new Traffic(this.#context);
    this.#applications = new ApplicationRuns(this.#context);
    this.#servers = new Servers(this.#context, this.#applications);
    this.#actors = new Actors(this.#context, this.#applications);
    this.#slots = new Slots(this.#context);
  }

  async run(): Promise<Outcome> {
    const { events, loop, network, plan } = this.#context;
    const stop = this.#watchProcess();
    enter({ loop, network, prng: new Prng(plan.seed) });
    try {
      this.#begin();
      await this.#turnLoop();
      if (events.finding === undefined) {
        checkWorldEnd(this.#context, this.#references);
      }
    } finally {
      await quiet();
      enter(undefined);
      stop();
    }
    return { finding: events.finding, steps: this.#steps, hash: events.hash };
  }

  get #steps(): number {
    return this.#callbacks + this.#context.clock.ran - this.#idleChecks;
  }

  #begin(): void {
    const { plan } = this.#context;
    plan.servers.forEach((server, number) => {
      this.#servers.start(server, number);
    });
    plan.actors.forEach((actor, number) => {
      // Actors start at least one turn after the servers, whose start takes 1 ms.
      later(this.#context, Math.max(2, actor.at), () => this.#actors.start(actor, number));
    });
    this.#planEnd();
    this.#keepChecking();
  }

  /** Connections end first, then the slots of the servers are probed, then the servers end. */
  #planEnd(): void {
    const context = this.#context;
    const { end, servers, actors } = context.plan;
    const close = Math.max(
      DEFAULT_CLOSE_TIMEOUT,
      ...[...servers, ...actors].map((of) => ('options' in of ? closeTimeout(of.options) : 0)),
    );
    // Honest pairs end by themselves within this time.
    const honest = actors.some((of) => 'isHonest' in of) ? HONEST_WITHIN : 0;
    const closed = end + honest + close + GONE_WITHIN;
    later(context, end, () => this.#applications.closeAll((side) => !side.isHonest));
    later(context, end + honest, () => this.#applications.closeAll(() => true));
    later(context, closed + 2_000, () => this.#slots.probe());
    later(context, closed + 2_050, () => this.#endServers());
    context.loop.limit = closed + 8_000;
  }

  #endServers(): void {
    this.#slots.check();
    this.#context.servers.forEach((_, number) => {
      this.#servers.close(number);
    });
  }

  /** Checks the rules regularly, even if the loop is idle. */
  #keepChecking(): void {
    const { clock, loop } = this.#context;
    clock.at(clock.now + CHECK_WHEN_IDLE, () => {
      this.#idleChecks += 1;
      if (!clock.isBlocking) {
        checkRegularly(this.#context);
      }
      if (clock.now < loop.limit) {
        this.#keepChecking();
      }
    });
  }

  /** Runs the loop, one callback in each real immediate, so that ticks and promises finish in between. */
  #turnLoop(): Promise<void> {
    const { events, loop } = this.#context;
    const callbacks = loop.run();
    return new Promise((resolve) => {
      let isDone = false;
      const step = () => {
        if (isDone) {
          return;
        }
        try {
          this.#beforeCallback();
          isDone = events.finding !== undefined || callbacks.next().done === true;
        } catch (error) {
          events.fail('uncaught exception', describe(error));
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

  #beforeCallback(): void {
    const { clock, events } = this.#context;
    this.#callbacks += 1;
    if (clock.now - this.#lastCheck >= CHECK_EVERY) {
      this.#lastCheck = clock.now;
      checkRegularly(this.#context);
    }
    if (this.#steps > MOST_STEPS) {
      events.fail('end', `the world did not end within ${MOST_STEPS} steps`);
    }
  }

  #watchProcess(): () => void {
    const { events } = this.#context;
    const onException = (error: unknown) => events.fail('uncaught exception', describe(error));
    const onRejection = (error: unknown) => events.fail('unhandled rejection', describe(error));
    const onWarning = (warning: Error) => events.fail('warning', describe(warning));
    process.on('uncaughtException', onException);
    process.on('unhandledRejection', onRejection);
    process.on('warning', onWarning);
    return () => {
      process.off('uncaughtException', onException);
      process.off('unhandledRejection', onRejection);
      process.off('warning', onWarning);
    };
  }
}

/** Lets the remaining ticks and promises finish. */
function quiet(): Promise<void> {
  return new Promise((resolve) => {
    real.setImmediate(() => real.setImmediate(resolve));
  });
}
