/**
 * Where a server listens: a TCP address, a path, a file descriptor or a `net.Server`; and the options that only some
 * of them have. Opens nothing.
 */
// As a whole: a bundler would name our class Server otherwise than theirs, and a log shows it.
import * as net from 'node:net';
import process from 'node:process';
import * as tls from 'node:tls';
import {
  type Address,
  type FullAddress,
  formatAddress,
  type PathAddress,
  refuseUnknown,
  resolveAddress,
} from '../address.js';
import { integer, wrongType } from '../options/rows.js';

/** A listening socket that the process was started with, for instance by systemd: its first one is 3. */
export interface FdAddress {
  /** File descriptor of the socket, 0 to 2147483647. Not possible on Windows. */
  readonly fd: number;
}

/**
 * Where to listen. A `net.Server` may listen already. If it does not, call its `listen` later: this `listen` resolves when
 * it listens. It belongs to the `Server` from then on, which closes it.
 */
export type ListenAddress = Address | PathAddress | FdAddress | net.Server;

/** A checked {@link ListenAddress}. */
export type ListenTarget =
  | { readonly kind: 'tcp' | 'path'; readonly address: FullAddress }
  | { readonly kind: 'fd'; readonly fd: number }
  | { readonly kind: 'server'; readonly server: net.Server };

/** The options that say how a TCP port is bound. */
export interface BindOptions {
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
}

/** All IPv4 addresses. The port is then 102, which requires privileges on most systems. */
export const DEFAULT_LISTEN_ADDRESS: Address = { host: '0.0.0.0' };

const MAX_FD = 2 ** 31 - 1;

/**
 * Checks where to listen, and the options that depend on it.
 *
 * @throws TypeError or RangeError
 */
export function resolveListenAddress(addr: unknown, options: BindOptions): ListenTarget {
  const target = targetOf(addr);
  for (const name of ['ipv6Only', 'reusePort'] as const) {
    if (options[name] && target.kind !== 'tcp') {
      throw new TypeError(`options.${name} requires that addr is a host and port`);
    }
  }
  if (options.reusePort && !hasReusePort(process.versions.node)) {
    throw new TypeError(
      `options.reusePort requires Node 22.12 or 23.1, not ${process.versions.node}`,
    );
  }
  return target;
}

function targetOf(addr: unknown): ListenTarget {
  if (addr instanceof net.Server) {
    if (addr instanceof tls.Server) {
      throw new TypeError(
        'addr must be a net.Server without TLS, not a tls.Server: pass its options as options.tls',
      );
    }
    return { kind: 'server', server: addr };
  }
  if (typeof addr !== 'object' || addr === null) {
    const expected = 'a net.Server or an object such as { host: "127.0.0.1", port: 102 }';
    throw wrongType('addr', expected, addr);
  }
  if ('fd' in addr) {
    refuseUnknown(addr, ['fd']);
    return { kind: 'fd', fd: integer(0, MAX_FD)('addr.fd', addr.fd) };
  }
  const address = resolveAddress(addr, 0);
  return { kind: address.path === undefined ? 'tcp' : 'path', address };
}

/** Whether this version of Node has `reusePort`; an older one would ignore it. */
export function hasReusePort(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

/** The target in words, for errors. */
export function formatTarget(target: ListenTarget): string {
  switch (target.kind) {
    case 'tcp':
    case 'path':
      return formatAddress(target.address);
    case 'fd':
      return `file descriptor ${target.fd}`;
    case 'server':
      return 'a net.Server';
    default:
      return target satisfies never;
  }
}
