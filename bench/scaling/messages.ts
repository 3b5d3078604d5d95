/**
 * What the processes of the scaling benchmark send each other, and how one waits for an answer.
 */
import { type ChildProcess, fork } from 'node:child_process';

export type Kind = 'raw' | 'cotp';

/** What a server process is: bare sockets or this library, in one process or several workers on one port. */
export interface ServerTask {
  readonly kind: Kind;
  /** 0: this process serves; otherwise so many workers of `node:cluster` do. */
  readonly workers: number;
}

/** The use of a server, in all its processes. */
export interface Usage {
  readonly connections: number;
  /** Octets after a garbage collection. */
  readonly rss: number;
  readonly heapUsed: number;
  /** Microseconds of processor time, user and system. */
  readonly cpu: number;
}

/** What a client process does: opens connections and keeps them, then exchanges TSDUs on all of them. */
export interface ClientTask {
  readonly kind: Kind;
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Clients bind these addresses in turn: each has its own ephemeral ports. */
  readonly localAddresses: readonly string[];
}

/** The rate of an exchange of `count` TSDUs of `size` octets, with `depth` connections at work at a time. */
export interface Exchange {
  readonly count: number;
  readonly size: number;
  readonly depth: number;
}

export interface ExchangeResult {
  readonly seconds: number;
  /** Milliseconds from a request to its answer. */
  readonly p50: number;
  readonly p99: number;
}

export interface OpenResult {
  readonly seconds: number;
}

/** Starts the process of a file beside this one and sends it its task. */
export function start(file: string, task: ServerTask | ClientTask): ChildProcess {
  const child = fork(new URL(`${file}.js`, import.meta.url), { execArgv: ['--expose-gc'] });
  child.send(task);
  return child;
}

/** Sends a request to a process and waits for its answer. */
export async function ask<T>(child: ChildProcess, request: unknown): Promise<T> {
  const answer = answerOf<T>(child);
  child.send(request as object);
  return answer;
}

/** The next message of a process. Rejects if it ends first. */
export function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`a process ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as T);
    });
  });
}

/** Ends a process, and waits for its end. */
export function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
