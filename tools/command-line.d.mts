/**
 * The command lines of `npm run fuzz`, `simulate` and `soak`. Their compiled files import this as their
 * sources do, so it is JavaScript with its types beside it.
 */
import type { ParseArgsConfig, parseArgs } from 'node:util';

type Rows = NonNullable<ParseArgsConfig['options']>;
type WithHelp<T extends Rows> = T & { help: { type: 'boolean'; default: false } };

/**
 * Parses the options of the process; `--help` is one of them.
 *
 * @throws TypeError for an unknown option
 */
export function optionsOf<const T extends Rows>(
  options: T,
): ReturnType<typeof parseArgs<{ options: WithHelp<T> }>>['values'];

/**
 * The value of an option that is a whole number.
 *
 * @throws RangeError if it is none, or outside the limits, both included
 */
export function integer(name: string, text: string, least: number, most: number): number;

/** Writes a line to stdout. */
export function print(line: string): void;

/** A whole number with its digits in groups. */
export function whole(value: number): string;

/** Prints the help where it is asked for; otherwise runs `main`, whose `false` is exit code 1. */
export function runTool<T extends { readonly help: boolean }>(
  help: string,
  options: () => T,
  main: (chosen: T) => Promise<boolean>,
): Promise<void>;
