/**
 * Parses hexadecimal in the common forms: digits with or without separators such as spaces and colons, a C
 * array, an escaped string, or a dump with offsets.
 */
import { UsageError } from '../exit.js';
import { counted } from '../output/plural.js';

/** A line of a dump of Wireshark, xxd or hexdump: the offset and the rest. */
const DUMP_LINE = /^\s*([0-9a-f]{3,8})(?::|\s|$)(.*)$/i;

/** Text that is not hexadecimal. The caller knows where it comes from, and says so. */
export class NoHexadecimal extends UsageError {
  /** The first character that is no hexadecimal digit. */
  readonly character: string;

  constructor(character: string) {
    super(`the input must be hexadecimal, but it contains ${JSON.stringify(character)}`);
    this.character = character;
  }
}

/**
 * The octets of a text. A dump in which the offset restarts at 0 gives one buffer for each part.
 *
 * @throws UsageError if the text is not hexadecimal
 */
export function octetsOfText(input: string): readonly Buffer[] {
  const text = withPlainSpaces(input);
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return dumps(lines) ?? [array(text) ?? escapes(text) ?? digits(text)];
}

/**
 * Replaces white space and invisible characters beyond ASCII, such as the no-break spaces and zero-width characters
 * of text from a web page, by spaces and newlines.
 */
function withPlainSpaces(text: string): string {
  return text
    .replace(/[\u0085\u2028\u2029]/g, '\n')
    .replace(/[^\P{White_Space}\t-\r ]|\p{Default_Ignorable_Code_Point}/gu, ' ');
}

/**
 * Octets of `{ 0x03, 0x00 }`; `undefined` if the text has no such number, or one that is part of a name or longer. To
 * leave that out would change the message.
 */
function array(text: string): Buffer | undefined {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const found = [...code.matchAll(/(?<![\w./\\-])0x([0-9a-f]{1,2})u?(?![\w.])/gi)];
  const all = code.match(/0x/gi) ?? [];
  return found.length === 0 || found.length < all.length
    ? undefined
    : Buffer.from(found.map(([, octet = '']) => Number.parseInt(octet, 16)));
}

/** A string literal of C, JavaScript or Python, without its quotes. */
const LITERAL = /(["'])((?:\\.|(?!\1)[^\\])*)\1/gs;

/** An escape, or a character that stands for its own octet. */
const IN_LITERAL = /\\x([0-9a-f]{1,2})|\\([0abfnrtv\\'"])|([\s\S])/gi;

const SHORT_ESCAPES: Readonly<Record<string, number>> = {
  '0': 0x00,
  a: 0x07,
  b: 0x08,
  t: 0x09,
  n: 0x0a,
  v: 0x0b,
  f: 0x0c,
  r: 0x0d,
};

/**
 * Octets of `"\x03\x00"`, where a printable character between the escapes is an octet too, as Python writes it; and of
 * `\x03 \x00` without quotes. `undefined` if the text has neither form.
 */
function escapes(text: string): Buffer | undefined {
  const literals = [...text.matchAll(LITERAL)].map(([, , body = '']) => body);
  if (literals.some((body) => body.includes('\\x'))) {
    return Buffer.from(literals.flatMap(octetsOfLiteral));
  }
  const bare = text.replace(/[\s,;]/g, '');
  return /^(?:\\x[0-9a-f]{1,2})+$/i.test(bare) ? Buffer.from(octetsOfLiteral(bare)) : undefined;
}

function octetsOfLiteral(body: string): readonly number[] {
  const parts = [...body.matchAll(IN_LITERAL)];
  return parts.map(([, hex, short, character = '']) => {
    if (hex !== undefined) {
      return Number.parseInt(hex, 16);
    }
    if (short !== undefined) {
      return SHORT_ESCAPES[short] ?? short.charCodeAt(0);
    }
    const code = character.charCodeAt(0);
    if (character === '\\' || code > 0x7e) {
      throw new NoHexadecimal(character);
    }
    return code;
  });
}

function digits(text: string): Buffer {
  const bare = text
    .trim()
    .replace(/^0x/i, '')
    .replace(/[\s:.,;_-]+/g, '');
  const wrong = /[^0-9a-f]/iu.exec(bare);
  if (wrong !== null) {
    throw new NoHexadecimal(wrong[0]);
  }
  if (bare.length % 2 !== 0) {
    throw new UsageError(
      `the input has ${counted(bare.length, 'hexadecimal digit')}, which is an odd number`,
    );
  }
  return Buffer.from(bare, 'hex');
}

/** Octets of dumps; `undefined` unless the offset of every line continues that of the line before. */
function dumps(lines: readonly string[]): readonly Buffer[] | undefined {
  const rows = lines.map((line) => {
    const [, offset = '', rest = ''] = DUMP_LINE.exec(line) ?? [];
    return { offset: Number.parseInt(offset, 16), rest };
  });
  if (rows[0]?.offset !== 0) {
    return undefined;
  }
  const found: Buffer[][] = [];
  /** Octets of the last one so far. */
  let have = 0;
  for (const [i, { offset, rest }] of rows.entries()) {
    const next = rows[i + 1]?.offset;
    const length = next === undefined || next === 0 ? undefined : next - offset;
    const octets = dumpOctets(rest, length);
    const dump = offset === 0 ? [] : found.at(-1);
    if (dump === undefined || octets === undefined) {
      return undefined;
    }
    if (offset === 0) {
      found.push(dump);
      have = 0;
    } else if (have !== offset) {
      return undefined;
    }
    dump.push(octets);
    have += octets.length;
  }
  return found.map((dump) => Buffer.concat(dump));
}

/** Octets of one line of a dump, without the character column. */
function dumpOctets(rest: string, length: number | undefined): Buffer | undefined {
  const [, columns = ''] = /^\s*((?:[0-9a-f]{2}[ -]{0,2})+)(?![^\s|])/i.exec(`${rest} `) ?? [];
  const hex = length === undefined ? withoutCharacters(columns) : columns;
  const octets = Buffer.from(hex.replace(/[^0-9a-f]/gi, ''), 'hex');
  if (length === undefined) {
    return octets.length === 0 && rest.trim() !== '' ? undefined : octets.subarray(0, 16);
  }
  return octets.length < length ? undefined : octets.subarray(0, length);
}

/** Removes the character column of xxd. xxd prints groups of two octets, and two spaces before that column. */
function withoutCharacters(columns: string): string {
  const isGrouped = /^[0-9a-f]{4}\b/i.test(columns);
  return isGrouped ? (columns.split(/ {2,}/)[0] ?? '') : columns;
}
