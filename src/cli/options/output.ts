/** Options on how a command shows what it does. */
import { flag } from '../option.js';

/** `--json`, the same for every command. */
export const JSON_OPTION = flag('--json', 'for machines: one JSON object a line on stdout');

/** `--verbose`, for every command that opens connections. */
export const VERBOSE_OPTION = flag('-v, --verbose', 'a line for each TPDU, on stderr');
