/**
 * The rule `turn`: one connection gets a bounded share of each turn of the loop.
 */
import type { Context } from '../context.js';
import { nameOf } from '../ports.js';
import type { Handle } from '../sockets.js';

/**
 * Most work for one connection in one turn of the loop: its octets, and `OCTETS_PER_PACKET` for each packet.
 * The library counts the same, and stops after the chunk in which it reaches half of this.
 */
const MOST_WORK_A_TURN = 8_388_608;
const OCTETS_PER_PACKET = 256;

export class TurnRule {
  readonly #context: Context;
  readonly #work = new Map<Handle, number>();
  #turn = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** This socket was given so much in this turn. */
  check(handle: Handle, octets: number, packets: number): void {
    const { events, loop } = this.#context;
    if (this.#turn !== loop.turn) {
      this.#turn = loop.turn;
      this.#work.clear();
    }
    const work = octets + OCTETS_PER_PACKET * packets;
    const sum = (this.#work.get(handle) ?? 0) + work;
    this.#work.set(handle, sum);
    if (sum > MOST_WORK_A_TURN) {
      events.fail(
        'turn',
        `work of ${sum} for one connection (${nameOf(handle)}) in one turn of the loop`,
      );
    }
  }
}
