/**
 * `for await` over messages. An async generator would read better, but it makes promises of its own for
 * every message, which shows in the time of a round trip.
 */

/** What it reads from. */
interface Source {
  read(): Promise<Buffer>;
}

/** Ends where the source ended in good order, and throws where it did not. */
export class MessageIterator implements AsyncIterableIterator<Buffer, undefined> {
  readonly #source: Source;
  readonly #endedWell: () => boolean;

  constructor(source: Source, endedWell: () => boolean) {
    this.#source = source;
    this.#endedWell = endedWell;
  }

  next(): Promise<IteratorResult<Buffer, undefined>> {
    return this.#source.read().then(asResult, this.#onEnd);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Made once, not for each message. */
  readonly #onEnd = (error: unknown): IteratorResult<Buffer, undefined> => {
    if (this.#endedWell()) {
      return { done: true, value: undefined };
    }
    throw error;
  };
}

function asResult(value: Buffer): IteratorResult<Buffer, undefined> {
  return { done: false, value };
}
