/**
 * The simulation of simulate/: that it repeats itself, that it finds a fault, and what it has found
 * before. It takes the place of Node's timers and sockets, so each run is a process of its own.
 */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const TRACES = 'simulate/traces';

/** What it printed, and how it ended. */
async function simulate(...args: readonly string[]): Promise<{ text: string; code: number }> {
  try {
    // A simulation under coverage takes many times as long, and it tells nothing new.
    const env = { ...process.env, NODE_V8_COVERAGE: '' };
    const { stdout } = await run(process.execPath, ['build/simulate/main.js', ...args], { env });
    return { text: stdout, code: 0 };
  } catch (error) {
    const { stdout = '', code = 1 } = error as { stdout?: string; code?: number };
    return { text: stdout, code };
  }
}

function hashOf(text: string): string | undefined {
  return /hash ([0-9a-f]{8})/.exec(text)?.[1];
}

/** The plan of a finding, as JSON. */
function planIn(text: string): string {
  return /^\{.*\}$/m.exec(text)?.[0] ?? '';
}

beforeAll(async () => {
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'simulate']);
}, 60_000);

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
    ['restarted-close-clock', 'close', 90],
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
