/** One process of the reference peer in which many connections run, each by a line (`tp2.py many`). */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { deferred } from '../test/support.js';

const PEER = fileURLToPath(new URL('../peers/tp2.py', import.meta.url));

export class PeerProcess {
  #child;
  #waiting = new Map();
  #next = 0;
  #failure;

  constructor() {
    this.#child = spawn('python3', [PEER, 'many'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.on('error', (error) => this.#fail(error));
    this.#child.on('exit', (code) => this.#fail(new Error(`tp2.py has ended with code ${code}`)));
    this.#child.stdin.on('error', () => {});
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const { number, port, ...over } = JSON.parse(line);
      const waiting = this.#waiting.get(number);
      if (port === undefined) {
        waiting.done.resolve(over);
        this.#waiting.delete(number);
      } else {
        waiting.port.resolve(port);
      }
    });
  }

  #fail(error) {
    this.#failure = error;
    for (const { port, done } of this.#waiting.values()) {
      port.reject(error);
      done.reject(error);
    }
  }

  /** Runs a connection. `port` resolves when a server listens, `done` with exit code and notes when it is over. */
  run(role, ...words) {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    const number = this.#next;
    this.#next += 1;
    const waiting = { port: awaited(), done: awaited() };
    this.#waiting.set(number, waiting);
    this.#child.stdin.write(`${[number, role, ...words].join(' ')}\n`);
    return { port: waiting.port.promise, done: waiting.done.promise };
  }

  stop() {
    this.#child.removeAllListeners('exit');
    this.#child.kill();
  }
}

/** A promise whose rejection may come before anybody waits for it. */
function awaited() {
  const made = deferred();
  made.promise.catch(() => {});
  return made;
}
