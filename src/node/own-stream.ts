/**
 * Makes a stream of the caller's own behave as Node's own sockets do. It knows streams of Node and no
 * protocol.
 */
import { Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { ConnectionClosedError } from '../core/errors.js';
import { codeOrMessage } from '../core/stream-failure.js';
import { toError } from './callbacks.js';

/** Streams that were taken over before: a second attempt may use the same one. */
const TAKEN = new WeakSet<Duplex>();

/**
 * Takes the stream over: our half stays open after the FIN of the peer, what its methods throw becomes an
 * error of the stream, and it is destroyed once both halves have ended.
 *
 * @throws ConnectionClosedError for a stream that has ended already, whose events would never come
 */
export function takeOver(stream: Duplex): void {
  refuseEnded(stream);
  // Node would end our half by itself. TLS over this stream reads the property here, too.
  stream.allowHalfOpen = true;
  if (!isOfNode(stream) && !TAKEN.has(stream)) {
    TAKEN.add(stream);
    guardWrites(stream);
    destroyWhenEnded(stream);
  }
}

function refuseEnded(stream: Duplex): void {
  if (stream.destroyed) {
    const { errored } = stream;
    const why = errored === null ? '' : ` (${codeOrMessage(errored)})`;
    throw new ConnectionClosedError(`the stream given as socket is destroyed already${why}`, {
      phase: 'tcp',
      ending: errored === null ? undefined : 'reset',
      cause: errored ?? undefined,
    });
  }
  if (stream.readableEnded || stream.writableEnded) {
    throw new ConnectionClosedError('the stream given as socket has ended already', {
      phase: 'tcp',
      ending: undefined,
    });
  }
}

/** Of a class of Node itself, not one derived from it. */
function isOfNode(stream: Duplex): boolean {
  const prototype: unknown = Object.getPrototypeOf(stream);
  return prototype === Socket.prototype || prototype === TLSSocket.prototype;
}

type WriteCallback = (error?: Error | null) => void;

/**
 * Node lets what `_write` and `_writev` throw pass to whoever happens to be writing, or to nobody: it would
 * end the process.
 */
function guardWrites(stream: Duplex): void {
  const { _write: write, _writev: writev } = stream;
  stream._write = function guardedWrite(chunk, encoding, callback) {
    guard(stream, callback, (done) => write.call(this, chunk, encoding, done));
  };
  if (typeof writev === 'function') {
    stream._writev = function guardedWritev(chunks, callback) {
      guard(stream, callback, (done) => writev.call(this, chunks, done));
    };
  }
}

function guard(stream: Duplex, callback: WriteCallback, write: (done: WriteCallback) => void) {
  let isDone = false;
  const done: WriteCallback = (error) => {
    isDone = true;
    callback(error);
  };
  try {
    write(done);
  } catch (thrown) {
    if (isDone) {
      stream.destroy(toError(thrown));
    } else {
      done(toError(thrown));
    }
  }
}

/** For streams made with `autoDestroy: false`, which would stay open for ever. */
function destroyWhenEnded(stream: Duplex): void {
  const check = () => {
    if (stream.readableEnded && stream.writableFinished && !stream.destroyed) {
      // Whoever else listens to this event comes first.
      process.nextTick(() => stream.destroy());
    }
  };
  stream.once('end', check);
  stream.once('finish', check);
}
