/**
 * The kinds of parameter values: the allowed lengths of each, and how it is decoded and encoded.
 */
import { readUint, uintOctets, writeUint } from '../octets/octets.js';
import { checkOctets, checkUint, outOfRange, wrongType } from './checks.js';
import type { Fault } from '../faults.js';
import type { DiagnosticCode, TpduType, TransportClass } from './types.js';

/**
 * The TPDU around a value that is decoded; also receives its faults. `index` counts the octets of the
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

/** A number, encoded in the fewest octets that `lengths` allows. */
export function shortestUint(...lengths: readonly number[]): Kind<number> {
  const most = 256 ** Math.max(...lengths) - 1;
  return {
    fits: (octets) => lengths.includes(octets),
    read: (value) => readUint(value, 0, value.length),
    write(value, field) {
      const checked = checkUint(field, value, most);
      const length = lengths.find((octets) => checked < 256 ** octets);
      return uintOctets(checked, length ?? Math.max(...lengths));
    },
  };
}
