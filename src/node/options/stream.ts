/**
 * The options that every connection has, whether of COTP or of bare TPKT: those of the byte stream
 * and of the messages on it.
 */
import type { Duplex } from 'node:stream';
import { Duplex as DuplexClass } from 'node:stream';
import type { ConnectionOptions as TlsConnectOptions, TlsOptions } from 'node:tls';
import {
  type OptionRow,
  callback,
  flag,
  instance,
  integer,
  milliseconds,
  optional,
  optionsObject,
  passedOn,
  row,
  text,
} from './rows.js';

/** Octets of a mark or a buffer may come to this: larger is a mistake. */
const MAX_BUFFER = 2 ** 31 - 1;
const MEBIBYTE = 1_048_576;

/** Options of both sides. Sizes are in octets, times in milliseconds. */
export interface StreamOptions {
  /**
   * Messages that were not read may keep this many octets of memory before reading from the socket pauses.
   * Counted are the messages with 128 octets for each, and the chunks in which they came with 448 for each.
   * It pauses at the end of a chunk, so what one chunk of at most 64 KiB holds comes on top. 1 to 2147483647;
   * default 1 MiB, which keeps a fast link busy through a short pause.
   *
   * @defaultValue `1048576`
   */
  readonly readHighWaterMark?: number | undefined;
  /**
   * `write` gives `false` while more octets than this wait. 1 to 2147483647; default 1 MiB.
   *
   * @defaultValue `1048576`
   */
  readonly writeHighWaterMark?: number | undefined;
  /**
   * `write` throws `ERR_COTP_WRITE_OVERFLOW` once this many octets wait, so that a writer that
   * ignores `false` fails before memory does. 1 to 2147483647; default 64 MiB.
   *
   * @defaultValue `67108864`
   */
  readonly maxWriteBuffer?: number | undefined;
  /**
   * TCP keep-alive, first probe after 10 seconds (RFC 2126 §6.1).
   *
   * @defaultValue `true`
   */
  readonly keepAlive?: boolean | undefined;
  /**
   * No Nagle delay of small packets (RFC 2126 §6.2).
   *
   * @defaultValue `true`
   */
  readonly noDelay?: boolean | undefined;
  /**
   * From the wish to close to the end of TCP, flushing included; then TCP is reset.
   *
   * @defaultValue `5000`
   */
  readonly closeTimeout?: number | undefined;
  /**
   * A TPKT or TSDU that was begun is to be complete within this time of its first octet; octets
   * that follow do not extend it.
   *
   * @defaultValue `60000`
   */
  readonly reassemblyTimeout?: number | undefined;
  /**
   * Closes a connection on which nothing was sent or received for this time. Default: off.
   *
   * @defaultValue `undefined`
   */
  readonly idleTimeout?: number | undefined;
  /**
   * Resets a connection on which nothing was received for this time, whatever was sent meanwhile: a cable
   * that is pulled while a request waits for its answer. Suspended while reading is paused because the
   * application does not read, and after the FIN of the peer. Default: off.
   *
   * @defaultValue `undefined`
   */
  readonly receiveTimeout?: number | undefined;
  /**
   * After the FIN of the peer the connection stays open for writing until `end()` or `close()` is
   * called. Default `false`: it closes by itself once no answer is due any more.
   *
   * @defaultValue `false`
   */
  readonly allowHalfOpen?: boolean | undefined;
  /**
   * Resets a connection whose peer takes none of the octets that wait for this time. Default 60000. The
   * system reports what was taken only in steps, for instance of a third of its buffer: with less than a
   * few seconds, a slow peer may look like one that takes nothing.
   *
   * @defaultValue `60000`
   */
  readonly writeTimeout?: number | undefined;
  /**
   * A name for traces. Default: none.
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
   * TCP, TLS and the answer of the peer together.
   *
   * @defaultValue `10000`
   */
  readonly timeout?: number | undefined;
  /**
   * Cancels the attempt when it aborts. It has no effect once the connection is open.
   *
   * @defaultValue `undefined`
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Local address to connect from. Default: the system chooses.
   *
   * @defaultValue `undefined`
   */
  readonly localAddress?: string | undefined;
  /**
   * TLS, with the options of `tls.connect`; `true` for its defaults. Default: no TLS.
   *
   * @defaultValue `undefined`
   */
  readonly tls?: TlsConnectOptions | true | undefined;
  /**
   * A stream of the caller's own to use instead of a new TCP connection, for instance an SSH or
   * serial channel. It is closed with the connection. Its `allowHalfOpen` is set to `true`, since
   * after the FIN of the peer answers may be due; the connection ends it by itself.
   *
   * @defaultValue `undefined`
   */
  readonly socket?: Duplex | undefined;
}

