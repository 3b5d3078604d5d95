/**
 * The ten TPDUs of X.224 as TypeScript types, with the names of the standard.
 */
import type { Fault } from '../faults.js';

/** Transport class, X.224 clause 6. */
export type TransportClass = 0 | 1 | 2 | 3 | 4;

/** The TPDU names of X.224 table 8. */
export type TpduType = 'CR' | 'CC' | 'DR' | 'DC' | 'DT' | 'ED' | 'AK' | 'EA' | 'RJ' | 'ER';

/** An encoded parameter. */
export interface RawParameter {
  readonly code: number;
  readonly value: Uint8Array;
}

/** Name of a tolerated deviation: a {@link Fault}, or one of five names that are not faults. */
export type DiagnosticCode =
  | Fault
  | 'param-duplicate'
  | 'option-bit8'
  | 'alt-option-bits'
  | 'alt-with-class0'
  | 'dr-data-class0';

/** A deviation from the standard that decoding tolerated. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  /** The octet, counted from 1 within the TPDU; `undefined` if it is no single octet. */
  readonly octet: number | undefined;
}

/**
 * The parameters of all TPDUs by name (X.224 13.3.4 to 13.12.4). Each is absent if the TPDU does not contain
 * it. An invalid value is absent here, but present in `rawParameters`.
 */
export interface Parameters {
  /**
   * 0xC0 TPDU size in octets, including the header: 128 to 65531 (code 0x10 is decoded as 65531). In a CR it
   * can be 1 to 64, with a diagnostic: some old stacks offer 64.
   */
  readonly tpduSize?: number;
  /** 0xF0 preferred maximum TPDU size in octets, a multiple of 128; it can exceed 65531. */
  readonly preferredMaxTpduSize?: number;
  /** 0xC1 calling T-selector (TSAP-ID). An empty selector differs from an absent one. */
  readonly callingTsel?: Uint8Array;
  /** 0xC2 called T-selector; in a CC the responding T-selector. */
  readonly calledTsel?: Uint8Array;
  /** 0xC3 checksum, 16 bits; class 4. */
  readonly checksum?: number;
  /** 0xC4 version number: 1. */
  readonly version?: number;
  /** 0xC5 protection parameter, defined by the user. */
  readonly protection?: Uint8Array;
  /** 0xC6 additional option selection, one octet of bits. */
  readonly additionalOptions?: number;
  /** 0xC7 alternative protocol classes, in order of preference. */
  readonly alternativeClasses?: readonly TransportClass[];
  /** 0x85 acknowledgement time in milliseconds. */
  readonly ackTime?: number;
  /** 0x86 residual error rate. */
  readonly residualErrorRate?: ResidualErrorRate;
  /** 0x87 priority; 0 is the highest. */
  readonly priority?: number;
  /**
   * 0x88 transit delay in milliseconds: target and maximum from calling to called, then from called to
   * calling.
   */
  readonly transitDelay?: readonly number[];
  /** 0x89 throughput in octets per second: four maximum values, then optionally four average values. */
  readonly throughput?: readonly number[];
  /** 0x8B reassignment time in seconds. */
  readonly reassignmentTime?: number;
  /** 0xF2 inactivity timer in milliseconds. */
  readonly inactivityTime?: number;
  /** 0xE0 additional information about the disconnect; in a DR. */
  readonly additionalInfo?: Uint8Array;
  /** 0xC1 invalid TPDU: its octets up to and including the faulty one; in an ER. */
  readonly invalidTpdu?: Uint8Array;
  /** 0x8A subsequence number; in an AK of class 4. */
  readonly subsequenceNumber?: number;
  /** 0x8C flow control confirmation; in an AK of class 4. */
  readonly flowControlConfirmation?: FlowControlConfirmation;
  /** 0x8F selective acknowledgement, encoded; in an AK of class 4. */
  readonly selectiveAcknowledgement?: Uint8Array;
  /** 0x90 ED-TPDU-NR of non-blocking expedited data; in a DT of class 4. */
  readonly edTpduNr?: number;
}

/** 0x86: the error rates as negated powers of ten, and the TSDU size of interest as a power of two. */
export interface ResidualErrorRate {
  readonly target: number;
  readonly minimumAcceptable: number;
  readonly tsduSize: number;
}

/** 0x8C, X.224 13.9.4 c. */
export interface FlowControlConfirmation {
  readonly lowerWindowEdge: number;
  readonly subsequenceNumber: number;
  readonly credit: number;
}

