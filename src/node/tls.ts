/**
 * TLS of Node: options whose functions cannot end the process, and the reason why a handshake failed, in one
 * sentence. Node calls the functions among the options during a handshake; if one throws, that handshake fails
 * and nothing else. Knows no protocol above.
 */
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, TLSSocket, type TlsOptions } from 'node:tls';
import { ConnectionClosedError, TimeoutError } from '../core/errors.js';
import { runCallback, toError } from './callbacks.js';
export { isTlsFailure } from '../core/errors.js';

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
 * @param report receives what they threw where Node takes no error from them
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

/** Gives the error instead of throwing it. A promise would count as an error, and its rejection as nobody's. */
function checked(check: Check): Check {
  return (hostname, cert) => {
    try {
      const result: unknown = check(hostname, cert);
      if (isThenable(result)) {
        runCallback(() => result, ignore);
        return new TypeError(
          'options.tls.checkServerIdentity must decide at once, not by a promise',
        );
      }
      return result as Error | undefined;
    } catch (thrown) {
      return toError(thrown);
    }
  };
}

type AnyFunction = (...args: never[]) => unknown;

/**
 * A function whose last argument is a callback of Node's, which takes an error first. What the function
 * throws or rejects with goes there; the callback is called once at most.
 */
export function withCallback(call: AnyFunction): AnyFunction {
  return function callOnce(this: unknown, ...args: unknown[]): void {
    const callback = args.pop() as (error: Error | null, ...results: unknown[]) => void;
    let isDone = false;
    const done = (error: Error | null, ...results: unknown[]) => {
      if (!isDone) {
        isDone = true;
        callback(error, ...results);
      }
    };
    runCallback(
      () => Reflect.apply(call, this, [...args, done]),
      (thrown) => done(toError(thrown)),
    );
  } as AnyFunction;
}

/** A function whose result Node takes at once; that value instead of a throw or of a promise. */
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

/** May throw, where `then` is a getter that does. */
function isThenable(value: unknown): boolean {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

function ignore(): void {}

/** A peer without TLS answers in its own words or closes; so does a full server, without a word. */
const CLOSED_HINT =
  'TCP was connected, but closed before TLS was: does the peer speak TLS on this port, and does it take another connection (a full server drops it without a word)?';
const NO_TLS_HINT =
  'TCP was connected, but the answer was not TLS: does the peer speak TLS on this port?';
/** By the code of the error. */
const CLIENT_HINTS: readonly (readonly [RegExp, string])[] = [
  [/^(ECONNRESET|EPIPE)$/, CLOSED_HINT],
  [/^(EPROTO|ERR_SSL_WRONG_VERSION_NUMBER)$/, NO_TLS_HINT],
];
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
  return reworded(error, CLIENT_HINTS.find(([codes]) => codes.test(codeOf(error)))?.[1]);
}

/**
 * The error of a handshake that failed on a server.
 *
 * @param verification why the certificate of the client was rejected, where it was: Node destroys the
 * connection then, and its error says no more than that
 */
export function serverTlsError(error: Error, verification: unknown): Error {
  const code = codeOf(error);
  if (code === 'ECONNRESET') {
    return isVerification(verification)
      ? rejectedCertificate(verification)
      : withCode(`the client closed TCP during the TLS handshake (${error.message})`, code, error);
  }
  return reworded(error, SERVER_HINT_FOR.test(code) ? SERVER_HINT : undefined);
}

/** The code of a verification of OpenSSL; its type says `Error`, which is not so. */
function isVerification(value: unknown): value is string | Error {
  return (typeof value === 'string' && value !== '') || value instanceof Error;
}

function rejectedCertificate(verification: string | Error): Error {
  const code =
    typeof verification === 'string' ? verification : codeOf(verification) || verification.message;
  const message = `the certificate of the client was rejected (${code}): was it issued by an authority of options.tls.ca, and is it valid now?`;
  return withCode(message, code, undefined);
}

/** No TLS within the time that a server gives a client, with the code that Node gives it. */
export function tlsHandshakeTimeout(milliseconds: number): Error {
  const message = `no TLS handshake within ${milliseconds} ms (handshakeTimeout): does the client speak TLS?`;
  return withCode(message, 'ERR_TLS_HANDSHAKE_TIMEOUT', undefined);
}

/**
 * A server does no TLS handshake for a client that is one too many.
 *
 * @param dropped clients that were dropped for a limit since the server listens, this one included
 */
export function overLimit(option: string, value: number, dropped: number): ConnectionClosedError {
  return new ConnectionClosedError(
    `a client was dropped before TLS: ${option} is ${value}, and so many are connected (${dropped} dropped so far)`,
    { phase: 'tcp', ending: 'limit', hint: `raise options.${option} if this is no attack` },
  );
}

function withCode(message: string, code: string, cause: Error | undefined): Error {
  return Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { code });
}

/** Whether TCP is connected beneath a stream of TLS that is still being opened. */
export function isTcpConnected(stream: Duplex): boolean {
  return stream instanceof TLSSocket && !stream.connecting;
}

/** TCP was connected in time, TLS was not. */
export function tlsTimeout(milliseconds: number): TimeoutError {
  const message = `TCP connected, but no TLS within ${milliseconds} ms`;
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
  const text = hint === undefined ? words : `${words}: ${hint}`;
  // Only what Node made is changed: the error of somebody else's stream may be frozen.
  if (text !== message) {
    error.message = text;
    if (stack !== undefined) {
      error.stack = stack.replace(message, () => text);
    }
  }
  return error;
}
