/**
 * Writes the completion script of a shell from the table of commands.
 */
import { longFlag, type OptionRow } from '../options/option.js';
import type { Command } from './command.js';

/** The shells that have a script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof SHELLS)[number];

/** The script for a shell. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  return { bash, zsh, fish }[shell](commands);
}

/** An option as a shell completes it. */
interface Flag {
  /** `--verbose`. */
  readonly long: string;
  /** `v`; `undefined` for most. */
  readonly short: string | undefined;
  /** What the value is, `file` for the name of a file; `undefined` for an option without a value. */
  readonly value: string | undefined;
  /** The values that it can have, if there are only these. */
  readonly words: readonly string[];
  readonly description: string;
}

function flagsOf({ options }: Command): readonly Flag[] {
  return [...Object.values(options).map(flagOf), HELP];
}

const HELP: Flag = {
  long: '--help',
  short: 'h',
  value: undefined,
  words: [],
  description: 'print this help',
};

/** The command that `cotp HOST` stands for: its options complete behind a word that is no command. */
const OF_HOST = 'probe';

function flagOf(row: OptionRow<unknown>): Flag {
  const [, short] = /^-(\w),/.exec(row.flags) ?? [];
  const [, value] = /<([^>]+)>$/.exec(row.flags) ?? [];
  const { words = [], description } = row;
  return { long: longFlag(row), short, value, words, description };
}

/** True if an operand may be the name of a file: it says so. */
function takesFile({ operands }: Command): boolean {
  return operands.some(({ syntax, description }) => /\bfile\b/.test(`${syntax} ${description}`));
}

/** The words after a command that are no options, such as those of `completion`. */
function wordsOf({ operands }: Command): readonly string[] {
  return operands.flatMap(({ words = [] }) => words);
}

function names(commands: readonly Command[]): string {
  return [...commands.map(({ name }) => name), 'help'].join(' ');
}

/** The pattern of `case` for a command and its option before the word to complete. */
function casePattern(commands: readonly Command[], isWanted: (flag: Flag) => boolean): string {
  const words = commands.flatMap((command) =>
    flagsOf(command)
      .filter(isWanted)
      .map(({ long }) => `'${command.name} ${long}'`),
  );
  return words.join('|');
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const flags = flagsOf(command).map(({ long }) => long);
    const operands = takesFile(command) ? 'files=yes' : `operands='${wordsOf(command).join(' ')}'`;
    return `    ${command.name}) flags='${flags.join(' ')}'; ${operands} ;;`;
  });
  const valueCases = commands.flatMap((command) =>
    flagsOf(command)
      .filter(({ words }) => words.length > 0)
      .map(
        ({ long, words }) =>
          `    '${command.name} ${long}')\n      COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$cur"))\n      return ;;`,
      ),
  );
  return `# bash completion of cotp: source <(cotp completion bash)
_cotp() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  local flags='' operands='' files=no
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${names(commands)} --help --version' -- "$cur"))
    return
  fi
  case " ${names(commands)} " in
    *" $command "*) ;;
    *) command=${OF_HOST} ;;
  esac
  case "$command $prev" in
${valueCases.join('\n')}
    ${casePattern(commands, ({ value }) => value === 'file')})
      compopt -o default
      return ;;
    ${casePattern(commands, ({ value }) => value !== undefined && value !== 'file')})
      return ;;
  esac
  case "$command" in
    help) operands='${names(commands)}' ;;
${cases.join('\n')}
  esac
  case "$cur" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$cur")) ;;
    *)
      COMPREPLY=($(compgen -W "$operands" -- "$cur"))
      if [ "$files" = yes ]; then
        compopt -o default
      fi ;;
  esac
}
complete -F _cotp cotp
`;
}

/** Text in single quotes for a shell of POSIX. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function zsh(commands: readonly Command[]): string {
  const inDescription = (text: string) => text.replace(/[[\]:\\]/g, '\\$&');
  const argument = ({ long, short, value, words, description }: Flag) => {
    const others = words.length > 0 ? `(${words.join(' ')})` : ' ';
    const action = value === 'file' ? '_files' : others;
    const tail = value === undefined ? '' : `:${inDescription(value)}:${action}`;
    const text = `[${inDescription(description)}]${tail}`;
    return short === undefined ? quoted(`*${long}${text}`) : `{-${short},${long}}${quoted(text)}`;
  };
  const cases = commands.map((command) => {
    const words = wordsOf(command);
    const operand = takesFile(command)
      ? "'*:input:_files'"
      : // An empty list; a blank would be a message, with which zsh inserts no option.
        quoted(`*: :(${words.join(' ')})`);
    const args = [...flagsOf(command).map(argument), operand];
    return `    ${command.name})\n      _arguments \\\n        ${args.join(' \\\n        ')} ;;`;
  });
  const list = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef cotp
# zsh completion of cotp: cotp completion zsh > a directory of $fpath, as _cotp
_cotp() {
  local -a commands
  commands=(
${list.join('\n')}
    'help:print the help of a command'
  )
  if (( CURRENT == 2 )); then
    if [[ $words[2] == -* ]]; then
      compadd -- --help --version
    else
      _describe command commands
    fi
    return
  fi
  shift words
  (( CURRENT -= 1 ))
  if [[ ' ${names(commands)} ' != *" $words[1] "* ]]; then
    words[1]=${OF_HOST}
  fi
  case $words[1] in
    help) _describe command commands ;;
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _cotp ]; then
  _cotp "$@"
else
  compdef _cotp cotp
fi
`;
}

function fish(commands: readonly Command[]): string {
  const inQuotes = (text: string) => `'${text.replace(/['\\]/g, '\\$&')}'`;
  const first = commands.map(
    ({ name, summary }) =>
      `complete -c cotp -n __fish_use_subcommand -a ${name} -d ${inQuotes(summary)}`,
  );
  const others = commands.flatMap((command) => {
    const when = `complete -c cotp -n '__cotp_command_is ${command.name}'`;
    const flags = flagsOf(command).map(({ long, short, value, words: values, description }) => {
      const list = values.length > 0 ? ` -a ${inQuotes(values.join(' '))}` : '';
      const kind = value === undefined ? '' : value === 'file' ? ' -r -F' : ` -x${list}`;
      const letter = short === undefined ? '' : ` -s ${short}`;
      return `${when} -l ${long.slice(2)}${letter}${kind} -d ${inQuotes(description)}`;
    });
    const words = wordsOf(command);
    return [
      ...flags,
      ...(words.length > 0 ? [`${when} -a ${inQuotes(words.join(' '))}`] : []),
      ...(takesFile(command) ? [`${when} -F`] : []),
    ];
  });
  return `# fish completion of cotp: cotp completion fish > ~/.config/fish/completions/cotp.fish
function __cotp_command_is
  set -l words (commandline -opc)
  test (count $words) -ge 2; or return 1
  set -l command $words[2]
  contains -- $command ${names(commands)}; or set command ${OF_HOST}
  test $command = $argv[1]
end
complete -c cotp -f
complete -c cotp -n 'test (count (commandline -opc)) -eq 1' -l help -s h -d 'print the help'
complete -c cotp -n 'test (count (commandline -opc)) -eq 1' -l version -s V -d 'print the version'
complete -c cotp -n __fish_use_subcommand -a help -d 'print the help of a command'
complete -c cotp -n '__cotp_command_is help' -a '${commands.map(({ name }) => name).join(' ')}'
${[...first, ...others].join('\n')}
`;
}
