/**
 * A COTP connection as users hold it, and its `info`.
 */
import type { Agreement } from '../core/engine.js';
import type { Decoded, DiagnosticCode, RemoteDesktop } from '../core/tpdu/types.js';
import { type Tsel, tselOf } from '../core/tsel.js';
import type { FullAddress } from './address.js';
import { copyToBuffer } from './buffers.js';
import { type ConnectionParts, MessageConnection } from './message-connection.js';

/**
 * What both sides of a connection are, and what they have agreed on. Frozen. A selector read here can
 * be passed to `connect` as it is: a number when it has two octets, else a Buffer, `undefined` when
 * the CR carried none.
 */
export interface ConnectionInfo {
  readonly localAddr: FullAddress;
  /** Our T-selector: the calling one of a client, the called one of a server. */
  readonly localTsel: Tsel | undefined;
  readonly remoteAddr: FullAddress;
  /** The peer's T-selector: the called one of a client, the calling one of a server. */
  readonly remoteTsel: Tsel | undefined;
  /**
   * The T-selector that the CC carries as the responding one (0xC2); a client only, and `undefined`
   * when the peer left it out. Some peers answer with another one than was called.
   */
  readonly respondingTsel: Tsel | undefined;
  /** Largest TPDU that is sent, in octets, header included. */
  readonly maxTpduSize: number;
  /** Transport class, 0. */
  readonly tpClass: number;
  /** Our reference, 1 to 65535. */
  readonly localRef: number;
  /** The peer's reference; some peers give 0. */
  readonly remoteRef: number;
  /** User data of the peer's CR or CC, if it sent any. */
  readonly connectData: Buffer | undefined;
  /**
   * What the peer's CR or CC breaks of the standard and was let pass, by the names of `docs/errors.md`; empty
   * when it breaks nothing.
   */
  readonly diagnostics: readonly DiagnosticCode[];
  /** What of remote desktop the peer's CR or CC carries; `undefined` where it has another form. */
  readonly remoteDesktop: RemoteDesktop | undefined;
  /** The `name` option. */
  readonly name: string | undefined;
}

/** A selector in the form of the options: two octets are a number. */
export function tselFromWire(octets: Uint8Array | undefined): Tsel | undefined {
  // A copy: a selector that somebody keeps must not keep the socket's buffer.
  return octets === undefined ? undefined : tselOf(copyToBuffer(octets));
}

/** User data in the form of the info: none is `undefined`. */
export function connectDataFromWire(userData: Uint8Array): Buffer | undefined {
  return userData.length === 0 ? undefined : copyToBuffer(userData);
}

const NONE: readonly DiagnosticCode[] = Object.freeze([]);

/** A copy whose octets do not keep a buffer of the socket alive. */
export function remoteDesktopFromWire(form: RemoteDesktop | undefined): RemoteDesktop | undefined {
  return form?.correlationId === undefined
    ? form
    : { ...form, correlationId: copyToBuffer(form.correlationId) };
}

/** What was let pass in a CR or CC. */
export function diagnosticsOf(tpdu: Decoded | undefined): readonly DiagnosticCode[] {
  return tpdu === undefined || tpdu.diagnostics.length === 0
    ? NONE
    : Object.freeze(tpdu.diagnostics.map(({ code }) => code));
}

/** Puts the info together. */
export function connectionInfo(
  agreement: Agreement,
  parts: Omit<ConnectionInfo, keyof Agreement>,
): ConnectionInfo {
  return Object.freeze({
    localAddr: parts.localAddr,
    localTsel: parts.localTsel,
    remoteAddr: parts.remoteAddr,
    remoteTsel: parts.remoteTsel,
    respondingTsel: parts.respondingTsel,
    maxTpduSize: agreement.maxTpduSize,
    tpClass: agreement.tpClass,
    localRef: agreement.localRef,
    remoteRef: agreement.remoteRef,
    connectData: parts.connectData,
    diagnostics: parts.diagnostics,
    remoteDesktop: parts.remoteDesktop,
    name: parts.name,
  });
}

/**
 * An open transport connection. One `write` is one TSDU of at least one octet, one `read` is one
 * TSDU, whatever TCP, TPKT and the TPDU size do in between (X.224 6.3, RFC 1006 §6).
 *
 * Connections come from {@link connect} and from the callback of {@link listen}.
 */
export class Connection extends MessageConnection<ConnectionInfo> {
  private constructor(...parts: ConnectionParts<ConnectionInfo>) {
    super(...parts);
  }

  /** @internal Makes one of its parts; users call {@link connect} or {@link listen}. */
  static of(...parts: ConnectionParts<ConnectionInfo>): Connection {
    return new Connection(...parts);
  }
}

/** Called with each connection that a server has opened; what it throws closes that connection. */
export type ConnectionCb = (conn: Connection) => void | Promise<void>;
