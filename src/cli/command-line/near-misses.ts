/**
 * Words that users try and that `cotp` spells differently: other names of options, and hosts without a command.
 */
import { statSync } from 'node:fs';
import { UsageError } from '../exit.js';
import { longFlag, type OptionRow } from '../options/option.js';
import type { Command } from './command.js';

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

const HOST = {
  host: 'the host is written without an option: HOST or HOST:PORT',
  port: 'the port is part of the address: HOST:PORT',
};
const ADDRESS = 'the address is written without an option: HOST, HOST:PORT or PORT';

/** Options of other programs that are part of an operand here, by the operand. */
const OPERANDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '<host[:port]>': HOST,
  '<host[:port]...>': HOST,
  '<target>': HOST,
  '[address]': {
    ...{ host: ADDRESS, port: ADDRESS, address: ADDRESS },
    ...{ bind: ADDRESS, interface: ADDRESS, listen: ADDRESS },
  },
};

/** The entry of a table; `undefined` also for `constructor` and what else each object has. */
function entryOf<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/**
 * The message for an unknown option, with a suggestion that knows what the option means elsewhere. A suggestion by
 * spelling alone would lead from `--rack` to `--raw`.
 *
 * @param message what the parser says, with its own suggestion
 * @param command what was called; `undefined` if no command was
 */
export function explainUnknownOption(message: string, command: Command | undefined): string {
  const [, unknown, name = ''] = /^unknown option '((?:--)?([\w-]+))/.exec(message) ?? [];
  if (unknown === undefined || command === undefined) {
    return message;
  }
  const tables = command.operands.map(({ syntax }) => OPERANDS[syntax] ?? {});
  const operand = tables.map((table) => entryOf(table, name)).find(Boolean);
  if (operand !== undefined) {
    return `unknown option '${unknown}': ${operand}`;
  }
  const others = entryOf(OTHER_NAMES, name) ?? [];
  const row = others.map((other) => command.options[other]).find(Boolean);
  if (row !== undefined) {
    return `unknown option '${unknown}' (Did you mean ${shown(row)}?)`;
  }
  // The name is known, and this command has nothing like it: a suggestion by spelling would be wrong.
  return others.length === 0 ? message : `unknown option '${unknown}'`;
}

/**
 * The message for an option that stands before the command: where it belongs.
 *
 * @param message what the parser says
 * @param commands the commands that may have the option, the likeliest first
 */
export function explainEarlyOption(message: string, commands: readonly Command[]): string {
  const [, flag] = /^unknown option '(-{1,2}[\w-]+)/.exec(message) ?? [];
  if (flag === undefined) {
    return message;
  }
  const named = commands.find(({ options }) =>
    Object.values(options).some(
      ({ flags, alias }) => flags.split(/[ ,]+/).includes(flag) || alias === flag,
    ),
  );
  const meant = (entryOf(OTHER_NAMES, flag.replace(/^-+/, '')) ?? []).find((name) =>
    commands.some(({ options }) => options[name] !== undefined),
  );
  const owner = named ?? commands.find(({ options }) => options[meant ?? ''] !== undefined);
  if (owner === undefined) {
    return message;
  }
  const row = owner.options[meant ?? ''];
  const option = named === undefined && row !== undefined ? shown(row) : flag;
  const operands = owner.operands.map(({ syntax }) => syntax.replace(/[<>[\]]|:port|\.{3}/g, ''));
  const words = operands.map((word) => word.toUpperCase());
  const line = ['cotp', owner.name, ...words, option].join(' ');
  return `option '${flag}' must follow the command: '${line}'`;
}

/** The message for a word that is no command, if the parser knows no similar one: it may be a host or a file. */
export function explainUnknownCommand(message: string): string {
  const [, word = ''] = /^unknown command '([^']*)'$/.exec(message) ?? [];
  if (word === '') {
    return message;
  }
  return word.includes('/')
    ? `there is no file ${word}`
    : `${message}; to probe a host of that name, write 'cotp probe ${word}'`;
}

/** The message for operands that are missing or too many, with a line that is right. */
export function explainOperands(
  message: string,
  { operands, examples, options }: Command,
  argv: readonly string[],
): string {
  const [, value] = /^option '(?:-\w, )?(.*)' argument missing$/.exec(message) ?? [];
  if (value !== undefined) {
    return `${value.split(' ')[0]} requires a value: ${value}`;
  }
  const [, got] = /^too many arguments.* but got (\d+)/.exec(message) ?? [];
  if (got !== undefined) {
    const wanted = operands.map(({ syntax }) => syntax).join(' ');
    const port = /host|address/.test(wanted) ? '; the port is part of the address: HOST:PORT' : '';
    return `${wanted} is expected, but ${got} arguments came${port}`;
  }
  if (!message.startsWith('missing required argument')) {
    return message;
  }
  const { ui } = options;
  const taken = argv[argv.indexOf('--ui') + 1] ?? '';
  const isTaken = ui !== undefined && argv.includes('--ui') && /^\d+$/.test(taken);
  return isTaken
    ? `${message}: --ui has taken ${taken} as its port; write --ui last`
    : `${message}, as in '${examples[0]?.[0]}'`;
}

/** The long flag with its value: `--s7 <type,rack,slot>`. */
function shown(row: OptionRow<unknown>): string {
  return row.flags.slice(row.flags.indexOf(longFlag(row)));
}

/** Words with a dot, a colon or a digit are addresses; no command has such a name. */
const IS_ADDRESS = /^(?:localhost$|[^-].*[.:\d]|\d)/;

/** A TPKT in hexadecimal. */
const IS_TPKT = /^(?:0x)?0300[0-9a-f]{4}/i;

/** Names of files that `decode` reads. */
const IS_FILE_NAME = /\.(?:pcap|pcapng|jsonl|gz)$/i;

/**
 * The arguments with the command that is meant: `cotp HOST` is `cotp probe HOST`. A single word of letters is a command,
 * perhaps with a typing error, and never a host.
 *
 * @throws UsageError if the words are rather what `decode` takes: no host of such a name must be called
 */
export function withCommand(argv: readonly string[], commands: readonly string[]): string[] {
  const [first = '', second = ''] = argv;
  if (first === 'help' && second !== '' && !commands.includes(second) && !second.startsWith('-')) {
    return [second]; // The parser would show the help of all, without a word on what is wrong.
  }
  if (first === '' || first.startsWith('-') || commands.includes(first)) {
    return [...argv];
  }
  const end = argv.findIndex((word) => word.startsWith('-'));
  const words = end === -1 ? argv : argv.slice(0, end);
  const isTpkt = IS_TPKT.test(words.join('').replace(/[\s:]/g, ''));
  if (isTpkt || IS_FILE_NAME.test(first) || isFile(first)) {
    const input = isTpkt ? beginning(words.join(' ')) : first;
    throw new UsageError(
      `did you mean 'cotp decode ${input}'? To probe a host of that name, write 'cotp probe'`,
    );
  }
  return IS_ADDRESS.test(first) ? ['probe', ...argv] : [...argv];
}

/** The beginning of a long text. */
function beginning(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** True for a file or a named pipe; a folder can have the name of the host to which its files belong. */
function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
  } catch {
    return false;
  }
}
