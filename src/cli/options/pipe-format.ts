/** Options that select the format of TSDUs on stdin and stdout. */
import { flag, type OptionValues, valueOr } from '../option.js';
import type { PipeFormatName } from '../pipe-format.js';
import { integer } from '../values.js';

const group = 'How TSDUs are read and written';

export const PIPE_FORMAT_OPTIONS = {
  line: flag('--line', 'one line for each TSDU, without its newline (default)', {
    group,
    conflicts: ['hex', 'raw', 'length'],
  }),
  hex: flag('--hex', 'one line of hexadecimal for each TSDU', {
    group,
    conflicts: ['raw', 'length'],
  }),
  raw: flag('--raw', 'octets without TSDU boundaries', { group, conflicts: ['length'] }),
  length: flag('--length', 'each TSDU after its length in four octets, big endian', { group }),
  tsduSize: valueOr(
    '--tsdu-size <octets>',
    'with --raw: most octets of a TSDU that is sent',
    integer(1, 16_777_216),
    65_536,
    { group, needs: ['raw'] },
  ),
};

/** The format that the options select. */
export function pipeFormatName(values: OptionValues<typeof PIPE_FORMAT_OPTIONS>): PipeFormatName {
  const { hex, raw, length } = values;
  return hex ? 'hex' : raw ? 'raw' : length ? 'length' : 'line';
}
