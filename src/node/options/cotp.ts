/**
 * The options of `connect` and `listen` for COTP.
 */
import type { SizeOffer } from '../../core/negotiation/tpdu-size.js';
import type { RemoteDesktopInit } from '../../core/tpdu/types.js';
import { type Tsel, tselOctets } from '../../core/tsel.js';
import type { OnConnectRequest } from '../connect-request.js';
import type { TraceListener } from '../trace/entry.js';
import {
  type Check,
  type OptionRow,
  type Resolved,
  callback,
  connectData,
  flag,
  integer,
  oneOf,
  optional,
  remoteDesktop,
  row,
} from './rows.js';
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

/** Options that `connect` and `listen` share. Sizes are in octets, times in milliseconds. */
export interface CotpOptions extends StreamOptions {
  /**
   * Largest TPDU that this side offers and sends, including the header: 128 to 65531. Default 2048, the
   * largest that X.224 allows in class 0 (13.3.4 b). With a larger size a long TSDU needs fewer TPDUs, if the
   * peer accepts it.
   *
   * @defaultValue `2048`
   */
  readonly maxTpduSize?: number | undefined;
  /**
   * Largest TSDU accepted from the peer. 1 to 2147483647; default 16 MiB.
   *
   * @defaultValue `16777216`
   */
  readonly maxTsduSize?: number | undefined;
  /**
   * Most DT TPDUs accepted in one TSDU of the peer, including empty ones. 1 to 16777216; default 262144,
   * enough for 16 MiB at the smallest TPDU size.
   *
   * @defaultValue `262144`
   */
  readonly maxTsduSegments?: number | undefined;
  /**
   * Refuses everything that deviates from the standard. Default `false`: small deviations, which are common
   * in deployed peers, are tolerated. In both cases this side sends only what the standard allows, except for
   * the size codes of `sizeOffer`.
   *
   * @defaultValue `false`
   */
  readonly strict?: boolean | undefined;
  /**
   * Called with every TPDU sent or received. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly trace?: TraceListener | undefined;
  /**
   * Called with the error of each connection that failed while it was open; on a server also with the errors
   * of failed handshakes and callbacks. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly onError?: ErrorListener | undefined;
}

/** Options of `connect`. */
export interface ConnectOptions extends CotpOptions, StreamConnectOptions {
  /**
   * Our T-selector, the calling one. Default: none is sent.
   *
   * @defaultValue `undefined`
   */
  readonly localTsel?: Tsel | undefined;
  /**
   * The peer's T-selector, the called one. Default: none is sent.
   *
   * @defaultValue `undefined`
   */
  readonly remoteTsel?: Tsel | undefined;
  /**
   * How `maxTpduSize` is offered. `'deployed'`: as deployed peers accept it. A size up to 8192 is in 0xC0;
   * for a larger one 0xC0 is 8192 and 0xF0 has the size. With `strict` this is the same as `'standard'`.
   * `'standard'`: a size up to 2048 is in 0xC0; for a larger one 0xC0 is 2048 and 0xF0 has the size (RFC 2126
   * §6.4). `'nonstandard'`: the size is in 0xC0 alone, with the codes 0x0C to 0x0F, which X.224 does not
   * allow in class 0. `'absent'`: no size is sent, which means 65531 (RFC 1006 §5). 0xC0 encodes a power of
   * two, so it offers the largest one up to `maxTpduSize`. Default `'deployed'`.
   *
   * @defaultValue `'deployed'`
   */
  readonly sizeOffer?: SizeOffer | undefined;
  /**
   * User data of the CR, 1 to 32 octets (RFC 1006 §5). Default: none; few peers expect it.
   *
   * @defaultValue `undefined`
   */
  readonly connectData?: Uint8Array | undefined;
  /**
   * Sends the CR in the form of remote desktop ([MS-RDPBCGR] 2.2.1.1): `cookie` or `routingToken`,
   * `negotiation`, `correlationId`. It cannot be combined with a T-selector or with `strict`, and such a CR
   * offers no size. Remote desktop sends each message in one DT, so set `maxTpduSize` to 65531. The answer is
   * in `conn.info.remoteDesktop`. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly remoteDesktop?: RemoteDesktopInit | undefined;
}

/** Options of `listen`. */
export interface ListenOptions extends CotpOptions, StreamListenOptions {
  /**
   * Our T-selector. A CR that calls another one, or none, is refused with reason 3, address unknown, before
   * `onConnectRequest` is called. Default: every CR is accepted, whatever it calls.
   *
   * @defaultValue `undefined`
   */
  readonly localTsel?: Tsel | undefined;
  /**
   * Decides on each CR. Default: every CR is accepted, except one of remote desktop.
   *
   * @defaultValue `undefined`
   */
  readonly onConnectRequest?: OnConnectRequest | undefined;
}

/** Largest values of `maxTsduSize` and `maxTsduSegments`. */
const MAX_TSDU_SIZE = 2 ** 31 - 1;
const MAX_TSDU_SEGMENTS = 2 ** 24;

const tsel: Check<Uint8Array> = (name, value) => tselOctets(value as Tsel, name);

const COTP_OPTIONS = {
  ...STREAM_OPTIONS,
  maxTpduSize: row(integer(128, 65_531, 'octets'), 2048),
  maxTsduSize: row(integer(1, MAX_TSDU_SIZE, 'octets'), 16_777_216),
  maxTsduSegments: row(integer(1, MAX_TSDU_SEGMENTS), 262_144),
  strict: row(flag, false),
  trace: optional(callback<TraceListener>()),
  onError: onErrorRow,
} satisfies Record<keyof CotpOptions, OptionRow<unknown>>;

/** The rows of {@link ConnectOptions}. */
export const CONNECT_OPTIONS = {
  ...COTP_OPTIONS,
  ...STREAM_CONNECT_OPTIONS,
  localTsel: optional(tsel),
  remoteTsel: optional(tsel),
  sizeOffer: row(oneOf<SizeOffer>('deployed', 'standard', 'nonstandard', 'absent'), 'deployed'),
  connectData: optional(connectData),
  remoteDesktop: optional(remoteDesktop('CR')),
} satisfies Record<keyof ConnectOptions, OptionRow<unknown>>;

/** The rows of {@link ListenOptions}. */
export const LISTEN_OPTIONS = {
  ...COTP_OPTIONS,
  ...STREAM_LISTEN_OPTIONS,
  localTsel: optional(tsel),
  onConnectRequest: optional(callback<OnConnectRequest>()),
} satisfies Record<keyof ListenOptions, OptionRow<unknown>>;

export type ResolvedConnectOptions = Resolved<typeof CONNECT_OPTIONS>;
export type ResolvedListenOptions = Resolved<typeof LISTEN_OPTIONS>;
