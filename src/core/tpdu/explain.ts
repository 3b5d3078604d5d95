/**
 * Explains a TPDU octet by octet, for people. It accepts any octets: faults are noted at their octets, and
 * everything else is still explained.
 */
import { ProtocolError } from '../errors.js';
import { octetAt, octetCount, readUint, toHex } from '../octets/octets.js';
import { formatTsel, tselOf } from '../tsel.js';
import { classOf, disconnectReason, rejectCauseText, tpduTypeOf } from './codes.js';
import { decode } from './decode.js';
import { additionalInfoText, optionNames } from './meanings.js';
import {
  isParameterCode,
  type NamedParameter,
  type ParameterName,
  parameterOf,
} from './parameters.js';
import {
  areParameters,
  beginsLikeCookie,
  failureText,
  flagText,
  protocolText,
  quotedText,
  type RemoteDesktopTpdu,
  readRemoteDesktop,
} from './remote-desktop.js';
import type {
  DecodeOptions,
  Diagnostic,
  DiagnosticCode,
  RemoteDesktopNegotiation,
  TpduType,
  TransportClass,
} from './types.js';
import { LENIENT } from './values.js';

/** The explanation of some octets of a TPDU. */
export interface Explanation {
  /** Offset of the first octet, counted from 0. */
  readonly start: number;
  /** Offset just past the last octet. */
  readonly end: number;
  /** Name of the field in X.224, for instance `DST-REF`. */
  readonly field: string;
  /** The value, for instance `0x4a1c`; empty if it would only repeat the octets. */
  readonly value: string;
  /** The meaning of the value; empty if the value is self-explanatory. */
  readonly meaning: string;
  /** Deviations from the standard in these octets: names of faults and diagnostics. */
  readonly deviations: readonly DiagnosticCode[];
}

/**
 * Explains a TPDU in words, for people. Each octet belongs to exactly one explanation, and they are in order. Octets
 * that break the standard are explained as far as possible, with the deviation; none make it throw.
 *
 * @param octets a TPDU without the TPKT header, or any other octets
 *
 * @example
 * ```ts
 * import { explainTpdu } from 'cotp/tpdu';
 *
 * for (const { field, value } of explainTpdu(Buffer.from('02f080', 'hex'))) {
 *   console.log(field, value);
 * }
 * ```
 */
export function explainTpdu(octets: Uint8Array, options: DecodeOptions = {}): Explanation[] {
  const rows = new Explainer(octets).explain();
  return note(rows, deviationsOf(octets, options));
}

/** The diagnostics of tolerant decoding, or the fault that it refuses. */
function deviationsOf(octets: Uint8Array, options: DecodeOptions): readonly Diagnostic[] {
  try {
    return decode(octets, { ...options, strict: false }).diagnostics;
  } catch (error) {
    if (error instanceof ProtocolError) {
      return [{ code: error.fault, octet: error.octet }];
    }
    throw error;
  }
}

/** Adds each deviation to the row of its octet, or to the last row if the octet is past the end. */
function note(rows: readonly Row[], deviations: readonly Diagnostic[]): Explanation[] {
  const noted = rows.map((row) => ({ ...row, deviations: [] as DiagnosticCode[] }));
  for (const { code, octet = 1 } of deviations) {
    const at = noted.find(({ end }) => octet <= end) ?? noted.at(-1);
    if (at !== undefined && !at.deviations.includes(code)) {
      at.deviations.push(code);
    }
  }
  return noted;
}

type Row = Omit<Explanation, 'deviations'>;

/** A field of the fixed part. */
interface Field {
  readonly length: number;
  readonly name: string;
  /** Returns the text of the value and its meaning. */
  readonly describe: (value: number) => readonly [value: string, meaning: string];
}

const plainNumber = (value: number) => [String(value), ''] as const;
const reference = (value: number) => [`0x${hex(value, 4)}`, ''] as const;

const DST_REF: Field = { length: 2, name: 'DST-REF', describe: reference };
const SRC_REF: Field = { length: 2, name: 'SRC-REF', describe: reference };
const REASON: Field = {
  length: 1,
  name: 'reason',
  describe: (value) => [String(value), disconnectReason(value)],
};
const CAUSE: Field = {
  length: 1,
  name: 'reject cause',
  describe: (value) => [String(value), rejectCauseText(value)],
};
const CLASS: Field = { length: 1, name: 'class, options', describe: describeClass };
const CREDIT: Field = { length: 2, name: 'CDT', describe: plainNumber };

