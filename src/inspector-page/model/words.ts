/** What the page says about an entry, in words, hexadecimal and characters. */
import { CotpError } from '../../core/errors.js';
import { explainSelector } from '../../core/s7-selector.js';
import { disconnectReason, rejectCauseText } from '../../core/tpdu/codes.js';
import { decode } from '../../core/tpdu/decode.js';
import { describeTpdu } from '../../core/tpdu/describe.js';
import type { ConnectionConfirm, ConnectionRequest, Tpdu } from '../../core/tpdu/types.js';
import { formatTsel, tselOf } from '../../core/tsel.js';
import { type Entry, octetsOf, type TpduEntry, userDataOf } from './entry.js';

/** `0x20` to `0x7e` as they are, any other octet as a point. */
export function asciiOf(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) {
    text += octet >= 0x20 && octet <= 0x7e ? String.fromCharCode(octet) : '·';
  }
  return text;
}

const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** Two digits. */
export function hexOf(octet: number): string {
  return HEX[octet] ?? '';
}

/** Hexadecimal with a separator between octets. */
export function hexText(octets: Uint8Array, separator = ' '): string {
  return Array.from(octets, hexOf).join(separator);
}

/** A TPDU in words, without its type and without its deviations, which have a column of their own. */
export function describe(entry: TpduEntry): string {
  try {
    const text = describeTpdu(decode(octetsOf(entry), { ...classOf(entry), strict: false }));
    return text.replace(/^[A-Z]{2} TPDU /, '').replace(/ \[[^\]]*\]$/, '');
  } catch (error) {
    if (error instanceof CotpError) {
      return aroundOctets(error)[0];
    }
    throw error;
  }
}

/** The message of an error before and behind the octets that it shows: the page shows them elsewhere. */
export function aroundOctets({ message }: CotpError): readonly [before: string, behind: string] {
  const { index = message.length, 0: octets = '' } = OCTETS.exec(message) ?? {};
  return [message.slice(0, index), message.slice(index + octets.length)];
}

/** As `ProtocolError` writes the first octets, and how many there are. */
const OCTETS = /, in (?:[0-9a-f]{2} )*[0-9a-f]{2}(?: … \(\d+ octets\))?/;

function classOf({ leg, type }: TpduEntry) {
  return type === 'CR' || type === 'CC' ? {} : leg.decodeOptions;
}

/** A TPDU in the words that matter most, for a line of the ladder. */
export function summary(entry: TpduEntry): string {
  const tpdu = decoded(entry);
  switch (tpdu?.type) {
    case 'CR':
    case 'CC':
      return tpdu.remoteDesktop === undefined ? connectWords(tpdu) : describe(entry);
    case 'DR':
      return `reason ${tpdu.reason}: ${disconnectReason(tpdu.reason)}`;
    case 'ER':
      return `cause ${tpdu.rejectCause}: ${rejectCauseText(tpdu.rejectCause)}`;
    default:
      return describe(entry);
  }
}

function decoded(entry: TpduEntry): Tpdu | undefined {
  try {
    return decode(octetsOf(entry), classOf(entry));
  } catch {
    return undefined;
  }
}

/** `0x0100 → 0x0102 (PG, rack 0, slot 2), class 0, 1024 octets` */
function connectWords(tpdu: ConnectionRequest | ConnectionConfirm): string {
  const { callingTsel, calledTsel, tpduSize, preferredMaxTpduSize } = tpdu.parameters;
  const size = preferredMaxTpduSize ?? tpduSize;
  const selectors = [
    callingTsel === undefined ? 'none' : formatTsel(tselOf(callingTsel)),
    calledTsel === undefined ? 'none' : explainSelector(tselOf(calledTsel)),
  ];
  const parts = [
    selectors.join(' → '),
    `class ${tpdu.class}`,
    size === undefined ? 'no size' : `${size} octets`,
    tpdu.userData.length > 0 && `data ${hexText(tpdu.userData, '')}`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** True if its line shows octets, not words: it carries user data, and its header says little. */
export function showsData(entry: TpduEntry): boolean {
  return entry.type === 'DT' || entry.type === 'ED';
}

/** All that a search for text looks at, in lower case. */
export function searchText(entry: Entry): string {
  const { leg } = entry;
  const where = leg === undefined ? '' : `${leg.row.name ?? ''} ${leg.client} ${leg.server}`;
  if (entry.kind === 'notice') {
    return `${entry.text} ${where}`.toLowerCase();
  }
  const words = showsData(entry) ? '' : describe(entry);
  const text = `${entry.type ?? ''} ${words} ${entry.deviations.join(' ')} ${where} ${asciiOf(userDataOf(entry))}`;
  return text.toLowerCase();
}

/** `1,234` */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `17 TSDUs`, `1 TSDU` */
export function many(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}

const UNITS = ['', 'K', 'M', 'G'] as const;

/** A number of octets in at most four digits, as `512`, `1.2K`, `34M`. */
export function size(octets: number): string {
  let value = octets;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)}${UNITS[unit]}`;
}

/** Milliseconds for people: `0.21 ms`, `12.3 ms`, `1.24 s`. */
export function duration(milliseconds: number | undefined): string {
  if (milliseconds === undefined) {
    return '–';
  }
  if (milliseconds >= 1000) {
    return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
  }
  return `${milliseconds.toFixed(milliseconds < 1 ? 2 : milliseconds < 100 ? 1 : 0)} ms`;
}

/** The time of day with milliseconds, where the browser is. */
export function clock(time: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

/** Seconds with six digits, as Wireshark shows them. */
export function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(6);
}
