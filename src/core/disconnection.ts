/**
 * How a connection ended, as the local user sees it, and how the local user ends one.
 */
import type { Ending } from './errors.js';

/** How a connection ended. It does not change after the byte stream is closed. */
export interface Disconnection {
  /**
   * What ended it. `'local'` for `close`, `disconnect` and `destroy`; what happens after our own DR does not change it.
   */
  readonly ending: Ending;
  /** Class 2: the peer confirmed our DR by a DC. Class 0: both sides have sent FIN. */
  readonly confirmed: boolean;
  /** Octets of user data, normal and expedited, that were not handed to the byte stream, including dropped ones. */
  readonly unsent: number;
  /** Reason of the peer's DR, 0 to 255 (X.224 13.5.3); absent when no DR came. */
  readonly reason?: number | undefined;
  /** User data of the peer's DR, 1 to 64 octets; absent when there is none. */
  readonly userData?: Uint8Array | undefined;
  /** Additional information (0xE0) of the peer's DR; absent when there is none. */
  readonly additionalInfo?: Uint8Array | undefined;
  /**
   * Whether everything that the peer had written came before its DR: 0xE0 = 0x80 is `true` (RFC 2126 4.2.3),
   * 0xC0 is `false` (an abort of RFC 1859). Absent when the DR states neither.
   */
  readonly nonDisruptive?: boolean | undefined;
}

/** How the local user, or a relay, ends a connection. */
export interface DisconnectHow {
  /** User data of our DR, 1 to 64 octets; class 2 only. Default: none. */
  readonly userData?: Uint8Array | undefined;
  /** Drop queued data instead of sending it first. Default `false`. */
  readonly disruptive?: boolean | undefined;
  /**
   * Reason of our DR, one of X.224 13.5.3. A relay passes on that of another DR; for a user it is always 128, the default.
   */
  readonly reason?: number | undefined;
  /**
   * Additional information (0xE0) of our DR. A relay passes on that of another DR. Default: 0x80 if queued data is sent
   * first and the reason is 128, otherwise none.
   */
  readonly additionalInfo?: Uint8Array | undefined;
}

/** What a DR has beside its reason; `undefined` for a part that it does not have. */
export interface DisconnectDetails {
  readonly userData: Uint8Array | undefined;
  readonly additionalInfo: Uint8Array | undefined;
  readonly nonDisruptive: boolean | undefined;
}
