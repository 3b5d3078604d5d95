/**
 * Runs a program for a connection: received TSDUs are written to its stdin, and TSDUs from its stdout are
 * sent.
 */
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../../index.js';
import type { Io } from '../io.js';
import { selectorText } from '../options/selectors.js';
import { BoundedOutput } from '../output/bounded-output.js';
import { expeditedLine, forEachExpedited } from '../output/expedited.js';
import { addressText } from '../output/format-info.js';
import { ExpeditedData, type PipeFormat } from '../output/pipe-format.js';
import { ProcessGroup, type ProgramEnd } from './process-group.js';

/**
 * Milliseconds that a program has to end after its connection has closed, and that its children have to end
 * after the program.
 */
const GRACE = 2_000;

/** The same after the command was stopped. */
const GRACE_ON_STOP = 500;

/** How a program is connected to its connection and to this command. */
export interface ProgramUse {
  readonly form: PipeFormat;
  readonly io: Io;
  /** Number of the connection, for messages. */
  readonly number: number;
  /**
   * Called if the output of the program cannot be sent, for example because it does not have the format. The connection
   * then closes, and the program has {@link GRACE} to end.
   */
  readonly onBadOutput: (error: Error) => void;
}

/**
 * Runs a shell command for a connection until both have ended. The connection requires `allowHalfOpen`, so
 * that output of the program after the peer's FIN is still sent.
 *
 * If the program or its children still run after {@link GRACE}, the process group gets SIGTERM, then SIGKILL.
 *
 * @returns how the program ended, also if its output was bad
 * @throws CommandError if the program cannot be started
 */
export async function runProgram(
  line: string,
  conn: Connection,
  use: ProgramUse,
): Promise<ProgramEnd> {
  const { info } = conn;
  const stop = use.io.signal;
  const group = await ProcessGroup.start(line, {
    ...process.env,
    COTP_PEER: addressText(info.remoteAddr),
    COTP_LOCAL_TSEL: selectorText(info.localTsel) ?? '',
    COTP_REMOTE_TSEL: selectorText(info.remoteTsel) ?? '',
  });
  const endNow = () => void group.end(GRACE_ON_STOP);
  stop.addEventListener('abort', endNow, { once: true });
  if (stop.aborted) {
    endNow();
  }
  void conn.waitClosed().then(() => group.end(GRACE));
  const sending = new ProgramOutput(group, conn, use.form);
  void sending.abandonOrphans();
  const feeding = feed(group.stdin, conn, use);
  try {
    await sending.send();
  } catch (error) {
    use.onBadOutput(error as Error);
  } finally {
    await Promise.all([conn.asyncClose(), feeding, group.exited]);
    await group.end(GRACE);
    stop.removeEventListener('abort', endNow);
  }
  return group.exited;
}

/** Sends the output of a program to the peer. */
class ProgramOutput {
  readonly #group: ProcessGroup;
  readonly #conn: Connection;
  readonly #form: PipeFormat;
  /** TSDUs read from the program. */
  #count = 0;
  #waitsForPeer = false;
  #hasEnded = false;
  #isAbandoned = false;

  constructor(group: ProcessGroup, conn: Connection, form: PipeFormat) {
    this.#group = group;
    this.#conn = conn;
    this.#form = form;
  }

  /** Sends until the output or the connection ends. */
  async send(): Promise<void> {
    try {
      for await (const item of this.#form.read(this.#group.stdout)) {
        this.#count += 1;
        if (!this.#conn.isOpen) {
          break;
        }
        const hasRoom =
          item instanceof ExpeditedData
            ? this.#conn.writeExpedited(item.octets)
            : this.#conn.write(item);
        if (!hasRoom) {
          this.#waitsForPeer = true;
          // `onError` reports why the connection broke.
          await this.#conn.drain().catch(() => {});
          this.#waitsForPeer = false;
        }
      }
    } catch (error) {
      if (!this.#isAbandoned) {
        throw error;
      }
    } finally {
      this.#hasEnded = true;
    }
  }

  /**
   * A child that has left the process group can keep the stdout of the program open after the program has
   * ended. Stops reading it when it writes nothing more.
   */
  async abandonOrphans(): Promise<void> {
    await this.#group.exited;
    await this.#group.end(GRACE);
    while (!this.#hasEnded) {
      const before = this.#count;
      await sleep(GRACE);
      if (this.#count === before && !this.#waitsForPeer) {
        this.#isAbandoned = true;
        this.#group.stdout.destroy();
        return;
      }
    }
  }
}

/** Writes what the peer sends to the program until either ends. */
async function feed(
  stdin: Writable,
  conn: Connection,
  { form, io, number }: ProgramUse,
): Promise<void> {
  // A program that does not read its input is no error.
  const input = new BoundedOutput(stdin, {}, () => {});
  const showing = forEachExpedited(conn, async (data) => {
    if (form.writeExpedited === undefined) {
      io.stderr.line(expeditedLine(data, number));
    } else {
      await input.write(form.writeExpedited(data));
    }
  });
  try {
    for await (const tsdu of conn) {
      await input.write(form.write(tsdu));
    }
  } catch {
    // `onError` reports why the connection broke.
  } finally {
    await showing;
    stdin.end();
  }
}
