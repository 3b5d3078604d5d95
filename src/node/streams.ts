/**
 * Byte streams: the properties that can be relied on with each kind (a socket of the system, TLS, the user's own
 * stream), when one is closed, and how the user's own is made to behave like a socket of Node. Knows the streams
 * of Node and no protocol.
 */
import process from 'node:process';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { ConnectionClosedError, codeOrMessage } from '../core/errors.js';
import { toError } from './callbacks.js';
import { startTimeout } from './deadline-timer.js';

/**
 * A socket of Node's own class, not one derived from it: it has copied what it took once it says so, and
 * it makes memory for each chunk that comes from the system.
 */
export function isPlainSocket(stream: Duplex): boolean {
  return Object.getPrototypeOf(stream) === Socket.prototype;
}

/** A socket of the system itself: its write says at once what it could not take. */
export function isSystemSocket(stream: Duplex): stream is Socket {
  return stream instanceof Socket && !(stream instanceof TLSSocket);
}

/** Drops a stream at once, by a TCP reset where it has one. */
export function resetStream(stream: Duplex): void {
  if (mayReset(stream)) {
    try {
      stream.resetAndDestroy();
      return;
    } catch {
      // A socket over a pipe has no reset, and only this call shows it.
    }
  }
  stream.destroy();
}

/**
 * TLS has no reset of its own. A socket that still connects would put it off until it is connected, and
 * one whose FIN is on its way would never close.
 */
function mayReset(stream: Duplex): stream is Socket {
  return (
    isSystemSocket(stream) && !stream.connecting && stream.writableEnded === stream.writableFinished
  );
}

/** What of a stream Node does not let be changed once it is made. */
interface ReadableState {
  readonly _readableState?: { highWaterMark: number };
}

/**
 * Lets a socket read no more than one chunk ahead while it is paused. By default it reads on until 16 KiB
 * (64 KiB from Node 22 on) wait, and a chunk costs some 450 octets beside its own: a peer that sends octet by
 * octet could make a paused connection keep several MiB. A socket that flows does not notice. Node takes the
 * mark as an option, but not for the sockets of a TLS server.
 */
export function limitReadAhead(stream: Duplex): void {
  const { _readableState: state } = stream as ReadableState;
  if (stream instanceof Socket && state !== undefined) {
    state.highWaterMark = 1;
  }
}

/** What of a socket Node does not show: the call to the system that gives the address of the peer. */
interface SocketHandle {
  getpeername?(out: object): unknown;
}

/**
 * Whether TCP is gone without the stream having seen it: Node and the system below it notice a reset only
 * while they read, and do not read a socket that is paused or whose peer has sent FIN. The system has no
 * peer for such a socket any more. Node has no public call that asks; where this one is missing, `false`.
 */
export function isGone(stream: Duplex): boolean {
  const { _handle: handle } = stream as { readonly _handle?: SocketHandle | null };
  const error = stream.destroyed ? undefined : handle?.getpeername?.({});
  return typeof error === 'number' && error < 0;
}

/** The error that the stream would have had, if it had been read. */
export function goneError(): NodeJS.ErrnoException {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
}

/** Whether a stream keeps the process alive; a stream of the user's own may know no such thing. */
export function setStreamRef(stream: Duplex, isRef: boolean): void {
  const { ref, unref } = stream as { ref?: () => unknown; unref?: () => unknown };
  (isRef ? ref : unref)?.call(stream);
}

/** Milliseconds after which a stream that was destroyed counts as closed, whatever it still does. */
const MOST_TO_DESTROY = 5_000;

/** Whom to call, for streams of the caller's own. */
const WAITING = new WeakMap<Duplex, Set<() => void>>();

/**
 * Calls `onClosed` once, when the stream is closed; soon, if it is closed already.
 *
 * Node's own sockets always emit `close`. A stream of the caller's own need not: it may be made with
 * `emitClose: false`, and its `_destroy` may never finish.
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

/** `_destroy` is the one step that each stream of Node's classes takes to its end, whatever it emits. */
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
 * Node passes what `_write` and `_writev` throw to the code that happens to be writing, or to none: it would
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
