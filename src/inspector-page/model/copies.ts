/** Octets as text, in the forms in which people pass them on. */
import { hexText } from './words.js';

/** Octets on a line of a C array. */
const C_OCTETS = 12;

/** A form, by what its button says. */
export interface Copy {
  readonly name: string;
  readonly title: string;
  readonly make: (octets: Uint8Array) => string;
}

/** The forms of any octets. */
export const OCTET_COPIES: readonly Copy[] = [
  { name: 'hex', title: 'Copy as hexadecimal digits', make: (octets) => hexText(octets, '') },
  { name: 'C array', title: 'Copy as a C array', make: cArray },
];

/** The forms of a TPDU. */
export const TPDU_COPIES: readonly Copy[] = [
  ...OCTET_COPIES,
  { name: 'cotp decode', title: 'Copy as a command that explains it', make: decodeCommand },
];

function cArray(octets: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < octets.length; at += C_OCTETS) {
    const line = Array.from(octets.subarray(at, at + C_OCTETS), (octet) => {
      return `0x${octet.toString(16).padStart(2, '0')}`;
    });
    lines.push(`  ${line.join(', ')},`);
  }
  return `static const unsigned char tpdu[${octets.length}] = {\n${lines.join('\n')}\n};\n`;
}

function decodeCommand(octets: Uint8Array): string {
  return `cotp decode ${hexText(octets, '')}`;
}
