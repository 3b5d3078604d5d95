/**
 * Writes a trace to a stream of the user.
 */
import process from 'node:process';
import type { Writable } from 'node:stream';
import { toError } from '../callbacks.js';
import type { Output, OutputOptions, WrittenFile } from './output.js';

/** Writes to a stream of the user, which stays open. */
export class StreamOutput implements Output {
  readonly #stream: Writable;
  readonly #options: OutputOptions;
  #dropped = 0;
  /** TPDUs of which the stream has not said yet that it has written them. */
  #waiting = 0;
  #packets = 0;
  #closed: Promise<void> | undefined;
  #hasFailed = false;

  constructor(stream: Writable, options: OutputOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on('error', this.#onError);
    this.#checkStream();
    this.write(options.preamble(), 0, false);
  }

  get dropped(): number {
    return this.#dropped + (this.#hasFailed ? this.#waiting : 0);
  }

  get isOpen(): boolean {
    return this.#closed === undefined && this.#takesMore;
  }

  get written(): readonly WrittenFile[] {
    return [{ path: undefined, packets: this.#packets }];
  }

  drop(): void {
    this.#dropped += 1;
    if (this.#closed === undefined) {
      this.#checkStream();
    }
  }

  makeRoom(length: number): boolean {
    return this.isOpen && this.#stream.writableLength + length <= this.#options.maxBuffered;
  }

  write(record: Buffer, packets: number, isTpdu: boolean): void {
    if (record.length > 0 && this.#takesMore) {
      this.#packets += packets;
      this.#waiting += isTpdu ? 1 : 0;
      this.#write(record, isTpdu ? this.#onTpduWritten : this.#onWritten);
    }
  }

  /** Catches errors too: the `_write` of a stream of the user can throw. */
  #write(octets: Buffer | string, onWritten: OnWritten): void {
    try {
      this.#stream.write(octets, onWritten);
    } catch (thrown) {
      onWritten(toError(thrown));
    }
  }

  /** A stream tells it before the event `error`, which a file stream emits only when it has closed its file. */
  readonly #onWritten: OnWritten = (error) => {
    if (error) {
      this.#onError(error);
    }
  };

  readonly #onTpduWritten: OnWritten = (error) => {
    this.#waiting -= 1;
    this.#dropped += error ? 1 : 0;
    this.#onWritten(error);
  };

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  get #takesMore(): boolean {
    return !this.#hasFailed && !this.#stream.destroyed && !this.#stream.writableEnded;
  }

  /** A stream that the user has destroyed without an error, or has ended, does not say so by the event `error`. */
  #checkStream(): void {
    if (!this.#takesMore) {
      this.#onError(this.#stream.errored ?? new Error('the stream was destroyed or has ended'));
    }
  }

  async #finish(): Promise<void> {
    const stream = this.#stream;
    this.#checkStream();
    this.write(this.#options.epilogue(this.#dropped), 0, false);
    await new Promise<void>((resolve) => {
      if (!this.#takesMore) {
        // What the stream has written before, it tells by then.
        process.nextTick(resolve);
        return;
      }
      stream.once('close', resolve);
      this.#write('', (error) => {
        stream.off('close', resolve);
        this.#onWritten(error);
        resolve();
      });
    });
    const stopListening = () => stream.off('error', this.#onError);
    if (this.#takesMore || stream.closed) {
      stopListening();
    } else {
      // Nobody else may listen to the event `error` of a stream that fails; it comes before `close`.
      stream.once('close', stopListening);
    }
  }

  readonly #onError = (error: Error): void => {
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.#options.onError(error);
    }
  };
}

type OnWritten = (error?: Error | null) => void;
