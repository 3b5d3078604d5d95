/**
 * Counts the calls in this library for one small TSDU, sent on one connection and received on the other. The
 * precise coverage of V8 counts each call of each function.
 */
import { type Profiler, Session } from 'node:inspector/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Connection } from 'cotp';
import type { Library } from './ours.js';

export interface FunctionCalls {
  /** File within `dist`, where each source has one. */
  readonly file: string;
  readonly name: string;
  readonly calls: number;
}

/** The compiled modules, one for each source: the package has them joined in a few files. */
const COMPILED = createRequire(import.meta.url)
  .resolve('cotp/package.json')
  .replace(/[^\\/]+$/, 'dist/index.js');

const HOST = '127.0.0.1';
const TSDU: Uint8Array = Uint8Array.of(1, 2, 3);
/** TSDUs of the warm-up, and TSDUs that are counted. */
const WARM_UP = 10;
const COUNTED = 51;
/** The built library, as V8 names its files. */
const LIBRARY = /\/dist\/(?!cli\/)(.+)$/;

/**
 * The calls of one TSDU of three octets: the median of several TSDUs, because a timer can expire during one
 * of them. The peer waits in `read`.
 */
export async function countCalls(): Promise<readonly FunctionCalls[]> {
  const session = new Session();
  session.connect();
  const { promise, resolve } = deferredConnection();
  const { connect, listen } = (await import(pathToFileURL(COMPILED).href)) as Library;
  const server = await listen(resolve, { host: HOST, port: 0 });
  const sender = await connect({ host: HOST, port: server.addresses[0]?.port });
  const receiver = await promise;
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    const counts: (readonly FunctionCalls[])[] = [];
    for (let i = 0; i < WARM_UP + COUNTED; i += 1) {
      // This call resets the counts.
      await session.post('Profiler.takePreciseCoverage');
      const message = receiver.read();
      sender.write(TSDU);
      await message;
      await nextTurn();
      const { result } = await session.post('Profiler.takePreciseCoverage');
      counts.push(callsOf(result));
    }
    return median(counts.slice(WARM_UP));
  } finally {
    session.disconnect();
    await sender.asyncClose();
    await server.asyncClose();
  }
}

/** The calls, functions and files as lines of text, with the sum first. */
export function callLines(functions: readonly FunctionCalls[]): string[] {
  const files = [...new Set(functions.map(({ file }) => file))].sort();
  const sum = sumOf(functions);
  const getters = sumOf(functions.filter(({ name }) => name.startsWith('get ')));
  return [
    `A TSDU of ${TSDU.length} octets, out and in: ${sum} calls of ${functions.length} functions in ${files.length} files; ${getters} of the calls are getters`,
    ...files.flatMap((file) => {
      const inFile = functions.filter((each) => each.file === file);
      const calls = inFile.map(({ name, calls: count }) =>
        count > 1 ? `${name} x${count}` : name,
      );
      return [`${String(sumOf(inFile)).padStart(4)}  ${file}: ${calls.join(', ')}`];
    }),
  ];
}

function sumOf(functions: readonly FunctionCalls[]): number {
  return functions.reduce((sum, { calls }) => sum + calls, 0);
}

function callsOf(scripts: readonly Profiler.ScriptCoverage[]): readonly FunctionCalls[] {
  return scripts.flatMap(({ url, functions }) => {
    const file = LIBRARY.exec(url)?.[1];
    return file === undefined
      ? []
      : functions.flatMap(({ functionName, ranges }) => {
          const calls = ranges[0]?.count ?? 0;
          return calls === 0 ? [] : [{ file, name: functionName || '(anonymous)', calls }];
        });
  });
}

function median(counts: readonly (readonly FunctionCalls[])[]): readonly FunctionCalls[] {
  const sorted = [...counts].sort((a, b) => sumOf(a) - sumOf(b));
  return sorted[Math.floor(sorted.length / 2)] ?? [];
}

/** Resolves after the rest of the turn: the end of the chunk, and what was written. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function deferredConnection() {
  let resolve: (connection: Connection) => void = () => {};
  const promise = new Promise<Connection>((onResolve) => {
    resolve = onResolve;
  });
  return { promise, resolve: (connection: Connection) => resolve(connection) };
}
