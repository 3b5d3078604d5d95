/**
 * The errors of calls on a connection that is closed, or that cannot take what it is given. Wording only.
 */
import { ConnectionClosedError, CotpError } from '../../core/errors.js';

/** `data` is not a Uint8Array. */
export function notOctets(data: unknown): TypeError {
  return new TypeError(`data must be a Uint8Array, not ${data === null ? 'null' : typeof data}`);
}

/** `data` has `length` octets, and a message has `least` to `most`. */
export function wrongLength(length: number, least: number, most: number): RangeError {
  const limit = most === Number.POSITIVE_INFINITY ? 'or more' : `to ${most}`;
  return new RangeError(`data must be ${least} ${limit} octets, not ${length}`);
}

/** `buffered` octets wait to be sent, and `maxWriteBuffer` may. */
export function tooMuchWaits(buffered: number, maxWriteBuffer: number): CotpError {
  return new CotpError(
    'ERR_COTP_WRITE_OVERFLOW',
    `at most ${maxWriteBuffer} octets may wait to be sent, ${buffered} do`,
    { ending: 'limit', hint: 'wait for drain() when write() returns false' },
  );
}

/** The user has closed the connection. */
export function closedByUs(): CotpError {
  return new ConnectionClosedError('the connection was closed by this side', {
    phase: 'open',
    ending: 'local',
  });
}

/** The user has called `destroy`, with this error. */
export function resetByUs(cause: Error | undefined): CotpError {
  return new ConnectionClosedError('the connection was reset by this side', {
    phase: 'open',
    ending: 'local',
    cause,
  });
}

/** A drain that waited when the connection was lost, after the user had closed it. */
export function lostOnClosing(): CotpError {
  return new ConnectionClosedError('the connection was lost before all written data was sent', {
    phase: 'closing',
    ending: 'reset',
  });
}

/** The peer has sent FIN. */
export function endedByPeer(): CotpError {
  return new ConnectionClosedError('the peer closed the connection', {
    phase: 'open',
    ending: 'fin',
  });
}

/** A call that would take TSDUs, or another relay, on a connection that is relayed. */
export function isRelayed(): CotpError {
  return new CotpError(
    'ERR_COTP_BUSY',
    'the connection is relayed: all that it receives goes to the other connection',
    { hint: 'read from a connection before relay() is called, or do not relay it' },
  );
}

/** `relay` on a connection that is being read. */
export function isRead(): CotpError {
  return new CotpError(
    'ERR_COTP_BUSY',
    'a connection that nobody reads was expected, but a read() or a loop over the connection waits',
    { hint: 'wait for that read, or cancel it by its signal, before relay() is called' },
  );
}
