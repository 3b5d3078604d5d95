/**
 * The state of decoding one TPDU: its octets, the options, and the diagnostics so far. Only this file decides
 * between an error and a diagnostic.
 */
import { ProtocolError } from '../errors.js';
import type { Fault } from '../faults.js';
import { octetAt, readUint } from '../octets/octets.js';
import type { DecodeOptions, Diagnostic, DiagnosticCode, TransportClass } from './types.js';

/** A TPDU that is being decoded. Octets are counted from 1, offsets from 0. */
export class Reading {
  /** The TPDU from LI to the last octet of user data. */
  readonly octets: Uint8Array;
  /** LI: octets of the header without LI itself. */
  readonly li: number;
  /** Deviations are errors, not diagnostics. */
  readonly strict: boolean;
  /** Class of the connection; `undefined` if it is not known. */
  readonly class: TransportClass | undefined;
  /** Extended formats are in use. */
  readonly extendedFormats: boolean;
  /** What was tolerated, in order of discovery. */
  readonly diagnostics: Diagnostic[] = [];

  constructor(octets: Uint8Array, options: DecodeOptions) {
    this.octets = octets;
    this.li = octetAt(octets, 0);
    this.strict = options.strict ?? false;
    this.class = options.class;
    this.extendedFormats = options.extendedFormats ?? false;
  }

  /** Offset just past the header. It is also the number of the last octet of the header. */
  get headerEnd(): number {
    return 1 + this.li;
  }

  /** Bits 4 to 1 of the code octet. */
  get nibble(): number {
    return octetAt(this.octets, 1) & 0x0f;
  }

  /** @throws ProtocolError always */
  fail(fault: Fault, octet: number, detail?: string): never {
    throw new ProtocolError(fault, this.octets, octet, { detail });
  }

  /** Adds a diagnostic for something that is accepted even with `strict`. */
  note(code: DiagnosticCode, octet: number): undefined {
    this.diagnostics.push({ code, octet });
  }

  /**
   * Throws an error with `strict`; adds a diagnostic otherwise.
   *
   * @param as name of the diagnostic, if it is more specific than the fault
   */
  tolerate(fault: Fault, octet: number, as: DiagnosticCode = fault): void {
    if (this.strict) {
      this.fail(fault, octet);
    }
    this.note(as, octet);
  }

  /** The fixed part must fit within LI (X.224 13.2.2.1). */
  //= X.224 13.2.2.1
  requireLi(least: number): void {
    if (this.li < least) {
      this.fail('li-too-small', 1, `${this.li}, at least ${least}`);
    }
  }

  /** In most TPDU types the low half of the code octet is 0000. RFC 905 has another value for the DR. */
  //= X.224 13.2.2.2 deviation: a tolerant reading ignores a low half that should be zero, for some stacks send the DR as 0x81
  requireZeroNibble(): void {
    if (this.nibble !== 0) {
      this.tolerate('code-nibble', 2);
    }
  }

  /** Reads a number of `length` octets. The caller has checked LI. */
  uint(offset: number, length: number): number {
    return readUint(this.octets, offset, length);
  }

  /** The octets after the header: a view, not a copy. */
  get userData(): Uint8Array {
    return this.octets.subarray(this.headerEnd);
  }

  /** Checks that user data has at most `most` octets. The fault is at the first octet beyond. */
  limitUserData(
    most: number,
    { fault = 'user-data-too-long', isTolerable = false }: Limit = {},
  ): void {
    const length = this.octets.length - this.headerEnd;
    if (length <= most) {
      return;
    }
    const octet = this.headerEnd + most + 1;
    if (isTolerable && !this.strict) {
      this.note(fault, octet);
    } else {
      this.fail(fault, octet, `${length} octets, at most ${most}`);
    }
  }
}

/** What happens if the limit is exceeded. */
interface Limit {
  /** Default `'user-data-too-long'`. */
  readonly fault?: Fault;
  /** Tolerated without `strict`. Default `false`. */
  readonly isTolerable?: boolean;
}
