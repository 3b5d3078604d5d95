/** Options on how a command shows what it does. */
import { flag } from '../option.js';

/** `--json`, the same for every command. */
export const JSON_OPTION = flag('--json', 'for machines: one JSON object a line on stdout');
