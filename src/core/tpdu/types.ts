/**
 * The ten TPDUs of X.224 as TypeScript types, with the names of the standard.
 */
import type { Fault } from '../faults.js';

/** Transport class, X.224 clauses 8 to 12. Connections of this library have class 0 or 2. */
export type TransportClass = 0 | 1 | 2 | 3 | 4;

/** The TPDU names of X.224 table 8. */
export type TpduType = 'CR' | 'CC' | 'DR' | 'DC' | 'DT' | 'ED' | 'AK' | 'EA' | 'RJ' | 'ER';

/** A parameter as it is encoded (X.224 13.2.3): one octet of code, one of length, and the value. */
export interface RawParameter {
  /** Parameter code, 0 to 255. X.224 defines none below 0x80, and reserves 0xFF. */
  readonly code: number;
  /** Parameter value, without code and length: 0 to 248 octets. In a decoded TPDU it is a view. */
  readonly value: Uint8Array;
}

/**
 * Name of a tolerated deviation: a {@link Fault}, or one of five names that are not faults. `docs/errors.md` explains
 * each.
 */
export type DiagnosticCode =
  | Fault
  | 'param-duplicate'
  | 'option-bit8'
  | 'alt-option-bits'
  | 'alt-with-class0'
  | 'dr-data-class0';

