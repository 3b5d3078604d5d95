/**
 * Runs a command line: parses it, prints help, calls the command, prints errors, returns the exit code. It
 * is the same for every command.
 */
import { CommanderError, Option, Command as Parser } from 'commander';
import { bench } from '../commands/bench.js';
import { completion } from '../commands/completion.js';
import { connect } from '../commands/connect.js';
import { decode } from '../commands/decode.js';
import { inspect } from '../commands/inspect.js';
import { listen } from '../commands/listen.js';
import { probe } from '../commands/probe.js';
import { proxy } from '../commands/proxy.js';
import { EXIT, EXIT_CODES_SHORT, Stop, UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { longFlag, type OptionRow, type OptionRows } from '../options/option.js';
import { complain, jsonLine } from '../output/events.js';
import { failureOf } from '../output/failure.js';
import type { Command } from './command.js';
import {
  explainEarlyOption,
  explainOperands,
  explainUnknownCommand,
  explainUnknownOption,
  withCommand,
} from './near-misses.js';

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  connect,
  listen,
  probe,
  proxy,
  inspect,
  decode,
  bench,
  completion(() => COMMANDS),
];

/**
 * Runs a command line and returns its exit code. Never rejects.
 *
 * @param words the arguments without the name of the program
 */
export async function run(words: readonly string[], version: string, io: Io): Promise<number> {
  let argv = words;
  let exitCode: number = EXIT.ok;
  let failedWith: number | undefined;
  try {
    argv = withCommand(words, [...COMMANDS.map(({ name }) => name), 'help']);
    const program = parserOf(argv, version, io, (code) => {
      exitCode = code;
    });
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    failedWith = io.signal.aborted ? undefined : explain(error, argv, io);
  }
  // The last write may fail only now, for example because the disk is full.
  await io.stdout.flush();
  return failedWith || (afterStop(io) ?? exitCode);
}

/** The exit code of a command that was stopped; writes the message of the `Stop`. */
function afterStop({ signal, stderr }: Io): number | undefined {
  if (!(signal.reason instanceof Stop)) {
    return undefined;
  }
  if (signal.reason.message !== '') {
    stderr.line(`cotp: ${signal.reason.message}`);
  }
  return signal.reason.exitCode;
}

/** Writes an error as one sentence to stderr, and with `--json` as an event to stdout. */
function explain(error: unknown, argv: readonly string[], io: Io): number {
  if (error instanceof CommanderError && error.exitCode === 0) {
    return EXIT.ok;
  }
  const known = COMMANDS.find(({ name }) => name === argv[0]);
  const who = known === undefined ? 'cotp' : `cotp ${known.name}`;
  const wrong = error instanceof CommanderError ? usageErrorOf(error, known, argv) : error;
  if (wrong === undefined) {
    return EXIT.usage; // The help was printed instead.
  }
  const { sentence, exitCode, detail } = failureOf(wrong, known?.options);
  complain(io, who, sentence);
  if (exitCode === EXIT.usage) {
    io.stderr.line(`try '${who} --help'`);
  }
  if (hasJsonFlag(known, argv)) {
    void jsonLine(io, { event: 'error', message: sentence, exitCode, ...detail });
  }
  return exitCode;
}

/** True if `--json` is among the arguments. They may be invalid, so this does not parse them. */
function hasJsonFlag(command: Command | undefined, argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  const { json } = command?.options ?? {};
  return json !== undefined && words.includes(longFlag(json));
}

/** Converts an error of commander; `undefined` if commander has printed the help. */
function usageErrorOf(
  { code, message }: CommanderError,
  command: Command | undefined,
  argv: readonly string[],
): UsageError | undefined {
  if (code === 'commander.help') {
    return undefined;
  }
  const said = message.replace(/^error: /, '');
  if (command === undefined) {
    const likeliest = [probe, connect, ...COMMANDS];
    return new UsageError(explainEarlyOption(explainUnknownCommand(said), likeliest));
  }
  return new UsageError(explainOperands(explainUnknownOption(said, command), command, argv));
}

/** The parser of a command line. Only the commands that it names have their options, because to add them takes time. */
function parserOf(
  argv: readonly string[],
  version: string,
  io: Io,
  ended: (exitCode: number) => void,
): Parser {
  const program = configured(new Parser('cotp'), io)
    .usage('COMMAND [OPTIONS]; each COMMAND has --help')
    .configureHelp({
      subcommandTerm: (command) => command.name(),
      // The first line would leave a terminal of 24 lines with the status line of tmux.
      visibleCommands: ({ commands: each }) => each.filter((one) => one.name() !== 'help'),
      ...titles(io),
    })
    .version(version, '-V, --version', 'print the version')
    .helpCommand('help', 'print the help of a command: cotp help COMMAND')
    .addHelpText('before', () => questions(io));
  for (const definition of COMMANDS) {
    const parser = configured(program.command(definition.name), io).summary(definition.summary);
    if (argv.includes(definition.name)) {
      addDetails(parser, definition, io, ended);
    }
  }
  program.addHelpText('after', () => codesHelp(io));
  return program;
}

