import { describe, expect, test } from 'vitest';
import { CASES } from '../../bench/cases.js';
import type { Contestant } from '../../bench/contestant.js';
import { optionsOf } from '../../bench/options.js';
import { inTurns } from '../../bench/turns.js';
import { failureLines, isFailing, verdict } from '../../bench/verdict.js';

const judged = (name: string, ratio: number, target = 0.7) => ({ name, ratio, target });

describe('a benchmark fails', () => {
  test.each([
    ['under half of what is to be reached', 0.349, true],
    ['at half of it', 0.35, false],
    ['above half of it', 0.5, false],
    ['when it is reached', 0.7, false],
    ['when it is more than reached', 3, false],
    ['with a ratio of 0', 0, true],
    ['with a ratio that is no number', Number.NaN, true],
  ])('%s: ratio %d of 0.7, %s', (_name, ratio, expected) => {
    expect(isFailing(judged('connect', ratio))).toBe(expected);
  });

  test('and names each case that did, and no other', () => {
    const lines = failureLines([
      judged('connect', 0.3),
      judged('many-64', 0.5, 0.9),
      judged('ow-64-2048', 2.4, 5),
    ]);
    expect(lines).toEqual([
      'FAILED: connect reached 0.30 of 0.7, 42%; it must be at least 50%',
      'FAILED: ow-64-2048 reached 2.40 of 5, 48%; it must be at least 50%',
    ]);
    expect(failureLines([judged('connect', 0.4)])).toEqual([]);
  });

  test('by a rule that every case has a target for', () => {
    for (const { name, target } of CASES) {
      expect(target, name).toBeGreaterThan(0);
    }
  });
});

test.each([
  [0.92, 0.92, 'ok'],
  [1.2, 0.92, 'ok'],
  [0.8, 0.92, '86%'],
  [0.9199, 0.92, '99%'],
  [0.1, 0.92, '10%'],
])('a ratio of %d where %d is to be reached is %s', (ratio, target, expected) => {
  expect(verdict({ ratio, target })).toBe(expected);
});

describe('contestants take turns', () => {
  const [benchCase] = CASES.map((each) => ({ ...each, count: 10, warmUp: 70 }));

  /** Contestants that write down what becomes of them. */
  const recorded = (...names: readonly string[]) => {
    const log: string[] = [];
    const opens = names.map((name) => async (): Promise<Contestant> => {
      log.push(`open ${name}`);
      return {
        run: async (count) => {
          log.push(`${name} ${count}`);
          if (name === 'broken') {
            throw new Error('broken');
          }
        },
        close: async () => {
          log.push(`close ${name}`);
        },
      };
    });
    return { log, opens };
  };

  test('to and fro, on new connections for each run', async () => {
    const { log, opens } = recorded('raw', 'ours');
    const rates = await inTurns(opens, benchCase as (typeof CASES)[number], { runs: 2, turns: 2 });
    const turns = ['raw 10', 'ours 10', 'ours 10', 'raw 10', 'close raw', 'close ours'];
    expect(log).toEqual([
      ...['open raw', 'open ours', 'raw 70', 'ours 70', ...turns],
      ...['open raw', 'open ours', 'raw 10', 'ours 10', ...turns],
    ]);
    expect(rates.map(({ length }) => length)).toEqual([4, 4]);
    expect(rates.flat().every((rate) => rate > 0)).toBe(true);
  });

  test('and are all closed when one of them fails', async () => {
    const { log, opens } = recorded('raw', 'broken');
    const run = inTurns(opens, benchCase as (typeof CASES)[number], { runs: 2, turns: 2 });
    await expect(run).rejects.toThrow('broken');
    expect(log.slice(-2)).toEqual(['close raw', 'close broken']);
  });
});

describe('the command line of the benchmark', () => {
  test('asks for every case, five times, unless it says otherwise', () => {
    const asked = {
      case: [],
      calls: false,
      runs: 5,
      short: false,
      sweep: false,
      profile: false,
      json: false,
    };
    expect(optionsOf([])).toEqual({ ...asked, help: false, file: undefined });
    expect(optionsOf(['--sweep']).runs).toBe(15);
  });

  test('takes cases by name, and a file or none for the results', () => {
    const args = ['--case', 'connect', '--case', 'trace', '--runs', '9'];
    expect(optionsOf(args)).toMatchObject({ case: ['connect', 'trace'], runs: 9 });
    expect(optionsOf(['--json'])).toMatchObject({ json: true, file: undefined });
    expect(optionsOf(['--json', 'a.json'])).toMatchObject({ json: true, file: 'a.json' });
  });

  test.each([
    [['--case', 'nothing'], '--case must be one of rt-64-65531, '],
    [['--runs', '0'], '--runs must be 1 to 1000, not 0'],
    [['--runs', '1.5'], '--runs must be 1 to 1000, not 1.5'],
    [['--runs', '1001'], '--runs must be 1 to 1000, not 1001'],
    [['--sweep', '--short'], '--sweep cannot be combined with --case or --short'],
    [['--profile'], '--profile requires --case'],
    [['--profile', '--case', 'connect', '--json'], '--profile requires --case'],
    [['--calls', '--short'], '--calls cannot be combined with other options'],
    [
      ['--against', '../before', '--json'],
      '--against cannot be combined with other options than --runs',
    ],
    [['a.json'], 'unexpected argument a.json'],
    [['--json', 'a.json', 'b.json'], 'unexpected argument b.json'],
    [['--nothing'], "Unknown option '--nothing'"],
  ])('says what it does not understand: %j', (args, message) => {
    expect(() => optionsOf(args)).toThrow(message);
  });
});
