/**
 * Addresses: where to connect to and where to listen.
 */
import type { Socket } from 'node:net';
import { integer, text, wrongType } from './options/rows.js';

/** A TCP address. */
export interface Address {
  /** A host name or an IPv4 or IPv6 address. */
  readonly host: string;
  /** TCP port. Default 102, that of ISO transport over TCP (RFC 1006 §5). */
  readonly port?: number | undefined;
}

/** The port that RFC 1006 §5 assigns. */
//= RFC 1006 5 N-CONNECT request
//= RFC 1006 5 N-CONNECT indication
//= RFC 2126 3.2.3.1 port
export const DEFAULT_PORT = 102;

/** An address with its port filled in. */
export type FullAddress = Required<Address> & { readonly port: number };

/**
 * Checks an address.
 *
 * @param leastPort 0 where any free port may be asked for, else 1
 * @throws TypeError or RangeError
 */
export function resolveAddress(addr: unknown, leastPort: 0 | 1): FullAddress {
  if (typeof addr !== 'object' || addr === null) {
    throw wrongType('addr', 'an object such as { host: "127.0.0.1", port: 102 }', addr);
  }
  for (const name of Object.keys(addr)) {
    if (name !== 'host' && name !== 'port') {
      throw new TypeError(`addr.${name} is not known; there are host, port`);
    }
  }
  const { host, port = DEFAULT_PORT } = addr as Readonly<Record<string, unknown>>;
  return Object.freeze({
    host: text('addr.host', host),
    port: integer(leastPort, 65_535)('addr.port', port),
  });
}

/** `host:port`, with the brackets that IPv6 needs. */
export function formatAddress({ host, port = DEFAULT_PORT }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The addresses of the two ends of a stream. */
export interface Ends {
  readonly localAddr: FullAddress;
  readonly remoteAddr: FullAddress;
}

/** Stands for the address of a stream that has none. */
export const UNKNOWN_ADDRESS: FullAddress = Object.freeze({ host: 'unknown', port: 0 });

/** The two ends of a socket. A stream that is no socket has none: `otherwise` stands for both. */
export function socketEnds(socket: object, otherwise: FullAddress): Ends {
  const { localAddress, localPort, remoteAddress, remotePort } = socket as Partial<Socket>;
  return {
    localAddr: Object.freeze({
      host: localAddress ?? otherwise.host,
      port: localPort ?? otherwise.port,
    }),
    remoteAddr: Object.freeze({
      host: remoteAddress ?? otherwise.host,
      port: remotePort ?? otherwise.port,
    }),
  };
}
