/**
 * A program for a connection: TSDUs go to its stdin and come from its stdout, in one of the forms.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Connection } from '../index.js';
import type { Form } from './forms.js';
import { Output } from './io.js';
import { addressText } from './report.js';
import { selectorText } from './selectors.js';

/** How a program ended. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A program that goes on after its connection has closed is ended after this long. */
const PATIENCE = 2_000;

/** A process group of its own, so that the shell and what it runs can be ended together. */
const HAS_GROUPS = process.platform !== 'win32';

/**
 * Runs a command of the shell over a connection, until both have ended. The connection is to be
 * opened with `allowHalfOpen`: what the program writes after the peer's FIN still goes out.
 *
 * @throws UsageError when the output of the program does not have the form
 */
export async function runProgram(line: string, conn: Connection, form: Form): Promise<ProgramEnd> {
  const { info } = conn;
  const child = spawn(line, {
    shell: true,
    detached: HAS_GROUPS,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      COTP_PEER: addressText(info.remoteAddr),
      COTP_LOCAL_TSEL: selectorText(info.localTsel) ?? '',
      COTP_REMOTE_TSEL: selectorText(info.remoteTsel) ?? '',
    },
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let alarm: NodeJS.Timeout | undefined;
  void conn.waitClosed().then(() => {
    alarm = setTimeout(() => end(child), PATIENCE);
  });
  const feeding = feed(child, conn, form);
  try {
    for await (const tsdu of form.read(child.stdout)) {
      if (!conn.isOpen) {
        break;
      }
      if (!conn.write(tsdu)) {
        // How a connection broke is told to `onError`.
        await conn.drain().catch(() => {});
      }
    }
  } finally {
    await Promise.all([conn.asyncClose(), feeding]);
    await ended;
    clearTimeout(alarm);
  }
  const [code, signal] = await ended;
  return { code, signal };
}

/** The TSDUs of the peer, until it or the program has ended. */
async function feed({ stdin }: ChildProcess, conn: Connection, form: Form): Promise<void> {
  if (stdin === null) {
    return;
  }
  // A program need not read what it is told: that is no fault.
  const input = new Output(stdin, {}, () => {});
  try {
    for await (const tsdu of conn) {
      await input.write(form.write(tsdu));
    }
  } catch {
    // How a connection broke is told to `onError`.
  } finally {
    stdin.end();
  }
}

function end(child: ChildProcess): void {
  if (HAS_GROUPS && child.pid !== undefined) {
    try {
      process.kill(-child.pid);
    } catch {
      // It has ended meanwhile.
    }
  } else {
    child.kill();
  }
}
