/**
 * The life of a thing that closes asynchronously: open, closing, closed. Knows nothing of sockets.
 */

/** A promise together with the function that fulfils it. */
interface Moment {
  readonly promise: Promise<void>;
  readonly arrive: () => void;
}

function moment(): Moment {
  let arrive: () => void = () => {};
  const promise = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  return { promise, arrive };
}

/**
 * Base of `Connection` and `Server`: what `aio.Resource` is in the service that this library
 * re-implements.
 */
export abstract class Resource implements AsyncDisposable {
  #state: 'open' | 'closing' | 'closed' = 'open';
  // Made when someone asks: a server may hold thousands of connections that nobody watches.
  #closing: Moment | undefined;
  #closed: Moment | undefined;
  #abort: AbortController | undefined;

  /** True until closing begins. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** True from the moment that closing begins, and after it has ended. */
  get isClosing(): boolean {
    return this.#state !== 'open';
  }

  /** True once everything is closed. */
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /**
   * Aborted when closing begins: work that belongs to this resource listens to it. The abort reason
   * is the cause of the closing where there is one.
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
    this.#closing ??= moment();
    return this.#closing.promise;
  }

  /** Resolves when everything is closed, at once if it is. Never rejects. */
  waitClosed(): Promise<void> {
    if (this.isClosed) {
      return Promise.resolve();
    }
    this.#closed ??= moment();
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

  /** What `signal.reason` is to be. */
  protected get closeReason(): unknown {
    return undefined;
  }

  /** For subclasses: closing begins now. Gives `false` when it had begun. */
  protected markClosing(): boolean {
    if (this.isClosing) {
      return false;
    }
    this.#state = 'closing';
    this.#abort?.abort(this.closeReason);
    this.#closing?.arrive();
    return true;
  }

  /** For subclasses: everything is closed now. */
  protected markClosed(): void {
    this.markClosing();
    this.#state = 'closed';
    this.#closed?.arrive();
  }
}
