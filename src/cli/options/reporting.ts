/** Options that select how a command reports what it does. */
import { flag } from './option.js';

/** `--json`, the same for every command. */
export const JSON_OPTION = flag('--json', 'one JSON object per line on stdout');

/** `--verbose`, for every command that opens connections. */
export const VERBOSE_OPTION = flag('-v, --verbose', 'print each TPDU on stderr');
