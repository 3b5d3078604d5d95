/**
 * The error classes of the library, each with a stable code and details of the failure; and the words for how
 * a byte stream ended. System errors pass through the library unchanged.
 */
import { FAULTS, type Fault, type RejectCause } from './faults.js';
import { copyOf, toHex } from './octets/octets.js';

/** The stable codes of the errors. Branch on these: messages may change. `docs/errors.md` says when each comes. */
export type CotpErrorCode =
  | 'ERR_COTP_REFUSED'
  | 'ERR_COTP_CLOSED'
  | 'ERR_COTP_PROTOCOL'
  | 'ERR_COTP_TSDU_TOO_LARGE'
  | 'ERR_COTP_TIMEOUT'
  | 'ERR_COTP_NO_REFERENCE'
  | 'ERR_COTP_NO_HALF_CLOSE'
  | 'ERR_COTP_NO_EXPEDITED'
  | 'ERR_COTP_WRITE_OVERFLOW'
  | 'ERR_COTP_BUSY';

/**
 * Progress of the connection when the error occurred.
 *
 * - `'tcp'`: TCP or TLS is not connected yet, or the PROXY header is not complete.
 * - `'wait-cr'`: a server waits for the CR.
 * - `'cr-sent'`: a client waits for the CC.
 * - `'cr-received'`: a server decides on the CR.
 * - `'open'`: the CC was sent or received.
 * - `'closing'`: either side has begun to close.
 */
export type Phase = 'tcp' | 'wait-cr' | 'cr-sent' | 'cr-received' | 'open' | 'closing';

/**
 * How the connection ended.
 *
 * - `'reset'`: TCP was reset or failed.
 * - `'fin'`, `'dr'`, `'er'`: the peer closed TCP, or sent a DR or an ER.
 * - `'timeout'`: a timer ran out.
 * - `'garbage'`: the peer sent octets that break the protocol.
 * - `'limit'`: a limit of this side was exceeded.
 * - `'local'`: this side closed the connection.
 */
export type Ending = 'reset' | 'fin' | 'dr' | 'er' | 'timeout' | 'garbage' | 'limit' | 'local';

/** Details of an error beside its message. A detail that is not known is absent. */
export interface ErrorDetails {
  readonly phase?: Phase | undefined;
  readonly ending?: Ending | undefined;
  /** The received octets that caused the error. The error keeps the first 64. */
  readonly octets?: Uint8Array | undefined;
  /** What to try, in a sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Most octets that an error keeps: it must not keep a large buffer alive. */
const MAX_ERROR_OCTETS = 64;

/**
 * The base of all errors of this library. Errors of the system, such as `ECONNREFUSED`, are passed on unchanged, and a
 * bad argument is a TypeError or RangeError.
 */
export class CotpError extends Error {
  /** Name of the class. Minifiers do not change it, unlike `constructor.name`. */
  override readonly name: string = 'CotpError';
  /** What kind of failure it is; branch on this. */
  readonly code: CotpErrorCode;
  /** Progress of the connection when the error occurred; `undefined` where it does not apply. */
  readonly phase: Phase | undefined;
  /** How the connection ended; `undefined` where it does not apply. */
  readonly ending: Ending | undefined;
  /** A copy of the received octets that caused the error, at most 64; `undefined` when there are none. */
  readonly octets: Uint8Array | undefined;
  /** What to try; `undefined` if there is no advice. The message contains it too. */
  readonly hint: string | undefined;

