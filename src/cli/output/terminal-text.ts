/**
 * Escapes text for a terminal. Some of the text comes from outside: names in certificates, messages of peers,
 * selectors, file names. It must not contain control sequences, reverse the direction of a line, or be
 * invisible. All text that this program writes passes through here.
 *
 * Colours are control sequences too. This program marks its own colours with a random number that nobody
 * else knows, so that text from outside cannot fake them; `terminalText` removes the number.
 */
import { randomInt } from 'node:crypto';
import pico from 'picocolors';

/**
 * Characters that a terminal must not receive from outside: control, format (direction, invisible), private
 * and unassigned characters, and the separators of lines and paragraphs.
 */
const UNPRINTABLE = '[\\p{C}\\p{Zl}\\p{Zp}]';

/** True if a character can be written to a terminal unchanged. */
export function isPrintable(character: string): boolean {
  return !ONE_UNPRINTABLE.test(character);
}

const ONE_UNPRINTABLE = new RegExp(UNPRINTABLE, 'u');

/** An octet in the form `\x1b`. */
export function escapedOctet(octet: number): string {
  return `\\x${octet.toString(16).padStart(2, '0')}`;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? escapedOctet(code) : `\\u{${code.toString(16)}}`;
}

type ColourName = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan';

/** Functions that colour a text. */
export type Colours = Readonly<Record<ColourName, (text: string) => string>>;

/** The secret number that marks the colours of this process, and what {@link terminalText} replaces. */
interface Marking {
  readonly mark: number;
  /** A marked colour, or a character to escape. */
  readonly toReplace: RegExp;
}

let ownMarking: Marking | undefined;

/** Made on the first use: to load `node:crypto` takes time, and most text needs no marking. */
function marking(): Marking {
  if (ownMarking === undefined) {
    const mark = randomInt(2 ** 31, 2 ** 40);
    ownMarking = { mark, toReplace: new RegExp(`\\x1b\\[${mark};(\\d+)m|${UNPRINTABLE}`, 'gu') };
  }
  return ownMarking;
}

function unchanged(text: string): string {
  return text;
}

const NO_COLOURS: Colours = {
  bold: unchanged,
  dim: unchanged,
  red: unchanged,
  green: unchanged,
  yellow: unchanged,
  blue: unchanged,
  magenta: unchanged,
  cyan: unchanged,
};

/** Colours that {@link terminalText} recognises. If `areWanted` is false they return the text unchanged. */
export function markedColours(areWanted: boolean): Colours {
  if (!areWanted) {
    return NO_COLOURS;
  }
  const { mark } = marking();
  const { bold, dim, red, green, yellow, blue, magenta, cyan } = pico.createColors(true);
  const marked = (format: (text: string) => string) => {
    const [open = '', close = ''] = format('|').replaceAll('\x1b[', `\x1b[${mark};`).split('|');
    return (text: string) => `${open}${text}${close}`;
  };
  return {
    bold: marked(bold),
    dim: marked(dim),
    red: marked(red),
    green: marked(green),
    yellow: marked(yellow),
    blue: marked(blue),
    magenta: marked(magenta),
    cyan: marked(cyan),
  };
}

/**
 * Everything but ASCII and the characters of this program itself; the rest may be controls in another
 * charset.
 */
const NOT_ASCII = /[^\x20-\x7e\n─▶◀·⚠…]/gu;

/** Text without anything to escape: a fast path for most text. */
const PLAIN = /^[\x20-\x7e]*$/;

/** The same for text of several lines. */
const PLAIN_LINES = /^[\x20-\x7e\n]*$/;

/**
 * Escapes what is not printable as `\x1b` or `\u{202e}`.
 *
 * @param keepsLines keep newlines, which this program wrote itself
 * @param takesUtf8 the terminal accepts UTF-8; otherwise everything beyond ASCII is escaped
 */
export function terminalText(text: string, keepsLines: boolean, takesUtf8 = true): string {
  if ((keepsLines ? PLAIN_LINES : PLAIN).test(text)) {
    return text;
  }
  const { mark, toReplace } = marking();
  const clean = text.replace(toReplace, (found, colour: string | undefined) => {
    if (colour !== undefined) {
      return found.replace(`${mark};`, '');
    }
    return found === '\t' || (found === '\n' && keepsLines) ? found : escaped(found);
  });
  return takesUtf8
    ? clean
    : clean.replace(NOT_ASCII, (each) => (isColour(each) ? each : escaped(each)));
}

/** At this point only the colours of this program still have their ESC. A tab is harmless. */
function isColour(character: string): boolean {
  return character === '\x1b' || character === '\t';
}

/** Characters that `JSON.stringify` does not escape and a terminal must not receive. */
const LEFT_BY_JSON = new RegExp(UNPRINTABLE, 'gu');

/** JSON on one line, with everything escaped that could affect a terminal. */
export function terminalJson(value: unknown): string {
  return JSON.stringify(value).replace(LEFT_BY_JSON, (found) =>
    found.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}
