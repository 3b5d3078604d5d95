/**
 * Watches what the sockets of the library receive and send, and checks the rules that are on these octets.
 */
import type { Context } from './context.js';
import { clientPort } from './ports.js';
import { memory } from './rules/memory.js';
import { TurnRule } from './rules/turn.js';
import { isTpkt } from './sides.js';
import type { Handle, SocketWatcher } from './sockets.js';

export class Traffic implements SocketWatcher {
  readonly #context: Context;
  readonly #turn: TurnRule;

  constructor(context: Context) {
    this.#context = context;
    this.#turn = new TurnRule(context);
  }

  onRead(handle: Handle, octets: Buffer): void {
    this.#context.events.note('read', clientPort(handle), octets.length);
    const side = this.#context.sides.ofSocket(handle);
    if (side === undefined) {
      return;
    }
    const { arrivals } = side;
    const isOpen = side.connection?.isOpen ?? true;
    // Octets after the end are dropped and not counted.
    if (!isOpen || side.closedByUs || side.departures.isRefusal) {
      // An EA lets what is queued go on.
      arrivals.isDropping = true;
      arrivals.push(octets);
    } else {
      memory(this.#context, side);
      const { packets } = arrivals;
      arrivals.push(octets);
      this.#turn.check(handle, octets.length, arrivals.packets - packets);
    }
  }

  onWrite(handle: Handle, octets: Buffer): void {
    const side = this.#context.sides.ofSocket(handle);
    if (side === undefined || isTpkt(side)) {
      return;
    }
    side.departures.push(octets);
    const { fault } = side.departures;
    if (fault !== undefined) {
      this.#context.events.fail(fault.rule, `${side.name}: ${fault.message}`);
    }
  }

  onEof({ end }: Handle): void {
    this.#context.events.note('eof', end.port, 0);
  }

  onGone({ end }: Handle): void {
    this.#context.events.note('gone', end.port, 0);
  }
}
