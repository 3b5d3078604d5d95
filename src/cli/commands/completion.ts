/**
 * `cotp completion`: prints the script that completes command lines of `cotp` in a shell.
 */
import { type Command, command } from '../command-line/command.js';
import { completionScript, SHELLS } from '../command-line/completion-scripts.js';
import { EXIT, UsageError } from '../exit.js';
import { choice } from '../options/values.js';

/** @param commands gives the table of commands, of which this command is one */
export function completion(commands: () => readonly Command[]): Command {
  return command({
    name: 'completion',
    summary: 'print the completion script of a shell',
    description:
      'Prints the script that completes the commands and options of cotp in a shell. ' +
      'The first line of the script says where it belongs.',
    operands: [{ syntax: '<shell>', description: SHELLS.join(', '), words: SHELLS }],
    options: {},
    examples: [
      ['source <(cotp completion bash)', 'in ~/.bashrc'],
      ['cotp completion zsh > ~/.zfunc/_cotp', 'in a directory of $fpath'],
      ['cotp completion fish > ~/.config/fish/completions/cotp.fish', 'for fish'],
    ],
    async run([shell = ''], _options, io) {
      await io.stdout.write(completionScript(shellOf(shell), commands()));
      return EXIT.ok;
    },
  });
}

function shellOf(text: string): (typeof SHELLS)[number] {
  try {
    return choice(...SHELLS)(text);
  } catch (error) {
    throw new UsageError(`the shell ${(error as Error).message}`);
  }
}
