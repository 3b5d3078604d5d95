/**
 * Parses the command line of `npm run bench`.
 */
import { parseArgs } from 'node:util';
import { CASES, OTHER_CASES } from './cases.js';

/** The names of all cases. */
export const NAMES: readonly string[] = [...CASES.map(({ name }) => name), ...OTHER_CASES];

export const HELP = `usage: npm run bench -- [options]

  --case NAME    only this case; may be given several times
  --runs N       runs of each case, raw and ours in turn (default 5; 15 with --sweep)
  --short        small runs; fails when a ratio is under half of what is to be reached
  --profile      where the time of the cases named goes, by function, instead of the table
  --calls        calls and files of the library that one TSDU of three octets takes
  --sweep        one way at sizes from 16 octets to 4 MiB, instead of the cases
  --json [FILE]  results as JSON, to FILE or to standard output instead of the table
  --help         this text

cases: ${NAMES.join(', ')}
`;

export interface Options {
  /** The names of the cases; empty for all. */
  readonly case: readonly string[];
  readonly runs: number;
  readonly short: boolean;
  readonly sweep: boolean;
  readonly profile: boolean;
  readonly calls: boolean;
  readonly json: boolean;
  /** The file of `--json`. */
  readonly file: string | undefined;
  readonly help: boolean;
}

/**
 * Parses the arguments.
 *
 * @throws {TypeError | RangeError} for an invalid argument
 */
export function optionsOf(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      case: { type: 'string', multiple: true, default: [] },
      runs: { type: 'string' },
      short: { type: 'boolean', default: false },
      sweep: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      calls: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = values.case.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`no case ${unknown}; there are ${NAMES.join(', ')}`);
  }
  if (values.sweep && (values.short || values.case.length > 0)) {
    throw new TypeError('--sweep has no cases and no short form');
  }
  if (values.profile && (values.case.length === 0 || values.sweep || values.json)) {
    throw new TypeError('--profile requires --case, without --sweep and --json');
  }
  const isOther = values.case.length > 0 || values.sweep || values.short || values.profile;
  if (values.calls && (isOther || values.json)) {
    throw new TypeError('--calls goes with no other option');
  }
  const runs = Number(values.runs ?? (values.sweep ? 15 : 5));
  if (!Number.isInteger(runs) || runs < 1 || runs > 1_000) {
    throw new RangeError(`--runs must be 1 to 1000, not ${values.runs}`);
  }
  // The FILE of --json is optional, so it is parsed as a positional argument.
  const [file, ...others] = positionals;
  if (others.length > 0 || (file !== undefined && !values.json)) {
    throw new TypeError(`unexpected argument ${others[0] ?? file}`);
  }
  return { ...values, runs, file };
}
