/**
 * Whether the target of a proxy is the proxy itself: each connection would cause another one, until no socket is free.
 */
import { isIPv4 } from 'node:net';
import type { ProxyOptions } from './proxy-options.js';

type Ends = Pick<ProxyOptions, 'listenAddr' | 'target'>;

/** True if it is certain. Names are not resolved: two of them can have one address. */
export function isOwnTarget({ listenAddr, target }: Ends): boolean {
  const [listening, called] = [listenAddr.host.toLowerCase(), target.host.toLowerCase()];
  return listenAddr.port === target.port && (listening === called || covers(listening, called));
}

/**
 * True if listening on all addresses takes connections to a loopback address. Elsewhere than on Linux another program can
 * listen on that address and the same port, and gets them.
 */
function covers(listening: string, called: string): boolean {
  const isLoopbackV4 = isIPv4(called) && called.startsWith('127.');
  return (
    process.platform === 'linux' &&
    ((listening === '0.0.0.0' && isLoopbackV4) ||
      (listening === '::' && (isLoopbackV4 || called === '::1')))
  );
}
