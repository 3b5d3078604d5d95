/**
 * Transport selectors (TSAP-IDs): the forms that users write and the octets of the wire.
 * X.224 13.3.4 a sets no length; two octets are the usual form under S7 and MMS.
 */
import { fromHex, readUint, toHex, uintOctets } from './octets/octets.js';

/**
 * A transport selector. A number 0 to 65535 is the two-octet selector of that value, most
 * significant octet first (`0x0102`); any other selector, 0 to 254 octets long, is given as octets.
 * An empty selector is not an absent one.
 */
export type Tsel = number | Uint8Array;

/** Longest selector that a parameter can hold, in octets. A CR of 128 octets has room for 119. */
export const MAX_TSEL_LENGTH = 254;

/**
 * The octets of a selector.
 *
 * @throws TypeError when it is neither a number nor a Uint8Array
 * @throws RangeError when the number is not an integer 0 to 65535 or there are over 254 octets
 */
export function tselOctets(tsel: Tsel, name = 'tsel'): Uint8Array {
  if (typeof tsel === 'number') {
    if (!Number.isInteger(tsel) || tsel < 0 || tsel > 0xffff) {
      throw new RangeError(`${name} must be an integer 0 to 65535 or octets, not ${tsel}`);
    }
    return uintOctets(tsel, 2);
  }
  if (!(tsel instanceof Uint8Array)) {
    throw new TypeError(
      `${name} must be a number or a Uint8Array, not ${typeof tsel}${typeof tsel === 'string' ? ` ('${String(tsel)}'): parseTsel() reads text` : ''}`,
    );
  }
  if (tsel.length > MAX_TSEL_LENGTH) {
    throw new RangeError(
      `${name} must be at most ${MAX_TSEL_LENGTH} octets, not ${tsel.length} octets`,
    );
  }
  return tsel;
}

/** The selector that these octets are: a number when there are two of them, else the octets. */
export function tselOf(octets: Uint8Array): Tsel {
  return octets.length === 2 ? readUint(octets, 0, 2) : octets;
}

/**
 * Writes a selector in the form that {@link parseTsel} reads: `0x0102` for two octets, `"MTA"` for printable ASCII,
 * `#00112233` for anything else.
 *
 * @throws TypeError when `tsel` is neither a number nor a Uint8Array
 * @throws RangeError when it is a number that is not an integer 0 to 65535, or more than 254 octets
 *
 * @example
 * ```ts
 * import { formatTsel } from 'cotp';
 *
 * console.log(formatTsel(0x0102)); // 0x0102
 * console.log(formatTsel(Buffer.from('MTA'))); // "MTA"
 * console.log(formatTsel(Uint8Array.of(0, 1, 2))); // #000102
 * ```
 */
export function formatTsel(tsel: Tsel): string {
  const octets = tselOctets(tsel);
  if (octets.length === 2) {
    return `0x${toHex(octets)}`;
  }
  const printable = octets.every((octet) => octet >= 0x20 && octet <= 0x7e && octet !== QUOTE);
  return printable ? `"${String.fromCharCode(...octets)}"` : `#${toHex(octets)}`;
}

const QUOTE = 0x22;

/** The spellings that are read, each with the octets it stands for. */
const SPELLINGS: readonly {
  readonly pattern: RegExp;
  readonly octets: (text: string) => Uint8Array | undefined;
}[] = [
  // A number in the ways of JavaScript: always two octets.
  {
    pattern: /^(?:0x([0-9a-f]{1,4})|(\d{1,5}))$/i,
    octets: (text) => (Number(text) <= 0xffff ? uintOctets(Number(text), 2) : undefined),
  },
  // Octets with points between, as engineering tools for S7 show them.
  { pattern: /^[0-9a-f]{2}(?:\.[0-9a-f]{2})+$/i, octets: fromHex },
  { pattern: /^#[0-9a-f]*$/i, octets: (text) => fromHex(text.substring(1)) },
  // The hstring of ASN.1 and of IEC 61850 files.
  { pattern: /^'[0-9a-f]*'H$/i, octets: (text) => fromHex(text.substring(1, text.length - 2)) },
  {
    pattern: /^"[\x20-\x21\x23-\x7e]*"$/,
    octets: (text) =>
      Uint8Array.from(text.substring(1, text.length - 1), (char) => char.charCodeAt(0)),
  },
];

/** A number with a leading zero: decimal to some, hexadecimal in SCL files and engineering tools. */
const AMBIGUOUS = /^0\d+$/;

/** Pairs of hexadecimal digits, with or without blanks between them. */
const OSI_TSEL = /^(?:[0-9a-f]{2}\s*)*$/i;

/**
 * Reads the text form of a selector: `0x0102` or `258` (a number, two octets), `01.02`, `"MTA"`
 * (printable ASCII), `#00112233` or `'00112233'H` (octets); `""` and `#` are the empty selector.
 * Two octets come back as a number, as in `ConnectionInfo`. A number in decimal has no leading zero.
 *
 * @param form `'osi'` reads the OSI-TSEL of SCL files (IEC 61850-6) instead: octets as pairs of hexadecimal
 * digits, with or without blanks, such as `0001` or `00 01`. Default: the forms above
 * @throws TypeError when `text` is not a string, or `form` is not `'osi'`
 * @throws RangeError when it has none of these forms, is longer than 254 octets, or can be read in two ways, as
 * `0102` can: the message shows both readings
 *
 * @example
 * ```ts
 * import { parseTsel } from 'cotp';
 *
 * console.log(parseTsel('0x0102')); // 258
 * console.log(parseTsel('01.02')); // 258
 * console.log(parseTsel('00 01', 'osi')); // 1
 * ```
 */
export function parseTsel(text: string, form?: 'osi'): Tsel {
  if (typeof text !== 'string') {
    throw new TypeError(`text must be a string, not ${typeof text}`);
  }
  if (form !== undefined && form !== 'osi') {
    throw new TypeError(`form must be 'osi' or undefined, not '${String(form)}'`);
  }
  const trimmed = text.trim();
  const octets = form === 'osi' ? osiOctets(trimmed) : textOctets(trimmed);
  if (octets === undefined || octets.length > MAX_TSEL_LENGTH) {
    const expected =
      form === 'osi'
        ? 'an OSI-TSEL, 0 to 254 pairs of hexadecimal digits such as 0001 or 00 01'
        : 'a T-selector such as 0x0102, 01.02, "MTA" or #00112233';
    throw new RangeError(`text must be ${expected}, not '${text}'`);
  }
  return tselOf(octets);
}

function textOctets(text: string): Uint8Array | undefined {
  if (AMBIGUOUS.test(text)) {
    throw ambiguous(text);
  }
  return SPELLINGS.find(({ pattern }) => pattern.test(text))?.octets(text);
}

function osiOctets(text: string): Uint8Array | undefined {
  return OSI_TSEL.test(text) ? fromHex(text) : undefined;
}

/** Both readings of a number with a leading zero; a decimal one only where two octets hold it. */
function ambiguous(digits: string): RangeError {
  const isNumber = digits.length <= 4;
  const inPairs = digits.length % 2 === 0 ? digits : `0${digits}`;
  const hexadecimal = isNumber ? `0x${digits.padStart(4, '0')}` : `#${inPairs}`;
  const decimal = Number(digits);
  const other = decimal <= 0xffff ? `, or ${decimal} if it is decimal` : '';
  return new RangeError(
    `text must be a T-selector that reads one way only, not '${digits}': write ${hexadecimal} if it is hexadecimal, as in SCL files and engineering tools${other}`,
  );
}
