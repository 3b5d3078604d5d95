/** The messages in octets that are neither a capture nor a trace: hexadecimal text, or binary data. */
import { isUtf8 } from 'node:buffer';
import { UsageError } from '../exit.js';
import { NoHexadecimal, octetsOfText } from './hex-text.js';
import { latin1Text, maybeText, utf8Text } from './text-encoding.js';

/** Longest text, in octets: it takes up to sixty times as much memory while it is parsed. */
const MOST_TEXT = 16 * 1024 * 1024;

/** @throws UsageError if it is text that is too long, or no hexadecimal */
export function messagesIn(octets: Buffer): readonly Buffer[] {
  if (!maybeText(octets)) {
    return [octets];
  }
  if (!isUtf8(octets)) {
    return octets.length > MOST_TEXT ? [octets] : messagesInLatin1(octets);
  }
  if (octets.length > MOST_TEXT) {
    throw new UsageError(`the input is text that is longer than ${MOST_TEXT} octets`);
  }
  const text = utf8Text(octets);
  return text === undefined ? [octets] : octetsOfText(text);
}

/** What is no UTF-8 is taken for text only if it is hexadecimal. */
function messagesInLatin1(octets: Buffer): readonly Buffer[] {
  const text = latin1Text(octets);
  try {
    return text === undefined ? [octets] : octetsOfText(text);
  } catch (error) {
    if (error instanceof NoHexadecimal) {
      return [octets];
    }
    throw error;
  }
}
