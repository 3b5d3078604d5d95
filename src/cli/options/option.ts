/**
 * Options of a command as rows: flags, help text and parser of each. TypeScript derives the type of the
 * values from the rows.
 *
 * ```ts
 * const OPTIONS = {
 *   json: flag('--json', 'events as JSON lines'),
 *   size: value('--size <octets>', 'largest TPDU', integer(128, 65_531)),
 *   accept: list('--accept <selector>', 'selector to accept (repeatable)', selector),
 *   delay: valueOr('--delay <ms>', 'wait between two tries', milliseconds, 500),
 * };
 * type Values = OptionValues<typeof OPTIONS>;
 * // { json: boolean; size: number | undefined; accept: readonly Tsel[]; delay: number }
 * ```
 *
 * The name of a row must be its long flag in camel case; `command-line.ts` checks that.
 */

/** Parses the text of a value. The message of its error says what was expected and what was given. */
export type Parser<T> = (text: string) => T;

/** One option. */
export interface OptionRow<T> {
  /** In the syntax of commander: `'--size <octets>'`, `'-v, --verbose'`. */
  readonly flags: string;
  readonly description: string;
  readonly kind: 'flag' | 'value' | 'list';
  readonly parse: Parser<unknown>;
  readonly default: T;
  /** The default as the help shows it. Default: the value itself. */
  readonly shownDefault?: string;
  /** Heading in the help. Default: `Options`. */
  readonly group?: string;
  /** Names of rows that cannot be combined with this one. */
  readonly conflicts?: readonly string[];
  /** Names of rows; this one requires at least one of them. */
  readonly needs?: readonly string[];
  /** Another long flag with the same meaning; the help does not list it. A row with an alias has no short flag. */
  readonly alias?: string;
  /** The text that is parsed if the option is given without a value: `'--ui [port]'`. */
  readonly preset?: string;
  /** The words that a shell completes as its value, if there are only these. */
  readonly words?: readonly string[];
  /** The library option that it sets. Default: the one with the name of the row. */
  readonly sets?: string;
}

/** The optional fields of a row. */
type Extra = Pick<
  OptionRow<unknown>,
  'alias' | 'group' | 'conflicts' | 'needs' | 'preset' | 'sets' | 'shownDefault' | 'words'
>;

/** A boolean option without a value. */
export function flag(flags: string, description: string, extra: Extra = {}): OptionRow<boolean> {
  return { flags, description, kind: 'flag', parse: Boolean, default: false, ...extra };
}

/** An option with a value; `undefined` if it is not given. */
export function value<T>(
  flags: string,
  description: string,
  parse: Parser<T>,
  extra: Extra = {},
): OptionRow<T | undefined> {
  return { flags, description, kind: 'value', parse, default: undefined, ...extra };
}

/** An option with a value and a default. */
export function valueOr<T>(
  flags: string,
  description: string,
  parse: Parser<T>,
  byDefault: NoInfer<T>,
  extra: Extra = {},
): OptionRow<T> {
  return { flags, description, kind: 'value', parse, default: byDefault, ...extra };
}

/** An option that may be given several times. */
export function list<T>(
  flags: string,
  description: string,
  parse: Parser<T>,
  extra: Extra = {},
): OptionRow<readonly T[]> {
  return { flags, description, kind: 'list', parse, default: [], ...extra };
}

export type OptionRows = Readonly<Record<string, OptionRow<unknown>>>;

/** The long flag of a row: `--size` for `'--size <octets>'`. */
export function longFlag({ flags }: Pick<OptionRow<unknown>, 'flags'>): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}

/** The values that a command receives for its rows. */
export type OptionValues<R extends OptionRows> = {
  readonly [K in keyof R]: R[K] extends OptionRow<infer T> ? T : never;
};
