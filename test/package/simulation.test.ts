/**
 * The simulation of simulate/: that it repeats itself, and what it has found before.
 * test/long/simulated-faults.test.ts shows that it finds faults.
 */
import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildSimulation, simulate } from '../support/simulate.js';

const TRACES = 'simulate/traces';

function hashOf(text: string): string | undefined {
  return /hash ([0-9a-f]{8})/.exec(text)?.[1];
}

beforeAll(buildSimulation, 60_000);

describe('what was found before', () => {
  const files = readdirSync(TRACES).map((name) => `${TRACES}/${name}`);
  let verdicts: ReadonlyMap<string, string>;

  // A world does not depend on the worlds before it, so one process runs them all.
  beforeAll(async () => {
    const { text } = await simulate(...files.flatMap((file) => ['--replay', file]));
    const parts = text.matchAll(/^(\S+):\n(.*)$/gm);
    verdicts = new Map([...parts].map(([, file = '', verdict = '']) => [file, verdict]));
  }, 60_000);

  it.each(files)('%s breaks no rule any more', (file) => {
    expect(verdicts.get(file)).toBe('no rule is broken');
  });
});

describe('a world', () => {
  it('is the same again with the same seed', async () => {
    const [first, second] = await Promise.all([
      simulate('--seed', '9', '--show'),
      simulate('--seed', '9', '--show'),
    ]);
    expect(hashOf(first.text)).toBeDefined();
    expect(second.text).toBe(first.text);
  });

  it('is another one with another seed', async () => {
    const [first, second] = await Promise.all([
      simulate('--seed', '9', '--show'),
      simulate('--seed', '10', '--show'),
    ]);
    expect(hashOf(second.text)).not.toBe(hashOf(first.text));
  });

  it('does not depend on the worlds before it', async () => {
    const [all, last] = await Promise.all([
      simulate('--seed', '1', '--steps', '20000', '--list'),
      simulate('--seed', '15', '--steps', '1', '--list'),
    ]);
    const line = /^seed 15: .*$/m.exec(last.text)?.[0];
    expect(line).toBeDefined();
    expect(all.text).toContain(line);
  });
});
