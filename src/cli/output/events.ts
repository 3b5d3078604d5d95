/**
 * What commands report while they run: JSON lines on stdout, errors and TPDUs as lines on stderr.
 */
import type { TraceListener } from '../../index.js';
import type { Io } from '../io.js';
import { hexText } from './octets-text.js';
import { terminalJson } from './terminal-text.js';

/** An event: the fields of one JSON line. Fields that are `undefined` are left out. */
export type JsonEvent = Readonly<Record<string, unknown>>;

/** Writes an event; resolves when the output has room. A caller that can wait awaits it. */
export function jsonLine(io: Io, event: JsonEvent): Promise<void> {
  return io.stdout.write(`${terminalJson(event)}\n`);
}

/** Writes an event for a caller that cannot wait; the event is dropped if the reader is too slow. */
export function postEvent(io: Io, event: JsonEvent): void {
  io.stdout.post(`${terminalJson(event)}\n`, droppedLines);
}

function droppedLines(lines: number): string {
  return `${terminalJson({ event: 'dropped', lines })}\n`;
}

/**
 * Writes an error to stderr as one line.
 *
 * @param who the command as the user called it: `cotp proxy`
 */
export function complain({ stderr }: Io, who: string, sentence: string): void {
  stderr.line(`${stderr.colours.red(who)}: ${sentence}`);
}

/** The `trace` option for `--verbose`; `undefined` without `--verbose`. */
export function tracer(
  io: Io,
  { verbose, json }: { readonly verbose: boolean; readonly json: boolean },
): TraceListener | undefined {
  if (!verbose) {
    return undefined;
  }
  if (json) {
    return (entry) => {
      const { direction, peer, octets } = entry;
      postEvent(io, { event: 'tpdu', direction, peer, text: `${entry}`, hex: hexText(octets) });
    };
  }
  const { colours } = io.stderr;
  return (entry) => {
    io.stderr.line(
      entry.direction === 'sent' ? colours.cyan(`${entry}`) : colours.green(`${entry}`),
    );
  };
}
