/**
 * A CR that waits for the decision of the user of a server: its type, and the checks of `accept` and `refuse`.
 */
import type { Duplex } from 'node:stream';
import { isRefusalReason } from '../core/tpdu/codes.js';
import type { ConnectionRequest, Decoded, RemoteDesktopInit } from '../core/tpdu/types.js';
import type { Tsel } from '../core/tsel.js';
import type { FullAddress } from './address.js';
import {
  type Check,
  connectData,
  disconnectData,
  flag,
  integer,
  oneOf,
  optional,
  remoteDesktop,
  resolveOptions,
} from './options/rows.js';
import type { ProxyInfo } from './stream/incoming.js';

/** Options of {@link ConnectRequest.accept}. */
export interface AcceptOptions {
  /**
   * Lowers the `maxTpduSize` of `listen`, 128 to 65531 octets; a larger value has no effect. Default: that of `listen`.
   *
   * @defaultValue `undefined`
   */
  readonly maxTpduSize?: number | undefined;
  /**
   * Replaces the `maxTsduSize` of `listen`, 1 to 2147483647 octets. Default: that of `listen`.
   *
   * @defaultValue `undefined`
   */
  readonly maxTsduSize?: number | undefined;
  /**
   * User data of the CC, 1 to 32 octets (RFC 1006 §5). Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly connectData?: Uint8Array | undefined;
  /**
   * The negotiation response to a CR of remote desktop, which `request.tpdu.remoteDesktop` shows:
   * `{ negotiation: { type: 'response', selectedProtocol: 1 } }`. Default: none, a plain CC.
   *
   * @defaultValue `undefined`
   */
  readonly remoteDesktop?: RemoteDesktopInit | undefined;
  /**
   * The transport class: one of `request.tpClasses`. Default: the first of them.
   *
   * @defaultValue `undefined`
   */
  readonly tpClass?: 0 | 2 | undefined;
  /**
   * Whether to grant expedited data; `true` only if the CR asks for it. Default: the option of `listen`, if the CR asks
   * for it.
   *
   * @defaultValue `undefined`
   */
  readonly expedited?: boolean | undefined;
  /**
   * Whether to grant an EA for each expedited data unit; `true` only if the CR asks for it. It has an effect only in
   * class 2, and only if expedited data is granted. Default: the option of `listen`, if the CR asks for it.
   *
   * @defaultValue `undefined`
   */
  readonly expeditedAck?: boolean | undefined;
  /**
   * Any value; `conn.context` has it in the connection callback. Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly context?: unknown;
}

/** Options of {@link ConnectRequest.refuse}. */
export interface RefuseOptions {
  /**
   * User data of the DR, 1 to 64 octets; only if the CR prefers another class than 0. It may be lost with TCP.
   * Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly userData?: Uint8Array | undefined;
}

/**
 * A CR that waits for a decision. Call `accept` or `refuse`, once, before the callback returns or its promise settles.
 * Otherwise, or if the callback throws, the CR is refused with reason 0, and `onError` gets the error.
 */
export interface ConnectRequest {
  /** Number of the connection, unique in this thread; the connection has the same `id` if it opens. */
  readonly id: number;
  /**
   * The address of this side: that to which the client has connected, or the destination in the PROXY header. A
   * stream without TCP addresses has the path on which the server listens, or `{ host: 'unknown', port: 0 }`.
   */
  readonly localAddr: FullAddress;
  /**
   * The address of the client: the source in the PROXY header if there is one, or what `server.accept` was given;
   * without TCP addresses the same as `localAddr`.
   */
  readonly remoteAddr: FullAddress;
  /** What the PROXY header of the connection says (the option `proxyProtocol`); `undefined` without one. */
  readonly proxy: ProxyInfo | undefined;
  /** The called T-selector; `undefined` if the CR has none. */
  readonly localTsel: Tsel | undefined;
  /** The calling T-selector; `undefined` if the CR has none. */
  readonly remoteTsel: Tsel | undefined;
  /** User data of the CR, 1 to 32 octets, in class 0 possibly more; `undefined` if there is none. */
  readonly connectData: Buffer | undefined;
  /** The classes that the CR offers and `listen` accepts, the best one first; `accept` may choose one of them. */
  readonly tpClasses: readonly (0 | 2)[];
  /** The CR asks for expedited data. */
  readonly expedited: boolean;
  /** The CR asks for an EA in answer to each expedited data unit; class 2 only. */
  readonly expeditedAck: boolean;
  /** The decoded CR. */
  readonly tpdu: ConnectionRequest & Decoded;
  /**
   * The byte stream; a `tls.TLSSocket` knows the certificate of the peer. After the first use of this property, TSDUs
   * that come in several DTs are copied, because other code may see the same octets.
   */
  readonly socket: Duplex;
  /** Aborted when the peer goes away before the decision. */
  readonly signal: AbortSignal;
  /**
   * Accepts: the CC is sent and the connection is open. No effect if the client has gone away.
   *
   * @throws TypeError or RangeError for a bad option, TypeError for a choice that the CR does not offer. The request can
   * still be answered then
   * @throws TypeError when the request was accepted or refused before
   */
  accept(options?: AcceptOptions): void;
  /**
   * Refuses by a DR with this reason of X.224 13.5.3: 0 not specified (the default), 1 congestion,
   * 2 session entity not attached, 3 address unknown. 128 to 133, 135, 136 and 138 only if the
   * CR prefers another class than 0.
   *
   * @throws RangeError for a reason or user data that may not be sent; TypeError if they have the wrong type, or when
   * the request was accepted or refused before
   */
  refuse(reason?: number, options?: RefuseOptions): void;
}

/**
 * Decides on a CR, at once or later, by calling one of the two methods of the request.
 *
 * @example
 * ```ts
 * import { ConnectionRefusedError, connect, listen } from 'cotp';
 *
 * const server = await listen(() => {}, { host: '127.0.0.1', port: 0 }, {
 *   onConnectRequest: (request) =>
 *     request.localTsel === 0x0102 ? request.accept({ maxTpduSize: 1024 }) : request.refuse(3),
 * });
 * const address = server.addresses[0] ?? { host: '127.0.0.1' };
 * const conn = await connect(address, { remoteTsel: 0x0102 });
 * console.log(conn.info.maxTpduSize); // 1024
 * await connect(address, { remoteTsel: 0x0103 }).catch((error) => {
 *   console.log(error instanceof ConnectionRefusedError && error.reason); // 3
 * });
 * await conn.asyncClose();
 * await server.asyncClose();
 * ```
 */
export type OnConnectRequest = (request: ConnectRequest) => void | Promise<void>;

/** Checks a negotiation response. A negotiation failure opens no connection, so `accept` refuses it. */
const negotiationResponse: Check<RemoteDesktopInit> = (name, value) => {
  const checked = remoteDesktop('CC')(name, value);
  if (checked.negotiation?.type !== 'response') {
    throw new RangeError(`${name}.negotiation.type must be 'response', not 'failure'`);
  }
  return checked;
};

const ACCEPT_OPTIONS = {
  maxTpduSize: optional(integer(128, 65_531, 'octets')),
  maxTsduSize: optional(integer(1, 2 ** 31 - 1, 'octets')),
  connectData: optional(connectData),
  remoteDesktop: optional(negotiationResponse),
  tpClass: optional(oneOf<0 | 2>(0, 2)),
  expedited: optional(flag),
  expeditedAck: optional(flag),
  context: optional<unknown>((_name, value) => value),
};

const REFUSE_OPTIONS = { userData: optional(disconnectData) };

/** Checks the options of `accept`. */
export function resolveAccept(given: unknown): AcceptOptions {
  return resolveOptions(ACCEPT_OPTIONS, given);
}

/** Checks the reason of `refuse`. */
//= X.224 13.5.3 d
export function resolveReason(reason: unknown, preferredClass: number): number {
  const value = integer(0, 255)('reason', reason);
  if (!isRefusalReason(value, preferredClass)) {
    const expected =
      preferredClass === 0 ? '0 to 3 in class 0' : '0 to 3, 128 to 133, 135, 136 or 138';
    throw new RangeError(`reason must be ${expected}, not ${value}`);
  }
  return value;
}

/** Checks the options of `refuse`. The refusal of a CR of class 0 has no user data. */
//= X.224 6.6.3 para 1
export function resolveRefuse(given: unknown, preferredClass: number): RefuseOptions {
  const options = resolveOptions(REFUSE_OPTIONS, given);
  if (options.userData !== undefined && preferredClass === 0) {
    throw new RangeError(
      'options.userData must be left out: the CR prefers class 0, whose refusal has no user data',
    );
  }
  return options;
}
