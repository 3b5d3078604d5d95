/**
 * Replaces Node's network, timers and clock by those of a simulated world, and loads the library to run in
 * it. The replacement is done once for the process; worlds run one after the other.
 */
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import timers from 'node:timers';
import { pathToFileURL } from 'node:url';
import { Immediate, type Loop, Timer } from './loop.js';
import type { Prng } from './prng.js';
import type { Network } from './sockets.js';

/** Node's own functions, for the code that runs the worlds. */
export const real = {
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  clearTimeout: globalThis.clearTimeout,
  now: performance.now.bind(performance),
};

/** The parts of a world that the replaced globals use. */
export interface Surroundings {
  readonly loop: Loop;
  readonly network: Network;
  readonly prng: Prng;
}

/** The entry points of the built library. */
export interface Library {
  readonly cotp: typeof import('cotp');
  readonly tpkt: typeof import('cotp/tpkt');
  /** References in use in this process. */
  references(): number;
  /** Worlds share the memory blocks to which written octets are copied. This begins a new block. */
  renewMemory(): void;
  /** True if `read` accepts a signal. */
  readonly readsWithSignal: boolean;
  /** True if `listen` limits the memory of all connections together. */
  readonly limitsReceiving: boolean;
}

/** `performance.now()` and the clock of the loop differ by a fraction of a millisecond, as in Node. */
const CLOCK_FRACTION = 0.4;

/** Size of a block to which the library copies, in octets. */
const WHOLE_BLOCK = 65_536;

let current: Surroundings | undefined;

/** Connects the globals to a world, or to none. */
export function enter(surroundings: Surroundings | undefined): void {
  current = surroundings;
}

type Run = (...args: unknown[]) => void;

/** Without a world each calls Node's own function. */
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

/** Replaces the functions of Node that the library uses. */
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

/** Finds the pool of references, to count the references in use. */
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

/**
 * A written piece ends where a memory block ends, so each world must begin with a new block to be repeatable.
 */
async function memoryRenewal(at: (path: string) => Promise<unknown>): Promise<() => void> {
  const { sendPool } = (await at('node/buffers.js')) as {
    sendPool: { takeRegion(length: number): number };
  };
  return () => sendPool.takeRegion(WHOLE_BLOCK);
}

/**
 * Finds out whether an option exists: an existing one is checked before anything is opened, so a bad value is
 * a RangeError.
 */
async function takesOption(cotp: typeof import('cotp'), name: string): Promise<boolean> {
  try {
    await cotp.listen(() => {}, { host: '127.0.0.1', port: 1 }, { [name]: -1 });
  } catch (error) {
    return error instanceof RangeError;
  }
  return false;
}
