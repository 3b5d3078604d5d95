/**
 * Traces as lines, one for each TPDU: text for people, in the wording of protocol analysers, and JSON for
 * programs, whose keys are stable.
 */
import { CotpError, ProtocolError } from '../../core/errors.js';
import { toHex } from '../../core/octets/octets.js';
import type { Tpdu } from '../../core/tpdu/types.js';
import { formatTsel, tselOf } from '../../core/tsel.js';
import { formatAddress } from '../address.js';
import { decodeOrError, describeOrError, type TraceEntry } from './entry.js';
import { type Destination, lineSink, type SinkOptions, type TraceSink } from './sink.js';

/**
 * Writes a line for each TPDU: time (UTC), number of the connection, direction, peer, TPDU.
 *
 * @throws TypeError or RangeError for a bad option
 *
 * @example
 * ```ts
 * import { connect, listen, textSink } from 'cotp';
 *
 * const sink = textSink('trace.txt');
 * const server = await listen(() => {}, { host: '127.0.0.1', port: 0 });
 * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' }, { trace: sink.trace });
 * await conn.asyncClose();
 * await server.asyncClose();
 * await sink.close();
 * console.log(sink.dropped); // 0
 * ```
 */
export function textSink(destination: Destination, options: SinkOptions = {}): TraceSink {
  return lineSink(destination, options, textLine);
}

/** For instance `2026-05-01T12:00:00.123Z #1 > 10.0.0.5:102 DT TPDU (0) EOT 25 octets`. */
function textLine(entry: TraceEntry, octets: Buffer): string {
  const time = new Date(entry.time).toISOString();
  const arrow = entry.direction === 'sent' ? '>' : '<';
  const name = entry.name === undefined ? '' : ` ${entry.name}`;
  // The entry decodes the original octets, so redacted octets are decoded here.
  const tpdu = octets === entry.octets ? entry.tpdu : decodeOrError(octets);
  return `${time} #${entry.connection}${name} ${arrow} ${entry.peer} ${describeOrError(tpdu)}`;
}

/**
 * Writes a JSON object for each TPDU, on one line, with the keys
 *
 * - `time` (ISO 8601, UTC, microseconds), `connection`, `name` (if it has one), `role`,
 *   `direction`, `local` and `remote` (`host:port`);
 * - `octets`: the TPDU in hexadecimal; `length`: how many;
 * - `type`, `tpdu` (its fields, without `userData`, whose length is `userDataLength`; octets in
 *   hexadecimal, selectors as `formatTsel` writes them) and `diagnostics` (`code`, `octet`);
 * - or, if it cannot be decoded, `error` (`code`, `fault`, `octet`, `message`).
 *
 * @throws TypeError or RangeError for a bad option
 *
 * @example
 * ```ts
 * import { connect, listen, jsonLinesSink } from 'cotp';
 *
 * const sink = jsonLinesSink('trace.jsonl');
 * const server = await listen(() => {}, { host: '127.0.0.1', port: 0 });
 * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' }, { trace: sink.trace });
 * await conn.asyncClose();
 * await server.asyncClose();
 * await sink.close();
 * console.log(sink.dropped); // 0
 * ```
 */
export function jsonLinesSink(destination: Destination, options: SinkOptions = {}): TraceSink {
  return lineSink(destination, options, jsonOfEntry);
}

/** The line of an entry, without its end. @param octets those of the entry, redacted if requested */
export function jsonOfEntry(entry: TraceEntry, octets: Buffer): string {
  return JSON.stringify(entryToJson(entry, octets));
}

function entryToJson(entry: TraceEntry, octets: Buffer) {
  const { name } = entry;
  return {
    time: isoMicroseconds(entry.time),
    connection: entry.connection,
    ...(name === undefined ? {} : { name }),
    role: entry.role,
    direction: entry.direction,
    local: formatAddress(entry.localAddr),
    remote: formatAddress(entry.remoteAddr),
    length: octets.length,
    octets: octets.toString('hex'),
    ...tpduToJson(octets === entry.octets ? entry.tpdu : decodeOrError(octets)),
  };
}

/** The keys that describe the TPDU. */
export function tpduToJson(tpdu: Tpdu | CotpError): Readonly<Record<string, unknown>> {
  if (tpdu instanceof CotpError) {
    const { code, message } = tpdu;
    const { fault, octet } = tpdu instanceof ProtocolError ? tpdu : {};
    return { error: { code, fault, octet, message } };
  }
  const { type, diagnostics, rawParameters: _raw, ...rest } = tpdu;
  const fields = Object.entries(rest).map(([name, value]) =>
    name === 'userData' ? ['userDataLength', (value as Uint8Array).length] : [name, plain(value)],
  );
  return { type, tpdu: Object.fromEntries(fields), diagnostics };
}

/** A value in a form that JSON can represent. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return toHex(value);
  }
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => {
        const isSelector = name.endsWith('Tsel') && each instanceof Uint8Array;
        return [name, isSelector ? formatTsel(tselOf(each)) : plain(each)];
      }),
    );
  }
  return value;
}

function isoMicroseconds(time: number): string {
  const microseconds = Math.floor((time - Math.floor(time)) * 1000);
  return new Date(time).toISOString().replace('Z', `${String(microseconds).padStart(3, '0')}Z`);
}
