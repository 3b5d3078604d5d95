/**
 * Options and operands of a command as rows: how each is written, read and explained. The types of
 * what a command gets follow from the rows.
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
 * The name of a row is the long flag in camel case; the frame checks that.
 */

/** Reads the text of a value. What it throws (a sentence) names what was expected and what came. */
export type Parser<T> = (text: string) => T;

/** One option. */
export interface OptionRow<T> {
  /** As commander writes them: `'--size <octets>'`, `'-v, --verbose'`. */
  readonly flags: string;
  readonly description: string;
  readonly kind: 'flag' | 'value' | 'list';
  readonly parse: Parser<unknown>;
  readonly default: T;
  /** How the help shows the default; the value itself without it. */
  readonly shownDefault?: string;
  /** Heading in the help; `Options` without one. */
  readonly group?: string;
  /** Names of other rows that cannot be given together with this one. */
  readonly conflicts?: readonly string[];
  /** Names of other rows, one of which has to be given too: this one is of no use without. */
  readonly needs?: readonly string[];
  /** The option of the library that it sets, where that has another name than the row. */
  readonly sets?: string;
}

/** What not every option has. */
type Extra = Pick<OptionRow<unknown>, 'group' | 'conflicts' | 'needs' | 'sets' | 'shownDefault'>;

/** An option that is there or not. */
export function flag(flags: string, description: string, extra: Extra = {}): OptionRow<boolean> {
  return { flags, description, kind: 'flag', parse: Boolean, default: false, ...extra };
}

/** An option with a value; `undefined` when it is not given. */
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

/** `--size` of `'--size <octets>'`. */
export function longFlag({ flags }: OptionRow<unknown>): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}

/** What a command gets for its rows. */
export type OptionValues<R extends OptionRows> = {
  readonly [K in keyof R]: R[K] extends OptionRow<infer T> ? T : never;
};
