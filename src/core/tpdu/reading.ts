/**
 * One TPDU while it is being read: its octets, how to read them, and what was found wrong so far.
 * The one place that decides between an error and a diagnostic. Knows the layout of no TPDU.
 */
import { ProtocolError } from '../errors.js';
import { octetAt, readUint } from '../octets/octets.js';
import type { Fault } from '../faults.js';
import type { DecodeOptions, Diagnostic, DiagnosticCode, TransportClass } from './types.js';

/** The octets of one TPDU under judgement. Octets are counted from 1, offsets from 0. */
export class Reading {
  /** The TPDU from LI to the last octet of user data. */
  readonly octets: Uint8Array;
  /** LI: octets of the header without LI itself. */
  readonly li: number;
  /** Refuse what a tolerant reading lets pass. */
  readonly strict: boolean;
  /** Class of the connection, `undefined` while it is not known. */
  readonly class: TransportClass | undefined;
  /** Extended formats are in use. */
  readonly extendedFormats: boolean;
  /** What was let pass, in the order met. */
  readonly diagnostics: Diagnostic[] = [];

  constructor(octets: Uint8Array, options: DecodeOptions) {
    this.octets = octets;
    this.li = octetAt(octets, 0);
    this.strict = options.strict ?? false;
    this.class = options.class;
    this.extendedFormats = options.extendedFormats ?? false;
  }

  /** Offset just past the header, which is also the number of its last octet. */
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

  /** Notes something that neither reading refuses. */
  note(code: DiagnosticCode, octet: number): undefined {
    this.diagnostics.push({ code, octet });
  }

  /**
   * An error when strict, a diagnostic when tolerant.
   *
   * @param as the name of the diagnostic where it tells more than the fault does
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

  /** The code octet of most TPDUs ends in 0000; RFC 905 draws that of the DR otherwise. */
  //= X.224 13.2.2.2 deviation: a tolerant reading ignores a low half that should be zero, for some stacks draw the DR as 0x81
  requireZeroNibble(): void {
    if (this.nibble !== 0) {
      this.tolerate('code-nibble', 2);
    }
  }

  /** A number of `length` octets. The caller has judged LI. */
  uint(offset: number, length: number): number {
    return readUint(this.octets, offset, length);
  }

  /** What follows the header: a view, not a copy. */
  get userData(): Uint8Array {
    return this.octets.subarray(this.headerEnd);
  }

  /** User data holds at most `most` octets; the fault is at the first octet too many. */
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

/** What exceeding a limit means. */
interface Limit {
  /** Default `'user-data-too-long'`. */
  readonly fault?: Fault;
  /** A tolerant reading takes it. Default `false`. */
  readonly isTolerable?: boolean;
}
