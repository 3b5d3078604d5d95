/**
 * Words that users try and that `cotp` spells differently: other names of options, and hosts without a command.
 */
import { longFlag, type OptionRow, type OptionRows } from './option.js';

const REMOTE_TSEL = ['remoteTsel', 'tsel', 'rewriteRemoteTsel', 'accept'];
const LOCAL_TSEL = ['localTsel', 'accept'];
const SIZE = ['size'];
const S7 = ['s7', 'accept'];

/** Names of options in other programs, and the rows that do the same here; the first that the command has is named. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  rack: S7,
  slot: S7,
  s7: S7,
  tsap: REMOTE_TSEL,
  tsel: REMOTE_TSEL,
  'remote-tsap': REMOTE_TSEL,
  'remote-tsel': REMOTE_TSEL,
  'called-tsap': REMOTE_TSEL,
  'called-tsel': REMOTE_TSEL,
  called: REMOTE_TSEL,
  'dst-tsap': REMOTE_TSEL,
  'local-tsap': LOCAL_TSEL,
  'calling-tsap': LOCAL_TSEL,
  'calling-tsel': LOCAL_TSEL,
  calling: LOCAL_TSEL,
  'src-tsap': LOCAL_TSEL,
  'tpdu-size': SIZE,
  'max-tpdu-size': SIZE,
  'pdu-size': SIZE,
  bind: ['localAddress'],
  interface: ['localAddress'],
  source: ['localAddress'],
  ssl: ['tls'],
  ca: ['tlsCa'],
  cert: ['tlsCert'],
  key: ['tlsKey'],
  insecure: ['tlsInsecure'],
};

/** Options of other programs that are part of an operand here. */
const OPERANDS: Readonly<Record<string, string>> = {
  host: 'the host is written without an option: HOST or HOST:PORT',
  port: 'the port is part of the address: HOST:PORT',
};

/**
 * The message for an unknown option, with a suggestion that knows what the option means elsewhere. A suggestion by
 * spelling alone would lead from `--rack` to `--raw`.
 *
 * @param message what the parser says, with its own suggestion
 */
export function explainUnknownOption(message: string, rows: OptionRows): string {
  const [, unknown, name = ''] = /^unknown option '((?:--)?([\w-]+))/.exec(message) ?? [];
  if (unknown === undefined) {
    return message;
  }
  const operand = OPERANDS[name];
  if (operand !== undefined) {
    return `unknown option '${unknown}': ${operand}`;
  }
  const row = (OTHER_NAMES[name] ?? []).map((other) => rows[other]).find(Boolean);
  return row === undefined ? message : `unknown option '${unknown}' (Did you mean ${shown(row)}?)`;
}

/** The long flag with its value: `--s7 <type,rack,slot>`. */
function shown(row: OptionRow<unknown>): string {
  return row.flags.slice(row.flags.indexOf(longFlag(row)));
}

/** Words with a dot, a colon or a digit are addresses; no command has such a name. */
const ADDRESS = /^(?:localhost$|[^-].*[.:\d]|\d)/;

/**
 * The arguments with the command that is meant: `cotp HOST` is `cotp probe HOST`. A single word of letters is a command,
 * perhaps with a typing error, and never a host.
 */
export function withCommand(argv: readonly string[], commands: readonly string[]): string[] {
  const [first = ''] = argv;
  return !commands.includes(first) && ADDRESS.test(first) ? ['probe', ...argv] : [...argv];
}
