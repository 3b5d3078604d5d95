/**
 * The functions among the options of TLS. Node calls them in the middle of a handshake, where what they
 * throw would end the process; here it fails that handshake and nothing else. It knows TLS of Node and no
 * protocol above.
 */
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import { runCallback, toError } from './callbacks.js';

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
