/**
 * Formats an explained message: as text (a table of octets, fields, values and meanings, then a verdict)
 * or as JSON.
 */
import { CotpError } from '../../core/tpdu/index.js';
import { describeOrError } from '../../node/trace/entry.js';
import { tpduToJson } from '../../node/trace/lines.js';
import type { Flow } from '../capture/tcp-streams.js';
import type { Frame } from '../capture/tpkt-direction.js';
import { counted } from '../output/plural.js';
import type { Colours } from '../output/terminal-text.js';
import { deviationText, type ExplainedMessage, isClean } from './explained-message.js';

/** Where a message is in the input. */
export interface Place {
  /** Counted from 1. */
  readonly number: number;
  /** It follows another TPDU in the same TPKT. */
  readonly isInSameTpkt?: boolean;
  readonly source?: Source | undefined;
}

/** Where something is in a capture or a trace. */
export interface Source {
  /** What is counted: the frames of a capture and its TCP streams, or the lines of a trace and its connections. */
  readonly kind: 'capture' | 'trace';
  /** The frame that completes it, or the line. */
  readonly frame?: Frame | undefined;
  readonly flow?: Flow | undefined;
}

/** The place in words, for instance `frame 7, TCP stream 0, 10.0.0.1:50000 > 10.0.0.5:102`. */
export function sourceText({ kind, frame, flow }: Source): string {
  const [unit, stream] = kind === 'capture' ? ['frame', 'TCP stream'] : ['line', 'connection'];
  const parts = [
    frame !== undefined && `${unit} ${frame.number}`,
    flow !== undefined && `${stream} ${flow.stream}, ${flow.from} > ${flow.to}`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** The place as fields of JSON. */
export function sourceJson({ frame, flow }: Source): Readonly<Record<string, unknown>> {
  const time = frame?.time;
  return {
    frame: frame?.number,
    time: time === undefined ? undefined : new Date(time).toISOString(),
    ...(flow === undefined ? {} : { stream: flow.stream, from: flow.from, to: flow.to }),
  };
}

const OCTETS_PER_LINE = 8;
/** Lines of octets of one field that are shown without `--full`. */
const MAX_LINES = 8;

/** A message as text, without a trailing newline. */
export function messageText(
  message: ExplainedMessage,
  place: Place,
  colours: Colours,
  isFull: boolean,
): string {
  const { tpdu } = message;
  const words = describeOrError(tpdu);
  const isBroken = tpdu instanceof CotpError;
  return [
    `${colours.bold(heading(place, message))}${isBroken ? '' : `  ${words}`}`,
    layoutText(message, colours, isFull),
  ].join('\n');
}

/** The layout of a message, octet by octet, and whether it conforms; without its place and without a trailing newline. */
export function layoutText(message: ExplainedMessage, colours: Colours, isFull: boolean): string {
  const { octets, explanations } = message;
  const rows = explanations.map(({ start, end, field, value, meaning, deviations }) => {
    const notes = deviations.map((code) => `⚠ ${code} ${deviationText(code)}`.trim());
    return {
      start: String(start),
      octets: octetLines(octets.subarray(start, end), isFull),
      field,
      value,
      meaning: meaning === '' && notes.length > 0 ? [] : [meaning],
      notes,
    };
  });
  return [layout(rows, colours), ...verdict(message, colours)].join('\n');
}

function heading(
  { number, source, isInSameTpkt }: Place,
  { octets, hasTpkt }: ExplainedMessage,
): string {
  const where = isInSameTpkt ? ' in the same TPKT' : '';
  const what = `${hasTpkt ? 'TPKT' : 'TPDU'} ${number}, ${counted(octets.length, 'octet')}${where}`;
  return source === undefined ? what : `${what}, ${sourceText(source)}`;
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

/** A row of the layout; the cells of octets and of meaning can have several lines. */
interface Row {
  readonly start: string;
  readonly octets: readonly string[];
  readonly field: string;
  readonly value: string;
  readonly meaning: readonly string[];
  readonly notes: readonly string[];
}

const HEADINGS: Row = {
  ...{ start: 'offset', octets: ['octets'], field: 'field', value: 'value' },
  ...{ meaning: ['meaning'], notes: [] },
};

/** The rows as lines of padded columns. The cells are ASCII and `…`, so their length is their width. */
function layout(rows: readonly Row[], { dim, cyan, yellow }: Colours): string {
  const width = widths(rows);
  const { octets, field, value } = HEADINGS;
  const heading = [
    dim(HEADINGS.start),
    dim(octets[0] ?? '') + blanks(width.octets - (octets[0]?.length ?? 0)),
    dim(field) + blanks(width.field - field.length),
    dim(value) + blanks(width.value - value.length),
    dim(HEADINGS.meaning[0] ?? ''),
  ];
  const lines = [heading.join('  ')];
  // What is left of the second column in the further lines of a row.
  const indent = blanks(width.start + 2);
  const between = blanks(width.field + width.value + 4);
  for (const row of rows) {
    const right = row.notes.length === 0 ? row.meaning : [...row.meaning, ...row.notes.map(yellow)];
    const [first = ''] = row.octets;
    const start = blanks(width.start - row.start.length) + dim(row.start);
    const name = row.field + blanks(width.field - row.field.length);
    const text = (row.value === '' ? '' : cyan(row.value)) + blanks(width.value - row.value.length);
    const line = `${start}  ${first}${blanks(width.octets - first.length)}  ${name}  ${text}`;
    lines.push(`${line}  ${right[0] ?? ''}`.trimEnd());
    for (let i = 1; i < Math.max(row.octets.length, right.length); i += 1) {
      const more = row.octets[i] ?? '';
      const padding = blanks(width.octets - more.length);
      lines.push(`${indent}${more}${padding}  ${between}${right[i] ?? ''}`.trimEnd());
    }
  }
  return lines.join('\n');
}

function widths(rows: readonly Row[]) {
  let start = HEADINGS.start.length;
  let octets = 'octets'.length;
  let field = HEADINGS.field.length;
  let value = HEADINGS.value.length;
  for (const row of rows) {
    start = Math.max(start, row.start.length);
    field = Math.max(field, row.field.length);
    value = Math.max(value, row.value.length);
    for (const { length } of row.octets) {
      octets = Math.max(octets, length);
    }
  }
  return { start, octets, field, value };
}

function blanks(count: number): string {
  return ' '.repeat(Math.max(0, count));
}

function octetLines(octets: Buffer, isFull: boolean): readonly string[] {
  const lines = [];
  const shown = isFull ? octets.length : MAX_LINES * OCTETS_PER_LINE;
  for (let at = 0; at < octets.length && at < shown; at += OCTETS_PER_LINE) {
    lines.push(spacedHex(octets.subarray(at, at + OCTETS_PER_LINE)));
  }
  const left = octets.length - shown;
  return left > 0 ? [...lines, `… ${left} more (--full)`] : lines;
}

const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** Octets in hexadecimal, with blanks. */
export function spacedHex(octets: Buffer): string {
  let text = '';
  for (const octet of octets) {
    text += text === '' ? HEX[octet] : ` ${HEX[octet]}`;
  }
  return text;
}

/** A message as the JSON object of `--json`. */
export function messageJson(message: ExplainedMessage, { number, source }: Place): unknown {
  const { octets, hasTpkt, explanations, tpdu, refusal } = message;
  return {
    number,
    ...(source === undefined ? {} : sourceJson(source)),
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
