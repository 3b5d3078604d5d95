/**
 * Errors on their way to `onError`.
 */
import { runCallback, toError } from './callbacks.js';
import type { ErrorListener } from './options/stream.js';

/**
 * Reports an error about that peer to the listener, if there is one. What was thrown is made an `Error`
 * first. Never throws, and leaves no promise that rejects.
 */
export function reportTo(
  listener: ErrorListener | undefined,
  peer: string,
): (error: unknown) => void {
  return (thrown) => {
    if (listener !== undefined) {
      runCallback(() => listener(toError(thrown), { peer }), ignore);
    }
  };
}

/** A listener that fails has nobody left to report to, and must not end the process. */
function ignore(): void {}
