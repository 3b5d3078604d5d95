/**
 * Calls that wait: a promise with the functions that settle it, and the `AbortSignal` of the user that
 * cancels the wait. Knows nothing of what is waited for.
 */
import { Fifo } from '../core/fifo.js';

/** A promise and the functions that settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** Makes a {@link Deferred}. Node 20 has no `Promise.withResolvers` yet. */
export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** The waiting calls of each signal. Node warns about many listeners on one signal, so each gets one. */
const WAITING = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>();

function onAbort(this: AbortSignal): void {
  const waiting = WAITING.get(this);
  WAITING.delete(this);
  for (const cancel of waiting ?? []) {
    cancel(this.reason);
  }
}

/**
 * Calls `cancel` with the reason of the signal when it aborts.
 *
 * @returns stops this; call it once the wait is over, so that the signal keeps nothing alive
 */
export function whenAborted(signal: AbortSignal, cancel: (reason: unknown) => void): () => void {
  let waiting = WAITING.get(signal);
  if (waiting === undefined) {
    waiting = new Set();
    WAITING.set(signal, waiting);
    signal.addEventListener('abort', onAbort, { once: true });
  }
  const waitingNow = waiting;
  waitingNow.add(cancel);
  return () => {
    waitingNow.delete(cancel);
    if (waitingNow.size === 0 && WAITING.get(signal) === waitingNow) {
      WAITING.delete(signal);
      signal.removeEventListener('abort', onAbort);
    }
  };
}

/** Calls that wait for the same thing. */
export class WaitingCalls {
  readonly #calls = new Fifo<Omit<Deferred<void>, 'promise'>>();

  get isEmpty(): boolean {
    return this.#calls.length === 0;
  }

  /** One more call; a signal that aborts rejects it with its reason. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, ...call } = deferred<void>();
    this.#calls.push(call);
    if (signal === undefined) {
      return promise;
    }
    const stop = whenAborted(signal, (reason) => {
      this.#calls.remove(call);
      call.reject(reason);
    });
    return promise.finally(stop);
  }

  /** Resolves all of them, in order. */
  resolveAll(): void {
    for (let call = this.#calls.shift(); call; call = this.#calls.shift()) {
      call.resolve();
    }
  }

  /** Rejects all of them, in order. */
  rejectAll(reason: unknown): void {
    for (let call = this.#calls.shift(); call; call = this.#calls.shift()) {
      call.reject(reason);
    }
  }
}
