/**
 * What a PROXY header says.
 */

/** One end of a connection. */
export interface ProxyEndpoint {
  /** An IPv4 address, or an IPv6 address in the form of RFC 5952. */
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** A field of a PROXY header of version 2. */
export interface ProxyTlv {
  /** 0 to 255. */
  readonly type: number;
  /** A copy, 0 to 16365 octets. */
  readonly value: Uint8Array;
}

/** A whole PROXY header. */
export interface ProxyHeader {
  /** Octets of the header; the data of the connection begins after them. */
  readonly length: number;
  /** The client of the proxy; `undefined` if the header does not say, and then `destination` is `undefined` too. */
  readonly source: ProxyEndpoint | undefined;
  /** The address of the proxy to which the client has connected. */
  readonly destination: ProxyEndpoint | undefined;
  /** All fields in the order of the header, checksum and padding included; none in version 1. */
  readonly tlvs: readonly ProxyTlv[];
}
