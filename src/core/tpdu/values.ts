/**
 * The kinds of parameter values: allowed lengths, how a value is read from octets and how it is checked and
 * written. Each error names the field, what was expected and what came. Knows no parameter by name.
 */
import type { Fault } from '../faults.js';
import { octetCount, readUint, uintOctets, writeUint } from '../octets/octets.js';
import type { DiagnosticCode, TpduType, TransportClass } from './types.js';

/** A value as an error message shows it. Of octets only the number is shown, not the content. */
function shown(value: unknown): string {
  if (value instanceof Uint8Array) {
    return octetCount(value.length);
  }
  if (Array.isArray(value)) {
    return `[${value.map(shown).join(', ')}]`;
  }
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** The error for a field whose value has the right type but is out of range. */
export function outOfRange(field: string, expected: string, value: unknown): RangeError {
  return new RangeError(`${field}: expected ${expected}, got ${shown(value)}`);
}

/** The error for a field whose value has the wrong type. */
export function wrongType(field: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${field}: expected ${expected}, got ${shown(value)}`);
}

/**
 * Returns the value if it is a whole number from `least` to `most`, both included.
 *
 * @throws TypeError if it is not a number, RangeError if it is not whole or out of range
 */
export function checkUint(field: string, value: unknown, most: number, least = 0): number {
  if (typeof value !== 'number') {
    throw wrongType(field, 'a number', value);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    const expected = least === most ? `${most}` : `a whole number from ${least} to ${most}`;
    throw outOfRange(field, expected, value);
  }
  return value;
}

/**
 * Returns the value if it is a Uint8Array of `least` to `most` octets.
 *
 * @throws TypeError if it is not a Uint8Array, RangeError if it is too short or too long
 */
export function checkOctets(
  field: string,
  value: unknown,
  most = Number.POSITIVE_INFINITY,
  least = 0,
): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw wrongType(field, 'a Uint8Array', value);
  }
  if (value.length < least || value.length > most) {
    throw outOfRange(field, `${least} to ${most} octets`, value);
  }
  return value;
}

/**
 * Returns the value if it is a boolean.
 *
 * @throws TypeError if it is not a boolean
 */
export function checkFlag(field: string, value: unknown): boolean {
  if (typeof value !== 'boolean') {
    throw wrongType(field, 'true or false', value);
  }
  return value;
}

/**
 * What the reading of a value depends on, and where it reports deviations. `index` counts the octets of the
 * value from 0.
 */
export interface ValueContext {
  readonly strict: boolean;
  /** The TPDU type that contains the value. */
  readonly type: TpduType;
  /** The preferred class in a CR, otherwise the selected class; `undefined` if it is not known. */
  readonly class: TransportClass | undefined;
  /** Reports an invalid value: the TPDU is refused, or the parameter is ignored, as in a CR. */
  wrong(index: number, fault?: Fault): undefined;
  /** Reports a value that is accepted even with `strict`. */
  note(index: number, as: DiagnosticCode): void;
  /** Reports a value that is accepted only without `strict`. */
  tolerate(index: number, as: DiagnosticCode): void;
}

/** A context that ignores faults, for values that were checked before or are only displayed. */
export const LENIENT: ValueContext = {
  strict: false,
  // The TPDU type that tolerates most.
  type: 'CR',
  class: undefined,
  wrong: () => undefined,
  note: () => {},
  tolerate: () => {},
};

/** The kind of a value. */
export interface Kind<T> {
  /** True if a value can have this length in octets. */
  fits(length: number): boolean;
  /** Decodes the value; `undefined` if it was reported to the context as invalid. */
  read(value: Uint8Array, context: ValueContext): T | undefined;
  /** @throws TypeError, RangeError naming `field` */
  write(value: T, field: string): Uint8Array;
}

/** Any number of octets, including none. */
export const octetString: Kind<Uint8Array> = {
  fits: () => true,
  read: (value) => value,
  write: (value, field) => checkOctets(field, value),
};

/** A number of exactly `length` octets, `least` to `most`. */
export function uint(length: number, most: number = 256 ** length - 1, least = 0): Kind<number> {
  return {
    fits: (octets) => octets === length,
    read: (value) => readUint(value, 0, length),
    write: (value, field) => uintOctets(checkUint(field, value, most, least), length),
  };
}

/** A list of numbers of `width` octets each. `counts` are the allowed lengths of the list. */
export function uintList(width: number, ...counts: readonly number[]): Kind<readonly number[]> {
  return {
    fits: (octets) => counts.some((count) => octets === count * width),
    read: (value) =>
      Array.from({ length: value.length / width }, (_, i) => readUint(value, i * width, width)),
    write(values, field) {
      if (!Array.isArray(values)) {
        throw wrongType(field, 'an array of numbers', values);
      }
      if (!counts.includes(values.length)) {
        throw outOfRange(field, `${counts.join(' or ')} numbers`, values);
      }
      const octets = new Uint8Array(values.length * width);
      values.forEach((value, i) => {
        writeUint(octets, i * width, width, checkUint(`${field}[${i}]`, value, 256 ** width - 1));
      });
      return octets;
    },
  };
}

/** A sequence of named numbers. `widths` has the length of each in octets. */
export function uintRecord<W extends Readonly<Record<string, number>>>(
  widths: W,
): Kind<{ readonly [K in keyof W]: number }> {
  type Value = { readonly [K in keyof W]: number };
  const fields = Object.entries(widths);
  const total = fields.reduce((sum, [, width]) => sum + width, 0);
  return {
    fits: (octets) => octets === total,
    read(octets) {
      let offset = 0;
      const entries = fields.map(([name, width]) => {
        const value = readUint(octets, offset, width);
        offset += width;
        return [name, value] as const;
      });
      // The object has the keys of `widths`, with one number each.
      return Object.fromEntries(entries) as Value;
    },
    write(value, field) {
      if (typeof value !== 'object' || value === null) {
        throw wrongType(field, `{ ${Object.keys(widths).join(', ')} }`, value);
      }
      const octets = new Uint8Array(total);
      let offset = 0;
      for (const [name, width] of fields) {
        const number = checkUint(`${field}.${name}`, value[name], 256 ** width - 1);
        offset = writeUint(octets, offset, width, number);
      }
      return octets;
    },
  };
}

/**
 * A number, encoded in the fewest octets that `lengths` allows.
 *
 * @param lengths the shortest first
 */
export function shortestUint(...lengths: readonly number[]): Kind<number> {
  const limits = lengths.map((length) => 256 ** length);
  const most = Math.max(...limits) - 1;
  return {
    fits: (octets) => lengths.includes(octets),
    read: (value) => readUint(value, 0, value.length),
    write(value, field) {
      const checked = checkUint(field, value, most);
      const shortest = limits.findIndex((limit) => checked < limit);
      return uintOctets(checked, lengths[shortest] ?? 0);
    },
  };
}
