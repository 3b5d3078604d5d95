/**
 * Byte streams: what each kind guarantees (a socket of the system, TLS, a stream of the user), when a stream
 * is closed, and how a stream of the user is made to behave like a socket of Node. Knows the streams of Node
 * and no protocol.
 */
import { Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { ConnectionClosedError, codeOrMessage } from '../../core/errors.js';
import { toError } from '../callbacks.js';
import { startTimeout } from '../deadline-timer.js';

/**
 * True for a socket of Node's own class, not of a derived class. Such a socket has copied the octets when it
 * reports that they were written, and it allocates memory for each chunk that it receives.
 */
export function isPlainSocket(stream: Duplex): boolean {
  return Object.getPrototypeOf(stream) === Socket.prototype;
}

/**
 * True for a socket of the system, without TLS. After a write its `writableLength` shows immediately what the
 * system did not accept.
 */
export function isSystemSocket(stream: Duplex): stream is Socket {
  return stream instanceof Socket && !(stream instanceof TLSSocket);
}

/** Destroys a stream at once, by a TCP reset if it can be reset. */
export function resetStream(stream: Duplex): void {
  if (mayReset(stream)) {
    try {
      stream.resetAndDestroy();
      return;
    } catch {
      // A socket over a pipe cannot be reset, and only this call reports it.
    }
  }
  stream.destroy();
}

/**
 * TLS cannot be reset. A socket that is still connecting would delay the reset until it is connected. A
 * socket that has ended but not yet written everything would never close.
 */
function mayReset(stream: Duplex): stream is Socket {
  return (
    isSystemSocket(stream) && !stream.connecting && stream.writableEnded === stream.writableFinished
  );
}

/** Internal state of a stream, which has no public setter. */
interface ReadableState {
  readonly _readableState?: { highWaterMark: number };
}

/**
 * Limits a paused socket to one chunk of read-ahead. By default a socket reads until 16 KiB (64 KiB from Node
 * 22 on) are buffered, and each chunk uses about 450 octets beside its data: with chunks of one octet, a peer
 * could make a paused connection use several MiB. A flowing socket is not affected. Node accepts the mark as
 * an option, but not for the sockets of a TLS server.
 */
export function limitReadAhead(stream: Duplex): void {
  const { _readableState: state } = stream as ReadableState;
  if (stream instanceof Socket && state !== undefined) {
    state.highWaterMark = 1;
  }
}

/** Internal handle of a socket: the system call that returns the address of the peer. */
interface SocketHandle {
  getpeername?(out: object): unknown;
}

/** Takes addresses that nobody reads. */
const IGNORED = {};

/**
 * True if TCP is gone and the stream has not reported it. Node notices a reset only while it reads, and it
 * does not read a socket that is paused or whose peer has sent FIN. The system then no longer has a peer
 * address for the socket. Node has no public call for this; if the internal one is missing, the result is
 * `false`.
 */
export function isGone(stream: Duplex): boolean {
  const { _handle: handle } = stream as { readonly _handle?: SocketHandle | null };
  const error = stream.destroyed ? undefined : handle?.getpeername?.(IGNORED);
  return typeof error === 'number' && error < 0;
}

/** The error that the stream would have reported if it had been read. */
export function goneError(): NodeJS.ErrnoException {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
}

/** Sets whether a stream keeps the process alive. A stream of the user may not have these methods. */
export function setStreamRef(stream: Duplex, isRef: boolean): void {
  const { ref, unref } = stream as { ref?: () => unknown; unref?: () => unknown };
  (isRef ? ref : unref)?.call(stream);
}

/** Milliseconds after which a destroyed stream counts as closed, even if it has not finished. */
const MOST_TO_DESTROY = 5_000;

/** The callbacks that wait for the end of a stream of the user. */
const WAITING = new WeakMap<Duplex, Set<() => void>>();

/**
 * Calls `onClosed` once, when the stream is closed; in the next tick if it is closed already.
 *
 * Sockets of Node always emit `close`. A stream of the user may not: it can be created with `emitClose:
 * false`, and its `_destroy` may never finish.
 */
export function whenClosed(stream: Duplex, onClosed: () => void): void {
  if (stream.closed) {
    process.nextTick(onClosed);
  } else if (stream instanceof Socket) {
    // Emitted once. `once` would create two more objects for each connection and listener.
    stream.on('close', onClosed);
  } else if (typeof stream._destroy !== 'function') {
    stream.once('close', onClosed);
  } else {
    waitingFor(stream).add(onClosed);
  }
}

function waitingFor(stream: Duplex): Set<() => void> {
  const known = WAITING.get(stream);
  if (known !== undefined) {
    return known;
  }
  const waiting = new Set<() => void>();
  WAITING.set(stream, waiting);
  const closed = () => {
    for (const onClosed of waiting) {
      waiting.delete(onClosed);
      onClosed();
    }
  };
  stream.once('close', closed);
  observeDestroy(stream, closed);
  return waiting;
}

/** Every stream of Node's classes calls `_destroy` when it ends, whatever events it emits. */
function observeDestroy(stream: Duplex, closed: () => void): void {
  const destroy = stream._destroy;
  stream._destroy = function destroyAndNotify(error, callback) {
    const stop = startTimeout(MOST_TO_DESTROY, closed);
    const done = (failure?: Error | null) => {
      stop();
      callback(failure);
      // Node emits `error` and `close` in the next tick; this comes after them.
      process.nextTick(closed);
    };
    try {
      destroy.call(this, error, done);
    } catch (thrown) {
      done(toError(thrown));
    }
  };
}

/** Streams that were adapted before: a second attempt may use the same stream. */
const TAKEN = new WeakSet<Duplex>();

/**
 * Adapts a stream of the user. Our half stays open after the FIN of the peer, errors thrown by its methods
 * become errors of the stream, and it is destroyed once both halves have ended.
 *
 * @param name of the stream in the error
 * @throws ConnectionClosedError if the stream has already ended, because its events would never come
 */
export function takeOver(stream: Duplex, name: string): void {
  refuseEnded(stream, name);
  // Otherwise Node ends our half itself. TLS over this stream reads this property too.
  stream.allowHalfOpen = true;
  if (!isOfNode(stream) && !TAKEN.has(stream)) {
    TAKEN.add(stream);
    guardWrites(stream);
    destroyWhenEnded(stream);
  }
}

function refuseEnded(stream: Duplex, name: string): void {
  if (stream.destroyed) {
    const { errored } = stream;
    const why = errored === null ? '' : ` (${codeOrMessage(errored)})`;
    throw new ConnectionClosedError(
      `${name} must be an open stream, but it is already destroyed${why}`,
      {
        phase: 'tcp',
        ending: errored === null ? undefined : 'reset',
        cause: errored ?? undefined,
      },
    );
  }
  if (stream.readableEnded || stream.writableEnded) {
    throw new ConnectionClosedError(`${name} must be an open stream, but it has already ended`, {
      phase: 'tcp',
      ending: undefined,
    });
  }
}

/** True for Node's own socket classes, not for derived ones. */
function isOfNode(stream: Duplex): boolean {
  const prototype: unknown = Object.getPrototypeOf(stream);
  return prototype === Socket.prototype || prototype === TLSSocket.prototype;
}

type WriteCallback = (error?: Error | null) => void;

/**
 * Makes what `_write` and `_writev` throw an error of the stream. Node would throw it to the code that is
 * writing, or to no code at all, which ends the process.
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

/** For streams created with `autoDestroy: false`, which would stay open for ever. */
function destroyWhenEnded(stream: Duplex): void {
  const check = () => {
    if (stream.readableEnded && stream.writableFinished && !stream.destroyed) {
      // Other listeners of this event run first.
      process.nextTick(() => stream.destroy());
    }
  };
  stream.once('end', check);
  stream.once('finish', check);
}
