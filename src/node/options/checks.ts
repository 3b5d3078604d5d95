/**
 * How a single option is checked. Each check names the option, what was expected and what came.
 */
import { inspect } from 'node:util';
import { type RemoteDesktopTpdu, writeRemoteDesktop } from '../../core/tpdu/remote-desktop.js';
import type { RemoteDesktopInit } from '../../core/tpdu/types.js';

/** Checks a value and gives it in the form that the library uses. Throws TypeError or RangeError. */
export type Check<T> = (name: string, value: unknown) => T;

/** A value in an error message: short, on one line. */
function shown(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 40 });
}

/** The error for a value of the wrong type. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${expected}, not ${shown(value)}`);
}

/** An integer from `least` to `most`, of that unit. */
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

/** A time; there is no value for "for ever". */
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

/** A function; what it takes and gives is for the types to say. */
export function callback<T>(): Check<T> {
  return (name, value) => {
    if (typeof value !== 'function') {
      throw wrongType(name, 'a function', value);
    }
    return value as T;
  };
}

/** One of a few strings. */
export function oneOf<const T extends string>(...choices: readonly T[]): Check<T> {
  const expected = choices.map((choice) => `'${choice}'`).join(' or ');
  return (name, value) => {
    const choice = choices.find((known) => known === value);
    if (choice === undefined) {
      throw typeof value === 'string'
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

/** Octets, so many of them. */
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

/** User data of a CR or CC: 32 octets at most (RFC 1006 §5, X.224 13.3.5). */
export const connectData: Check<Uint8Array> = octets(1, 32);

/** What remote desktop puts into a CR or CC. */
export function remoteDesktop(tpdu: RemoteDesktopTpdu): Check<RemoteDesktopInit> {
  return (name, value) => {
    if (typeof value !== 'object' || value === null) {
      throw wrongType(name, 'an object of cookie, routingToken, negotiation, correlationId', value);
    }
    writeRemoteDesktop(tpdu, value, name);
    return value;
  };
}

/** An options object of another library, passed on as it is. */
export function optionsObject<T extends object>(expected = 'an object of options'): Check<T> {
  return (name, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw wrongType(name, expected, value);
    }
    return value as T;
  };
}

/** The same, but `true` stands for its defaults. */
export function passedOn<T extends object>(): Check<T> {
  const check = optionsObject<T>('true or an object of options');
  return (name, value) => (value === true ? ({} as T) : check(name, value));
}