/** What the first bit and the number of a TPDU mean. */
interface NumberWords {
  readonly bit: string;
  readonly number: string;
  readonly ifSet: string;
  readonly ifNotSet: string;
}

const DT_NUMBER: NumberWords = {
  bit: 'EOT',
  number: 'TPDU-NR',
  ifSet: 'the last TPDU of its TSDU',
  ifNotSet: 'more of the TSDU follows',
};
/** Expedited data is never segmented, so its EOT is always 1 (X.224 13.8.3). */
const ED_NUMBER: NumberWords = {
  bit: 'EOT',
  number: 'ED-TPDU-NR',
  ifSet: '',
  ifNotSet: 'must be 1 in an ED',
};
const EA_NUMBER: NumberWords = {
  bit: 'zero',
  number: 'YR-EDTU-NR',
  ifSet: '',
  ifNotSet: 'acknowledges the ED of this number',
};
const AK_NUMBER: NumberWords = { bit: 'zero', number: 'YR-TU-NR', ifSet: '', ifNotSet: '' };

/** A number whose first bit is a separate field. */
function numbered(length: 1 | 4, { bit, number, ifSet, ifNotSet }: NumberWords): Field {
  const mark = 128 * 256 ** (length - 1);
  return {
    length,
    name: `${bit}, ${number}`,
    describe: (value) =>
      value >= mark ? [`1, ${value - mark}`, ifSet] : [`0, ${value}`, ifNotSet],
  };
}

function describeClass(octet: number): readonly [string, string] {
  const number = octet >> 4;
  const options = octet & 0x0f;
  const names = [
    options & 0x02 ? 'extended formats' : '',
    options & 0x01 ? 'no explicit flow control' : '',
    options & 0x0c ? 'undefined bits' : '',
  ].filter((name) => name !== '');
  const known = classOf(number) === undefined ? 'there is no such class' : `class ${number}`;
  return [`${number}, ${options}`, [known, ...names].join(', ')];
}

/** The fields after the code octet; LI determines the header format. */
function fixedPart(type: TpduType, li: number): readonly Field[] {
  const isExtended = li % 2 === 1;
  const number = (words: NumberWords) => numbered(isExtended ? 4 : 1, words);
  switch (type) {
    case 'CR':
    case 'CC':
      return [DST_REF, SRC_REF, CLASS];
    case 'DR':
      return [DST_REF, SRC_REF, REASON];
    case 'DC':
      return [DST_REF, SRC_REF];
    case 'DT':
    case 'ED': {
      const words = type === 'DT' ? DT_NUMBER : ED_NUMBER;
      return li <= 2 ? [numbered(1, words)] : [DST_REF, number(words)];
    }
    case 'AK':
    case 'RJ': {
      const fields = [DST_REF, number(AK_NUMBER)];
      return isExtended ? [...fields, CREDIT] : fields;
    }
    case 'EA':
      return [DST_REF, number(EA_NUMBER)];
    case 'ER':
      return [DST_REF, CAUSE];
  }
}

const TPDU_NAMES: Readonly<Record<TpduType, string>> = {
  CR: 'connection request',
  CC: 'connection confirm',
  DR: 'disconnect request',
  DC: 'disconnect confirm',
  DT: 'data',
  ED: 'expedited data',
  AK: 'data acknowledgement',
  EA: 'expedited data acknowledgement',
  RJ: 'reject',
  ER: 'TPDU error',
};

/** The names of the parameters, and the units of their numbers. */
const PARAMETER_TEXTS: Readonly<Record<ParameterName, readonly [title: string, unit: string]>> = {
  tpduSize: ['TPDU size', 'octets'],
  preferredMaxTpduSize: ['preferred maximum TPDU size', 'octets'],
  callingTsel: ['calling T-selector', ''],
  calledTsel: ['called T-selector', ''],
  checksum: ['checksum', ''],
  version: ['version', ''],
  protection: ['protection', ''],
  additionalOptions: ['additional options', ''],
  alternativeClasses: ['alternative classes', ''],
  ackTime: ['acknowledgement time', 'ms'],
  residualErrorRate: ['residual error rate', ''],
  priority: ['priority', ''],
  transitDelay: ['transit delay', 'ms'],
  throughput: ['throughput', 'octets/s'],
  reassignmentTime: ['reassignment time', 's'],
  inactivityTime: ['inactivity time', 'ms'],
  additionalInfo: ['additional information', ''],
  invalidTpdu: ['invalid TPDU', ''],
  subsequenceNumber: ['subsequence number', ''],
  flowControlConfirmation: ['flow control confirmation', ''],
  selectiveAcknowledgement: ['selective acknowledgement', ''],
  edTpduNr: ['ED-TPDU-NR', ''],
};

