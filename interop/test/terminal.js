/** A terminal of tmux, in which a person types and looks. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A terminal of its own, in which a person types and looks. */
export class Terminal {
  #socket;

  /** @param shell the command line of the shell; `$ ` is its prompt */
  static async open(socket, folder, shell = 'sh') {
    const terminal = new Terminal();
    terminal.#socket = socket;
    const line = `PATH=${folder}:$PATH PS1='$ ' exec ${shell}`;
    await terminal.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', '120', '-y', '40', line);
    await terminal.shows(/^\$ $/m);
    return terminal;
  }

  async type(line) {
    await this.enter(line);
    await this.press('Enter');
  }

  /** The same without Enter. */
  async enter(text) {
    await this.#tmux('send-keys', '-l', text);
  }

  async press(key) {
    await this.#tmux('send-keys', key);
  }

  /** What is on the screen, with colours as escape sequences if wanted. */
  async screen(...flags) {
    const { stdout } = await this.#tmux('capture-pane', '-p', ...flags);
    return stdout;
  }

  /** Waits until the screen shows it. */
  async shows(pattern) {
    for (let tries = 0; tries < 200; tries += 1) {
      const screen = (await this.screen()).replace(/\$$/gm, '$ ');
      if (pattern.test(screen)) {
        return screen;
      }
      await sleep(50);
    }
    assert.fail(`the screen does not show ${pattern}:\n${await this.screen()}`);
  }

  close() {
    return this.#tmux('kill-server').catch(() => {});
  }

  #tmux(...args) {
    return run('tmux', ['-S', this.#socket, ...args]);
  }
}
