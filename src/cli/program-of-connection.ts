/**
 * A program for a connection: TSDUs go to its stdin and come from its stdout, in one of the forms.
 */
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../index.js';
import type { Form } from './forms.js';
import { Output } from './output.js';
import { ProcessGroup, type ProgramEnd } from './process-group.js';
import { addressText } from './report.js';
import { selectorText } from './selectors.js';

/**
 * Milliseconds that a program has to end by itself once its connection has closed, and that what it
 * started has once the program has ended.
 */
const PATIENCE = 2_000;

/** The same when the command is to stop. */
const PATIENCE_ON_STOP = 500;

/**
 * Runs a command of the shell over a connection, until both have ended. The connection is to be
 * opened with `allowHalfOpen`: what the program writes after the peer's FIN still goes out.
 *
 * A program that does not end with its connection, or leaves others behind, is ended by SIGTERM and then
 * SIGKILL to its process group.
 *
 * @param stop aborted when the command is to stop
 * @throws CommandError when it cannot be started
 * @throws UsageError when the output of the program does not have the form
 */
export async function runProgram(
  line: string,
  conn: Connection,
  form: Form,
  stop: AbortSignal,
): Promise<ProgramEnd> {
  const { info } = conn;
  const group = await ProcessGroup.start(line, {
    ...process.env,
    COTP_PEER: addressText(info.remoteAddr),
    COTP_LOCAL_TSEL: selectorText(info.localTsel) ?? '',
    COTP_REMOTE_TSEL: selectorText(info.remoteTsel) ?? '',
  });
  const endNow = () => void group.end(PATIENCE_ON_STOP);
  stop.addEventListener('abort', endNow, { once: true });
  if (stop.aborted) {
    endNow();
  }
  void conn.waitClosed().then(() => group.end(PATIENCE));
  const sending = new ProgramOutput(group, conn, form);
  void sending.giveUpOrphans();
  const feeding = feed(group.stdin, conn, form);
  try {
    await sending.send();
  } finally {
    await Promise.all([conn.asyncClose(), feeding, group.exited]);
    await group.end(PATIENCE);
    stop.removeEventListener('abort', endNow);
  }
  return group.exited;
}

/** What a program writes, on its way to the peer. */
class ProgramOutput {
  readonly #group: ProcessGroup;
  readonly #conn: Connection;
  readonly #form: Form;
  /** TSDUs that were read. */
  #count = 0;
  #waitsForPeer = false;
  #hasEnded = false;
  #isGivenUp = false;

  constructor(group: ProcessGroup, conn: Connection, form: Form) {
    this.#group = group;
    this.#conn = conn;
    this.#form = form;
  }

  /** Sends it until it ends or the connection does. */
  async send(): Promise<void> {
    try {
      for await (const tsdu of this.#form.read(this.#group.stdout)) {
        this.#count += 1;
        if (!this.#conn.isOpen) {
          break;
        }
        if (!this.#conn.write(tsdu)) {
          this.#waitsForPeer = true;
          // How a connection broke is reported to `onError`.
          await this.#conn.drain().catch(() => {});
          this.#waitsForPeer = false;
        }
      }
    } catch (error) {
      if (!this.#isGivenUp) {
        throw error;
      }
    } finally {
      this.#hasEnded = true;
    }
  }

  /**
   * A process that has left the group of a program that has ended may hold its stdout for ever: once the
   * rest of the output has been sent, nobody waits for more.
   */
  async giveUpOrphans(): Promise<void> {
    await this.#group.exited;
    await this.#group.end(PATIENCE);
    while (!this.#hasEnded) {
      const before = this.#count;
      await sleep(PATIENCE);
      if (this.#count === before && !this.#waitsForPeer) {
        this.#isGivenUp = true;
        this.#group.stdout.destroy();
        return;
      }
    }
  }
}

/** The TSDUs of the peer, until it or the program has ended. */
async function feed(stdin: Writable, conn: Connection, form: Form): Promise<void> {
  // A program need not read its input: that is no fault.
  const input = new Output(stdin, {}, () => {});
  try {
    for await (const tsdu of conn) {
      await input.write(form.write(tsdu));
    }
  } catch {
    // How a connection broke is reported to `onError`.
  } finally {
    stdin.end();
  }
}
