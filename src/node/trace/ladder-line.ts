/**
 * One line of a ladder diagram: an arrow, a TPDU in short words, and its first octets in hexadecimal and as characters,
 * cut to the width of a terminal. It is here and not in `src/cli`, which is bundled to one file, so that the demo can
 * load it too.
 */
import { CotpError, ProtocolError } from '../../core/errors.js';
import { DR_REASONS, disconnectReason, rejectCauseText } from '../../core/tpdu/codes.js';
import type { ConnectionConfirm, ConnectionRequest, Tpdu } from '../../core/tpdu/types.js';
import { formatTsel, tselOf } from '../../core/tsel.js';

/** The colours of a line. */
export type LadderColour = 'red' | 'green' | 'blue' | 'magenta' | 'cyan' | 'dim';

/** The parts of a line. */
export interface LadderLine {
  /** What is left of the arrow, without colours: the time, the connection. */
  readonly lead: string;
  /** The same in colours. Default: `lead`. */
  readonly paintedLead?: string;
  /** The arrow with the names of both ends. */
  readonly arrow: string;
  readonly tpdu: Tpdu | CotpError;
  /** The TPDU, without the TPKT header. */
  readonly octets: Uint8Array;
  /** Columns of the terminal, or about as many as the line is to have. */
  readonly columns: number;
  /** Cuts words that do not fit, as on a terminal; otherwise only octets are left out. */
  readonly cutsWords: boolean;
  readonly paint: (colour: LadderColour, text: string) => string;
}

/** The colour of each type. */
const HUES: Readonly<Partial<Record<Tpdu['type'], LadderColour>>> = {
  CR: 'cyan',
  CC: 'green',
  DR: 'red',
  DC: 'red',
  DT: 'blue',
  ED: 'magenta',
  EA: 'magenta',
  ER: 'red',
};

/** Columns of the words, so that the octets of consecutive DTs are in one column. */
const WORDS_WIDTH = 12;

/** The most octets that are shown. Where there is no room for the least, none are. */
const MOST_OCTETS = 16;
const LEAST_OCTETS = 4;

/** The TPDU as one line. */
export function ladderLine(line: LadderLine): string {
  const { lead, paintedLead = lead, arrow, tpdu, octets, columns, cutsWords, paint } = line;
  const hue = (text: string) =>
    paint(tpdu instanceof CotpError ? 'red' : (HUES[tpdu.type] ?? 'dim'), text);
  const begun = `${lead}${arrow}  `.length;
  const words = shortened(shortWords(tpdu), cutsWords ? columns - begun : Number.POSITIVE_INFINITY);
  const type = words.slice(0, TYPE_LENGTH);
  const start = `${paintedLead}${hue(arrow)}  ${hue(type)}${words.slice(TYPE_LENGTH)}`;
  const padding = ' '.repeat(Math.max(0, WORDS_WIDTH - words.length));
  const room = columns - begun - words.length - padding.length;
  const shown = shownOctets(interestingOctets(tpdu, octets), room);
  return shown === '' ? start : `${start}${padding}  ${paint('dim', shown)}`;
}

/** Characters of the type, such as "DT", at the start of the words. */
const TYPE_LENGTH = 2;

/** User data from its start; the whole TPDU if it has none, or if it cannot be decoded. */
function interestingOctets(tpdu: Tpdu | CotpError, octets: Uint8Array): Uint8Array {
  if (tpdu instanceof CotpError) {
    return octets;
  }
  if (tpdu.type === 'DT' || tpdu.type === 'ED') {
    return tpdu.userData;
  }
  return 'userData' in tpdu && tpdu.userData.length > 0 ? tpdu.userData : octets;
}

/** As many octets as fit, like `32 01 …  2.`; empty if there is room for few, or none to show. */
function shownOctets(octets: Uint8Array, room: number): string {
  // Two blanks before, two between, and for each octet two digits, a blank and a character.
  const places = Math.min(MOST_OCTETS, Math.floor((room - 3) / 4));
  if (octets.length === 0 || places < LEAST_OCTETS) {
    return '';
  }
  const isCut = octets.length > places;
  // Where some are left out, the last place says so.
  const first = octets.subarray(0, isCut ? places - 1 : places);
  let hex = '';
  let characters = '';
  for (const octet of first) {
    hex += HEX[octet];
    characters += CHARACTERS[octet];
  }
  const digits = isCut ? `${hex}…` : hex.trimEnd();
  return `${digits.padEnd(3 * places - 1)}  ${characters}`;
}

/** Tables, because a busy proxy writes thousands of lines in a second. */
const HEX = Array.from({ length: 256 }, (_, octet) => `${octet.toString(16).padStart(2, '0')} `);

/** Printable ASCII as it is, a full stop for any other octet. */
const CHARACTERS = Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '.',
);

/** A TPDU in few words: those that a person looks for first. Its octets are not among them. */
export function shortWords(tpdu: Tpdu | CotpError): string {
  if (tpdu instanceof ProtocolError) {
    const where = tpdu.octet === undefined ? '' : ` at octet ${tpdu.octet}`;
    return `?? not decodable: ${tpdu.fault}${where}`;
  }
  if (tpdu instanceof CotpError) {
    return `?? ${tpdu.message}`;
  }
  const notes = tpdu.diagnostics.map(({ code }) => code);
  const words = `${tpdu.type} ${details(tpdu)}`.trimEnd();
  return notes.length === 0 ? words : `${words} [${notes.join(', ')}]`;
}

function details(tpdu: Tpdu): string {
  switch (tpdu.type) {
    case 'CR':
    case 'CC':
      return connectionWords(tpdu);
    case 'DR':
      return tpdu.reason === DR_REASONS.normal
        ? `reason ${tpdu.reason}: normal`
        : `reason ${tpdu.reason}: ${disconnectReason(tpdu.reason)}`;
    case 'ER':
      return `cause ${tpdu.rejectCause}: ${rejectCauseText(tpdu.rejectCause)}`;
    case 'DT':
    case 'ED':
      return `${tpdu.type === 'DT' && tpdu.eot ? 'EOT ' : ''}${tpdu.userData.length}`;
    case 'AK':
    case 'RJ':
      return `number ${tpdu.yrTuNr} credit ${tpdu.cdt}`;
    case 'EA':
      return `number ${tpdu.yrEdtuNr}`;
    case 'DC':
      return '';
  }
}

function connectionWords(tpdu: ConnectionRequest | ConnectionConfirm): string {
  const { callingTsel, calledTsel, tpduSize, preferredMaxTpduSize, alternativeClasses } =
    tpdu.parameters;
  const size = preferredMaxTpduSize ?? tpduSize;
  const parts = [
    `class ${[tpdu.class, ...(alternativeClasses ?? [])].join(',')}`,
    selectors(callingTsel, calledTsel),
    size && `size ${size}`,
    tpdu.remoteDesktop && 'remote desktop',
    tpdu.userData.length > 0 && `data ${tpdu.userData.length}`,
  ];
  return parts.filter(Boolean).join(' ');
}

/** The calling and the called T-selector: `0x0100 > 0x0102`. */
function selectors(calling: Uint8Array | undefined, called: Uint8Array | undefined): string {
  const text = (octets: Uint8Array | undefined) =>
    octets === undefined ? '' : formatTsel(tselOf(octets));
  return calling === undefined && called === undefined
    ? ''
    : `${text(calling)} > ${text(called)}`.trim();
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}
