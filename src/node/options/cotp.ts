/**
 * The options of `connect` and `listen` for COTP.
 */
import type { TpClassChoice } from '../../core/negotiation/class-and-options.js';
import type { SizeOffer } from '../../core/negotiation/tpdu-size.js';
import { PARAMETERS } from '../../core/tpdu/parameters.js';
import type { RawParameter, RemoteDesktopInit } from '../../core/tpdu/types.js';
import { type Tsel, tselOctets } from '../../core/tsel.js';
import type { OnConnectRequest } from '../connect-request.js';
import type { OnExpedited } from '../connection/connection.js';
import type { TraceListener } from '../trace/entry.js';
import {
  type Check,
  callback,
  connectData,
  copied,
  flag,
  integer,
  type OptionRow,
  octets,
  oneOf,
  optional,
  type Resolved,
  remoteDesktop,
  row,
  wrongType,
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
   * Largest TPDU to agree on with the peer, header included, 128 to 65531 octets. This side never sends a larger one.
   * Default 2048, the largest that X.224 allows in class 0 (13.3.4 b). With a larger size a long TSDU needs fewer
   * TPDUs, if the peer accepts it.
   *
   * @defaultValue `2048`
   */
  readonly maxTpduSize?: number | undefined;
  /**
   * Largest TSDU accepted from the peer, 1 to 2147483647 octets. A larger one ends the connection with
   * `ERR_COTP_TSDU_TOO_LARGE`. Default 16 MiB, so that no peer can fill the memory.
   *
   * @defaultValue `16777216`
   */
  readonly maxTsduSize?: number | undefined;
  /**
   * Most DTs accepted in one TSDU of the peer, including empty ones, 1 to 16777216. More end the connection with
   * `ERR_COTP_TSDU_TOO_LARGE`. Default 262144, enough for 16 MiB at the smallest TPDU size.
   *
   * @defaultValue `262144`
   */
  readonly maxTsduSegments?: number | undefined;
  /**
   * Refuses everything that deviates from the standard. By default small deviations, which are common in deployed
   * peers, are tolerated. In both cases this side sends only what the standard allows, except for what `sizeOffer`,
   * `extraParameters`, `remoteDesktop` and `tpClass` 2 ask for.
   *
   * @defaultValue `false`
   */
  readonly strict?: boolean | undefined;
  /**
   * The transport class of RFC 2126: what `connect` offers, and what `listen` accepts. `0`: class 0 alone.
   * `'2,0'`: class 2, or class 0 if the peer has no class 2; `conn.info.tpClass` says which one it is. `2`:
   * class 2 alone, although X.224 14.4 a requires that class 0 is offered too. Class 2 is used without flow
   * control. It confirms the end of a connection (`disconnect`) and has no half-close: `end` throws. Default 0,
   * because few peers have class 2.
   *
   * @defaultValue `0`
   */
  readonly tpClass?: TpClassChoice | undefined;
  /**
   * Expedited data, 1 to 16 octets each: `connect` asks for it, and `listen` grants it to a peer that asks. Whether
   * it was agreed on is `conn.info.expedited`.
   *
   * @defaultValue `false`
   */
  readonly expedited?: boolean | undefined;
  /**
   * Called with each expedited data unit, a copy of 1 to 16 octets, and its connection. The first call comes after
   * `connect` has resolved, on a server after the call of the connection callback. If it throws or rejects, the error
   * is reported to `onError` and the connection is closed. Default: expedited data waits for `conn.readExpedited()`;
   * while it waits it counts toward `readHighWaterMark`, so it can stop all data.
   *
   * @defaultValue `undefined`
   */
  readonly onExpedited?: OnExpedited | undefined;
  /**
   * Called with every TPDU sent or received, for instance the `trace` of a sink. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly trace?: TraceListener | undefined;
  /**
   * Called with the error of each connection that failed while it was open, and with what another callback throws; on a
   * server also with the errors of failed handshakes. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly onError?: ErrorListener | undefined;
}

/** Options of `connect`. */
export interface ConnectOptions extends CotpOptions, StreamConnectOptions {
  /**
   * Our T-selector, which the CR sends as the calling one (0xC1). Default: none is sent.
   *
   * @defaultValue `undefined`
   */
  readonly localTsel?: Tsel | undefined;
  /**
   * The peer's T-selector, which the CR sends as the called one (0xC2). Default: none is sent.
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
   * Further parameters of the CR, for peers that expect others than X.224 has. They are appended unchanged, in this
   * order. `code` is 0 to 254, but none of 0xC0, 0xC1, 0xC2, 0xC6, 0xC7 and 0xF0, which other options determine. `value`
   * is copied; a CR has at most 128 octets in all (X.224 13.3), so a value has at most 119. It cannot be combined with
   * `remoteDesktop`. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly extraParameters?: readonly ExtraParameter[] | undefined;
  /**
   * Asks that each expedited data unit is answered by an EA: until it comes, neither data nor further expedited data is
   * sent (RFC 2126 4.2.2). It requires `expedited`, and class 2: `tpClass` 2 or `'2,0'`.
   *
   * @defaultValue `false`
   */
  readonly expeditedAck?: boolean | undefined;
  /**
   * Sends the CR in the form of remote desktop ([MS-RDPBCGR] 2.2.1.1): `cookie` or `routingToken`,
   * `negotiation`, `correlationId`. It cannot be combined with a T-selector, `extraParameters`, `strict`, `tpClass` or
   * `expedited`, and such a CR offers no size. Remote desktop sends each message in one DT, so set `maxTpduSize` to
   * 65531. The answer is in `conn.info.remoteDesktop`. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly remoteDesktop?: RemoteDesktopInit | undefined;
}

/** A parameter of the CR: `code` 0 to 254, `value` 0 to 119 octets. */
export type ExtraParameter = RawParameter;

/** Options of `listen`. */
export interface ListenOptions extends CotpOptions, StreamListenOptions {
  /**
   * Our T-selector. A CR that calls another one, or none, is refused with reason 3, address unknown, without a call of
   * `onConnectRequest`. Default: a CR may call any.
   *
   * @defaultValue `undefined`
   */
  readonly localTsel?: Tsel | undefined;
  /**
   * Agrees that each expedited data unit is answered by an EA, if expedited data is granted and the CR asks for EAs;
   * class 2 only.
   *
   * @defaultValue `true`
   */
  readonly expeditedAck?: boolean | undefined;
  /**
   * Called with each CR to accept or refuse it. Default: every CR is accepted, except one of remote desktop.
   *
   * @defaultValue `undefined`
   */
  readonly onConnectRequest?: OnConnectRequest | undefined;
}

/** Largest values of `maxTsduSize` and `maxTsduSegments`. */
const MAX_TSDU_SIZE = 2 ** 31 - 1;
const MAX_TSDU_SEGMENTS = 2 ** 24;

/** The options that determine a parameter of the CR, by its code. */
const DETERMINED_BY: Readonly<Record<number, string>> = {
  [PARAMETERS.tpduSize.code]: 'maxTpduSize and sizeOffer',
  [PARAMETERS.callingTsel.code]: 'localTsel',
  [PARAMETERS.calledTsel.code]: 'remoteTsel',
  [PARAMETERS.additionalOptions.code]: 'expedited and expeditedAck',
  [PARAMETERS.alternativeClasses.code]: 'tpClass',
  [PARAMETERS.preferredMaxTpduSize.code]: 'maxTpduSize and sizeOffer',
};

/** 0xFF is reserved for an extension of the code (X.224 13.2.3). */
const parameterCode = integer(0, 0xfe);
/** With 253 octets LI would exceed 254 (X.224 13.2.1). */
const parameterValue = copied(octets(0, 252));

const extraParameters: Check<readonly ExtraParameter[]> = (name, value) => {
  if (!Array.isArray(value)) {
    throw wrongType(name, 'an array of { code, value }', value);
  }
  return value.map((given: unknown, index) => {
    const each = `${name}[${index}]`;
    if (typeof given !== 'object' || given === null) {
      throw wrongType(each, 'an object of code and value', given);
    }
    const { code, value: octetsGiven } = given as Partial<ExtraParameter>;
    const checked = parameterCode(`${each}.code`, code);
    const option = DETERMINED_BY[checked];
    if (option !== undefined) {
      const hex = checked.toString(16).toUpperCase();
      throw new RangeError(`${each}.code must not be 0x${hex}: use ${option}`);
    }
    return { code: checked, value: parameterValue(`${each}.value`, octetsGiven) };
  });
};

const tsel: Check<Uint8Array> = copied((name, value) => tselOctets(value as Tsel, name));

const COTP_OPTIONS = {
  ...STREAM_OPTIONS,
  maxTpduSize: row(integer(128, 65_531, 'octets'), 2048),
  maxTsduSize: row(integer(1, MAX_TSDU_SIZE, 'octets'), 16_777_216),
  maxTsduSegments: row(integer(1, MAX_TSDU_SEGMENTS), 262_144),
  strict: row(flag, false),
  tpClass: row(oneOf<TpClassChoice>(0, 2, '2,0'), 0),
  expedited: row(flag, false),
  onExpedited: optional(callback<OnExpedited>()),
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
  extraParameters: optional(extraParameters),
  expeditedAck: row(flag, false),
  remoteDesktop: optional(remoteDesktop('CR')),
} satisfies Record<keyof ConnectOptions, OptionRow<unknown>>;

/** The rows of {@link ListenOptions}. */
export const LISTEN_OPTIONS = {
  ...COTP_OPTIONS,
  ...STREAM_LISTEN_OPTIONS,
  localTsel: optional(tsel),
  expeditedAck: row(flag, true),
  onConnectRequest: optional(callback<OnConnectRequest>()),
} satisfies Record<keyof ListenOptions, OptionRow<unknown>>;

export type ResolvedConnectOptions = Resolved<typeof CONNECT_OPTIONS>;
export type ResolvedListenOptions = Resolved<typeof LISTEN_OPTIONS>;
