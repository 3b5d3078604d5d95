/**
 * Calls that wait: a promise with the functions that settle it, and the `AbortSignal` of the user that
 * cancels the wait. This file does not know what the calls wait for.
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

/** The functions that settle one call. */
export type Settlers<T> = Pick<Deferred<T>, 'resolve' | 'reject'>;

/**
 * Lets a signal cancel a call: the call then rejects with the reason of the signal.
 *
 * @param remove takes the call out of the queue in which it waits
 * @returns the functions that settle the call from now on
 */
export function cancellable<T>(
  call: Settlers<T>,
  signal: AbortSignal,
  remove: () => void,
): Settlers<T> {
  const stop = whenAborted(signal, (reason) => {
    remove();
    call.reject(reason);
  });
  return {
    resolve: (value) => {
      stop();
      call.resolve(value);
    },
    reject: (reason) => {
      stop();
      call.reject(reason);
    },
  };
}

/** Calls that wait for a value of one kind, in order. */
export class WaitingCalls<T = void> {
  readonly #calls = new Fifo<Settlers<T>>();

  get isEmpty(): boolean {
    return this.#calls.length === 0;
  }

  /** Adds a call. It rejects with the reason of the signal when that aborts. */
  wait(signal: AbortSignal | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const call: Settlers<T> =
        signal === undefined
          ? { resolve, reject }
          : cancellable({ resolve, reject }, signal, () => this.#calls.remove(call));
      this.#calls.push(call);
    });
  }

  /** Resolves the call that has waited longest; `false` if none waits. */
  resolveFirst(value: T): boolean {
    const call = this.#calls.shift();
    call?.resolve(value);
    return call !== undefined;
  }

  /** Resolves all calls. */
  resolveAll(value: T): void {
    while (this.resolveFirst(value)) {}
  }

  /** Rejects all calls. */
  rejectAll(reason: unknown): void {
    for (let call = this.#calls.shift(); call; call = this.#calls.shift()) {
      call.reject(reason);
    }
  }
}
