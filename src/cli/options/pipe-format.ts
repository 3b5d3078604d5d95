/** Options that select the format of TSDUs on stdin and stdout. */
import { type PipeFormat, type PipeFormatName, pipeFormat } from '../output/pipe-format.js';
import { flag, type OptionValues, valueOr } from './option.js';
import { integer } from './values.js';

const group = 'How TSDUs are read and written';

export const PIPE_FORMAT_OPTIONS = {
  line: flag('--line', 'one line for each TSDU, without its newline (default)', {
    group,
    conflicts: ['hex', 'raw', 'length'],
  }),
  hex: flag('--hex', 'one line of hexadecimal for each TSDU; a line with ! is expedited data', {
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

type Values = OptionValues<typeof PIPE_FORMAT_OPTIONS> & { readonly expedited: boolean };

/**
 * The format that the options select.
 *
 * @param terminal present when TSDUs are written to a terminal
 * @param onBadLine called for a line that is not hexadecimal; without it, reading ends with the error
 */
export function pipeFormatOf(
  values: Values,
  terminal: { readonly takesUtf8: boolean } | undefined,
  onBadLine?: (error: Error) => void,
): PipeFormat {
  const { tsduSize, expedited } = values;
  return pipeFormat(nameOf(values), { tsduSize, expedited, terminal, onBadLine });
}

function nameOf({ hex, raw, length }: Values): PipeFormatName {
  return hex ? 'hex' : raw ? 'raw' : length ? 'length' : 'line';
}
