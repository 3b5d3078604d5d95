/**
 * What S7 devices mean by a T-selector of two octets: a kind of connection, a rack and a slot.
 */
import { formatTsel, type Tsel } from './tsel.js';

/** The kind of connection in the first octet of an S7 selector, and its name. */
export const S7_TYPES = {
  pg: { code: 1, name: 'PG' },
  op: { code: 2, name: 'OP' },
  basic: { code: 3, name: 'basic' },
} as const;

/** Largest rack and slot: they share an octet, three bits and five. */
export const MAX_RACK = 7;
export const MAX_SLOT = 31;

/** The selector of a kind of connection, a rack of 0 to 7 and a slot of 0 to 31. */
export function s7Tsel(type: keyof typeof S7_TYPES, rack: number, slot: number): number {
  return (S7_TYPES[type].code << 8) | (rack << 5) | slot;
}

/** What S7 means by a selector, as `PG, rack 0, slot 2`; `undefined` for one that has no such meaning. */
export function s7Meaning(tsel: Tsel): string | undefined {
  if (typeof tsel !== 'number') {
    return undefined;
  }
  const type = Object.values(S7_TYPES).find(({ code }) => code === tsel >> 8);
  return type && `${type.name}, rack ${(tsel >> 5) & MAX_RACK}, slot ${tsel & MAX_SLOT}`;
}

/** A selector for people: with its S7 meaning if it can have one, as `0x0102 (PG, rack 0, slot 2)`. */
export function explainSelector(tsel: Tsel): string {
  const meaning = s7Meaning(tsel);
  return meaning === undefined ? formatTsel(tsel) : `${formatTsel(tsel)} (${meaning})`;
}
