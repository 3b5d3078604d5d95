/**
 * Errors on their way to `onError`.
 */
import type { ErrorListener } from './options/stream.js';

/**
 * Tells the listener, if there is one, of an error about that peer. Never throws, and leaves no promise
 * that rejects.
 */
export function reportTo(
  listener: ErrorListener | undefined,
  peer: string,
): (error: unknown) => void {
  return (error) => {
    try {
      // A listener may be an async function all the same, whatever its type says.
      const told: unknown = listener?.(asError(error), { peer });
      Promise.resolve(told).catch(ignore);
    } catch {
      ignore();
    }
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** A listener that fails has no one left to tell, and must not take the process down. */
function ignore(): void {}
