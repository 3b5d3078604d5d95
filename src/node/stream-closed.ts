/**
 * When a byte stream is closed: by its event where it has one. It knows streams of Node and nothing else.
 */
import { Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { toError } from './callbacks.js';
import { startTimeout } from './deadline-timer.js';

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
  } else if (stream instanceof Socket || typeof stream._destroy !== 'function') {
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