  /**
   * Makes an error. The library makes all of its own; a program may need one for its tests.
   *
   * @param message what was expected and what came; `details.hint` is appended to it
   * @param details `phase`, `ending`, `octets`, `hint` and `cause`; what is left out is `undefined`
   */
  constructor(code: CotpErrorCode, message: string, details: ErrorDetails = {}) {
    super(
      details.hint === undefined ? message : `${message}: ${details.hint}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.phase = details.phase;
    this.ending = details.ending;
    this.octets = details.octets && copyOf(details.octets, 0, MAX_ERROR_OCTETS);
    this.hint = details.hint;
  }
}

/** Sets the phase of an error that was created without one; a phase that is set already stays. */
export function inPhase<E extends CotpError>(error: E, phase: Phase): E {
  if (error.phase === undefined) {
    (error as { phase: Phase | undefined }).phase = phase;
  }
  return error;
}

/**
 * The peer answered our CR with a DR (X.224 6.6), an ER, or a CC whose remote desktop negotiation failed.
 * `code` is `ERR_COTP_REFUSED`.
 */
export class ConnectionRefusedError extends CotpError {
  override readonly name = 'ConnectionRefusedError';
  declare readonly code: 'ERR_COTP_REFUSED';
  /** DR reason, 0 to 255 (X.224 13.5.3); `undefined` when the refusal was no DR. */
  readonly reason: number | undefined;
  /** The reason in the words of X.224, the reject cause of an ER, or the name of the failure code. */
  readonly reasonText: string;
  /** ER reject cause, 0 to 255 (X.224 13.12.3); `undefined` when the refusal was no ER. */
  readonly rejectCause: number | undefined;
  /** Failure code of remote desktop ([MS-RDPBCGR] 2.2.1.2.2); `undefined` when the refusal was another. */
  readonly failureCode: number | undefined;
  /** Additional information (0xE0) of the DR; `undefined` when there is none. */
  readonly additionalInfo: Uint8Array | undefined;
  /** User data of the DR, 0 to 64 octets, empty when there is none; `undefined` when the refusal was no DR. */
  readonly userData: Uint8Array | undefined;

  /**
   * Makes an error with the code `ERR_COTP_REFUSED`.
   *
   * @param refusal the answer of the peer; the fields of the error have the same names
   */
  constructor(
    message: string,
    refusal: {
      readonly reason?: number | undefined;
      readonly reasonText: string;
      readonly rejectCause?: number | undefined;
      readonly failureCode?: number | undefined;
      readonly additionalInfo?: Uint8Array | undefined;
      readonly userData?: Uint8Array | undefined;
    },
    details: ErrorDetails = {},
  ) {
    super('ERR_COTP_REFUSED', message, details);
    this.reason = refusal.reason;
    this.reasonText = refusal.reasonText;
    this.rejectCause = refusal.rejectCause;
    this.failureCode = refusal.failureCode;
    this.additionalInfo = refusal.additionalInfo && copyOf(refusal.additionalInfo);
    this.userData = refusal.userData && copyOf(refusal.userData);
  }
}

/** What a {@link ConnectionClosedError} carries beside the details of every error. */
export interface ClosedDetails extends ErrorDetails {
  /** Reason of the DR, 0 to 255 (X.224 13.5.3). */
  readonly reason?: number | undefined;
  /** Reject cause of the ER of the peer, 0 to 255 (X.224 13.12.3). */
  readonly rejectCause?: number | undefined;
  /** User data of the DR of the peer, 1 to 64 octets. */
  readonly userData?: Uint8Array | undefined;
  /** Additional information (0xE0) of the DR of the peer. */
  readonly additionalInfo?: Uint8Array | undefined;
  /** 0xE0 = 0x80: `true`; 0xC0: `false`. */
  readonly nonDisruptive?: boolean | undefined;
  /** Octets of user data that were not handed to the byte stream. */
  readonly unsent?: number | undefined;
}

/**
 * This side or the peer closed the connection, or TCP was lost. `cause` is the error of the socket, if it had
 * one. `code` is `ERR_COTP_CLOSED`.
 */
export class ConnectionClosedError extends CotpError {
  override readonly name = 'ConnectionClosedError';
  declare readonly code: 'ERR_COTP_CLOSED';
  /** Reason of the DR that ended the connection, 0 to 255 (X.224 13.5.3); `undefined` when none did. */
  readonly reason: number | undefined;
  /**
   * Reject cause of the ER that ended the connection, 0 to 255 (X.224 13.12.3); `undefined` when none did. The ER itself
   * is in `octets`, with the rejected TPDU in its parameter 0xC1 if it has one.
   */
  readonly rejectCause: number | undefined;
  /** User data of the DR of the peer, 1 to 64 octets; `undefined` when there is none. */
  readonly userData: Uint8Array | undefined;
  /** Additional information (0xE0) of the DR of the peer; `undefined` when there is none. */
  readonly additionalInfo: Uint8Array | undefined;
  /**
   * `true` when the DR of the peer says that everything which the peer had written came before it (0xE0 = 0x80,
   * RFC 2126 4.2.3), `false` when it says that it aborts (0xE0 = 0xC0, RFC 1859); `undefined` when it says neither.
   */
  readonly nonDisruptive: boolean | undefined;
  /**
   * Octets of user data that were still queued, and are lost, when the connection ended; `undefined` when there
   * were none.
   */
  readonly unsent: number | undefined;

  /** Makes an error with the code `ERR_COTP_CLOSED`. */
  constructor(message: string, details: ClosedDetails = {}) {
    super('ERR_COTP_CLOSED', message, details);
    this.reason = details.reason;
    this.rejectCause = details.rejectCause;
    this.userData = details.userData;
    this.additionalInfo = details.additionalInfo;
    this.nonDisruptive = details.nonDisruptive;
    this.unsent = details.unsent;
  }
}

/** Says in an error that so many octets of user data are lost, where any are. */
export function withUnsent<E extends CotpError>(error: E, unsent: number): E {
  if (unsent > 0 && error instanceof ConnectionClosedError) {
    (error as { unsent: number | undefined }).unsent = unsent;
  }
  return error;
}

/** The octets that the peer has sent break the protocol. `code` is `ERR_COTP_PROTOCOL`. */
export class ProtocolError extends CotpError {
  override readonly name = 'ProtocolError';
  declare readonly code: 'ERR_COTP_PROTOCOL';
  /** Stable name of what is wrong. */
  readonly fault: Fault;
  /**
   * The faulty octet, counted from 1: within the TPDU; for the `tpkt-` faults within all that the peer has sent, after
   * a PROXY header if there is one; for the `proxy-` faults within all. `undefined` if no single octet is wrong.
   */
  readonly octet: number | undefined;
  /** The ER reject cause that belongs to the fault, 0 to 3; `undefined` when there is no TPDU to reject. */
  readonly rejectCause: RejectCause | undefined;

  /**
   * Makes an error with the code `ERR_COTP_PROTOCOL`, and with the message and the hint of the fault.
   *
   * @param octets the faulty TPDU, or the octets where a TPKT should begin
   * @param octet the faulty octet, counted from 1
   * @param details as in `CotpError`; `detail` is put in parentheses into the message
   */
  constructor(
    fault: Fault,
    octets: Uint8Array,
    octet?: number | undefined,
    details: Omit<ErrorDetails, 'octets'> & { readonly detail?: string | undefined } = {},
  ) {
    const row = FAULTS[fault];
    const where = octet === undefined ? '' : ` at octet ${octet}`;
    const detail = details.detail === undefined ? '' : ` (${details.detail})`;
    const seen = octets.length === 0 ? '' : `, in ${toHex(octets.subarray(0, 24), ' ')}`;
    const more = octets.length > 24 ? ` … (${octets.length} octets)` : '';
    super('ERR_COTP_PROTOCOL', `${row.sentence}${detail}: ${fault}${where}${seen}${more}`, {
      ending: 'garbage',
      ...details,
      hint: details.hint ?? row.hint,
      octets,
    });
    this.fault = fault;
    this.octet = octet;
    this.rejectCause = row.rejectCause ?? undefined;
  }
}

/**
 * A TSDU of the peer exceeds `maxTsduSize` or `maxTsduSegments`, or the TSDUs of all peers exceed
 * `maxReceiveBuffer`. `code` is `ERR_COTP_TSDU_TOO_LARGE`.
 */
export class TsduTooLargeError extends CotpError {
  override readonly name = 'TsduTooLargeError';
  declare readonly code: 'ERR_COTP_TSDU_TOO_LARGE';

  /** Makes an error with the code `ERR_COTP_TSDU_TOO_LARGE`. */
  constructor(message: string, details: ErrorDetails = {}) {
    super('ERR_COTP_TSDU_TOO_LARGE', message, { ending: 'limit', ...details });
  }
}

/** The timers that can run out, by the option that sets each. */
export type TimerName =
  | 'timeout'
  | 'handshakeTimeout'
  | 'reassemblyTimeout'
  | 'idleTimeout'
  | 'receiveTimeout'
  | 'writeTimeout'
  | 'closeTimeout';

/** A timer ran out. `code` is `ERR_COTP_TIMEOUT`. */
export class TimeoutError extends CotpError {
  override readonly name = 'TimeoutError';
  declare readonly code: 'ERR_COTP_TIMEOUT';
  /** Which timer, by the name of its option. */
  readonly timer: TimerName;
  /** After how many milliseconds. */
  readonly milliseconds: number;

  /** Makes an error with the code `ERR_COTP_TIMEOUT`. */
  constructor(message: string, timer: TimerName, milliseconds: number, details: ErrorDetails = {}) {
    super('ERR_COTP_TIMEOUT', message, { ending: 'timeout', ...details });
    this.timer = timer;
    this.milliseconds = milliseconds;
  }
}

/** True if TLS failed, not TCP. */
export function isTlsFailure(cause: unknown): boolean {
  return /^ERR_(SSL|TLS)_/.test(codeOf(cause) ?? '');
}

/** How the stream ended, as the start of a message. A `cause` of `undefined` means a FIN. */
export function streamFailure(cause: Error | undefined): string {
  if (cause === undefined) {
    return 'the peer closed TCP';
  }
  const what = codeOrMessage(cause);
  return isTlsFailure(cause) ? `TLS failed (${what})` : `TCP was reset or failed (${what})`;
}

/** What to try if a peer does not even answer TCP. */
export function unreachableHint(peer: string): string {
  return `is ${peer} the right address, is the device on, and does a firewall let packets through?`;
}

/**
 * The code of an error, or its message if it has no code. A message of OpenSSL can have several lines, with
 * addresses and file names.
 */
export function codeOrMessage(cause: Error): string {
  return codeOf(cause) ?? cause.message;
}

function codeOf(cause: unknown): string | undefined {
  const { code } = (cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
