/** tshark reads a capture file. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What makes tshark say whether checksums are right. */
const CHECKS = ['-o', 'ip.check_checksum:TRUE', '-o', 'tcp.check_checksum:TRUE'];

/**
 * These fields of every frame that the filter takes: an object a frame, each field an array of all its
 * occurrences as text.
 */
export async function fieldsOf(file, fields, { filter = 'frame', decodeAs = [] } = {}) {
  const { stdout } = await promisify(execFile)(
    'tshark',
    [
      ...['-n', '-r', file, '-Y', filter, '-T', 'fields', ...CHECKS],
      ...['-E', 'separator=/t', '-E', 'aggregator=;'],
      ...decodeAs.flatMap((port) => ['-d', `tcp.port==${port},tpkt`]),
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { maxBuffer: 1 << 28 },
  );
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const values = line.split('\t');
      return Object.fromEntries(
        fields.map((field, i) => [field, values[i] ? values[i].split(';') : []]),
      );
    });
}

/** Frames that Wireshark finds something wrong with, and why. A reset, which it warns of, is none. */
export function faultsOf(file, options) {
  const filter =
    'tcp.analysis.flags or _ws.malformed or tcp.checksum.status == 0 or ip.checksum.status == 0 or (_ws.expert.severity >= 6291456 and tcp.flags.reset == 0)';
  return fieldsOf(file, ['frame.number', '_ws.expert.message'], { ...options, filter });
}
