/**
 * What S7 devices mean by a T-selector of two octets: a kind of connection, a rack and a slot.
 */
import { formatTsel, type Tsel } from './tsel.js';

/** The kind of connection in the first octet of an S7 selector. */
export const S7_TYPES = { pg: 1, op: 2, basic: 3 } as const;

const S7_NAMES: Readonly<Record<number, string>> = { 1: 'PG', 2: 'OP', 3: 'basic' };

/** What S7 means by a selector, as `PG, rack 0, slot 2`; `undefined` for one that has no such meaning. */
export function s7Meaning(tsel: Tsel): string | undefined {
  const name = typeof tsel === 'number' ? S7_NAMES[tsel >> 8] : undefined;
  return typeof tsel !== 'number' || name === undefined
    ? undefined
    : `${name}, rack ${(tsel >> 5) & 7}, slot ${tsel & 31}`;
}

/** A selector for people: with its S7 meaning if it can have one, as `0x0102 (PG, rack 0, slot 2)`. */
export function explainSelector(tsel: Tsel): string {
  const meaning = s7Meaning(tsel);
  return meaning === undefined ? formatTsel(tsel) : `${formatTsel(tsel)} (${meaning})`;
}
