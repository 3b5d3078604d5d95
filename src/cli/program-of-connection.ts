/**
 * A program for a connection: TSDUs go to its stdin and come from its stdout, in one of the forms.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Connection } from '../index.js';
import type { Form } from './forms.js';
import { addressText } from './report.js';
import { selectorText } from './selectors.js';

/** How a program ended. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A program that does not end by itself once its connection has is asked to after this long. */
const PATIENCE = 2_000;

/**
 * Runs a command of the shell over a connection, until both have ended. What the program writes
 * after the peer's FIN still goes out.
 *
 * @throws UsageError when the output of the program does not have the form
 */
export async function runProgram(line: string, conn: Connection, form: Form): Promise<ProgramEnd> {
  const { info } = conn;
  const child = spawn(line, {
    shell: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      COTP_PEER: addressText(info.remoteAddr),
      COTP_LOCAL_TSEL: selectorText(info.localTsel) ?? '',
      COTP_REMOTE_TSEL: selectorText(info.remoteTsel) ?? '',
    },
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const stream = conn.toDuplex();
  // Either end may go away first; that the other then cannot be written to is no fault.
  const toProgram = pipeline(written(stream, form), child.stdin).catch(() => {});
  const fromProgram = pipeline(Readable.from(form.read(child.stdout)), stream);
  const failure = await fromProgram.then(
    () => undefined,
    (error: unknown) => (conn.isOpen ? error : undefined),
  );
  conn.close();
  await Promise.all([toProgram, endOf(child, ended)]);
  if (failure !== undefined) {
    throw failure;
  }
  const [code, signal] = await ended;
  return { code, signal };
}

async function* written(stream: Duplex, form: Form): AsyncIterable<string | Uint8Array> {
  for await (const tsdu of stream) {
    yield form.write(tsdu as Buffer);
  }
}

async function endOf(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.stdin?.end();
  const alarm = setTimeout(() => child.kill(), PATIENCE);
  await ended;
  clearTimeout(alarm);
}
