/**
 * Options as a table of rows, each with a check and a default. The error of a check names the option, what
 * was expected and what was given.
 */
import { inspect } from 'node:util';
import { copyOf } from '../../core/octets/octets.js';
import { MAX_USER_DATA } from '../../core/tpdu/codes.js';
import { type RemoteDesktopTpdu, writeRemoteDesktop } from '../../core/tpdu/remote-desktop.js';
import type { RemoteDesktopInit } from '../../core/tpdu/types.js';

/** Checks a value and returns it in the form that the library uses. Throws TypeError or RangeError. */
export type Check<T> = (name: string, value: unknown) => T;

/** A value in an error message: short, on one line. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 40 });
}

/** The error for a value of the wrong type. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${expected}, not ${shown(value)}`);
}

/** An integer from `least` to `most`, in the given unit. */
export function integer(least: number, most: number, unit = ''): Check<number> {
  const expected = `an integer ${least} to ${most}${unit === '' ? '' : ` (${unit})`}`;
  return (name, value) => {
    if (typeof value !== 'number') {
      throw wrongType(name, expected, value);
    }
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(`${name} must be ${expected}, not ${shown(value)}`);
    }
    return value;
  };
}

/** Longest time that a timer of Node can be set to, in milliseconds. */
const MAX_MILLISECONDS = 2 ** 31 - 1;

/** A time of at least 1 ms. No value means "unlimited". */
export const milliseconds: Check<number> = integer(1, MAX_MILLISECONDS, 'milliseconds');

export const flag: Check<boolean> = (name, value) => {
  if (typeof value !== 'boolean') {
    throw wrongType(name, 'true or false', value);
  }
  return value;
};

export const text: Check<string> = (name, value) => {
  if (typeof value !== 'string' || value === '') {
    throw wrongType(name, 'a string that is not empty', value);
  }
  return value;
};

/** A function. Only the types check its arguments and result. */
export function callback<T>(): Check<T> {
  return (name, value) => {
    if (typeof value !== 'function') {
      throw wrongType(name, 'a function', value);
    }
    return value as T;
  };
}

/** One of a few strings or numbers. */
export function oneOf<const T extends string | number>(...choices: readonly T[]): Check<T> {
  const expected = choices.map((choice) => inspect(choice)).join(' or ');
  return (name, value) => {
    const choice = choices.find((known) => known === value);
    if (choice === undefined) {
      throw choices.some((known) => typeof known === typeof value)
        ? new RangeError(`${name} must be ${expected}, not ${shown(value)}`)
        : wrongType(name, expected, value);
    }
    return choice;
  };
}

/** An object of that class. */
export function instance<T>(
  type: abstract new (...args: never[]) => T,
  expected: string,
): Check<T> {
  return (name, value) => {
    if (!(value instanceof type)) {
      throw wrongType(name, expected, value);
    }
    return value;
  };
}

/** `least` to `most` octets. */
export function octets(least: number, most: number): Check<Uint8Array> {
  return (name, value) => {
    if (!(value instanceof Uint8Array)) {
      throw wrongType(name, `a Uint8Array of ${least} to ${most} octets`, value);
    }
    if (value.length < least || value.length > most) {
      throw new RangeError(
        `${name} must be ${least} to ${most} octets, not ${value.length} octets`,
      );
    }
    return value;
  };
}

/** The same octets in memory of their own: the user may use a buffer again before they are sent. */
export function copied(check: Check<Uint8Array>): Check<Uint8Array> {
  return (name, value) => copyOf(check(name, value));
}

/** User data of a CR or CC (RFC 1006 §5). */
export const connectData: Check<Uint8Array> = copied(octets(1, MAX_USER_DATA.connect));

/** User data of a DR. */
export const disconnectData: Check<Uint8Array> = copied(octets(1, MAX_USER_DATA.disconnect));

/** Expedited data. */
export const expeditedData: Check<Uint8Array> = octets(1, MAX_USER_DATA.expedited);

/** The remote desktop fields of a CR or CC. */
export function remoteDesktop(tpdu: RemoteDesktopTpdu): Check<RemoteDesktopInit> {
  return (name, value) => {
    if (typeof value !== 'object' || value === null) {
      throw wrongType(name, 'an object of cookie, routingToken, negotiation, correlationId', value);
    }
    const { negotiation, correlationId, ...text }: RemoteDesktopInit = value;
    writeRemoteDesktop(tpdu, value, name);
    // The user may use the objects again before they are sent.
    return {
      ...text,
      ...(negotiation && { negotiation: { ...negotiation } }),
      ...(correlationId && { correlationId: copyOf(correlationId) }),
    };
  };
}

/** An options object of another library, passed on unchanged. */
export function optionsObject<T extends object>(expected = 'an object of options'): Check<T> {
  return (name, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw wrongType(name, expected, value);
    }
    return value as T;
  };
}

/** The same, but `true` means the defaults of that library. */
export function passedOn<T extends object>(): Check<T> {
  const check = optionsObject<T>('true or an object of options');
  return (name, value) => (value === true ? ({} as T) : check(name, value));
}

/** One option: its check and its default, which is `undefined` if the option is off by default. */
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

/** An option that is off by default. */
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
 * @throws TypeError if `given` is not an object, a name is unknown or a value has the wrong type
 * @throws RangeError if a value is out of range
 */
export function resolveOptions<T extends OptionTable>(table: T, given: unknown): Resolved<T> {
  if (typeof given !== 'object' || given === null) {
    throw wrongType('options', 'an object', given);
  }
  const values = given as Readonly<Record<string, unknown>>;
  // Not frozen: V8 gives each frozen copy a hidden class of its own, which would make every access to the
  // options of many connections slow.
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

/** The defaults of each table, collected once: most options of a connection have their default. */
const DEFAULTS = new WeakMap<OptionTable, Readonly<Record<string, unknown>>>();

function defaultsOf(table: OptionTable): Readonly<Record<string, unknown>> {
  let defaults = DEFAULTS.get(table);
  if (defaults === undefined) {
    defaults = Object.fromEntries(Object.entries(table).map(([name, row]) => [name, row.default]));
    DEFAULTS.set(table, defaults);
  }
  return defaults;
}

/** The end of the message: the known names, or the name that was probably meant. */
function suggestion(name: string, known: readonly string[]): string {
  const same = known.find((other) => other.toLowerCase() === name.toLowerCase());
  return same === undefined ? `; known options: ${known.join(', ')}` : `; did you mean ${same}?`;
}
