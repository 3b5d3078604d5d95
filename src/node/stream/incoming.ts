/**
 * What a server accepts: a stream, and the addresses of its two ends. They are kept, because a destroyed socket has
 * none, and because the stream may come from a proxy that names the real ones.
 */
import type { Duplex } from 'node:stream';
import type { ProxyHeader } from '../../core/proxy-protocol/types.js';
import { type Ends, type FullAddress, formatAddress, localEnd, remoteEnd } from '../address.js';
import { toBuffer } from '../buffers.js';

/** A field of a PROXY header of version 2, as received. */
export interface ProxyTlv {
  /** 0 to 255: for instance 0x02 the host name that the client asked for, 0x05 the id of the connection, 0x20 TLS. */
  readonly type: number;
  /** 0 to 16365 octets, with memory of its own. */
  readonly value: Buffer;
}

/** What the PROXY header of a connection says. Frozen. */
export interface ProxyInfo {
  /**
   * The client of the proxy, which is `remoteAddr` too; `undefined` if the header names none: the connection is the
   * proxy's own, such as a health check (`LOCAL`), the proxy does not know its client (`UNKNOWN`), or the client does
   * not use TCP.
   */
  readonly source: FullAddress | undefined;
  /** The address to which the client has connected, which is `localAddr` too; `undefined` if there is no source. */
  readonly destination: FullAddress | undefined;
  /** The fields in the order of the header, padding and checksum included; empty in version 1 and for `LOCAL`. */
  readonly tlvs: readonly ProxyTlv[];
}

/** A stream that a server has accepted, and the addresses of its two ends. */
export interface Incoming extends Ends {
  readonly stream: Duplex;
  /** `undefined` if the stream had no PROXY header. */
  readonly proxy: ProxyInfo | undefined;
}

/**
 * A stream that a server has accepted.
 *
 * @param otherwise stands for both ends of a stream that has no addresses
 * @param ownAddr the local end, if it is known: the system is not asked for it
 */
export function incomingStream(
  stream: Duplex,
  otherwise: FullAddress,
  ownAddr?: FullAddress,
): Incoming {
  const localAddr = ownAddr ?? localEnd(stream, otherwise);
  return { stream, localAddr, remoteAddr: remoteEnd(stream, otherwise), proxy: undefined };
}

/** The same stream after its PROXY header: with the addresses of the header, if it has any. */
export function behindProxy(incoming: Incoming, header: ProxyHeader): Incoming {
  const source = header.source && Object.freeze({ ...header.source });
  const destination = header.destination && Object.freeze({ ...header.destination });
  const tlvs = Object.freeze(
    header.tlvs.map(({ type, value }) => Object.freeze({ type, value: toBuffer(value) })),
  );
  return {
    stream: incoming.stream,
    localAddr: destination ?? incoming.localAddr,
    remoteAddr: source ?? incoming.remoteAddr,
    proxy: Object.freeze({ source, destination, tlvs }),
  };
}

/** The address of the peer, for error messages. */
export function peerOf({ remoteAddr }: Incoming): string {
  return formatAddress(remoteAddr);
}
