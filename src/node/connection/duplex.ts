/**
 * A message connection as a Node stream. Knows the streams of Node and nothing of sockets.
 */
import process from 'node:process';
import { Duplex } from 'node:stream';
import { ConnectionClosedError } from '../../core/errors.js';

/** What the stream needs of a connection. */
interface Messages {
  read(): Promise<Buffer>;
  write(data: Uint8Array): boolean;
  drain(): Promise<void>;
  close(): void;
  destroy(error?: Error): void;
  waitClosed(): Promise<void>;
}

/** One chunk is one message, in both directions. */
export class MessageDuplex extends Duplex {
  readonly #messages: Messages;
  readonly #end: () => void;
  readonly #endedWell: () => boolean;
  #isReading = false;
  #isConnectionClosed = false;

  /**
   * @param end ends writing
   * @param endedWell whether the connection, of which a read has rejected, has ended cleanly
   */
  constructor(messages: Messages, end: () => void, endedWell: () => boolean) {
    // With a mark of one octet Node asks for a chunk only when the last one was taken, so that it
    // never joins two of them.
    super({ readableHighWaterMark: 1, allowHalfOpen: true });
    this.#messages = messages;
    this.#end = end;
    this.#endedWell = endedWell;
    this.once('end', () => this.#destroyWhenClosed());
    void messages.waitClosed().then(() => {
      this.#isConnectionClosed = true;
      this.#finishReading();
      this.#destroyWhenClosed();
    });
  }

  override _read(): void {
    this.#isReading = true;
    this.#messages.read().then(
      (message) => {
        this.#isReading = false;
        this.push(message);
      },
      (error: Error) => {
        this.#isReading = false;
        this.#onReadingEnded(error);
      },
    );
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    // A byte stream may write nothing; a TSDU of nothing does not exist (X.214).
    if (chunk.length === 0) {
      callback();
      return;
    }
    try {
      if (this.#messages.write(chunk)) {
        callback();
        return;
      }
    } catch (error) {
      callback(error as Error);
      return;
    }
    this.#messages.drain().then(
      () => callback(),
      (error: Error) => {
        this.#fail(error);
        callback(error);
      },
    );
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (error === null) {
      this.#messages.close();
    } else {
      this.#messages.destroy(error);
    }
    void this.#messages.waitClosed().then(() => callback(error));
  }

  #onReadingEnded(error: Error): void {
    if (this.#endedWell()) {
      this.push(null);
      this.#finishReading();
    } else {
      this.#fail(error);
    }
  }

  /** As with a socket of Node: who destroys the connection himself, without an error, gets none. */
  #fail(error: Error): void {
    if (isDestroyedHere(error)) {
      this.destroy();
    } else {
      this.destroy(error);
    }
  }

  /**
   * The connection is closed. Where nothing waits to be read, `end` comes though nobody reads; messages
   * that wait are the user's, and `end` follows them.
   */
  #finishReading(): void {
    if (
      this.#isConnectionClosed &&
      !this.#isReading &&
      !this.destroyed &&
      this.readableLength === 0
    ) {
      this.read(0);
    }
  }

  /** The other half may still be open: nothing can be written to a connection that is closed. */
  #destroyWhenClosed(): void {
    if (this.#isConnectionClosed && this.readableEnded && !this.destroyed) {
      // Node destroys the stream itself where the other half has ended as well.
      process.nextTick(() => this.destroy());
    }
  }
}

/** By `destroy()` of the connection without an error. */
function isDestroyedHere(error: Error): boolean {
  return (
    error instanceof ConnectionClosedError && error.ending === 'local' && error.cause === undefined
  );
}