/** A deviation from the standard that decoding tolerated. */
export interface Diagnostic {
  /** What deviates. With `strict`, most of them are the `fault` of a `ProtocolError` instead. */
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

/** 0x86, residual error rate (X.224 13.3.4 k), 3 octets. The fields are exponents. */
export interface ResidualErrorRate {
  /** Target rate, 0 to 255: 6 means 10^-6. */
  readonly target: number;
  /** Highest rate that is still acceptable, 0 to 255, encoded in the same way. */
  readonly minimumAcceptable: number;
  /** TSDU size that the rates are meant for, 0 to 255: 10 means 1024 octets. */
  readonly tsduSize: number;
}

/** 0x8C, flow control confirmation (X.224 13.9.4 c), 8 octets: a copy of what the last AK of the peer said. */
export interface FlowControlConfirmation {
  /** YR-TU-NR of that AK, 4 octets: 0 to 127, in the extended format 0 to 2147483647. */
  readonly lowerWindowEdge: number;
  /** Subsequence number of that AK, 0 to 65535; 0 if it has none. */
  readonly subsequenceNumber: number;
  /** CDT of that AK, 0 to 65535. */
  readonly credit: number;
}

/** Fields that decoding adds to every TPDU. Encoding uses only the order of `rawParameters`. */
export interface Decoded {
  /** LI, octet 1: octets of the header without LI itself, 1 to 254 (X.224 13.2.1). */
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
  | {
      /** In a CR: what the client can use. */
      readonly type: 'request';
      /** 0 to 255: 0x01 restricted admin mode, 0x02 redirected authentication mode, 0x08 a correlation id follows. */
      readonly flags: number;
      /** The protocols that the client can use, 0 to 4294967295. */
      readonly requestedProtocols: number;
    }
  | {
      /** In a CC: what the server has selected. */
      readonly type: 'response';
      /**
       * 0 to 255: 0x01 extended client data, 0x02 graphics pipeline, 0x08 restricted admin mode, 0x10 redirected
       * authentication mode.
       */
      readonly flags: number;
      /** The protocol that the server has selected, 0 to 4294967295. */
      readonly selectedProtocol: number;
    }
  | {
      /** In a CC: the server refuses. */
      readonly type: 'failure';
      /** 0: a failure has no flags. */
      readonly flags: number;
      /**
       * 1 TLS is required, 2 TLS is not allowed, 3 the server has no certificate, 4 the flags are inconsistent, 5
       * CredSSP is required, 6 TLS with a certificate of the client is required. 0 to 4294967295.
       */
      readonly failureCode: number;
    };

type WithoutFlags<N> = N extends unknown ? Omit<N, 'flags'> & { readonly flags?: number } : never;

/** {@link RemoteDesktop} to encode. Default of the flags: 0, or 8 in a request with a correlation id. */
export type RemoteDesktopInit = {
  readonly [K in Exclude<keyof RemoteDesktop, 'negotiation'>]?: RemoteDesktop[K] | undefined;
} & {
  /** The negotiation structure; its `flags` are optional here. */
  readonly negotiation?: WithoutFlags<RemoteDesktopNegotiation> | undefined;
};

interface WithParameters {
  /** The parameters by name, decoded. */
  readonly parameters: Parameters;
  /** Parameters with a code unknown in this TPDU, in order. `rawParameters` has their position. */
  readonly unknownParameters: readonly RawParameter[];
}

interface ConnectionTpdu extends WithParameters {
  /** CDT, bits 4 to 1 of octet 2: initial credit, 0 to 15; 0 in classes 0 and 1 (X.224 13.3.3 b). */
  readonly cdt: number;
  /** DST-REF, octets 3 and 4: 0 in a CR (X.224 13.3.3 c), in a CC the SRC-REF of the CR (X.224 13.4.3). */
  readonly dstRef: number;
  /**
   * SRC-REF, octets 5 and 6: the reference that the sender has chosen, 1 to 65535 (X.224 13.3.3 d). Some devices send 0
   * in class 0, which decoding tolerates.
   */
  readonly srcRef: number;
  /** Bits 8 to 5 of octet 7: the preferred class in a CR, the selected class in a CC (X.224 13.3.3 e). */
  readonly class: TransportClass;
  /**
   * Bits 4 to 1 of octet 7: bit 2 extended formats, bit 1 non-use of explicit flow control (X.224 13.3.3 e). 0 in class
   * 0.
   */
  readonly options: number;
  /**
   * Present if the TPDU has the remote desktop form; it then has no parameters. Decoding reports the
   * diagnostic `remote-desktop`, or with `strict` refuses the TPDU.
   */
  readonly remoteDesktop?: RemoteDesktop;
  /**
   * User data, 0 to 32 octets (X.224 13.3.5, 13.4.5). Class 0 has it by RFC 1006 §5; there decoding tolerates more.
   */
  readonly userData: Uint8Array;
}

/** CR, connection request (X.224 13.3). */
export interface ConnectionRequest extends ConnectionTpdu {
  /** Octet 2: code 1110. */
  readonly type: 'CR';
}

/** CC, connection confirm (X.224 13.4). */
export interface ConnectionConfirm extends ConnectionTpdu {
  /** Octet 2: code 1101. */
  readonly type: 'CC';
}

/** DR, disconnect request (X.224 13.5). */
export interface DisconnectRequest extends WithParameters {
  /** Octet 2: code 1000. */
  readonly type: 'DR';
  /** DST-REF, octets 3 and 4: the reference of the receiver, 0 to 65535 (X.224 13.5.3). */
  readonly dstRef: number;
  /** SRC-REF, octets 5 and 6: the reference of the sender, 0 to 65535; 0 if the DR refuses a CR (X.224 13.5.3). */
  readonly srcRef: number;
  /** Reason, octet 7, 0 to 255 (X.224 13.5.3 d); {@link disconnectReason} has its text. */
  readonly reason: number;
  /** User data, 0 to 64 octets, none in class 0 (X.224 13.5.5). It may be lost with TCP. */
  readonly userData: Uint8Array;
}

/** DC, disconnect confirm (X.224 13.6); classes 1 to 4. */
export interface DisconnectConfirm extends WithParameters {
  /** Octet 2: code 1100. */
  readonly type: 'DC';
  /** DST-REF, octets 3 and 4: the reference of the receiver, 0 to 65535 (X.224 13.6.3). */
  readonly dstRef: number;
  /** SRC-REF, octets 5 and 6: the reference of the sender, 0 to 65535 (X.224 13.6.3). */
  readonly srcRef: number;
}

/**
 * Header format (X.224 13.7.1). `short`: a DT of class 0 or 1, without DST-REF; an ED of class 0 (RFC 1006 §6).
 * `normal`: with DST-REF and a number of 7 bits. `extended`: with DST-REF and a number of 31 bits.
 */
export type DataForm = 'short' | 'normal' | 'extended';

/** DT, data (X.224 13.7). */
export interface Data extends WithParameters {
  /** Octet 2: code 1111. */
  readonly type: 'DT';
  /** Header format; LI is 2, 4 or 7 octets and the parameters. */
  readonly form: DataForm;
  /** ROA, bit 1 of octet 2: request of acknowledgement; classes 1, 3 and 4 (X.224 13.7.3 b). */
  readonly roa: boolean;
  /** DST-REF, octets 3 and 4, 0 to 65535. Absent in the short format. */
  readonly dstRef?: number;
  /** EOT: this DT ends its TSDU (X.224 13.7.3 d). */
  readonly eot: boolean;
  /** TPDU-NR (X.224 13.7.3 e): 0 in class 0, otherwise 0 to 127, in the extended format 0 to 2147483647. */
  readonly tpduNr: number;
  /** User data: what the TPDU size leaves beside the header. Empty only in the last DT of a TSDU (X.224 6.3.3). */
  readonly userData: Uint8Array;
}

/** ED, expedited data (X.224 13.8). The short format is that of RFC 1006 §6 for class 0. */
export interface ExpeditedData extends WithParameters {
  /** Octet 2: code 0001. */
  readonly type: 'ED';
  /** Header format; LI is 2, 4 or 7 octets and the parameters. */
  readonly form: DataForm;
  /** DST-REF, octets 3 and 4, 0 to 65535. Absent in the short format. */
  readonly dstRef?: number;
  /** EOT: `true`, because an ED is a whole expedited TSDU (X.224 13.8.3); decoding tolerates `false`. */
  readonly eot: boolean;
  /** ED-TPDU-NR (X.224 13.8.3): 0 in class 0, otherwise 0 to 127, in the extended format 0 to 2147483647. */
  readonly tpduNr: number;
  /** User data, 1 to 16 octets (X.224 13.8.5). */
  readonly userData: Uint8Array;
}

/** AK, data acknowledgement (X.224 13.9); classes 1 to 4, in class 2 only with flow control. */
export interface DataAcknowledgement extends WithParameters {
  /** Octet 2: code 0110. */
  readonly type: 'AK';
  /** Header format; LI is 4 or 9 octets and the parameters. */
  readonly form: 'normal' | 'extended';
  /** CDT: how many DTs may be sent from `yrTuNr` on; 0 to 15, in the extended format 0 to 65535 (X.224 13.9.3). */
  readonly cdt: number;
  /** DST-REF, octets 3 and 4, 0 to 65535. */
  readonly dstRef: number;
  /** YR-TU-NR: number of the next DT expected, 0 to 127, in the extended format 0 to 2147483647 (X.224 13.9.3). */
  readonly yrTuNr: number;
}

/** EA, expedited data acknowledgement (X.224 13.10). */
export interface ExpeditedAcknowledgement extends WithParameters {
  /** Octet 2: code 0010. */
  readonly type: 'EA';
  /** Header format; LI is 4 or 7 octets and the parameters. */
  readonly form: 'normal' | 'extended';
  /** DST-REF, octets 3 and 4, 0 to 65535. */
  readonly dstRef: number;
  /**
   * YR-EDTU-NR: number of the ED that is acknowledged, 0 to 127, in the extended format 0 to 2147483647 (X.224
   * 13.10.3).
   */
  readonly yrEdtuNr: number;
}

/** RJ, reject (X.224 13.11); classes 1 and 3. It has no parameters. */
export interface Reject {
  /** Octet 2: code 0101. */
  readonly type: 'RJ';
  /** Header format; LI is exactly 4 or 9. */
  readonly form: 'normal' | 'extended';
  /** CDT: how many DTs may be sent from `yrTuNr` on; 0 to 15, in the extended format 0 to 65535 (X.224 13.11). */
  readonly cdt: number;
  /** DST-REF, octets 3 and 4, 0 to 65535. */
  readonly dstRef: number;
  /** YR-TU-NR: number of the DT to send again from, 0 to 127, in the extended format 0 to 2147483647 (X.224 13.11). */
  readonly yrTuNr: number;
}

/** ER, TPDU error (X.224 13.12). */
export interface ErrorTpdu extends WithParameters {
  /** Octet 2: code 0111. */
  readonly type: 'ER';
  /** DST-REF, octets 3 and 4: the reference of the receiver, 0 to 65535 (X.224 13.12.3). */
  readonly dstRef: number;
  /** Reject cause, octet 5, 0 to 255; X.224 13.12.3 defines 0 to 3. {@link rejectCauseText} has its text. */
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

type Only<T extends TpduType> = Extract<TpduFields, Record<'type', T>>;

type Init<T extends TpduFields, Required extends keyof T> = Pick<T, 'type' | Required> &
  Partial<Omit<T, 'type' | Required | 'parameters' | 'remoteDesktop'>> & {
    readonly parameters?: ParametersInit;
    /** The order of the parameters. Default: the canonical order; see `EncodeOptions`. */
    readonly rawParameters?: readonly RawParameter[];
  };

/** Parameters to encode. `checksum: 'compute'` writes the checksum of the finished TPDU (X.224 6.17). */
export type ParametersInit = {
  readonly [K in keyof Omit<Parameters, 'checksum'>]?: Parameters[K] | undefined;
} & {
  /** 0xC3, 16 bits, class 4: the value to write, or `'compute'`. */
  readonly checksum?: number | 'compute' | undefined;
};

/**
 * The argument of `encode`: the fields of a TPDU. `type` and these are required, the others have a default:
 *
 * | type | required | defaults of the others |
 * | --- | --- | --- |
 * | CR | `srcRef` | `dstRef`, `class`, `options`, `cdt` 0 |
 * | CC | `dstRef`, `srcRef` | `class`, `options`, `cdt` 0 |
 * | DR | `dstRef`, `reason` | `srcRef` 0 |
 * | DC | `dstRef`, `srcRef` | |
 * | DT, ED | `userData` | `form` normal with a `dstRef`, otherwise short; `eot` true, `tpduNr` 0, `roa` false |
 * | AK | `dstRef`, `yrTuNr` | `form` normal, `cdt` 0 |
 * | EA | `dstRef`, `yrEdtuNr` | `form` normal |
 * | RJ | `dstRef`, `yrTuNr` | `form` normal, `cdt` 0 |
 * | ER | `dstRef`, `rejectCause` | |
 *
 * Without `parameters` and `userData` there are none.
 */
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
export type TpduInitOf<T extends TpduType> = Extract<TpduInit, Record<'type', T>>;

/** Options of `decode`. */
export interface DecodeOptions {
  /**
   * Refuses every TPDU that deviates from the standard. By default small deviations, which are common in deployed
   * peers, are tolerated and reported in `diagnostics`.
   *
   * @defaultValue `false`
   */
  readonly strict?: boolean;
  /**
   * Class of the connection. Default: the class is not known or not negotiated yet. LI then decides the header format
   * of DT, ED, EA, AK and RJ.
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
   * Expedited data was negotiated in class 0, so the ED of RFC 1006 §6 is allowed.
   *
   * @defaultValue `false`
   */
  readonly expedited?: boolean;
  /**
   * TPDU size in force, in octets, header included. A larger TPDU gets the diagnostic `tpdu-too-long`, or with `strict`
   * is refused. Default: no check.
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
