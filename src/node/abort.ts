/**
 * Work that an `AbortSignal` of the user's gives up. Knows nothing of what that work is.
 */

/** Who waits for each signal. Node warns when one signal has many listeners, so each signal gets one. */
const WAITING = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>();

function onAbort(this: AbortSignal): void {
  const waiting = WAITING.get(this);
  WAITING.delete(this);
  for (const giveUp of waiting ?? []) {
    giveUp(this.reason);
  }
}

/**
 * Calls `giveUp` with the reason of the signal when it aborts.
 *
 * @returns to be called when the work has ended by itself: the signal keeps nothing alive then
 */
export function whenAborted(signal: AbortSignal, giveUp: (reason: unknown) => void): () => void {
  let waiting = WAITING.get(signal);
  if (waiting === undefined) {
    waiting = new Set();
    WAITING.set(signal, waiting);
    signal.addEventListener('abort', onAbort, { once: true });
  }
  const waitingNow = waiting;
  waitingNow.add(giveUp);
  return () => {
    waitingNow.delete(giveUp);
    if (waitingNow.size === 0 && WAITING.get(signal) === waitingNow) {
      WAITING.delete(signal);
      signal.removeEventListener('abort', onAbort);
    }
  };
}
