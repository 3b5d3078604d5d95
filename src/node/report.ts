/**
 * Errors on their way to `onError`.
 */
import type { ErrorListener } from './options/stream.js';

/** Tells the listener, if there is one, of an error about that peer. Never throws. */
export function reportTo(
  listener: ErrorListener | undefined,
  peer: string,
): (error: unknown) => void {
  return (error) => {
    try {
      listener?.(error instanceof Error ? error : new Error(String(error)), { peer });
    } catch {
      // A listener that throws has no one left to tell, and must not take the process down.
    }
  };
}