/** The rows of {@link StreamConnectOptions}. */
export const STREAM_CONNECT_OPTIONS = {
  timeout: row(milliseconds, 10_000),
  signal: optional(instance(AbortSignal, 'an AbortSignal')),
  localAddress: optional(text),
  tls: optional(passedOn<TlsConnectOptions>()),
  socket: optional(instance<Duplex>(DuplexClass, 'a Duplex stream')),
} satisfies Record<keyof StreamConnectOptions, OptionRow<unknown>>;

/** Options of the side that listens, less those that name its connection type. */
export interface StreamListenOptions {
  /**
   * The TLS handshake of a new connection, then its CR, then the decision on the CR: each within
   * this time.
   *
   * @defaultValue `10000`
   */
  readonly handshakeTimeout?: number | undefined;
  /**
   * Connections at a time, those still in their handshake included. 1 to 65535; default 1024. One client
   * more is refused by the protocol, where that has words for it; with `tls` it is dropped before the TLS
   * handshake, and the limit is reported to `onError`.
   *
   * @defaultValue `1024`
   */
  readonly maxConnections?: number | undefined;
  /**
   * The same from one address. 1 to 65535; default: as many as `maxConnections`.
   *
   * @defaultValue `undefined`
   */
  readonly maxConnectionsPerAddress?: number | undefined;
  /**
   * Connections that the system holds before they are accepted. Default 511, as in Node.
   *
   * @defaultValue `511`
   */
  readonly backlog?: number | undefined;
  /**
   * Octets of memory that unfinished and unread messages of all connections may keep together, besides
   * 64 KiB of each connection, which do not count. Near it, from three quarters on, reading pauses where more
   * than those 64 KiB wait to be read. Above it the connection that holds most ends, if most of that is of an
   * unfinished message. 1 to 2147483647; default 256 MiB, sixteen TSDUs of the largest default size.
   *
   * @defaultValue `268435456`
   */
  readonly maxReceiveBuffer?: number | undefined;
  /**
   * Closing the server closes its connections too.
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
}

/** References are 16 bits, so no process holds more connections. */
const MAX_CONNECTIONS = 65_535;

/** The rows of {@link StreamListenOptions}. */
export const STREAM_LISTEN_OPTIONS = {
  handshakeTimeout: row(milliseconds, 10_000),
  maxConnections: row(integer(1, MAX_CONNECTIONS), 1024),
  maxConnectionsPerAddress: optional(integer(1, MAX_CONNECTIONS)),
  backlog: row(integer(1, MAX_CONNECTIONS), 511),
  maxReceiveBuffer: row(integer(1, MAX_BUFFER, 'octets'), 256 * MEBIBYTE),
  bindConnections: row(flag, false),
  tls: optional(optionsObject<TlsOptions>()),
} satisfies Record<keyof StreamListenOptions, OptionRow<unknown>>;

/** What `onError` receives beside the error. */
export interface ErrorContext {
  /** Whom it was about, as `host:port`. */
  readonly peer: string;
}

/**
 * Is notified of connections that fail. What it throws is ignored, and so is a promise that it rejects.
 * What the user threw elsewhere and is no `Error` comes as the `cause` of one.
 */
export type ErrorListener = (error: Error, context: ErrorContext) => void;

/** The row of every `onError` option. */
export const onErrorRow: OptionRow<ErrorListener> = optional(callback<ErrorListener>());