/** Adds all that a command has beside its name and summary to its parser. */
function addDetails(
  parser: Parser,
  definition: Command,
  io: Io,
  ended: (exitCode: number) => void,
): void {
  parser.description(definition.description ?? `${definition.summary}.`);
  for (const { syntax, description } of definition.operands) {
    parser.argument(syntax, description);
  }
  const rows = Object.entries(definition.options);
  for (const [name, row] of rows) {
    parser.addOption(optionOf(name, row));
  }
  parser.addHelpText('after', () => afterHelp(definition, io));
  parser.action(async () => {
    const given = parser.opts<Record<string, unknown>>();
    checkNeeds(definition.options, (name) => parser.getOptionValueSource(name) === 'cli');
    const values = rows.map(([name, row]) => [name, givenOrDefault(row, given[name])] as const);
    ended(await definition.run(parser.args, Object.fromEntries(values), io));
  });
}

/** Settings of the program and of each command: where text is written and how it looks. */
function configured(parser: Parser, { stdout, stderr }: Io): Parser {
  return parser
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.text(text),
      // Commander prints an error before it throws it; `explain` prints it instead.
      writeErr: (text) => void (/^error: /.test(text) ? undefined : stderr.text(text)),
      getOutHelpWidth: () => Math.min(stdout.columns, 100),
      getErrHelpWidth: () => Math.min(stderr.columns, 100),
      getOutHasColors: () => stdout.isTTY,
      getErrHasColors: () => stderr.isTTY,
    })
    .configureHelp(titles({ stdout }))
    .helpOption('-h, --help', 'print this help');
}

function titles({ stdout }: Pick<Io, 'stdout'>) {
  return { styleTitle: (title: string) => stdout.colours.bold(title) };
}

function optionOf(name: string, row: OptionRow<unknown>): Option {
  const option = new Option(row.flags, row.description);
  if (option.attributeName() !== name) {
    throw new TypeError(`the row ${name} has the flag ${row.flags}`);
  }
  if (row.alias !== undefined) {
    option.short = row.alias; // The parser accepts a long flag here too.
  }
  if (row.kind !== 'flag') {
    option.argParser((text: string, before: unknown) => {
      const value = parsed(option, row, text);
      return row.kind === 'list' ? [...((before as unknown[]) ?? []), value] : value;
    });
  }
  if (row.kind === 'value' && row.default !== undefined) {
    option.default(row.default, row.shownDefault);
  }
  if (row.group !== undefined) {
    option.helpGroup(`${row.group}:`);
  }
  return option.conflicts([...(row.conflicts ?? [])]);
}

/** The value of an option. One without a value, which may have one, is `true`. */
function givenOrDefault(row: OptionRow<unknown>, given: unknown): unknown {
  const isPreset = given === true && row.preset !== undefined;
  return (isPreset ? row.parse(row.preset) : given) ?? row.default;
}

/** @throws UsageError for an option that was given without an option that it requires */
function checkNeeds(rows: OptionRows, isGiven: (name: string) => boolean): void {
  for (const [name, row] of Object.entries(rows)) {
    const { needs = [] } = row;
    if (isGiven(name) && needs.length > 0 && !needs.some(isGiven)) {
      const flags = Object.entries(rows).filter(([other]) => needs.includes(other));
      const wanted = flags.map(([, other]) => longFlag(other)).join(' or ');
      throw new UsageError(`${longFlag(row)} requires ${wanted}`);
    }
  }
}

function parsed(option: Option, { parse }: OptionRow<unknown>, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new UsageError(`${option.long} ${(error as Error).message}`);
  }
}

function afterHelp({ examples }: Command, { stdout }: Io): string {
  const lines = examples.map(([line, what]) => `  ${stdout.colours.dim(`# ${what}`)}\n  ${line}`);
  return `\n${stdout.colours.bold('Examples:')}\n${lines.join('\n')}`;
}

/** What brings people here, and the command that answers it: the beginning of the help. */
const QUESTIONS = [
  ['port 102 does not answer', 'cotp probe HOST, or cotp HOST'],
  ['what is in this capture or hex dump?', 'cotp decode FILE'],
  ['what do a client and a device say?', 'cotp proxy 1102 HOST'],
] as const;

function questions({ stdout }: Io): string {
  const { dim } = stdout.colours;
  const lines = QUESTIONS.map(([question, line]) => `${dim(question.padEnd(41))}${line}`);
  return `${lines.join('\n')}\n`;
}

function codesHelp({ stdout }: Io): string {
  // Beside the heading: the help is to fit a terminal of 24 lines.
  const heading = 'Exit codes: ';
  const lines = EXIT_CODES_SHORT.join(`\n${' '.repeat(heading.length)}`);
  return `\n${stdout.colours.bold(heading)}${lines}`;
}
