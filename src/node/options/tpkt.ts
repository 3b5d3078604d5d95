/**
 * The options of `connect` and `listen` of bare TPKT.
 */
import type { OptionRow, Resolved } from './rows.js';
import {
  type ErrorListener,
  onErrorRow,
  STREAM_CONNECT_OPTIONS,
  STREAM_LISTEN_OPTIONS,
  STREAM_OPTIONS,
  type StreamConnectOptions,
  type StreamListenOptions,
  type StreamOptions,
} from './stream.js';

/** Options of `connect` of `cotp/tpkt`. */
export interface ConnectOptions extends StreamOptions, StreamConnectOptions {
  /**
   * Called with the error of a connection that failed while it was open. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly onError?: ErrorListener | undefined;
}

/** Options of `listen` of `cotp/tpkt`. */
export interface ListenOptions extends StreamOptions, StreamListenOptions {
  /**
   * Called with the error of each connection that failed, during its TLS handshake or while it was open, and with what
   * another callback throws. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly onError?: ErrorListener | undefined;
}

/** The rows of {@link ConnectOptions}. */
export const CONNECT_OPTIONS = {
  ...STREAM_OPTIONS,
  ...STREAM_CONNECT_OPTIONS,
  onError: onErrorRow,
} satisfies Record<keyof ConnectOptions, OptionRow<unknown>>;

/** The rows of {@link ListenOptions}. */
export const LISTEN_OPTIONS = {
  ...STREAM_OPTIONS,
  ...STREAM_LISTEN_OPTIONS,
  onError: onErrorRow,
} satisfies Record<keyof ListenOptions, OptionRow<unknown>>;

export type ResolvedConnectOptions = Resolved<typeof CONNECT_OPTIONS>;
export type ResolvedListenOptions = Resolved<typeof LISTEN_OPTIONS>;
