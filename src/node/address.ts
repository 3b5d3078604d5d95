/**
 * Addresses: where to connect to, and the two ends of a stream. Where to listen: `listen-address.ts`.
 */
import type { Socket } from 'node:net';
import process from 'node:process';
import { type Check, integer, text, wrongType } from './options/rows.js';

/** A TCP address. */
export interface Address {
  /** A host name or an IPv4 or IPv6 address. */
  readonly host: string;
  /**
   * TCP port, 1 to 65535; for `listen` also 0, any free port. Default 102, that of ISO transport over TCP (RFC 1006
   * §5).
   */
  readonly port?: number | undefined;
}

/** A Unix socket, or on Windows a named pipe such as `\\.\pipe\cotp`. */
export interface PathAddress {
  /** The path: at most 107 octets on Linux, 103 on macOS and BSD. */
  readonly path: string;
}

/** The port that RFC 1006 §5 assigns. */
//= RFC 1006 5 N-CONNECT request
//= RFC 1006 5 N-CONNECT indication
//= RFC 2126 3.2.3.1 port
export const DEFAULT_PORT = 102;

/** An address as the library shows it: a TCP address with its port filled in, or a path. */
export interface FullAddress {
  /** A host name or an IPv4 or IPv6 address; of a Unix socket or named pipe the path. */
  readonly host: string;
  /** TCP port, 1 to 65535; 0 if there is a path, or the port is not known. */
  readonly port: number;
  /** The path of a Unix socket or named pipe; absent for TCP. */
  readonly path?: string;
}

/** A path in the form that the library shows. */
export function pathAddress(path: string): FullAddress {
  return Object.freeze({ host: path, port: 0, path });
}

const ADDRESS_NAMES = ['host', 'port', 'path'];

const PORT = integer(1, 65_535);
const PORT_OR_ANY = integer(0, 65_535);

/**
 * Checks an address.
 *
 * @param leastPort 0 where any free port may be asked for, else 1
 * @throws TypeError or RangeError
 */
export function resolveAddress(
  addr: unknown,
  leastPort: 0 | 1,
  name = 'addr',
  defaultPort = DEFAULT_PORT,
): FullAddress {
  if (typeof addr !== 'object' || addr === null) {
    throw wrongType(name, 'an object such as { host: "127.0.0.1", port: 102 }', addr);
  }
  refuseUnknown(addr, ADDRESS_NAMES, name);
  const { host, port = defaultPort, path } = addr as Readonly<Record<string, unknown>>;
  if (path !== undefined) {
    return checkedPath(addr, name);
  }
  const checkPort = leastPort === 0 ? PORT_OR_ANY : PORT;
  return Object.freeze({
    host: text(`${name}.host`, host),
    port: checkPort(`${name}.port`, port),
  });
}

/** @throws TypeError if an address has another name than these */
export function refuseUnknown(addr: object, known: readonly string[], name = 'addr'): void {
  for (const given of Object.keys(addr)) {
    if (!known.includes(given)) {
      throw new TypeError(`${name}.${given} is not known; there are ${known.join(', ')}`);
    }
  }
}

/** A path, or a `FullAddress` that has one, which a server shows. */
function checkedPath(addr: object, name: string): FullAddress {
  const { host, port, path } = addr as Readonly<Record<string, unknown>>;
  const checked = socketPath(`${name}.path`, path);
  if ((host !== undefined && host !== path) || (port !== undefined && port !== 0)) {
    throw new TypeError(`${name}.path cannot be combined with ${name}.host or ${name}.port`);
  }
  return pathAddress(checked);
}

/** Most octets of the path of a Unix socket, without the NUL behind it. */
const MAX_PATH: Readonly<Partial<Record<NodeJS.Platform, number>>> = {
  aix: 1022,
  android: 107,
  darwin: 103,
  freebsd: 103,
  linux: 107,
  netbsd: 103,
  openbsd: 103,
  sunos: 107,
};

/** The path of a Unix socket or named pipe. Node would cut a longer one, and use another file. */
const socketPath: Check<string> = (name, value) => {
  const path = text(name, value);
  // Node would end it there, and use another file. On Linux a NUL in front makes it an abstract name.
  if (path.includes('\0', 1)) {
    throw new RangeError(`${name} must not contain NUL, except in front`);
  }
  const length = Buffer.byteLength(path);
  const most = MAX_PATH[process.platform];
  if (most !== undefined && length > most) {
    throw new RangeError(`${name} must be at most ${most} octets on this system, not ${length}`);
  }
  return path;
};

/** `host:port`, with the brackets that IPv6 needs; a path as it is. */
export function formatAddress({
  host,
  port = DEFAULT_PORT,
  path,
}: Address & { readonly path?: string }): string {
  if (path !== undefined) {
    return path;
  }
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The addresses of the two ends of a stream. */
export interface Ends {
  readonly localAddr: FullAddress;
  readonly remoteAddr: FullAddress;
}

/** Stands for the address of a stream that has none. */
export const UNKNOWN_ADDRESS: FullAddress = Object.freeze({ host: 'unknown', port: 0 });

/** False for an end that is not a TCP address, so clients cannot be distinguished by it. */
export function isTcpAddress(address: FullAddress): boolean {
  return address.path === undefined && address !== UNKNOWN_ADDRESS;
}

/** The two ends of a socket. A stream that is no socket of TCP has none: `otherwise` stands for both. */
export function socketEnds(socket: object, otherwise: FullAddress): Ends {
  return { localAddr: localEnd(socket, otherwise), remoteAddr: remoteEnd(socket, otherwise) };
}

/** The remote end alone. Each end costs a call of the system. */
export function remoteEnd(socket: object, otherwise: FullAddress): FullAddress {
  const { remoteAddress, remotePort } = socket as Partial<Socket>;
  return endOf(remoteAddress, remotePort, otherwise);
}

/** The local end alone. */
export function localEnd(socket: object, otherwise: FullAddress): FullAddress {
  const { localAddress, localPort } = socket as Partial<Socket>;
  return endOf(localAddress, localPort, otherwise);
}

function endOf(
  host: string | undefined,
  port: number | undefined,
  otherwise: FullAddress,
): FullAddress {
  return host === undefined
    ? Object.freeze(otherwise)
    : Object.freeze({ host, port: port ?? otherwise.port });
}
