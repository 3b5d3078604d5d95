/**
 * Measures how much processor time the executable takes to start, beside Node alone and beside the command under Node:
 *
 *     node packaging/start-time.mjs
 */
import { pathToFileURL } from 'node:url';
import { command } from './command.mjs';
import { EXECUTABLE } from './paths.mjs';

const STARTS = 20;

/** Milliseconds of user and system time that a program took. */
async function processorTime(words) {
  // The shell's own `time` has milliseconds; Node cannot see what one child took.
  const script = 'TIMEFORMAT="%U %S"; { time "$@" >/dev/null 2>&3; } 3>&2 2>&1';
  const times = (await command('bash', ['-c', script, 'bash', ...words])).toString();
  const [, user, system] = /^(\d+\.\d+) (\d+\.\d+)$/m.exec(times) ?? [];
  return 1000 * (Number(user) + Number(system));
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle) - 1]) / 2;
}

/**
 * The median of 20 starts of each program, in milliseconds. The programs take turns, so that what else the machine does
 * meets all of them.
 *
 * @param {readonly (readonly string[])[]} programs
 */
export async function startTimes(...programs) {
  const times = programs.map(() => []);
  for (let start = 0; start < STARTS; start += 1) {
    for (const [index, words] of programs.entries()) {
      times[index].push(await processorTime(words));
    }
  }
  return times.map(median);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const node = [process.execPath, '-e', '0'];
  const underNode = [process.execPath, 'dist/cli/main.js', '--version'];
  const [executable, alone, bundled] = await startTimes([EXECUTABLE, '--version'], node, underNode);
  process.stdout.write(`cotp --version, the executable: ${executable.toFixed(0)} ms
cotp --version, under Node: ${bundled.toFixed(0)} ms
node -e 0: ${alone.toFixed(0)} ms
`);
}