/** The negotiation structures of remote desktop: the name of each, and of the number in it. */
const RDP_NEGOTIATION: Readonly<
  Record<RemoteDesktopNegotiation['type'], readonly [name: string, number: string]>
> = {
  request: ['RDP negotiation request', 'protocols'],
  response: ['RDP negotiation response', 'protocol'],
  failure: ['RDP negotiation failure', 'failure code'],
};

/** Explains the octets in one pass. */
class Explainer {
  readonly #octets: Uint8Array;
  readonly #rows: Row[] = [];
  #at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  explain(): readonly Row[] {
    const { length } = this.#octets;
    if (length === 0) {
      return [];
    }
    const li = octetAt(this.#octets, 0);
    const headerEnd = Math.min(1 + li, length);
    this.#add(1, 'LI', String(li), `${octetCount(li)} of header follow`);
    if (headerEnd > 1) {
      const type = this.#code();
      for (const field of type === undefined ? [] : fixedPart(type, li)) {
        this.#field(field, headerEnd);
      }
      this.#variablePart(type, headerEnd);
    }
    this.#userData();
    return this.#rows;
  }

  #code(): TpduType | undefined {
    const octet = octetAt(this.#octets, 1);
    const type = tpduTypeOf(octet);
    const low = octet & 0x0f;
    if (type === undefined) {
      this.#add(1, 'code', `0x${hex(octet, 2)}`, 'no TPDU has this code');
    } else {
      const isCredit = type === 'CR' || type === 'CC' || type === 'AK' || type === 'RJ';
      const credit = isCredit && low !== 0 ? `, credit ${low}` : '';
      const roa = type === 'DT' && low === 1 ? ', acknowledgement requested' : '';
      this.#add(1, 'code', type, `${TPDU_NAMES[type]}${credit}${roa}`);
    }
    return type;
  }

  #field({ length, name, describe }: Field, headerEnd: number): void {
    const end = this.#at + length;
    if (end > headerEnd) {
      this.#add(headerEnd - this.#at, name, '', 'cut short by LI');
    } else {
      const [value, meaning] = describe(readUint(this.#octets, this.#at, length));
      this.#add(length, name, value, meaning);
    }
  }

  #variablePart(type: TpduType | undefined, headerEnd: number): void {
    if ((type === 'CR' || type === 'CC') && (this.#octets[6] ?? 0) < 0x10) {
      this.#rdp(type, headerEnd);
    }
    while (this.#at < headerEnd) {
      const valueAt = this.#at + 2;
      const length = this.#octets[this.#at + 1] ?? 0;
      if (type === undefined || valueAt + length > headerEnd) {
        const what =
          type === undefined ? 'not known' : 'a parameter that extends past the end of the header';
        this.#add(headerEnd - this.#at, 'rest of the header', '', what);
      } else {
        this.#parameter(type, length);
      }
    }
  }

  #parameter(type: TpduType, length: number): void {
    const code = octetAt(this.#octets, this.#at);
    const value = this.#octets.subarray(this.#at + 2, this.#at + 2 + length);
    const isConnection = type === 'CR' || type === 'CC';
    const transportClass = isConnection ? classOf(octetAt(this.#octets, 6) >> 4) : undefined;
    const row = parameterOf(code, { type, class: transportClass });
    const title = row === undefined ? untitled(code) : PARAMETER_TEXTS[row.name][0];
    this.#add(1, 'parameter', `0x${hex(code, 2)}`, title);
    this.#add(1, '  length', String(length), '');
    this.#add(length, '  value', ...describeParameter(row, value, transportClass));
  }

  /** Explains the fields of remote desktop. If they are malformed, only the cookie is explained. */
  #rdp(type: RemoteDesktopTpdu, headerEnd: number): void {
    const variable = this.#octets.subarray(this.#at, headerEnd);
    const form = readRemoteDesktop(type, variable);
    const { cookie, routingToken, negotiation, correlationId } = form?.value ?? {};
    const line = cookie ?? routingToken;
    if (form !== undefined && line !== undefined) {
      const name = cookie === undefined ? 'RDP routing token' : 'RDP cookie';
      this.#add(form.lineLength, name, quotedText(line), 'not of X.224');
    } else if (beginsLikeCookie(variable) && !areParameters(variable)) {
      const [broken = ''] = /[^\r\n]*(?:\r\n)?/.exec(String.fromCharCode(...variable)) ?? [];
      this.#add(broken.length, 'RDP cookie', quotedText(broken.trimEnd()), 'not of X.224');
    }
    if (negotiation !== undefined) {
      this.#rdpNegotiation(negotiation);
    }
    if (correlationId !== undefined) {
      this.#add(1, 'RDP correlation info', '6', 'not of X.224');
      this.#add(1, '  flags', '0x00', '');
      this.#add(2, '  length', '36', 'least significant octet first');
      this.#add(correlationId.length, '  correlation id', toHex(correlationId), '');
      this.#add(headerEnd - this.#at, '  reserved', '', '');
    }
  }

  #rdpNegotiation(negotiation: RemoteDesktopNegotiation): void {
    const { type, flags } = negotiation;
    const [name, number] = RDP_NEGOTIATION[type];
    this.#add(1, name, String(octetAt(this.#octets, this.#at)), 'not of X.224');
    this.#add(1, '  flags', `0x${hex(flags, 2)}`, flagText(type, flags));
    this.#add(2, '  length', '8', 'least significant octet first');
    if (type === 'failure') {
      const { failureCode } = negotiation;
      this.#add(4, `  ${number}`, String(failureCode), failureText(failureCode));
    } else {
      const protocols =
        type === 'request' ? negotiation.requestedProtocols : negotiation.selectedProtocol;
      this.#add(4, `  ${number}`, `0x${hex(protocols, 8)}`, protocolText(protocols));
    }
  }

  #userData(): void {
    const userData = this.#octets.subarray(this.#at);
    const { length } = userData;
    const text = userData.every(isPrintable) ? quoted(userData) : '';
    this.#add(length, 'user data', '', `${length} ${length === 1 ? 'octet' : 'octets'}${text}`);
  }

