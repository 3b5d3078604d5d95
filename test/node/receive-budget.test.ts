/** What the limit of a whole server counts, whom it pauses and whom it ends. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CotpError } from '../../src/core/errors.js';
import {
  RECEIVE_FLOOR,
  ReceiveBudget,
  type ReceiveShare,
} from '../../src/node/connection/receive-budget.js';

const LIMIT = 10 * RECEIVE_FLOOR;

/** A connection as the budget sees it. */
class Holder {
  readonly share: ReceiveShare;
  isPaused = false;
  ending: CotpError | undefined;

  constructor(budget: ReceiveBudget) {
    this.share = budget.share({
      onPauseChange: () => {
        this.isPaused = this.share.mustPause;
      },
      // It has no large chunks.
      compact: () => this.share.unfinished,
      onLimit: (error) => {
        this.ending = error;
      },
    });
  }

  /** Holds so many octets beyond the floor, unread or unfinished. */
  hold(unread: number, unfinished: number): void {
    this.share.hold(unread, unfinished);
  }
}

/** What the budget does to a connection comes in the next turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function budget(count: number): { budget: ReceiveBudget; holders: Holder[] } {
  const made = new ReceiveBudget(LIMIT);
  return { budget: made, holders: Array.from({ length: count }, () => new Holder(made)) };
}

describe('the floor', () => {
  test('is not counted', () => {
    const { budget: sum, holders } = budget(100);
    for (const holder of holders) {
      holder.hold(RECEIVE_FLOOR / 2, RECEIVE_FLOOR / 2);
    }
    expect(sum.held).toBe(0);
  });

  test('is given to each whatever the others hold', async () => {
    const { holders } = budget(3);
    const [stranger, slow, honest] = holders as [Holder, Holder, Holder];
    slow.hold(2 * LIMIT, 0);
    stranger.hold(0, LIMIT / 2);
    honest.hold(1_000, RECEIVE_FLOOR - 1_000);
    await turn();
    expect([honest.isPaused, honest.ending]).toEqual([false, undefined]);
  });
});

describe('above the limit', () => {
  test('the largest holder of an unfinished message ends, and no bystander', async () => {
    const { holders } = budget(3);
    const [large, small, honest] = holders as [Holder, Holder, Holder];
    large.hold(0, 8 * RECEIVE_FLOOR);
    small.hold(0, 4 * RECEIVE_FLOOR);
    honest.hold(0, 3 * RECEIVE_FLOOR);
    await turn();
    expect(large.ending).toMatchObject({ code: 'ERR_COTP_TSDU_TOO_LARGE' });
    expect([small.ending, honest.ending]).toEqual([undefined, undefined]);
  });

  test('the error says what was expected, what came and what to try', async () => {
    const { holders } = budget(1);
    holders[0]?.hold(0, 12 * RECEIVE_FLOOR);
    await turn();
    expect(holders[0]?.ending).toMatchObject({
      message: expect.stringMatching(
        new RegExp(`at most ${LIMIT} octets .* ${12 * RECEIVE_FLOOR}`),
      ),
      hint: 'maxReceiveBuffer sets the limit',
    });
  });

  test('where most is unread, who needs more pauses and nobody ends', async () => {
    const { holders } = budget(2);
    const [slow, needing] = holders as [Holder, Holder];
    slow.hold(10 * RECEIVE_FLOOR, 0);
    needing.hold(0, 4 * RECEIVE_FLOOR);
    await turn();
    expect([slow.ending, needing.ending]).toEqual([undefined, undefined]);
    expect(needing.isPaused).toBe(true);
  });

  test('a connection whose application is reading is not ended for what is left unfinished', async () => {
    const { holders } = budget(1);
    const [holder] = holders as [Holder];
    holder.hold(7 * RECEIVE_FLOOR, 5 * RECEIVE_FLOOR);
    holder.hold(6.5 * RECEIVE_FLOOR, 5 * RECEIVE_FLOOR);
    holder.hold(2 * RECEIVE_FLOOR, 5 * RECEIVE_FLOOR);
    await turn();
    expect(holder.ending).toBeUndefined();
    expect(holder.isPaused).toBe(false);
  });
});

describe('near the limit', () => {
  test('who has more than the floor unread pauses, and goes on once there is room', () => {
    const { holders } = budget(2);
    const [slow, other] = holders as [Holder, Holder];
    slow.hold(5 * RECEIVE_FLOOR, 0);
    expect(slow.isPaused).toBe(false);
    other.hold(5 * RECEIVE_FLOOR, 0);
    expect(other.isPaused).toBe(true);
    slow.hold(0, 0);
    expect(other.isPaused).toBe(false);
  });

  test('who has read all of its own goes on at once', () => {
    const { holders } = budget(2);
    const [slow, other] = holders as [Holder, Holder];
    slow.hold(9 * RECEIVE_FLOOR, 0);
    other.hold(2 * RECEIVE_FLOOR, 0);
    expect(other.isPaused).toBe(true);
    other.hold(0, 0);
    expect(other.isPaused).toBe(false);
  });

  test('who only waits to complete messages goes on, though none of them gives room to the others', async () => {
    const { holders } = budget(3);
    const [slow, ...strangers] = holders as [Holder, Holder, Holder];
    slow.hold(6 * RECEIVE_FLOOR, 0);
    for (const stranger of strangers) {
      stranger.hold(0, 5 * RECEIVE_FLOOR);
    }
    expect(strangers.some(({ isPaused }) => isPaused)).toBe(true);
    slow.hold(0, 0);
    await turn();
    expect(strangers.map(({ isPaused }) => isPaused)).toEqual([false, false]);
  });

  test('where only unfinished messages are left above the limit, the largest ends and the rest go on', async () => {
    const { holders } = budget(4);
    const [slow, ...strangers] = holders as [Holder, Holder, Holder, Holder];
    slow.hold(6 * RECEIVE_FLOOR, 0);
    for (const stranger of strangers) {
      stranger.hold(0, 5 * RECEIVE_FLOOR);
    }
    slow.hold(0, 0);
    await turn();
    expect(strangers.filter(({ ending }) => ending !== undefined)).toHaveLength(1);
    expect(strangers.filter(({ isPaused }) => isPaused)).toHaveLength(0);
  });
});

describe('a connection that closes', () => {
  test('gives back all it holds, and lets others go on', () => {
    const { budget: sum, holders } = budget(2);
    const [slow, other] = holders as [Holder, Holder];
    slow.hold(9 * RECEIVE_FLOOR, 0);
    other.hold(2 * RECEIVE_FLOOR, 0);
    slow.share.close();
    expect(sum.held).toBe(RECEIVE_FLOOR);
    expect(other.isPaused).toBe(false);
  });

  test('counts nothing afterwards', () => {
    const { budget: sum, holders } = budget(1);
    holders[0]?.share.close();
    holders[0]?.hold(LIMIT, LIMIT);
    expect(sum.held).toBe(0);
  });
});

test('whatever the connections do, the sum is that of their shares, and nobody waits for nothing', async () => {
  const octets = fc.nat(6 * RECEIVE_FLOOR);
  const step = fc.record({
    who: fc.nat(5),
    kind: fc.constantFrom('grow', 'grow', 'read', 'close'),
    unread: octets,
    unfinished: octets,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const { budget: sum, holders } = budget(6);
      const total = () => holders.reduce((all, { share }) => all + share.beyondFloor, 0);
      for (const { who, kind, unread, unfinished } of steps) {
        const holder = holders[who] as Holder;
        if (kind === 'close') {
          holder.share.close();
        } else if (kind === 'read') {
          holder.hold(0, holder.share.unfinished);
        } else {
          holder.hold(unread, unfinished);
        }
        await turn();
        expect(sum.held).toBe(total());
        for (const each of holders) {
          expect(each.isPaused && each.share.beyondFloor === 0).toBe(false);
        }
        if (sum.held < 0.75 * LIMIT) {
          expect(holders.some(({ isPaused }) => isPaused)).toBe(false);
        }
      }
      for (const holder of holders) {
        holder.hold(0, holder.share.unfinished);
      }
      await turn();
      expect(holders.filter(({ isPaused }) => isPaused)).toEqual([]);
      for (const { share } of holders) {
        share.close();
      }
      expect(sum.held).toBe(0);
    }),
    { numRuns: 300 },
  );
});
