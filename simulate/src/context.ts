/**
 * What the parts of one world share.
 */
import type { Server } from 'cotp';
import type { Server as TpktServer } from 'cotp/tpkt';
import type { Clock } from './clock.js';
import type { Library } from './environment.js';
import type { EventLog } from './event-log.js';
import type { Loop } from './loop.js';
import type { Plan, ServerPlan } from './plan.js';
import type { Promises } from './promises.js';
import type { Sides } from './sides.js';
import type { Network } from './sockets.js';

export interface RunningServer {
  readonly plan: ServerPlan;
  readonly port: number;
  readonly server: Server | TpktServer;
}

export interface Context {
  readonly plan: Plan;
  readonly library: Library;
  readonly clock: Clock;
  readonly loop: Loop;
  readonly network: Network;
  readonly events: EventLog;
  readonly sides: Sides;
  readonly promises: Promises;
  /** In the order in which they began to listen. */
  readonly servers: RunningServer[];
}

/** Runs a function in the event loop at that time, at the earliest in one millisecond. */
export function later({ clock, loop }: Context, at: number, run: () => void): void {
  loop.later(Math.max(1, at - clock.now), run);
}

export function wait({ loop }: Context, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    loop.later(Math.max(1, milliseconds), resolve);
  });
}
