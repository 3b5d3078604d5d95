/**
 * What a command is: its words in the help, its options as rows, and `run`. The frame
 * (`program.ts`) does everything else.
 *
 * A command lives in one file of `commands/`, which exports one `command({ … })`, and is registered
 * in the list of `program.ts`. `run` gives the exit code (`EXIT` of `exit.ts`). It throws a
 * `UsageError` for what the user got wrong, a `CommandError` for what failed, and lets errors of the
 * library and of the system pass: the frame prints one sentence on stderr and knows the exit code.
 * It listens to `io.signal` and returns once its connections are closed.
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
import type { Io } from './io.js';
import type { OptionRows, OptionValues } from './option.js';

/** An operand: `'<host>'`, `'[address]'` or, last, `'<host...>'`. */
export interface Operand {
  readonly syntax: string;
  readonly description: string;
}

/** A command line and what it does. */
export type Example = readonly [line: string, what: string];

interface Words {
  readonly name: string;
  /** A few words, for the list of commands. */
  readonly summary: string;
  /** Whole sentences, for the command's own help; the summary where there is none. */
  readonly description?: string;
  readonly operands: readonly Operand[];
  readonly examples: readonly Example[];
}

/** A command as its author writes it. */
export interface CommandDefinition<R extends OptionRows> extends Words {
  readonly options: R;
  /** @param operands as given, one string each; the last of a repeatable one goes on */
  run(operands: readonly string[], options: OptionValues<R>, io: Io): Promise<number>;
}

/** A command as the frame sees it, whatever its options. */
export interface Command extends Words {
  readonly options: OptionRows;
  run(
    operands: readonly string[],
    options: Readonly<Record<string, unknown>>,
    io: Io,
  ): Promise<number>;
}

/** Makes a command of its definition. */
export function command<const R extends OptionRows>(definition: CommandDefinition<R>): Command {
  return {
    ...definition,
    // The frame fills every row in, so the values are what the rows say.
    run: (operands, options, io) => definition.run(operands, options as OptionValues<R>, io),
  };
}
