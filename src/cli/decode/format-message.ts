/**
 * Formats an explained message: as text (a table of octets, fields, values and meanings, then a verdict)
 * or as JSON.
 */
import Table from 'cli-table3';
import { CotpError } from '../../core/tpdu/index.js';
import { describeOrError } from '../../node/trace/entry.js';
import { tpduToJson } from '../../node/trace/lines.js';
import type { Colours } from '../terminal-text.js';
import { deviationText, type ExplainedMessage, isClean } from './explained-message.js';

/** Where a message is in the input. */
export interface Place {
  /** Counted from 1. */
  readonly number: number;
  /** It follows another TPDU in the same TPKT. */
  readonly isInSameTpkt?: boolean;
  /** The TCP stream of the capture, its sender and its receiver. */
  readonly stream?: { readonly number: number; readonly from: string; readonly to: string };
}

const OCTETS_PER_LINE = 8;
/** Lines of octets of one field that are shown without `--full`. */
const MAX_LINES = 8;

const NO_BORDERS = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((name) => [name, '']),
);

/** A message as text, without a trailing newline. */
export function messageText(
  message: ExplainedMessage,
  place: Place,
  colours: Colours,
  isFull: boolean,
): string {
  const { octets, explanations, tpdu } = message;
  const table = new Table({
    chars: { ...NO_BORDERS, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: ['right'],
  });
  table.push(['offset', 'octets', 'field', 'value', 'meaning'].map((word) => colours.dim(word)));
  for (const { start, end, field, value, meaning, deviations } of explanations) {
    const notes = deviations.map((code) =>
      colours.yellow(`⚠ ${code} ${deviationText(code)}`.trim()),
    );
    table.push([
      colours.dim(String(start)),
      octetLines(octets.subarray(start, end), isFull),
      field,
      colours.cyan(value),
      [meaning, ...notes].filter((part) => part !== '').join('\n'),
    ]);
  }
  const words = describeOrError(tpdu);
  const isBroken = tpdu instanceof CotpError;
  return [
    `${colours.bold(heading(place, message))}${isBroken ? '' : `  ${words}`}`,
    trimEnds(table.toString()),
    ...verdict(message, colours),
  ].join('\n');
}

function heading(
  { number, stream, isInSameTpkt }: Place,
  { octets, hasTpkt }: ExplainedMessage,
): string {
  const where = isInSameTpkt ? ' in the same TPKT' : '';
  const what = `${hasTpkt ? 'TPKT' : 'TPDU'} ${number}, ${octets.length} octets${where}`;
  return stream === undefined
    ? what
    : `${what}, TCP stream ${stream.number}, ${stream.from} > ${stream.to}`;
}

function verdict(message: ExplainedMessage, colours: Colours): readonly string[] {
  const { tpdu, refusal } = message;
  if (tpdu instanceof CotpError) {
    return [colours.red(`cannot be decoded: ${tpdu.message}`)];
  }
  if (refusal !== undefined) {
    return [colours.yellow(`tolerated; a strict reading refuses it: ${refusal.message}`)];
  }
  return isClean(message)
    ? [colours.green('conforms')]
    : [colours.yellow('conforms, with a remark')];
}

function octetLines(octets: Buffer, isFull: boolean): string {
  const lines = [];
  for (let at = 0; at < octets.length; at += OCTETS_PER_LINE) {
    lines.push(
      octets
        .subarray(at, at + OCTETS_PER_LINE)
        .toString('hex')
        .replace(/..(?!$)/g, '$& '),
    );
  }
  if (isFull || lines.length <= MAX_LINES) {
    return lines.join('\n');
  }
  const left = octets.length - MAX_LINES * OCTETS_PER_LINE;
  return [...lines.slice(0, MAX_LINES), `… ${left} more (--full)`].join('\n');
}

function trimEnds(lines: string): string {
  return lines.replace(/[ \t]+$/gm, '');
}

/** A message as the JSON object of `--json`. */
export function messageJson(message: ExplainedMessage, { number, stream }: Place): unknown {
  const { octets, hasTpkt, explanations, tpdu, refusal } = message;
  return {
    number,
    ...(stream === undefined ? {} : { stream: stream.number, from: stream.from, to: stream.to }),
    tpkt: hasTpkt,
    length: octets.length,
    octets: octets.toString('hex'),
    ...tpduToJson(tpdu),
    strict:
      refusal === undefined
        ? { accepted: true }
        : {
            accepted: false,
            fault: refusal.fault,
            octet: refusal.octet,
            message: refusal.message,
          },
    fields: explanations.map(({ start, end, field, value, meaning, deviations }) => ({
      offset: start,
      octets: octets.subarray(start, end).toString('hex'),
      field: field.trim(),
      value,
      meaning,
      deviations,
    })),
  };
}
