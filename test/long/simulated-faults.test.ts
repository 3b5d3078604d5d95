/** That the simulation of simulate/ finds faults which are put into a copy of the library. */
import { beforeAll, describe, expect, it } from 'vitest';
import { buildSimulation, simulate } from '../support/simulate.js';

/** The plan of a finding, as JSON. */
function planIn(text: string): string {
  return /^\{.*\}$/m.exec(text)?.[0] ?? '';
}

beforeAll(buildSimulation, 60_000);

describe('a fault that is put into the library', () => {
  it.each([
    ['reference-leak', 'left'],
    ['pause-while-closing', 'close'],
    ['reset-unseen', 'gone'],
  ])('is found, and shrunk to a smaller plan: %s', async (name, rule) => {
    const search = ['--fault', name, '--steps', '2000000'];
    const [asFound, shrunk] = await Promise.all([
      simulate(...search, '--as-found'),
      simulate(...search),
    ]);
    for (const { text, code } of [asFound, shrunk]) {
      expect(text).toContain(`rule '${rule}' is broken`);
      expect(code).toBe(0);
    }
    expect(planIn(shrunk.text)).not.toBe('');
    expect(planIn(shrunk.text).length).toBeLessThan(planIn(asFound.text).length);
  });

  // A search that begins near a world that breaks the rule: it is long from the first world on.
  it.each([
    ['endless-turn', 'turn', 45],
    ['bystander-ends', 'honest', 798],
    ['timer-before-sockets', 'timer', 20],
    ['no-dc', 'honest', 1],
    ['data-before-ea', 'ack', 20],
    ['expedited-last', 'order', 60],
    ['restarted-closeTimeout', 'close', 90],
    ['drain-without-end', 'drain', 200],
    ['unsent-forgotten', 'unsent', 10],
  ])('is found: %s', async (name, rule, seed) => {
    const search = ['--seed', `${seed}`, '--steps', '2000000', '--as-found'];
    const { text, code } = await simulate('--fault', name, ...search);
    expect(text).toContain(`rule '${rule}' is broken`);
    expect(code).toBe(0);
  });

  it('is refused where its place is not in the library', async () => {
    const { code } = await simulate('--fault', 'no-such-fault');
    expect(code).not.toBe(0);
  });
});
