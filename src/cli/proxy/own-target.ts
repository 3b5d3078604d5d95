/**
 * Whether the target of a proxy is the proxy itself: each connection would cause another one, until no socket is free.
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { ProxyOptions } from './proxy-options.js';

type Ends = Pick<ProxyOptions, 'listenAddr' | 'target'>;

/** True if it is certain. Names are not resolved: two of them can have one address. */
export function isOwnTarget({ listenAddr, target }: Ends): boolean {
  const [listening, called] = [normalForm(listenAddr.host), normalForm(target.host)];
  return listenAddr.port === target.port && (listening === called || reaches(called, listening));
}

/** One form for each address: an IPv4-mapped address is the IPv4 address. An address with a zone stays as it is. */
function normalForm(host: string): string {
  if (!isIPv6(host) || host.includes('%')) {
    return host.toLowerCase();
  }
  const { address } = new SocketAddress({ address: host, family: 'ipv6' });
  const mapped = address.replace(/^::ffff:/, '');
  return isIPv4(mapped) ? mapped : address;
}

/** A connection to all addresses goes to loopback. */
const MEANT: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/**
 * True if a connection to `called` comes to `listening` over loopback. Elsewhere than on Linux another program can listen
 * on the loopback address and the same port, and gets it.
 */
function reaches(called: string, listening: string): boolean {
  const meant = MEANT[called] ?? called;
  const isLoopbackV4 = isIPv4(meant) && meant.startsWith('127.');
  return (
    process.platform === 'linux' &&
    (listening === meant ||
      (listening === '0.0.0.0' && isLoopbackV4) ||
      (listening === '::' && (isLoopbackV4 || meant === '::1')))
  );
}
