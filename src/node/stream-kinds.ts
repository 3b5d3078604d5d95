/**
 * What can be relied on with a byte stream, by what it is: a socket of the system, TLS, or a stream of
 * the user's own.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

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
      // A socket over a pipe has no reset, and nothing but this tells it apart.
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
