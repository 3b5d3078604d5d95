/**
 * Runs the applications of a world on their connections, and closes these at the end.
 */
import type { Connection } from 'cotp';
import { type AnyConnection, Application } from './application.js';
import { type Context, wait } from './context.js';
import type { Act, Options } from './plan.js';
import { checkFailure } from './rules/errors.js';
import { checkReadingEnd } from './rules/reading-end.js';
import { checkRegularly } from './rules/regular.js';
import type { Side } from './sides.js';

export class ApplicationRuns {
  readonly #context: Context;
  #isEnding = false;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Performs the acts of a side on its connection. */
  async run(side: Side, connection: AnyConnection, acts: readonly Act[]): Promise<void> {
    const context = this.#context;
    if (this.#isEnding && !side.isHonest) {
      this.#close(side);
    }
    const application = new Application(connection, {
      incoming: side.incoming,
      outgoing: side.outgoing,
      readsWithSignal: context.library.readsWithSignal,
      wait: (milliseconds) => wait(context, milliseconds),
      block: (milliseconds) => block(context, milliseconds),
      expect: (what, promise) => {
        if (what === 'drain') {
          countDrain(side, promise);
        }
        return context.promises.expect(`${side.name}: ${what}`, promise);
      },
      onReadingEnd: (end) => checkReadingEnd(context, side, end),
      onFailure: (act, error) => checkFailure(context, side, act, error),
      onClosing: () => {
        side.closedByUs = true;
      },
      log: (line) => context.events.note(`${side.name}: ${line}`, side.port, 0),
    });
    await application.run(acts);
    side.isOver = true;
  }

  /** Closes these connections, and those that open from now on. */
  closeAll(which: (side: Side) => boolean): void {
    this.#context.events.note('end', 0, 0);
    this.#isEnding = true;
    for (const side of this.#context.sides) {
      if (which(side)) {
        this.#close(side);
      }
    }
  }

  #close(side: Side): void {
    const { connection } = side;
    if (connection?.isOpen === true) {
      side.closedByUs = true;
      const what = `${side.name}: asyncClose at the end`;
      void this.#context.promises.expect(what, connection.asyncClose());
    }
  }
}

/** Counts a call of `drain` while it waits. */
function countDrain(side: Side, drained: Promise<unknown>): void {
  side.drains += 1;
  const settled = () => {
    side.drains -= 1;
  };
  void drained.then(settled, settled);
}

/** Blocks the event loop. */
export function block(context: Context, milliseconds: number): void {
  context.events.note('block', 0, milliseconds);
  checkRegularly(context);
  context.clock.block(milliseconds);
}

/** The callback of expedited data, for an application that does not read it. */
export function expeditedOption(
  { events }: Context,
  plan: { readonly options: Options; readonly readsExpedited?: boolean },
  sideOf: (connection: Connection) => Side | undefined,
): object {
  if (plan.options.expedited !== true || plan.readsExpedited === true) {
    return {};
  }
  const onExpedited = (data: Buffer, connection: Connection) => {
    const side = sideOf(connection);
    events.note('expedited', side?.port ?? 0, data.length);
    if (side !== undefined && side.connection === undefined) {
      events.fail('order', `${side.name}: expedited data came before the connection`);
    }
    side?.incoming.deliverExpedited(data, false);
  };
  return { onExpedited };
}
