/**
 * A trace as text for people: one line a TPDU, in the wording of protocol analysers.
 */
import { decodeOrError, describeOrError, type TraceEntry } from './entry.js';
import { type Destination, lineSink, type SinkOptions, type TraceSink } from './sink.js';

/**
 * Writes a line a TPDU: time (UTC), number of the connection, direction, peer, TPDU.
 *
 * @throws TypeError or RangeError for a bad option
 */
export function textSink(destination: Destination, options: SinkOptions = {}): TraceSink {
  return lineSink(destination, options, textLine);
}

/** For instance `2026-05-01T12:00:00.123Z #1 > 10.0.0.5:102 DT TPDU (0) EOT 25 octets`. */
function textLine(entry: TraceEntry, octets: Buffer): string {
  const time = new Date(entry.time).toISOString();
  const arrow = entry.direction === 'sent' ? '>' : '<';
  const name = entry.name === undefined ? '' : ` ${entry.name}`;
  // What was redacted is not what was decoded.
  const tpdu = octets === entry.octets ? entry.tpdu : decodeOrError(octets);
  return `${time} #${entry.connection}${name} ${arrow} ${entry.peer} ${describeOrError(tpdu)}`;
}
