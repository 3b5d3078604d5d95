/**
 * The life of a thing that closes asynchronously: open, closing, closed. Knows nothing of sockets.
 */
import { type Deferred, deferred } from './waiting.js';

/**
 * Base of `Connection` and `Server`: the counterpart of `aio.Resource` in the library whose service this one
 * re-implements.
 */
export abstract class Resource implements AsyncDisposable {
  #state: 'open' | 'closing' | 'closed' = 'open';
  // Created lazily: a server may hold thousands of connections that nobody watches.
  #closing: Deferred<void> | undefined;
  #closed: Deferred<void> | undefined;
  #abort: AbortController | undefined;

  /** True until closing begins. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** True once closing has begun, and after it has ended. */
  get isClosing(): boolean {
    return this.#state !== 'open';
  }

  /** True once everything is closed. */
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /**
   * Aborts when closing begins; pass it to work that ends with this resource. Its reason is the error
   * that closed the resource, if there was one.
   */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.isClosing && !this.#abort.signal.aborted) {
      this.#abort.abort(this.closeReason);
    }
    return this.#abort.signal;
  }

  /** Resolves when closing begins, at once if it has begun. Never rejects. */
  waitClosing(): Promise<void> {
    if (this.isClosing) {
      return Promise.resolve();
    }
    this.#closing ??= deferred();
    return this.#closing.promise;
  }

  /** Resolves when everything is closed, at once if it is. Never rejects. */
  waitClosed(): Promise<void> {
    if (this.isClosed) {
      return Promise.resolve();
    }
    this.#closed ??= deferred();
    return this.#closed.promise;
  }

  /** Begins to close. Returns at once; does nothing when closing has begun. */
  abstract close(): void;

  /** Begins to close and resolves when closed. Never rejects; may be called any number of times. */
  asyncClose(): Promise<void> {
    this.close();
    return this.waitClosed();
  }

  /** `await using` closes as {@link asyncClose} does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.asyncClose();
  }

  /** The reason that `signal` aborts with. */
  protected get closeReason(): unknown {
    return undefined;
  }

  /** For subclasses: closing begins now. Returns `false` if it had begun before. */
  protected markClosing(): boolean {
    if (this.isClosing) {
      return false;
    }
    this.#state = 'closing';
    this.#abort?.abort(this.closeReason);
    this.#closing?.resolve();
    return true;
  }

  /** For subclasses: everything is closed now. */
  protected markClosed(): void {
    this.markClosing();
    this.#state = 'closed';
    this.#closed?.resolve();
  }
}
