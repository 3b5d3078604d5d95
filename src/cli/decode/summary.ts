/** `decode --summary`: a line for each message, and a line at the end. */
import { CotpError, ProtocolError } from '../../core/tpdu/index.js';
import { TPKT_HEADER_LENGTH } from '../../node/codes.js';
import { describeOrError } from '../../node/trace/entry.js';
import { counted } from '../output/plural.js';
import type { Colours } from '../output/terminal-text.js';
import type { ExplainedMessage } from './explained-message.js';
import { type Place, type Source, spacedHex } from './format-message.js';

/** Octets of a message that are shown. */
const MAX_OCTETS = 12;

/** How many messages there were. */
export interface Totals {
  readonly tpdus: number;
  /** TCP streams of a capture, or connections of a trace, that have TPDUs. */
  readonly streams: number;
  /** TPDUs that deviate from the standard, or cannot be decoded. */
  readonly deviating: number;
  /** Reports of something that is missing or cannot be read. */
  readonly lost: number;
}

/** A message on one line: where it is, what it is, its first octets, its deviations. */
export function summaryLine(message: ExplainedMessage, place: Place, colours: Colours): string {
  const { octets, hasTpkt, tpdu } = message;
  const isBroken = tpdu instanceof CotpError;
  const all = hasTpkt ? octets.subarray(TPKT_HEADER_LENGTH) : octets;
  // The fields of a header are in the words already.
  const shown = isBroken || all.length === 1 + tpdu.li ? all : all.subarray(1 + tpdu.li);
  const more = shown.length > MAX_OCTETS ? ' …' : '';
  const faults = deviations(message);
  return [
    whereText(place, colours),
    isBroken ? colours.red('cannot be decoded') : withoutNotes(describeOrError(tpdu)),
    colours.dim(`${spacedHex(shown.subarray(0, MAX_OCTETS))}${more}`),
    ...(faults.length === 0 ? [] : [colours.yellow(`⚠ ${faults.join(', ')}`)]),
  ].join('  ');
}

/** Something that is missing, on one line. */
export function lostLine(sentence: string, place: Place, colours: Colours): string {
  return `${whereText(place, colours)}  ${colours.red(`⚠ ${sentence}`)}`;
}

/** The line at the end. */
export function totalsLine({ tpdus, streams, deviating, lost }: Totals, kind?: Source['kind']) {
  const stream = kind === 'trace' ? 'connection' : 'TCP stream';
  const where = kind === undefined ? '' : ` in ${counted(streams, stream)}`;
  return `${counted(tpdus, 'TPDU')}${where}: ${deviating} with deviations, ${counted(lost, 'report')} of missing or unreadable octets`;
}

/** Frame, time and stream; the number of the message where the input has none. */
function whereText({ number, source }: Place, colours: Colours): string {
  const { frame, flow } = source ?? {};
  if (source === undefined) {
    return String(number).padStart(6);
  }
  const time = frame?.time === undefined ? '' : new Date(frame.time).toISOString().slice(11, 23);
  const stream = flow === undefined ? '' : ` #${flow.stream} ${flow.from} > ${flow.to}`;
  return `${String(frame?.number ?? '').padStart(6)} ${colours.dim(time.padEnd(12))}${stream}`;
}

/** The description without the diagnostics at its end, which follow the octets here. */
function withoutNotes(text: string): string {
  return text.replace(/ \[[a-z, -]+\]$/, '');
}

function deviations({ explanations, tpdu, refusal }: ExplainedMessage): readonly string[] {
  const codes = new Set<string>(explanations.flatMap((row) => row.deviations));
  for (const error of [tpdu, refusal]) {
    if (error instanceof ProtocolError) {
      codes.add(error.fault);
    }
  }
  return [...codes];
}
