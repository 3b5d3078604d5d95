/**
 * TLS of Node: makes the functions in its options safe to call, and says in one sentence why a handshake
 * failed. Node calls these functions during a handshake; if one throws, only that handshake fails. Knows no
 * protocol above.
 */
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, TLSSocket, type TlsOptions } from 'node:tls';
import { ConnectionClosedError, TimeoutError } from '../../core/errors.js';
import { runCallback, toError } from '../callbacks.js';

export { isTlsFailure } from '../../core/errors.js';

/** The options of a client, with functions that never throw. */
export function clientTlsOptions(options: ConnectionOptions): ConnectionOptions {
  const { checkServerIdentity, lookup } = options;
  return {
    ...options,
    ...(checkServerIdentity === undefined
      ? {}
      : { checkServerIdentity: checked(checkServerIdentity) }),
    ...(lookup === undefined ? {} : { lookup: withCallback(lookup) as typeof lookup }),
  };
}

/**
 * The options of a server, with functions that never throw.
 *
 * @param report receives the error of a function that has no way to return it to Node
 */
export function serverTlsOptions(
  options: TlsOptions,
  report: (thrown: unknown) => void,
): TlsOptions {
  const { SNICallback, ALPNCallback, pskCallback } = options;
  return {
    ...options,
    ...(SNICallback === undefined
      ? {}
      : { SNICallback: withCallback(SNICallback) as typeof SNICallback }),
    ...(ALPNCallback === undefined
      ? {}
      : { ALPNCallback: orElse(ALPNCallback, undefined, report) as typeof ALPNCallback }),
    ...(pskCallback === undefined
      ? {}
      : { pskCallback: orElse(pskCallback, null, report) as typeof pskCallback }),
  };
}

type Check = NonNullable<ConnectionOptions['checkServerIdentity']>;

/**
 * Returns an error instead of throwing it. Node would take a promise for an error, and nobody would handle
 * its rejection.
 */
function checked(check: Check): Check {
  return (hostname, cert) => {
    try {
      const result: unknown = check(hostname, cert);
      if (isThenable(result)) {
        runCallback(() => result, ignore);
        return new TypeError(
          'options.tls.checkServerIdentity must return an Error or undefined, not a promise',
        );
      }
      return result ? toError(result) : undefined;
    } catch (thrown) {
      return toError(thrown);
    }
  };
}

type AnyFunction = (...args: never[]) => unknown;

/**
 * Wraps a function whose last argument is a callback of Node, with an error as first argument. If the
 * function throws or rejects, the callback receives that error. The callback is called at most once.
 */
export function withCallback(call: AnyFunction): AnyFunction {
  return function callOnce(this: unknown, ...args: unknown[]): void {
    const callback = args.pop() as (error: Error | null, ...results: unknown[]) => void;
    let isDone = false;
    const done = (error: unknown, ...results: unknown[]) => {
      if (!isDone) {
        isDone = true;
        callback(error ? toError(error) : null, ...results);
      }
    };
    runCallback(
      () => Reflect.apply(call, this, [...args, done]),
      (thrown) => done(toError(thrown)),
    );
  } as AnyFunction;
}

/**
 * Wraps a function whose result Node uses immediately. If it throws or returns a promise, the result is
 * `otherwise`.
 */
function orElse(
  call: AnyFunction,
  otherwise: unknown,
  report: (thrown: unknown) => void,
): AnyFunction {
  return function callSafely(this: unknown, ...args: unknown[]): unknown {
    try {
      const result: unknown = Reflect.apply(call, this, args);
      if (isThenable(result)) {
        runCallback(() => result, report);
        return otherwise;
      }
      return result;
    } catch (thrown) {
      report(thrown);
      return otherwise;
    }
  } as AnyFunction;
}

