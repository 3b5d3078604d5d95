/**
 * What kept TLS from standing, in words for people: one sentence on one line, for either side. Knows no
 * protocol above.
 */
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { TimeoutError } from '../core/errors.js';

export { isTlsFailure } from '../core/stream-failure.js';

/** By the name of the error. A peer without TLS may answer in its own words, or not at all. */
const CLIENT_HINT = 'TCP stands but TLS does not; does the peer speak TLS on this port?';
const CLIENT_HINT_FOR = /^(ECONNRESET|EPROTO|ERR_SSL_WRONG_VERSION_NUMBER)$/;
const SERVER_HINT = 'the client speaks no TLS; does it know that this port wants it?';
const SERVER_HINT_FOR = /WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL/;

/** OpenSSL puts the places in its own source around its words, and may have several lines of them. */
const OPENSSL_TEXT = /^.*?\b[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):.*$/s;

/** The same error, in words for people. */
export function tlsError(error: Error): Error {
  return reworded(error, undefined);
}

/** The same error, for a client whose handshake failed. */
export function clientTlsError(error: Error): Error {
  return reworded(error, CLIENT_HINT_FOR.test(codeOf(error)) ? CLIENT_HINT : undefined);
}

/** The same error, for a server to which a client came that cannot be had by TLS. */
export function serverTlsError(error: Error): Error {
  return reworded(error, SERVER_HINT_FOR.test(codeOf(error)) ? SERVER_HINT : undefined);
}

/** Whether TCP stands beneath a stream of TLS that is still being opened. */
export function standsBeneathTls(stream: Duplex): boolean {
  return stream instanceof TLSSocket && !stream.connecting;
}

/** TCP stood in time, TLS did not. */
export function tlsTimeout(milliseconds: number): TimeoutError {
  const message = `TCP stands but no TLS within ${milliseconds} ms`;
  const hint = 'does the peer speak TLS on this port?';
  return new TimeoutError(message, 'timeout', milliseconds, { phase: 'tcp', hint });
}

function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

/** Its code and all else stay. The stack repeats the message, and is what a console shows. */
function reworded(error: Error, hint: string | undefined): Error {
  const { message, stack } = error;
  const words = message.replace(OPENSSL_TEXT, 'TLS: $1');
  const told = hint === undefined ? words : `${words}: ${hint}`;
  // Only what Node made is changed: the error of somebody else's stream may not let itself be.
  if (told !== message) {
    error.message = told;
    if (stack !== undefined) {
      error.stack = stack.replace(message, () => told);
    }
  }
  return error;
}
