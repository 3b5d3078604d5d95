/** The reference peers of `interop/peers`, each in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../peers/', import.meta.url);
const NO_PYTHON =
  'this test needs Python 3.8 or later as "python3": install it by "apt-get install python3" (Debian, Ubuntu) or "brew install python" (macOS)';

/**
 * Starts a peer. `output` is what it has printed until now. `port` resolves with the port that it listens on, and
 * `done` with its exit code and everything that it has printed, once it has ended by itself.
 */
export function startPeer(t, file, ...words) {
  const child = spawn('python3', [fileURLToPath(new URL(file, FOLDER)), ...words.map(String)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const done = once(child, 'close').then(
    ([code]) => ({ code, output }),
    (error) => Promise.reject(error.code === 'ENOENT' ? new Error(NO_PYTHON) : error),
  );
  const port = async () => {
    while (true) {
      const found = /listening on port (\d+)/.exec(output);
      if (found !== null) {
        return Number(found[1]);
      }
      await Promise.race([once(child.stdout, 'data'), done.then(({ code }) => ended(code))]);
    }
  };
  const ended = (code) => {
    throw new Error(`${file} ended with code ${code} before it listened:\n${output}`);
  };
  return { port, done };
}
