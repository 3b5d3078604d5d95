/** The options that open an inspector. */
import { value } from './option.js';
import { integer } from './values.js';

/** The port of an inspector. */
export const inspectorPort = integer(0, 65_535);

/** `--ui`, for a command that has an inspector if it is asked for. */
export const UI_OPTION = value(
  '--ui [port]',
  'show the TPDUs in a browser too; the page is served on 127.0.0.1, at any free port by default',
  inspectorPort,
  { preset: '0' },
);
