/** Options on how TSDUs stand on stdin and stdout. */
import { flag, type OptionValues, valueOr } from '../option.js';
import type { FormName } from '../forms.js';
import { integer } from '../values.js';

const group = 'How TSDUs are read and written';

export const FORM_OPTIONS = {
  line: flag('--line', 'a line each, without its newline (default)', {
    group,
    conflicts: ['hex', 'raw', 'length'],
  }),
  hex: flag('--hex', 'a line of hexadecimal each', { group, conflicts: ['raw', 'length'] }),
  raw: flag('--raw', 'octets as they come, without bounds', { group, conflicts: ['length'] }),
  length: flag('--length', 'four octets of length before each, most significant first', { group }),
  tsduSize: valueOr(
    '--tsdu-size <octets>',
    'with --raw: most octets of a TSDU that is sent',
    integer(1, 16_777_216),
    65_536,
    { group, needs: ['raw'] },
  ),
};

/** The form that was asked for. */
export function formName(values: OptionValues<typeof FORM_OPTIONS>): FormName {
  const { hex, raw, length } = values;
  return hex ? 'hex' : raw ? 'raw' : length ? 'length' : 'line';
}
