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

/** Options of `tpkt.connect`. */
export interface ConnectOptions extends StreamOptions, StreamConnectOptions {
  /**
   * Called when a connection fails, and when a callback of a server throws. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly onError?: ErrorListener | undefined;
}

/** Options of `tpkt.listen`. */
export interface ListenOptions extends StreamOptions, StreamListenOptions {
  /**
   * Called when a connection fails, and when a callback of a server throws. Default: none.
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
