/** The command lines of `npm run fuzz`, `simulate` and `soak`: see command-line.d.mts. */
import { parseArgs } from 'node:util';

export function optionsOf(options) {
  const help = { type: 'boolean', default: false };
  return parseArgs({ options: { ...options, help } }).values;
}

export function integer(name, text, least, most) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`--${name} must be ${least} to ${most}, not ${text}`);
  }
  return value;
}

export function print(line) {
  process.stdout.write(`${line}\n`);
}

export function whole(value) {
  return Math.round(value).toLocaleString('en');
}

export async function runTool(help, options, main) {
  const chosen = options();
  if (chosen.help) {
    process.stdout.write(help);
  } else {
    process.exitCode = (await main(chosen)) ? 0 : 1;
  }
}
