/**
 * Runs every callback of the user and reports errors to `onError`. A callback may throw anything, may be an
 * async function whatever its type says, and may return any thenable: none of that may end the process.
 */
import { inspect, types } from 'node:util';
import { type FullAddress, formatAddress } from './address.js';
import type { ErrorListener } from './options/stream.js';

/**
 * Calls `callback`, then exactly one of the two others, once: `onFailure` with what `callback` threw or
 * rejected with, or `onDone` when it returned or when the promise or thenable that it returned fulfilled.
 * Throws only if one of those two does.
 *
 * @param callback already bound to its arguments
 */
export function runCallback(
  callback: () => unknown,
  onFailure: (thrown: unknown) => void,
  onDone: () => void = nothing,
): void {
  let result: unknown;
  try {
    result = callback();
  } catch (thrown) {
    onFailure(thrown);
    return;
  }
  settle(result, onFailure, onDone);
}

/** The same for a result that is known already. Callbacks on hot paths need no closure this way. */
export function settle(
  result: unknown,
  onFailure: (thrown: unknown) => void,
  onDone: () => void = nothing,
): void {
  // Only an object or a function can be a thenable; most callbacks return nothing.
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) {
    onDone();
    return;
  }
  if (isOfAsyncFunction(result)) {
    result.then(onDone, onFailure);
    return;
  }
  // A `then` that is a getter and throws, or throws when called, rejects this promise.
  new Promise<unknown>((resolve) => {
    resolve(result);
  }).then(onDone, onFailure);
}

/** True for a promise as async functions return it: its `then` is that of the language, and calls one of two once. */
function isOfAsyncFunction(result: object): result is Promise<unknown> {
  return (
    types.isPromise(result) &&
    Object.getPrototypeOf(result) === Promise.prototype &&
    !Object.hasOwn(result, 'then') &&
    !Object.hasOwn(result, 'constructor')
  );
}

/**
 * Returns what was thrown as an `Error`: an error as it is, anything else as the `cause` of an `Error` whose
 * message shows it. Never throws.
 */
export function toError(thrown: unknown): Error {
  if (isError(thrown)) {
    return thrown;
  }
  if (typeof thrown === 'string' && thrown !== '') {
    return new Error(thrown, { cause: thrown });
  }
  return new Error(`an Error was expected, but ${shown(thrown)} was thrown`, { cause: thrown });
}

/** An error whose message can be read. `instanceof` alone would run the traps of a proxy, which may throw. */
function isError(thrown: unknown): thrown is Error {
  try {
    return (
      !types.isProxy(thrown) &&
      (thrown instanceof Error || types.isNativeError(thrown)) &&
      typeof thrown.message === 'string'
    );
  } catch {
    return false;
  }
}

/** Most characters of a thrown value that a message shows. */
const MAX_SHOWN = 200;

function shown(thrown: unknown): string {
  try {
    // Without its own inspect function, which may throw; a proxy is shown by its target.
    const text = inspect(thrown, {
      customInspect: false,
      depth: 1,
      breakLength: Number.POSITIVE_INFINITY,
      maxStringLength: MAX_SHOWN,
    });
    return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  } catch {
    return `a value of type ${typeof thrown} that cannot be shown`;
  }
}

function nothing(): void {}

/**
 * Returns a function that reports errors about a peer to the listener, if there is one. It turns what was
 * thrown into an `Error`, never throws and leaves no rejected promise.
 *
 * @param about the address of the peer, or what stands for it in words
 */
export function reportTo(
  listener: ErrorListener | undefined,
  about: FullAddress | string,
): (error: unknown) => void {
  return (thrown) => {
    if (listener !== undefined) {
      const peer = typeof about === 'string' ? about : formatAddress(about);
      runCallback(() => listener(toError(thrown), { peer }), ignore);
    }
  };
}

/** The failure of a listener cannot be reported anywhere, and must not end the process. */
function ignore(): void {}
