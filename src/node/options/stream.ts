/**
 * The options that COTP and bare TPKT have in common: those of the byte stream and of the messages on it.
 */
import { isIP, type LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { Duplex as DuplexClass } from 'node:stream';
import type { ConnectionOptions as TlsConnectOptions, TlsOptions } from 'node:tls';
import { type ProxyProtocolOptions, proxySources } from './proxy-sources.js';
import {
  type Check,
  callback,
  flag,
  instance,
  integer,
  milliseconds,
  type OptionRow,
  oneOf,
  optional,
  optionsObject,
  passedOn,
  row,
  text,
} from './rows.js';

/** Largest value of a mark or buffer limit, in octets. */
const MAX_BUFFER = 2 ** 31 - 1;
const MEBIBYTE = 1_048_576;

/** Options of both sides. Sizes are in octets, times in milliseconds. */
export interface StreamOptions {
  /**
   * Reading from the socket pauses when unread messages use this many octets of memory. The sum includes 128
   * octets for each message, and the chunks that contain the messages with 448 octets for each chunk. Reading
   * pauses at the end of a chunk, so one chunk of up to 64 KiB can exceed the limit. 1 to 2147483647 octets. Default
   * 1 MiB, which keeps a fast link busy during a short pause.
   *
   * @defaultValue `1048576`
   */
  readonly readHighWaterMark?: number | undefined;
  /**
   * `write` returns `false` while more octets than this wait to be sent, or as many as `maxWriteBuffer` if that is less.
   * 1 to 2147483647 octets. Default 1 MiB, as for reading.
   *
   * @defaultValue `1048576`
   */
  readonly writeHighWaterMark?: number | undefined;
  /**
   * `write` throws `ERR_COTP_WRITE_OVERFLOW` once this many octets wait to be sent. A program that ignores
   * `false` thus gets an error before memory runs out. For `writeExpedited` each expedited data unit that waits counts 448
   * octets more. 1 to 2147483647 octets. Default 64 MiB.
   *
   * @defaultValue `67108864`
   */
  readonly maxWriteBuffer?: number | undefined;
  /**
   * TCP keep-alive, first probe after 10 seconds. On by default, as RFC 2126 §6.1 recommends.
   *
   * @defaultValue `true`
   */
  readonly keepAlive?: boolean | undefined;
  /**
   * Sends small packets without the delay of Nagle's algorithm. On by default, as RFC 2126 §6.2 recommends.
   *
   * @defaultValue `true`
   */
  readonly noDelay?: boolean | undefined;
  /**
   * Longest time from the start of closing to the end of TCP, including the sending of what waits, in milliseconds, 1
   * to 2147483647. When it expires, TCP is dropped, and reset if octets still wait. In class 2 it covers DR, DC and FIN,
   * and TCP is never reset.
   *
   * @defaultValue `5000`
   */
  readonly closeTimeout?: number | undefined;
  /**
   * A TPKT or TSDU must be complete within this time after its first octet, in milliseconds, 1 to 2147483647. Further
   * octets do not extend the time.
   *
   * @defaultValue `60000`
   */
  readonly reassemblyTimeout?: number | undefined;
  /**
   * Closes an open connection on which nothing was sent or received for this time, in milliseconds, 1 to 2147483647: by
   * FIN, in class 2 by a DR. The time does not run while octets wait to be sent, nor while reading is paused because the
   * application does not read. Default: off.
   *
   * @defaultValue `undefined`
   */
  readonly idleTimeout?: number | undefined;
  /**
   * Resets a connection on which nothing was received for this time, in milliseconds, 1 to 2147483647, even if octets
   * were sent. It detects for instance a cable that was unplugged while a request waits for its answer. Suspended while
   * reading is paused because the application does not read, and after the FIN of the peer. Default: off.
   *
   * @defaultValue `undefined`
   */
  readonly receiveTimeout?: number | undefined;
  /**
   * After the FIN of the peer the connection stays open for writing until `end()` or `close()` is
   * called. By default it closes by itself: once everything was read and at least as many messages were written, or
   * after 500 milliseconds (`closeTimeout` if that is less) without a read or write. No effect in class 2, which has no
   * half-close.
   *
   * @defaultValue `false`
   */
  readonly allowHalfOpen?: boolean | undefined;
  /**
   * Resets a connection if octets wait and the peer accepts none of them for this time, in milliseconds, 1 to
   * 2147483647. The system reports progress only in steps, for instance of a third of its buffer. With less than a few
   * seconds, a slow peer can look like a peer that accepts nothing. It is also the longest time for the EA of expedited
   * data. In class 2 it is suspended while reading is paused because the application does not read, for an EA or DR of
   * the peer may wait there; but not while the application waits for `drain`, nor in a relay.
   *
   * @defaultValue `60000`
   */
  readonly writeTimeout?: number | undefined;
  /**
   * A name of your choice: `info.name`, and `name` in traces and events. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly name?: string | undefined;
}

/** The rows of {@link StreamOptions}. */
export const STREAM_OPTIONS = {
  readHighWaterMark: row(integer(1, MAX_BUFFER, 'octets'), MEBIBYTE),
  writeHighWaterMark: row(integer(1, MAX_BUFFER, 'octets'), MEBIBYTE),
  maxWriteBuffer: row(integer(1, MAX_BUFFER, 'octets'), 64 * MEBIBYTE),
  //= RFC 2126 6.1
  keepAlive: row(flag, true),
  //= RFC 2126 6.2
  noDelay: row(flag, true),
  closeTimeout: row(milliseconds, 5_000),
  reassemblyTimeout: row(milliseconds, 60_000),
  idleTimeout: optional(milliseconds),
  receiveTimeout: optional(milliseconds),
  allowHalfOpen: row(flag, false),
  writeTimeout: row(milliseconds, 60_000),
  name: optional(text),
} satisfies Record<keyof StreamOptions, OptionRow<unknown>>;

/** Options of the side that connects. */
export interface StreamConnectOptions {
  /**
   * Longest time for TCP, TLS and the answer of the peer together, in milliseconds, 1 to 2147483647.
   *
   * @defaultValue `10000`
   */
  readonly timeout?: number | undefined;
  /**
   * Cancels the attempt when it aborts. It has no effect once the connection is open. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Local address to connect from: an IPv4 or IPv6 address, as in `net.connect`. Default: the system chooses.
   *
   * @defaultValue `undefined`
   */
  readonly localAddress?: string | undefined;
  /**
   * Local port to connect from, 1 to 65535; as in `net.connect`. Default: the system chooses.
   *
   * @defaultValue `undefined`
   */
  readonly localPort?: number | undefined;
  /**
   * Version of IP that a host name is looked up for: 4 or 6, or 0 for both; as in `net.connect`. Default: both.
   *
   * @defaultValue `undefined`
   */
  readonly family?: 0 | 4 | 6 | undefined;
  /**
   * Looks up host names; as in `net.connect`. If it fails, `connect` rejects with its error. Default: `dns.lookup`.
   *
   * @defaultValue `undefined`
   */
  readonly lookup?: LookupFunction | undefined;
  /**
   * TLS, with the options of `tls.connect`; `true` for its defaults. Default: no TLS.
   *
   * @defaultValue `undefined`
   */
  readonly tls?: TlsConnectOptions | true | undefined;
  /**
   * A stream to use instead of a new TCP connection, for instance an SSH or serial channel. The connection
   * closes it. Its `allowHalfOpen` is set to `true`, because this side may have to answer after the FIN of
   * the peer; the connection ends the stream itself. It cannot be combined with `localAddress`, `localPort`, `family` or
   * `lookup`. Default: a new TCP connection, or the Unix socket of the address.
   *
   * @defaultValue `undefined`
   */
  readonly socket?: Duplex | undefined;
}

const ipAddress: Check<string> = (name, value) => {
  const address = text(name, value);
  if (isIP(address) === 0) {
    throw new RangeError(`${name} must be an IPv4 or IPv6 address, not '${address}'`);
  }
  return address;
};

/** The rows of {@link StreamConnectOptions}. */
export const STREAM_CONNECT_OPTIONS = {
  timeout: row(milliseconds, 10_000),
  signal: optional(instance(AbortSignal, 'an AbortSignal')),
  localAddress: optional(ipAddress),
  localPort: optional(integer(1, 65_535)),
  family: optional(oneOf<0 | 4 | 6>(0, 4, 6)),
  lookup: optional(callback<LookupFunction>()),
  tls: optional(passedOn<TlsConnectOptions>()),
  socket: optional(instance<Duplex>(DuplexClass, 'a Duplex stream')),
} satisfies Record<keyof StreamConnectOptions, OptionRow<unknown>>;

/** Options of the side that listens, except those that depend on the type of its connections. */
export interface StreamListenOptions {
  /**
   * Longest time for each step of a new connection, in milliseconds, 1 to 2147483647: the PROXY header of
   * `proxyProtocol`, the TLS handshake, the CR, the decision on the CR.
   *
   * @defaultValue `10000`
   */
  readonly handshakeTimeout?: number | undefined;
  /**
   * Most connections at a time, including those in their handshake, 1 to 65535. A further client is refused by a DR
   * with reason 1; TPKT alone just closes TCP. With `tls` it is dropped before the TLS handshake, and the limit is
   * reported to `onError`.
   *
   * @defaultValue `1024`
   */
  readonly maxConnections?: number | undefined;
  /**
   * Most connections from one address, 1 to 65535. Default: `maxConnections`. With `proxyProtocol` the address is that
   * of the client in the header. It does not apply to clients without a TCP address: those of a Unix socket, streams
   * that `server.accept` was given without one, and those that a PROXY header does not name.
   *
   * @defaultValue `undefined`
   */
  readonly maxConnectionsPerAddress?: number | undefined;
  /**
   * Connections that the system queues until they are accepted, 1 to 65535. Default 511, as in Node. For a `net.Server`
   * that you pass, its own `listen` decides.
   *
   * @defaultValue `511`
   */
  readonly backlog?: number | undefined;
  /**
   * On `::` accepts IPv6 alone, not IPv4 too; as in `net.Server.listen`. Only with a host and port.
   *
   * @defaultValue `false`
   */
  readonly ipv6Only?: boolean | undefined;
  /**
   * Several processes may listen on this port, and the system shares new connections out among them; as in
   * `net.Server.listen`. Only with a host and port, from Node 22.12 or 23.1 on, and not on every system.
   *
   * @defaultValue `false`
   */
  readonly reusePort?: boolean | undefined;
  /**
   * Before the server listens, an abort rejects `listen` with the reason. After that it calls `close()` of the server.
   * Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Most octets of memory that the unfinished and unread messages of all connections use together. The first
   * 64 KiB of each connection do not count. From three quarters of the limit on, reading pauses on each
   * connection with more than 64 KiB of unread messages. Above the limit the connection that uses most is
   * closed, if most of that belongs to an unfinished message. 1 to 2147483647 octets. Default 256 MiB, sixteen
   * TSDUs of the default `maxTsduSize`.
   *
   * @defaultValue `268435456`
   */
  readonly maxReceiveBuffer?: number | undefined;
  /**
   * Closing the server closes its connections too. By default they stay open.
   *
   * @defaultValue `false`
   */
  readonly bindConnections?: boolean | undefined;
  /**
   * TLS, with the options of `tls.createServer`. Default: no TLS.
   *
   * @defaultValue `undefined`
   */
  readonly tls?: TlsOptions | undefined;
  /**
   * Proxies and load balancers that send a PROXY header, version 1 or 2, before the data of each client (and before
   * TLS). A connection from an address in `from` must begin with a header within `handshakeTimeout`; any other
   * connection must not have one. Otherwise it is reset, and `onError` gets a `ProtocolError` with a fault that begins with
   * `proxy-`, or a `TimeoutError`. `remoteAddr` and `localAddr`, traces, errors and `maxConnectionsPerAddress` then use
   * the addresses of the header, and `info.proxy` and `request.proxy` have all of it. A header is at most 16384 octets.
   * Default: nobody may send a header.
   *
   * @defaultValue `undefined`
   */
  readonly proxyProtocol?: ProxyProtocolOptions | undefined;
}

/** A reference has 16 bits and is unique in a process, so there cannot be more connections. */
const MAX_CONNECTIONS = 65_535;

/** The rows of {@link StreamListenOptions}. */
export const STREAM_LISTEN_OPTIONS = {
  handshakeTimeout: row(milliseconds, 10_000),
  maxConnections: row(integer(1, MAX_CONNECTIONS), 1024),
  maxConnectionsPerAddress: optional(integer(1, MAX_CONNECTIONS)),
  backlog: row(integer(1, MAX_CONNECTIONS), 511),
  ipv6Only: row(flag, false),
  reusePort: row(flag, false),
  signal: optional(instance(AbortSignal, 'an AbortSignal')),
  maxReceiveBuffer: row(integer(1, MAX_BUFFER, 'octets'), 256 * MEBIBYTE),
  bindConnections: row(flag, false),
  tls: optional(optionsObject<TlsOptions>()),
  proxyProtocol: optional(proxySources),
} satisfies Record<keyof StreamListenOptions, OptionRow<unknown>>;

/** What an error concerns: the second argument of `onError`. */
export interface ErrorContext {
  /** The peer as `host:port`, or the address of the server if the error concerns no peer. */
  readonly peer: string;
}

/**
 * Called with the errors of connections that fail, and with what other callbacks throw. If another callback threw a
 * value that is not an `Error`, the value is the `cause` of the error. If this one throws or rejects, that is ignored.
 */
export type ErrorListener = (error: Error, context: ErrorContext) => void;

/** The row of every `onError` option. */
export const onErrorRow: OptionRow<ErrorListener> = optional(callback<ErrorListener>());
