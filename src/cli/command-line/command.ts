/**
 * Defines a command: its help text, its options as rows, and its function `run`. `command-line.ts`
 * parses the options, calls `run` and prints errors.
 *
 * Each command is one file in `commands/` that exports one `command({ … })`, and one entry in the list
 * `COMMANDS` of `command-line.ts`. `run` returns the exit code (`EXIT` of `exit.ts`). It throws a
 * `UsageError` if the user called it wrongly and a `CommandError` if its work failed. It does not catch
 * errors of the library or the system: `command-line.ts` prints each as one sentence on stderr and
 * derives the exit code. When `io.signal` is aborted, `run` closes its connections and returns.
 *
 * ```ts
 * export const decode = command({
 *   name: 'decode',
 *   summary: 'explain TPDUs, octet by octet',
 *   operands: [{ syntax: '[input]', description: 'hexadecimal text, a file, or - for stdin' }],
 *   options: { json: JSON_OPTION, strict: flag('--strict', 'refuse what breaks the standard') },
 *   examples: [['cotp decode 0300000702f080', 'an empty DT']],
 *   async run([input = '-'], { json, strict }, io) {
 *     io.stdout.line(…);
 *     return EXIT.ok;
 *   },
 * });
 * ```
 */
import type { Io } from '../io.js';
import type { OptionRows, OptionValues } from '../options/option.js';

/** An operand: `'<host>'`, `'[address]'` or, last, `'<host...>'`. */
export interface Operand {
  readonly syntax: string;
  readonly description: string;
  /** The words that it can be, if there are only these. */
  readonly words?: readonly string[];
}

/** A command line and a comment on it. */
export type Example = readonly [line: string, what: string];

interface HelpText {
  readonly name: string;
  /** A few words for the list of commands. */
  readonly summary: string;
  /** Full sentences for the help of this command. Default: the summary. */
  readonly description?: string;
  readonly operands: readonly Operand[];
  readonly examples: readonly Example[];
}

/** The argument of `command`: the help text, the options and the function to run. */
export interface CommandDefinition<R extends OptionRows> extends HelpText {
  readonly options: R;
  /** @param operands one string for each operand; a repeatable operand adds any number of strings at the end */
  run(operands: readonly string[], options: OptionValues<R>, io: Io): Promise<number>;
}

/** A command without the types of its own options. */
export interface Command extends HelpText {
  readonly options: OptionRows;
  run(
    operands: readonly string[],
    options: Readonly<Record<string, unknown>>,
    io: Io,
  ): Promise<number>;
}

/** Creates a command from its definition. */
export function command<const R extends OptionRows>(definition: CommandDefinition<R>): Command {
  return {
    ...definition,
    // command-line.ts sets a value for every row, so the values have the types of the rows.
    run: (operands, options, io) => definition.run(operands, options as OptionValues<R>, io),
  };
}
