/**
 * Puts a simulated world in the place of Node's network, timers and clock, and loads the library
 * that is to run in it. Once for the process; worlds take turns.
 */
import net from 'node:net';
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import timers from 'node:timers';
import { syncBuiltinESMExports } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Immediate, type Loop, Timer } from './loop.js';
import type { Prng } from './prng.js';
import type { Network } from './sockets.js';

/** Node's own, for whoever runs the worlds. */
export const real = {
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  clearTimeout: globalThis.clearTimeout,
  now: performance.now.bind(performance),
};

/** What the globals reach while a world runs. */
export interface Surroundings {
  readonly loop: Loop;
  readonly network: Network;
  readonly prng: Prng;
}

/** The library's entries, as they were built. */
export interface Library {
  readonly cotp: typeof import('cotp');
  readonly tpkt: typeof import('cotp/tpkt');
  /** References in use in this process. */
  references(): number;
  /** Worlds share the memory that what is written is copied to; this begins a new piece of it. */
  renewMemory(): void;
  /** Whether `read` takes a signal. */
  readonly readsWithSignal: boolean;
  /** Whether `listen` limits what all connections hold together. */
  readonly limitsReceiving: boolean;
}

/** `performance.now()` has not the same fraction of a millisecond as the clock of the loop. */
const CLOCK_FRACTION = 0.4;

/** Octets of a block that the library copies to. */
const WHOLE_BLOCK = 65_536;

let current: Surroundings | undefined;

/** Lets a world have the globals, or none. */
export function enter(surroundings: Surroundings | undefined): void {
  current = surroundings;
}

type Run = (...args: unknown[]) => void;

/** Outside of a world each is Node's own. */
const replaced = {
  setTimeout: (run: Run, milliseconds = 1, ...args: unknown[]) =>
    current === undefined
      ? real.setTimeout(run, milliseconds, ...args)
      : current.loop.setTimeout(() => run(...args), milliseconds),
  setInterval: (run: Run, milliseconds = 1, ...args: unknown[]) =>
    current === undefined
      ? real.setInterval(run, milliseconds, ...args)
      : current.loop.setTimeout(() => run(...args), milliseconds, true),
  setImmediate: (run: Run, ...args: unknown[]) =>
    current === undefined
      ? real.setImmediate(run, ...args)
      : current.loop.setImmediate(() => run(...args)),
  clearTimeout: stop,
  clearInterval: stop,
  clearImmediate: (what: unknown) => {
    if (what instanceof Immediate) {
      what.run = undefined;
    } else {
      real.clearImmediate(what as NodeJS.Immediate);
    }
  },
};

function stop(what: unknown): void {
  if (what instanceof Timer) {
    what.close();
  } else {
    real.clearTimeout(what as NodeJS.Timeout);
  }
}

let isInstalled = false;

/** Replaces what the library takes from Node. */
export function install(): void {
  if (isInstalled) {
    return;
  }
  isInstalled = true;
  Object.assign(globalThis, replaced);
  Object.assign(timers, replaced);
  const passed = () =>
    current === undefined ? real.now() : current.loop.clock.now + CLOCK_FRACTION;
  Object.defineProperty(performance, 'now', { configurable: true, writable: true, value: passed });
  const { connect: realConnect, createServer } = net;
  const connect = (options: net.TcpNetConnectOpts) =>
    current === undefined ? realConnect(options) : current.network.connect(options);
  Object.assign(net, {
    connect,
    createConnection: connect,
    createServer: (options: net.ServerOpts, onSocket: (socket: net.Socket) => void) =>
      current === undefined
        ? createServer(options, onSocket)
        : current.network.createServer(options, onSocket),
  });
  const random = Math.random.bind(Math);
  Math.random = () => current?.prng.fraction() ?? random();
  syncBuiltinESMExports();
}

/** Loads the library from a folder such as `dist`. */
export async function load(folder: string): Promise<Library> {
  install();
  const at = (path: string) => import(pathToFileURL(join(folder, path)).href);
  const cotp = (await at('index.js')) as typeof import('cotp');
  const tpkt = (await at('node/tpkt/index.js')) as typeof import('cotp/tpkt');
  const { Connection } = cotp;
  return {
    cotp,
    tpkt,
    references: await countReferences(at),
    renewMemory: await memoryRenewal(at),
    readsWithSignal: Connection.prototype.read.length > 0,
    limitsReceiving: await takesOption(cotp, 'maxReceiveBuffer'),
  };
}

/** Every reference is acquired from and released to one pool; this counts beside it. */
async function countReferences(at: (path: string) => Promise<unknown>): Promise<() => number> {
  const { References } = (await at('node/references.js')) as {
    References: { prototype: { take(random: number): unknown; readonly size: number } };
  };
  const pools = new Set<{ readonly size: number }>();
  const { take } = References.prototype;
  References.prototype.take = function (this: { readonly size: number }, random: number) {
    pools.add(this);
    return take.call(this, random);
  };
  return () => [...pools].reduce((sum, { size }) => sum + size, 0);
}

/** Where a block ends, a piece that is written ends: all worlds are to find the same. */
async function memoryRenewal(at: (path: string) => Promise<unknown>): Promise<() => void> {
  const { sendPool } = (await at('node/buffers.js')) as {
    sendPool: { takeRegion(length: number): number };
  };
  return () => sendPool.takeRegion(WHOLE_BLOCK);
}

/** Options are checked before anything is opened, so a bad value tells whether there is such an option. */
async function takesOption(cotp: typeof import('cotp'), name: string): Promise<boolean> {
  try {
    await cotp.listen(() => {}, { host: '127.0.0.1', port: 1 }, { [name]: -1 });
  } catch (error) {
    return error instanceof RangeError;
  }
  return false;
}
