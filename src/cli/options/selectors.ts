/**
 * T-selectors on the command line beyond `parseTsel`: S7 selectors, lists and ranges.
 */
import { MAX_RACK, MAX_SLOT, S7_TYPES, s7Tsel } from '../../core/s7-selector.js';
import { formatTsel, type Tsel } from '../../index.js';
import { UsageError } from '../exit.js';
import type { Parser } from './option.js';
import { integer, selector } from './values.js';

/** An S7 selector such as `pg,0,2`: type * 256 + rack * 32 + slot. */
export const s7Selector: Parser<number> = (text) => {
  const [type = '', rack = '', slot = '', ...rest] = text.toLowerCase().split(',');
  if (!Object.hasOwn(S7_TYPES, type) || slot === '' || rest.length > 0) {
    throw new UsageError(`must be pg, op or basic, a rack and a slot, as pg,0,2; not '${text}'`);
  }
  return s7Tsel(
    type as keyof typeof S7_TYPES,
    s7Part('rack', MAX_RACK)(rack),
    s7Part('slot', MAX_SLOT)(slot),
  );
};

function s7Part(name: string, most: number): Parser<number> {
  return (text) => {
    try {
      return integer(0, most)(text);
    } catch (error) {
      throw new UsageError(`has a ${name} that ${(error as Error).message}`);
    }
  };
}

/** A selector in its text form; `undefined` for none. */
export function selectorText(tsel: Tsel | undefined): string | undefined {
  return tsel === undefined ? undefined : formatTsel(tsel);
}

/** Selectors separated by commas. A selector in quotes may contain commas. */
export const selectorList: Parser<readonly Tsel[]> = (text) =>
  (text.match(/(?:"[^"]*"|[^,"])+/g) ?? ['']).map((part) => selector(part.trim()));

/** A range such as `0x0100-0x011f`: every two-octet selector in it. */
export const selectorRange: Parser<readonly number[]> = (text) => {
  const [, low = '', high = ''] = /^([^-]+)-([^-]+)$/.exec(text) ?? [];
  const [first, last] = [low, high].map((end) => (end === '' ? undefined : selector(end.trim())));
  if (typeof first !== 'number' || typeof last !== 'number' || first > last) {
    throw new UsageError(`must be a range such as 0x0100-0x011f, not '${text}'`);
  }
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
};

/** True if both selectors have the same octets. */
export function sameSelector(one: Tsel, other: Tsel): boolean {
  return formatTsel(one) === formatTsel(other);
}
