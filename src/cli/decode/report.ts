/**
 * A dissection as text: a table of octets, fields, values and meanings, then the verdict.
 */
import Table from 'cli-table3';
import { CotpError } from '../../core/tpdu/index.js';
import { describeOrError } from '../../node/trace/entry.js';
import { tpduToJson } from '../../node/trace/lines.js';
import type { Colours } from '../terminal-text.js';
import { type Dissection, deviationText, isClean } from './dissection.js';

/** Where a message was found. */
export interface Place {
  /** Counted from 1. */
  readonly number: number;
  /** TCP stream of the capture, and its ends. */
  readonly stream?: { readonly number: number; readonly from: string; readonly to: string };
}

const OCTETS_PER_LINE = 8;
/** Lines of octets of one field that are shown unless all are asked for. */
const MOST_LINES = 8;

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

/** The text of a dissection, without a newline at its end. */
export function text(
  dissection: Dissection,
  place: Place,
  colours: Colours,
  isFull: boolean,
): string {
  const { octets, explanations, tpdu } = dissection;
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
    `${colours.bold(heading(place, dissection))}${isBroken ? '' : `  ${words}`}`,
    trimEnds(table.toString()),
    ...verdict(dissection, colours),
  ].join('\n');
}

function heading({ number, stream }: Place, { octets, hasTpkt }: Dissection): string {
  const what = `${hasTpkt ? 'TPKT' : 'TPDU'} ${number}, ${octets.length} octets`;
  return stream === undefined
    ? what
    : `${what}, TCP stream ${stream.number}, ${stream.from} > ${stream.to}`;
}

function verdict(dissection: Dissection, colours: Colours): readonly string[] {
  const { tpdu, refusal } = dissection;
  if (tpdu instanceof CotpError) {
    return [colours.red(`cannot be decoded: ${tpdu.message}`)];
  }
  if (refusal !== undefined) {
    return [colours.yellow(`tolerated; a strict reading refuses it: ${refusal.message}`)];
  }
  return isClean(dissection)
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
  if (isFull || lines.length <= MOST_LINES) {
    return lines.join('\n');
  }
  const left = octets.length - MOST_LINES * OCTETS_PER_LINE;
  return [...lines.slice(0, MOST_LINES), `… ${left} more (--full)`].join('\n');
}

function trimEnds(lines: string): string {
  return lines.replace(/[ \t]+$/gm, '');
}

/** The same for machines. */
export function json(dissection: Dissection, { number, stream }: Place): unknown {
  const { octets, hasTpkt, explanations, tpdu, refusal } = dissection;
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
