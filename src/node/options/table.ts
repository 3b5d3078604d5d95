/**
 * Options as a table: one row each, from which checking and defaults follow.
 */
import { type Check, wrongType } from './checks.js';

/** One option: how it is checked, and its default; `undefined` when it is off unless given. */
export interface OptionRow<T> {
  readonly check: Check<T>;
  readonly default: T | undefined;
}

/** A row with a default. */
export interface RequiredRow<T> extends OptionRow<T> {
  readonly default: T;
}

/** An option with a default. */
export function row<T>(check: Check<T>, byDefault: NoInfer<T>): RequiredRow<T> {
  return { check, default: byDefault };
}

/** An option that is off unless given. */
export function optional<T>(check: Check<T>): OptionRow<T> {
  return { check, default: undefined };
}

/** A table of options. */
export type OptionTable = Readonly<Record<string, OptionRow<unknown>>>;

/** The checked options of a table, every one present. */
export type Resolved<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends RequiredRow<infer V>
    ? V
    : T[K] extends OptionRow<infer V>
      ? V | undefined
      : never;
};

/**
 * Checks options against a table and fills in the defaults. `undefined` counts as not given.
 *
 * @throws TypeError for what is no object, an unknown name or a value of the wrong type
 * @throws RangeError for a value out of range
 */
export function resolveOptions<T extends OptionTable>(table: T, given: unknown): Resolved<T> {
  if (typeof given !== 'object' || given === null) {
    throw wrongType('options', 'an object', given);
  }
  const values = given as Readonly<Record<string, unknown>>;
  // Not frozen: what is spread and then frozen has a shape of its own, and what reads the options of
  // many connections would have to look each of them up anew.
  const resolved: Record<string, unknown> = { ...defaultsOf(table) };
  for (const name of Object.keys(values)) {
    const row = table[name];
    if (row === undefined || !Object.hasOwn(table, name)) {
      throw new TypeError(`options.${name} is not known${suggestion(name, Object.keys(table))}`);
    }
    const value = values[name];
    if (value !== undefined) {
      resolved[name] = row.check(`options.${name}`, value);
    }
  }
  return resolved as Resolved<T>;
}

/** Those of each table, gathered once: a client that connects often gives few options of many. */
const DEFAULTS = new WeakMap<OptionTable, Readonly<Record<string, unknown>>>();

function defaultsOf(table: OptionTable): Readonly<Record<string, unknown>> {
  let defaults = DEFAULTS.get(table);
  if (defaults === undefined) {
    defaults = Object.fromEntries(Object.entries(table).map(([name, row]) => [name, row.default]));
    DEFAULTS.set(table, defaults);
  }
  return defaults;
}

/** The known names, or the one that was probably meant. */
function suggestion(name: string, known: readonly string[]): string {
  const same = known.find((other) => other.toLowerCase() === name.toLowerCase());
  return same === undefined ? `; there are ${known.join(', ')}` : `; is ${same} meant?`;
}
