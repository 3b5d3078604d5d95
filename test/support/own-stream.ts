/** A stream of the user's own beneath a connection, in the hands of the test, which is the peer. */
import { Duplex } from 'node:stream';
import { type Connection, type ConnectOptions, connect } from '../../src/index.js';
import { closeLater } from './life.js';
import { cc } from './raw.js';

/** It keeps what is written to it, as it was given; it gives what is pushed, as it is. */
export class OwnStream extends Duplex {
  /** Everything that was written. */
  readonly written: Buffer[] = [];
  #taking = true;
  /** The write that is on its way while nothing is taken. */
  #unfinished: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true });
  }

  /** From now on whatever is written stays on its way. */
  hold(): void {
    this.#taking = false;
  }

  /** What is on its way is taken, and what comes after it. */
  release(): void {
    this.#taking = true;
    this.#unfinished?.();
    this.#unfinished = undefined;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#take([chunk], callback);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], callback: () => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  #take(chunks: readonly Buffer[], callback: () => void): void {
    for (const chunk of chunks) {
      this.written.push(chunk);
    }
    if (this.#taking) {
      callback();
    } else {
      this.#unfinished = callback;
    }
  }
}

/** An open connection over such a stream, at a TPDU size of 2048 or 65408. */
export async function overOwnStream(
  options: Omit<ConnectOptions, 'maxTpduSize'> & { readonly maxTpduSize?: 2048 | 65_408 } = {},
): Promise<{ connection: Connection; stream: OwnStream }> {
  const stream = new OwnStream();
  const connecting = connect({ host: 'own', port: 1 }, { ...options, socket: stream });
  const [cr] = stream.written.splice(0) as [Buffer];
  const srcRef = cr.subarray(8, 10).toString('hex');
  stream.push(cc(srcRef, options.maxTpduSize === 65_408 ? 'f00201ff' : 'c0010b'));
  const connection = await connecting;
  closeLater(() => connection.destroy());
  return { connection, stream };
}
