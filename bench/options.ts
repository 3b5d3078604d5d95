/**
 * Parses the command line of `npm run bench`.
 */
import { parseArgs } from 'node:util';
import { CASES, OTHER_CASES } from './cases.js';

/** The names of all cases. */
export const NAMES: readonly string[] = [...CASES.map(({ name }) => name), ...OTHER_CASES];

export const HELP = `usage: npm run bench -- [options]

  --case NAME    only this case; can be repeated
  --runs N       runs of each case, raw and ours in turn (default 5; 15 with --sweep)
  --short        small runs; fails if a ratio is below half of its target
  --profile      profiles the named cases by function, instead of the table
  --calls        counts the calls and files of the library that one TSDU of three octets uses
  --against DIR  compares the processor time per message and connection with the build in DIR/dist
  --sweep        one direction at sizes from 16 octets to 4 MiB, instead of the cases
  --json [FILE]  writes results as JSON to FILE, or to standard output instead of the table
  --help         print this help

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
  /** The folder of `--against`. */
  readonly against: string | undefined;
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
      against: { type: 'string' },
      calls: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = values.case.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`--case must be one of ${NAMES.join(', ')}, not ${unknown}`);
  }
  if (values.sweep && (values.short || values.case.length > 0)) {
    throw new TypeError('--sweep cannot be combined with --case or --short');
  }
  if (values.profile && (values.case.length === 0 || values.sweep || values.json)) {
    throw new TypeError('--profile requires --case and cannot be combined with --sweep or --json');
  }
  checkAlone(values);
  const runs = Number(values.runs ?? (values.sweep ? 15 : 5));
  if (!Number.isInteger(runs) || runs < 1 || runs > 1_000) {
    throw new RangeError(`--runs must be 1 to 1000, not ${values.runs}`);
  }
  // The FILE of --json is optional, so it is parsed as a positional argument.
  const [file, ...others] = positionals;
  if (others.length > 0 || (file !== undefined && !values.json)) {
    throw new TypeError(`unexpected argument ${others[0] ?? file}`);
  }
  return { ...values, against: values.against, runs, file };
}

/** `--calls` and `--against` measure something else than the cases. */
function checkAlone(
  values: Pick<Options, 'case' | 'short' | 'sweep' | 'profile' | 'calls' | 'json'> & {
    readonly against?: string | undefined;
  },
): void {
  const { short, sweep, profile, calls, json, against } = values;
  const isOther = values.case.length > 0 || short || sweep || profile || json;
  if (calls && isOther) {
    throw new TypeError('--calls cannot be combined with other options');
  }
  if (against !== undefined && (isOther || calls)) {
    throw new TypeError('--against cannot be combined with other options than --runs');
  }
}