/** Fields that decoding adds to every TPDU. Encoding uses only the order of `rawParameters`. */
export interface Decoded {
  /** LI: octets of the header without LI itself. */
  readonly li: number;
  /** All parameters in the order received, known and unknown. Views, not copies. */
  readonly rawParameters: readonly RawParameter[];
  /** Tolerated deviations, in order of discovery. Empty if the TPDU conforms. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The fields that remote desktop sends in a CR or CC instead of parameters ([MS-RDPBCGR] 2.2.1.1,
 * 2.2.1.2). Each is absent if the TPDU does not contain it.
 */
export interface RemoteDesktop {
  /**
   * The line in a CR that names the user, without CR LF: `Cookie: mstshash=user`. Each character is one
   * octet. Some clients send an empty line.
   */
  readonly cookie?: string;
  /** The line in a CR for load balancers, without CR LF: `Cookie: msts=…`, `tsv://…`. */
  readonly routingToken?: string;
  /** The negotiation request of a client, or the answer of a server. */
  readonly negotiation?: RemoteDesktopNegotiation;
  /** 16 octets that identify the connection in the logs of both sides; in a CR. */
  readonly correlationId?: Uint8Array;
}

/**
 * The negotiation structures of remote desktop. Protocols are a bit set: 0 standard RDP security, 1 TLS, 2
 * CredSSP, 4 RDSTLS, 8 CredSSP with early authorization, 16 RDSAAD.
 */
export type RemoteDesktopNegotiation =
  | { readonly type: 'request'; readonly flags: number; readonly requestedProtocols: number }
  | { readonly type: 'response'; readonly flags: number; readonly selectedProtocol: number }
  /**
   * 1 TLS is required, 2 not allowed, 3 no certificate, 4 inconsistent flags, 5 CredSSP is required, 6
   * TLS with a client certificate.
   */
  | { readonly type: 'failure'; readonly flags: number; readonly failureCode: number };

type WithoutFlags<N> = N extends unknown ? Omit<N, 'flags'> & { readonly flags?: number } : never;

/** {@link RemoteDesktop} to encode. Default of the flags: 0, or 8 in a request with a correlation id. */
export type RemoteDesktopInit = {
  readonly [K in Exclude<keyof RemoteDesktop, 'negotiation'>]?: RemoteDesktop[K] | undefined;
} & { readonly negotiation?: WithoutFlags<RemoteDesktopNegotiation> | undefined };

interface WithParameters {
  /** The parameters by name. */
  readonly parameters: Parameters;
  /** Parameters with a code unknown in this TPDU, in order. `rawParameters` has their position. */
  readonly unknownParameters: readonly RawParameter[];
}

interface ConnectionTpdu extends WithParameters {
  /** Initial credit, 0 to 15; always 0 in classes 0 and 1. */
  readonly cdt: number;
  readonly dstRef: number;
  readonly srcRef: number;
  /** Preferred class in a CR, selected class in a CC. */
  readonly class: TransportClass;
  /** Bits 4 to 1 of octet 7: bit 2 extended formats, bit 1 non-use of explicit flow control. */
  readonly options: number;
  /**
   * Present if the TPDU has the remote desktop form; it then has no parameters. Decoding reports the
   * diagnostic `remote-desktop`, or with `strict` refuses the TPDU.
   */
  readonly remoteDesktop?: RemoteDesktop;
  readonly userData: Uint8Array;
}

/** CR, connection request (X.224 13.3). */
export interface ConnectionRequest extends ConnectionTpdu {
  readonly type: 'CR';
}

/** CC, connection confirm (X.224 13.4). */
export interface ConnectionConfirm extends ConnectionTpdu {
  readonly type: 'CC';
}

/** DR, disconnect request (X.224 13.5). */
export interface DisconnectRequest extends WithParameters {
  readonly type: 'DR';
  readonly dstRef: number;
  /** 0 if the DR refuses a CR. */
  readonly srcRef: number;
  /** X.224 13.5.3; see {@link disconnectReason}. */
  readonly reason: number;
  readonly userData: Uint8Array;
}

/** DC, disconnect confirm (X.224 13.6). */
export interface DisconnectConfirm extends WithParameters {
  readonly type: 'DC';
  readonly dstRef: number;
  readonly srcRef: number;
}

/** Header format. `short`: classes 0 and 1; `normal` and `extended`: classes 2 to 4 (X.224 13.7.1). */
export type DataForm = 'short' | 'normal' | 'extended';

/** DT, data (X.224 13.7). */
export interface Data extends WithParameters {
  readonly type: 'DT';
  readonly form: DataForm;
  /** Request of acknowledgement, X.224 13.7.3 b. */
  readonly roa: boolean;
  /** Absent in the short form. */
  readonly dstRef?: number;
  /** End of TSDU. */
  readonly eot: boolean;
  /** TPDU-NR, 7 or 31 bits. */
  readonly tpduNr: number;
  readonly userData: Uint8Array;
}

/** ED, expedited data (X.224 13.8). The short format is that of RFC 1006 §6 for class 0. */
export interface ExpeditedData extends WithParameters {
  readonly type: 'ED';
  readonly form: DataForm;
  readonly dstRef?: number;
  readonly eot: boolean;
  /** ED-TPDU-NR, 7 or 31 bits. */
  readonly tpduNr: number;
  /** 1 to 16 octets. */
  readonly userData: Uint8Array;
}

/** AK, data acknowledgement (X.224 13.9). */
export interface DataAcknowledgement extends WithParameters {
  readonly type: 'AK';
  readonly form: 'normal' | 'extended';
  readonly cdt: number;
  readonly dstRef: number;
  /** YR-TU-NR: number of the next DT expected. */
  readonly yrTuNr: number;
}

/** EA, expedited data acknowledgement (X.224 13.10). */
export interface ExpeditedAcknowledgement extends WithParameters {
  readonly type: 'EA';
  readonly form: 'normal' | 'extended';
  readonly dstRef: number;
  /** YR-EDTU-NR. */
  readonly yrEdtuNr: number;
}

/** RJ, reject (X.224 13.11). It has no parameters. */
export interface Reject {
  readonly type: 'RJ';
  readonly form: 'normal' | 'extended';
  readonly cdt: number;
  readonly dstRef: number;
  readonly yrTuNr: number;
}

/** ER, TPDU error (X.224 13.12). */
export interface ErrorTpdu extends WithParameters {
  readonly type: 'ER';
  readonly dstRef: number;
  /** X.224 13.12.3; see {@link rejectCauseText}. */
  readonly rejectCause: number;
}

/** Any TPDU, without the fields that decoding adds. */
export type TpduFields =
  | ConnectionRequest
  | ConnectionConfirm
  | DisconnectRequest
  | DisconnectConfirm
  | Data
  | ExpeditedData
  | DataAcknowledgement
  | ExpeditedAcknowledgement
  | Reject
  | ErrorTpdu;

/** A decoded TPDU. User data and parameter values are views of the octets passed to `decode`. */
export type Tpdu = TpduFields & Decoded;

/** A CR or CC can have the remote desktop form, in class 0 and without parameters. */
interface MayBeRemoteDesktop {
  readonly remoteDesktop?: RemoteDesktopInit | undefined;
}

type Only<T extends TpduType> = Extract<TpduFields, { type: T }>;

type Init<T extends TpduFields, Required extends keyof T> = Pick<T, 'type' | Required> &
  Partial<Omit<T, 'type' | Required | 'parameters' | 'remoteDesktop'>> & {
    readonly parameters?: ParametersInit;
    /** The order of the parameters. Default: the canonical order; see `EncodeOptions`. */
    readonly rawParameters?: readonly RawParameter[];
  };

/** Parameters to encode. `checksum: 'compute'` computes the checksum of the finished TPDU (X.224 6.17). */
export type ParametersInit = {
  readonly [K in keyof Omit<Parameters, 'checksum'>]?: Parameters[K] | undefined;
} & { readonly checksum?: number | 'compute' | undefined };

/** The argument of `encode`: the fields of a TPDU. Fields with a default in the standard are optional. */
export type TpduInit =
  | (Init<Only<'CR'>, 'srcRef'> & MayBeRemoteDesktop)
  | (Init<Only<'CC'>, 'dstRef' | 'srcRef'> & MayBeRemoteDesktop)
  | Init<Only<'DR'>, 'dstRef' | 'reason'>
  | Init<Only<'DC'>, 'dstRef' | 'srcRef'>
  | Init<Only<'DT'>, 'userData'>
  | Init<Only<'ED'>, 'userData'>
  | Init<Only<'AK'>, 'dstRef' | 'yrTuNr'>
  | Init<Only<'EA'>, 'dstRef' | 'yrEdtuNr'>
  | (Pick<Reject, 'type' | 'dstRef' | 'yrTuNr'> & Partial<Pick<Reject, 'form' | 'cdt'>>)
  | Init<Only<'ER'>, 'dstRef' | 'rejectCause'>;

/** The argument of `encode` for one TPDU type, for instance `TpduInitOf<'CR'>`. */
export type TpduInitOf<T extends TpduType> = Extract<TpduInit, { readonly type: T }>;

/** Options of `decode`. */
export interface DecodeOptions {
  /**
   * Refuses every TPDU that deviates from the standard. Default `false`: small deviations, which are common
   * in deployed peers, are tolerated and reported in `diagnostics`.
   *
   * @defaultValue `false`
   */
  readonly strict?: boolean;
  /**
   * Class of the connection. Default absent: the class is not known or not negotiated yet. Then LI decides
   * the header format of DT, ED, EA, AK and RJ.
   *
   * @defaultValue `undefined`
   */
  readonly class?: TransportClass;
  /**
   * Extended formats are in use (classes 2 to 4).
   *
   * @defaultValue `false`
   */
  readonly extendedFormats?: boolean;
  /**
   * Expedited data was negotiated in class 0, so the ED form of RFC 1006 §6 is legal.
   *
   * @defaultValue `false`
   */
  readonly expedited?: boolean;
  /**
   * TPDU size in force, in octets. Default absent: no check.
   *
   * @defaultValue `undefined`
   */
  readonly maxTpduSize?: number;
  /**
   * Verify the checksum of a TPDU that has one (class 4, X.224 6.17).
   *
   * @defaultValue `false`
   */
  readonly verifyChecksum?: boolean;
}
