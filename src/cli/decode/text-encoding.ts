/**
 * Distinguishes text from binary data, and reads text in the encodings in which editors and shells write it: UTF-8 with
 * or without a byte order mark, UTF-16 with one (PowerShell writes it), and Latin-1.
 */

const UTF_8_MARK = Buffer.of(0xef, 0xbb, 0xbf);

/** The byte order marks of UTF-16. No TPKT or TPDU begins with one of them, or with that of UTF-8. */
const UTF_16_MARKS: readonly (readonly [mark: Buffer, encoding: string])[] = [
  [Buffer.of(0xff, 0xfe), 'utf-16le'],
  [Buffer.of(0xfe, 0xff), 'utf-16be'],
];

/**
 * The same input without the mark of UTF-8, or UTF-16 as UTF-8, piece by piece; unchanged if it has no mark, or if
 * what follows the mark of UTF-16 is no text.
 *
 * @param start the first octets of the input
 * @param chunks all octets; the first piece has all octets of `start`
 */
export function inUtf8(start: Buffer, chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  if (beginsWith(start, UTF_8_MARK)) {
    return without(UTF_8_MARK.length, chunks);
  }
  const found = UTF_16_MARKS.find(([mark]) => beginsWith(start, mark));
  return found !== undefined && beginsText(start, found[1]) ? transcoded(found[1], chunks) : chunks;
}

function beginsWith(octets: Buffer, mark: Buffer): boolean {
  return octets.subarray(0, mark.length).equals(mark);
}

function beginsText(start: Buffer, encoding: string): boolean {
  try {
    // A character may be cut at the end of the octets.
    const text = new TextDecoder(encoding, { fatal: true }).decode(start, { stream: true });
    return !CONTROL.test(text);
  } catch {
    return false;
  }
}

async function* without(count: number, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let left = count;
  for await (const chunk of chunks) {
    yield chunk.subarray(left);
    left = 0;
  }
}

async function* transcoded(
  encoding: string,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of chunks) {
    yield Buffer.from(decoder.decode(chunk, { stream: true }));
  }
  yield Buffer.from(decoder.decode());
}

/** Control characters other than white space. U+0085 is a new line. */
const CONTROL = /[^\P{Cc}\t-\r\x85]/u;

/**
 * True if the octets can be text: none is a control character of ASCII other than white space. A binary TPKT or TPDU
 * has such characters almost always: its version, its lengths, its code or its references.
 */
export function maybeText(octets: Buffer): boolean {
  return octets.every((octet) => (octet >= 0x20 && octet !== 0x7f) || (octet >= 9 && octet <= 13));
}

/** The text of octets that are valid UTF-8; `undefined` if it has control characters other than white space. */
export function utf8Text(octets: Buffer): string | undefined {
  const text = octets.toString();
  return CONTROL.test(text) ? undefined : text;
}

/**
 * The octets as text in Latin-1, if they begin with two characters of ASCII: most TPDUs have another second octet.
 * Any octets are valid in Latin-1, so that only hexadecimal in the text proves it.
 */
export function latin1Text(octets: Buffer): string | undefined {
  return octets.subarray(0, 2).every((octet) => octet < 0x80)
    ? octets.toString('latin1')
    : undefined;
}