/** Throws if `then` is a getter that throws. */
function isThenable(value: unknown): boolean {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

function ignore(): void {}

/** A peer without TLS sends octets of another protocol, or closes TCP. A server at its limit closes TCP too. */
const CLOSED_HINT =
  'TCP was connected, but closed before TLS was: does the peer use TLS on this port, and does it accept another connection (a full server closes TCP without an answer)?';
const NO_TLS_HINT =
  'TCP was connected, but the answer was not TLS: does the peer use TLS on this port?';
/** The hint for each code of an error. */
const CLIENT_HINTS: readonly (readonly [RegExp, string])[] = [
  [/^(ECONNRESET|EPIPE)$/, CLOSED_HINT],
  [/^(EPROTO|ERR_SSL_WRONG_VERSION_NUMBER)$/, NO_TLS_HINT],
];
const SERVER_HINT = 'the client sent no TLS: is TLS enabled in it? This port requires TLS';
const SERVER_HINT_FOR = /WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL/;

/** A message of OpenSSL: its text is between locations in its source code, and there can be several lines. */
const OPENSSL_TEXT = /^.*?\b[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):.*$/s;

/** The same error, with a readable message. */
export function tlsError(error: Error): Error {
  return reworded(error, undefined);
}

/** The same error, for a client whose handshake failed. */
export function clientTlsError(error: Error): Error {
  return reworded(error, CLIENT_HINTS.find(([codes]) => codes.test(codeOf(error)))?.[1]);
}

/**
 * The error of a handshake that failed on a server.
 *
 * @param verification why the certificate of the client was rejected, if it was: Node then destroys the
 * connection, and its own error gives no reason
 */
export function serverTlsError(error: Error, verification: unknown): Error {
  const code = codeOf(error);
  if (code === 'ECONNRESET') {
    return isVerification(verification)
      ? rejectedCertificate(verification)
      : closedDuringTls(error);
  }
  return reworded(error, SERVER_HINT_FOR.test(code) ? SERVER_HINT : undefined);
}

/** The client has closed TCP before the TLS handshake was complete, by a FIN if there is no cause. */
export function closedDuringTls(cause: Error | undefined): Error {
  const how = cause === undefined ? '' : ` (${cause.message})`;
  const message = `the client closed TCP during the TLS handshake${how}`;
  return withCode(message, 'ECONNRESET', cause);
}

/**
 * True for the result of a failed verification. Its declared type is `Error`, but Node gives a code of
 * OpenSSL.
 */
function isVerification(value: unknown): value is string | Error {
  return (typeof value === 'string' && value !== '') || value instanceof Error;
}

function rejectedCertificate(verification: string | Error): Error {
  const code =
    typeof verification === 'string' ? verification : codeOf(verification) || verification.message;
  const message = `the certificate of the client was rejected (${code}): was it issued by an authority of options.tls.ca, and is it valid now?`;
  return withCode(message, code, undefined);
}

/** The handshake of a client was not complete in time. The code is that of Node. */
export function tlsHandshakeTimeout(milliseconds: number): Error {
  const message = `no TLS handshake within ${milliseconds} ms (handshakeTimeout): does the client use TLS?`;
  return withCode(message, 'ERR_TLS_HANDSHAKE_TIMEOUT', undefined);
}

/**
 * The error for a client beyond a limit, which gets no TLS handshake.
 *
 * @param dropped clients dropped because of a limit since the server began to listen, including this one
 */
export function overLimit(option: string, value: number, dropped: number): ConnectionClosedError {
  return new ConnectionClosedError(
    `a client was dropped before TLS: ${option} is ${value}, and that many clients are connected (${dropped} dropped so far)`,
    {
      phase: 'tcp',
      ending: 'limit',
      hint: `raise ${option} if the clients are legitimate`,
    },
  );
}

function withCode(message: string, code: string, cause: Error | undefined): Error {
  return Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { code });
}

/** True if TCP is connected beneath a TLS socket whose handshake is not complete. */
export function isTcpConnected(stream: Duplex): boolean {
  return stream instanceof TLSSocket && !stream.connecting;
}

/** TCP was connected in time, but TLS was not. */
export function tlsTimeout(milliseconds: number): TimeoutError {
  const message = `TCP connected, but no TLS within ${milliseconds} ms`;
  const hint = 'does the peer use TLS on this port?';
  return new TimeoutError(message, 'timeout', milliseconds, { phase: 'tcp', hint });
}

function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

/**
 * Changes the message of an error, and keeps its code and other properties. The stack, which a console
 * prints, contains the message and is changed too.
 */
function reworded(error: Error, hint: string | undefined): Error {
  const { message, stack } = error;
  const words = message.replace(OPENSSL_TEXT, 'TLS: $1');
  const text = hint === undefined ? words : `${words}: ${hint}`;
  // Other errors are not touched: the error of a stream of the user may be frozen.
  if (text !== message) {
    error.message = text;
    if (stack !== undefined) {
      error.stack = stack.replace(message, () => text);
    }
  }
  return error;
}