  #add(length: number, field: string, value: string, meaning: string): void {
    if (length > 0) {
      this.#rows.push({ start: this.#at, end: this.#at + length, field, value, meaning });
      this.#at += length;
    }
  }
}

function untitled(code: number): string {
  return isParameterCode(code) ? 'a parameter of other TPDUs' : 'not defined';
}

/** The value of a parameter, if it can be decoded. */
function describeParameter(
  row: NamedParameter | undefined,
  value: Uint8Array,
  transportClass: TransportClass | undefined,
): readonly [value: string, meaning: string] {
  if (row === undefined || !row.kind.fits(value.length)) {
    return ['', row === undefined ? '' : 'the length is not allowed'];
  }
  const read = row.kind.read(value, LENIENT);
  if (read === undefined) {
    return ['', 'the value is not defined'];
  }
  if (row.name === 'additionalInfo') {
    return ['', ADDITIONAL_INFO_TEXTS.get(additionalInfoText(value)) ?? ''];
  }
  if (row.name === 'additionalOptions' && transportClass !== undefined) {
    const names = optionNames(Number(read), transportClass);
    return [`0x${hex(Number(read), 2)}`, names?.length === 0 ? 'none' : (names?.join(', ') ?? '')];
  }
  const isSelector = row.name === 'callingTsel' || row.name === 'calledTsel';
  const text = isSelector ? formatTsel(tselOf(value)) : describeValue(read);
  return [text, PARAMETER_TEXTS[row.name][1]];
}

/** What 0xE0 says, by its name. */
const ADDITIONAL_INFO_TEXTS: ReadonlyMap<string, string> = new Map([
  ['non-disruptive', 'non-disruptive: all data came before it (RFC 2126)'],
  ['abort', 'abort: data may be missing (RFC 1859)'],
]);

function describeValue(value: unknown): string {
  if (value instanceof Uint8Array) {
    return '';
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value)
      .map(([name, each]) => `${name} ${String(each)}`)
      .join(', ');
  }
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function isPrintable(octet: number): boolean {
  return octet >= 0x20 && octet <= 0x7e;
}

/** The octets as quoted text, shortened to fit on a line. */
function quoted(octets: Uint8Array): string {
  const most = 40;
  const text = String.fromCharCode(...octets.subarray(0, most));
  return `: ${JSON.stringify(text)}${octets.length > most ? ' …' : ''}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
