/**
 * Text on its way to a terminal. Much of it comes from outside: names in certificates, messages of
 * peers, selectors, file names. None of it may carry a control sequence, turn the direction of a line or
 * hide. This is the one place that sees to that; whatever this program writes as text passes it.
 *
 * The colours are control sequences too. Those of this program carry a random number, so that nothing
 * from outside can pass for one; it is taken out again on the way.
 */
import { randomInt } from 'node:crypto';
import pico from 'picocolors';

/**
 * What a terminal must not get from outside: controls of either kind, what turns the direction of text
 * or is not seen, what Unicode has not given a meaning, and the ends of lines and paragraphs.
 */
const UNPRINTABLE = '[\\p{C}\\p{Zl}\\p{Zp}]';

/** True when a character may go to a terminal as it is. */
export function isPrintable(character: string): boolean {
  return !ONE_UNPRINTABLE.test(character);
}

const ONE_UNPRINTABLE = new RegExp(UNPRINTABLE, 'u');

/** An octet as `\x1b`. */
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

/** Nobody outside this process knows it. */
const MARK = randomInt(2 ** 31, 2 ** 40);

/** Colours that {@link terminalText} recognises; without colour they leave a text as it is. */
export function markedColours(areWanted: boolean): Colours {
  const { bold, dim, red, green, yellow, blue, magenta, cyan } = pico.createColors(true);
  const marked = (format: (text: string) => string) => {
    const [open = '', close = ''] = format('|').replaceAll('\x1b[', `\x1b[${MARK};`).split('|');
    return areWanted ? (text: string) => `${open}${text}${close}` : (text: string) => text;
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

/** A colour of ours, or a character that must not pass. */
const TO_REPLACE = new RegExp(`\\x1b\\[${MARK};(\\d+)m|${UNPRINTABLE}`, 'gu');

/** Beyond ASCII, what this program itself writes; the rest may be controls in another character set. */
const NOT_ASCII = /[^\x20-\x7e\n─▶◀·⚠…]/gu;

/** What needs no second look, as most texts do. */
const PLAIN = /^[\x20-\x7e]*$/;

/**
 * A text as it may go to a terminal: what is not printable is escaped as `\x1b` or `\u{202e}`.
 *
 * @param keepsLines ends of lines are this program's own, and stay
 * @param takesUtf8 the terminal takes UTF-8; without it all beyond ASCII is escaped
 */
export function terminalText(text: string, keepsLines: boolean, takesUtf8 = true): string {
  if (PLAIN.test(text)) {
    return text;
  }
  const clean = text.replace(TO_REPLACE, (found, colour: string | undefined) => {
    if (colour !== undefined) {
      return found.replace(`${MARK};`, '');
    }
    return found === '\t' || (found === '\n' && keepsLines) ? found : escaped(found);
  });
  return takesUtf8
    ? clean
    : clean.replace(NOT_ASCII, (each) => (isColour(each) ? each : escaped(each)));
}

/** Only colours of ours still have their ESC at this point; a tab is no danger. */
function isColour(character: string): boolean {
  return character === '\x1b' || character === '\t';
}

/** What `JSON.stringify` leaves as it is and a terminal must not get. */
const LEFT_BY_JSON = new RegExp(UNPRINTABLE, 'gu');

/** A line of JSON that means the same and does nothing to a terminal. */
export function terminalJson(value: unknown): string {
  return JSON.stringify(value).replace(LEFT_BY_JSON, (found) =>
    found.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}
