/**
 * The one place that runs callbacks of the user's. A callback may throw anything, may be an async
 * function whatever its type says, and may return any thenable: none of that may end the process.
 */
import { inspect, types } from 'node:util';

/**
 * Calls `callback`. Exactly one of the two is called afterwards, once: `onFailure` with what it threw or
 * rejected with, `onDone` when it returned, or when the promise or thenable that it returned fulfilled.
 * Never throws, unless one of the two does.
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

/** The same for a result that is there already: for callbacks on hot paths, which need no closure then. */
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
  // A `then` that is a getter and throws, or throws when called, rejects this promise.
  new Promise<unknown>((resolve) => {
    resolve(result);
  }).then(onDone, onFailure);
}

/**
 * What was thrown, as an `Error`: itself where it is one. Anything else becomes the `cause` of an `Error`
 * whose message shows it. Never throws.
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

/** An error whose message can be read; `instanceof` alone asks the traps of a proxy, which may throw. */
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

/** Octets of a thrown value that a message shows at most. */
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
