/**
 * A message connection as a Node stream. Knows the streams of Node and nothing of sockets.
 */
import { Duplex } from 'node:stream';

/** What the stream needs of a connection. */
interface Messages {
  read(): Promise<Buffer>;
  write(data: Uint8Array): boolean;
  drain(): Promise<void>;
  end(): void;
  close(): void;
  destroy(error?: Error): void;
  waitClosed(): Promise<void>;
}

/** One chunk is one message, in both directions. */
export class MessageDuplex extends Duplex {
  readonly #messages: Messages;
  readonly #endedWell: () => boolean;

  constructor(messages: Messages, endedWell: () => boolean) {
    // With a mark of one octet Node asks for a chunk only when the last one was taken, so that it
    // never joins two of them.
    super({ readableHighWaterMark: 1, allowHalfOpen: true });
    this.#messages = messages;
    this.#endedWell = endedWell;
  }

  override _read(): void {
    this.#messages.read().then(
      (message) => {
        this.push(message);
      },
      (error: Error) => {
        if (this.#endedWell()) {
          this.push(null);
        } else {
          this.destroy(error);
        }
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
    this.#messages.drain().then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#messages.end();
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
}
