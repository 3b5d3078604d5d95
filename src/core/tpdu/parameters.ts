/**
 * The parameters of the variable part (X.224 13.3.4 to 13.12.4), one row each: its code, the TPDU types and
 * classes to which it belongs, and the kind of its value. The rows are in sending order: the checksum first,
 * then the order that every known device accepts.
 */
import { octetAt, readUint, uintOctets } from '../octets/octets.js';
import {
  ALL_CLASSES,
  CLASSES_1_TO_4,
  classOf,
  codeOfSize,
  PREFERRED_SIZE_UNIT,
  SIZE_CODES,
  sizeOfCode,
  TPDU_TYPES,
} from './codes.js';
import type { Parameters, TpduType, TransportClass } from './types.js';
import {
  checkUint,
  type Kind,
  octetString,
  outOfRange,
  shortestUint,
  uint,
  uintList,
  uintRecord,
  wrongType,
} from './values.js';

/** The row of a parameter. */
export interface ParameterRow<T = unknown> {
  readonly code: number;
  /** The TPDU types that may contain it. */
  readonly tpdus: readonly TpduType[];
  /** The classes in which it is defined. */
  readonly classes: readonly TransportClass[];
  readonly kind: Kind<T>;
  /**
   * True if a wrong length or value is a protocol error in a CR that prefers a class above 0, because the
   * answer depends on the parameter (X.224 13.2.3).
   */
  readonly compulsory?: true;
}

const CONNECTION: readonly TpduType[] = ['CR', 'CC'];
const CLASS_4: readonly TransportClass[] = [4];

/**
 * X.224 13.3.4 b. Codes above 0x0b are not allowed in class 0, but deployed stacks send them. Old stacks
 * offer code 0x06 in a CR, which means 64 octets; it is tolerated and answered with 128 octets, the
 * smallest size of a CC.
 */
//= X.224 13.3.4 b
//= X.224 13.3.4 b deviation: a tolerant reading takes the codes up to 0x10 in every class, and 0x06 and less in a CR; connect offers 0x0C and 0x0D in class 0 where maxTpduSize allows it, for deployed peers take them and not a preferred size
const tpduSize: Kind<number> = {
  fits: (length) => length === 1,
  read(value, context) {
    const code = octetAt(value, 0);
    if (code < SIZE_CODES.first && context.type === 'CR') {
      context.tolerate(0, 'param-value');
      return 1 << code;
    }
    const lastByStandard = context.class === 0 ? SIZE_CODES.lastInClass0 : SIZE_CODES.last;
    const last = context.strict ? lastByStandard : SIZE_CODES.lastSeen;
    return (code <= last ? sizeOfCode(code) : undefined) ?? context.wrong(0);
  },
  write(size, field) {
    const code = codeOfSize(checkUint(field, size, Number.MAX_SAFE_INTEGER));
    if (code === undefined) {
      throw outOfRange(field, 'a power of two from 128 to 32768, or 65531', size);
    }
    return uintOctets(code, 1);
  },
};

const sizeUnits = shortestUint(1, 2, 3, 4);

/** X.224 13.3.4 c: a number of units of 128 octets, encoded in the fewest octets. */
//= X.224 13.3.4 c
const preferredMaxTpduSize: Kind<number> = {
  fits: sizeUnits.fits,
  read(value, context) {
    const units = readUint(value, 0, value.length);
    return units === 0 ? context.wrong(0) : units * PREFERRED_SIZE_UNIT;
  },
  write(size, field) {
    const most = 0xffff_ffff * PREFERRED_SIZE_UNIT;
    if (checkUint(field, size, most, PREFERRED_SIZE_UNIT) % PREFERRED_SIZE_UNIT !== 0) {
      throw outOfRange(field, `a multiple of ${PREFERRED_SIZE_UNIT}`, size);
    }
    return sizeUnits.write(size / PREFERRED_SIZE_UNIT, field);
  },
};

/** X.224 13.3.4 d: only version 1 exists. */
//= X.224 13.3.4 d
const version: Kind<number> = {
  ...uint(1, 1, 1),
  read: (value, context) => (octetAt(value, 0) === 1 ? 1 : context.wrong(0)),
};

/** X.224 13.3.4 g: bit 8 is not defined, and a bit without meaning is ignored (13.2.3). */
//= X.224 13.3.4 g
//= X.224 13.3.4 g deviation: class 0 may carry it for expedited data (RFC 1006 5), and bit 7 may be set, which RFC 2126 6.6 defines in class 2
const additionalOptions: Kind<number> = {
  ...uint(1, 0x7f),
  read(value, context) {
    const options = octetAt(value, 0);
    if (options > 0x7f) {
      context.note(0, 'option-bit8');
    }
    return options;
  },
};

/** X.224 13.3.4 h: one octet per class, with the class in bits 8 to 5 and zero in bits 4 to 1. */
//= X.224 13.3.4 h
const alternativeClasses: Kind<readonly TransportClass[]> = {
  fits: (length) => length > 0,
  read(value, context) {
    const classes: TransportClass[] = [];
    if (context.class === 0) {
      // Table 3: a CR that prefers class 0 has no alternative classes.
      context.tolerate(0, 'alt-with-class0');
    }
    for (const [index, octet] of value.entries()) {
      const transportClass = classOf(octet >> 4);
      if (transportClass === undefined) {
        return context.wrong(index, 'class-invalid');
      }
      if ((octet & 0x0f) !== 0) {
        context.tolerate(index, 'alt-option-bits');
      }
      classes.push(transportClass);
    }
    return classes;
  },
  write(classes, field) {
    if (!Array.isArray(classes)) {
      throw wrongType(field, 'an array of classes', classes);
    }
    if (classes.length === 0) {
      throw outOfRange(field, 'at least one class', classes);
    }
    return Uint8Array.from(classes, (each, i) => checkUint(`${field}[${i}]`, each, 4) << 4);
  },
};

/** All parameters by name, in sending order. */
export const PARAMETERS = {
  // The checksum is the first parameter; only RJ never has one (X.224 6.17).
  //= X.224 6.17.3 para 1
  //= X.224 13.3.4 f
  checksum: {
    code: 0xc3,
    tpdus: ['CR', 'CC', 'DR', 'DC', 'DT', 'ED', 'AK', 'EA', 'ER'],
    classes: CLASS_4,
    kind: uint(2),
  },
  //= X.224 13.3.4 a
  callingTsel: { code: 0xc1, tpdus: CONNECTION, classes: ALL_CLASSES, kind: octetString },
  calledTsel: { code: 0xc2, tpdus: CONNECTION, classes: ALL_CLASSES, kind: octetString },
  tpduSize: { code: 0xc0, tpdus: CONNECTION, classes: ALL_CLASSES, kind: tpduSize },
  preferredMaxTpduSize: {
    code: 0xf0,
    tpdus: CONNECTION,
    classes: ALL_CLASSES,
    kind: preferredMaxTpduSize,
  },
  //= X.224 6.5.4 u
  version: { code: 0xc4, tpdus: ['CR'], classes: CLASSES_1_TO_4, kind: version },
  //= X.224 13.3.4 e
  protection: { code: 0xc5, tpdus: CONNECTION, classes: CLASSES_1_TO_4, kind: octetString },
  // In class 0 for the expedited data of RFC 1006 §5.
  additionalOptions: {
    code: 0xc6,
    tpdus: CONNECTION,
    classes: ALL_CLASSES,
    kind: additionalOptions,
  },
  alternativeClasses: {
    code: 0xc7,
    tpdus: ['CR'],
    classes: CLASSES_1_TO_4,
    kind: alternativeClasses,
    compulsory: true,
  },
  //= X.224 13.3.4 i
  ackTime: { code: 0x85, tpdus: CONNECTION, classes: CLASS_4, kind: uint(2) },
  //= X.224 13.3.4 k
  residualErrorRate: {
    code: 0x86,
    tpdus: CONNECTION,
    classes: CLASSES_1_TO_4,
    kind: uintRecord({ target: 1, minimumAcceptable: 1, tsduSize: 1 }),
  },
  //= X.224 13.3.4 l
  priority: { code: 0x87, tpdus: CONNECTION, classes: CLASSES_1_TO_4, kind: uint(2) },
  //= X.224 13.3.4 m
  transitDelay: { code: 0x88, tpdus: CONNECTION, classes: CLASSES_1_TO_4, kind: uintList(2, 4) },
  //= X.224 13.3.4 j
  throughput: { code: 0x89, tpdus: CONNECTION, classes: CLASSES_1_TO_4, kind: uintList(3, 4, 8) },
  //= X.224 13.3.4 n
  reassignmentTime: { code: 0x8b, tpdus: ['CR'], classes: [1, 3, 4], kind: uint(2) },
  //= X.224 13.3.4 o
  inactivityTime: { code: 0xf2, tpdus: CONNECTION, classes: CLASS_4, kind: uint(4) },
  //= X.224 13.5.4 a
  additionalInfo: { code: 0xe0, tpdus: ['DR'], classes: ALL_CLASSES, kind: octetString },
  // In an ER the code of the calling T-selector has another meaning (X.224 13.12.4 a).
  //= X.224 13.12.4 a
  invalidTpdu: { code: 0xc1, tpdus: ['ER'], classes: ALL_CLASSES, kind: octetString },
  //= X.224 13.9.4
  subsequenceNumber: { code: 0x8a, tpdus: ['AK'], classes: CLASS_4, kind: uint(2) },
  // 0x8c (X.224 13.9.4 c); RFC 905 has 0x8b, which is an error.
  flowControlConfirmation: {
    code: 0x8c,
    tpdus: ['AK'],
    classes: CLASS_4,
    kind: uintRecord({ lowerWindowEdge: 4, subsequenceNumber: 2, credit: 2 }),
  },
  selectiveAcknowledgement: { code: 0x8f, tpdus: ['AK'], classes: CLASS_4, kind: octetString },
  //= X.224 13.7.4
  edTpduNr: { code: 0x90, tpdus: ['DT'], classes: CLASS_4, kind: shortestUint(2, 4) },
} satisfies { readonly [K in keyof Parameters]-?: ParameterRow<NonNullable<Parameters[K]>> };

/** The name of a parameter. */
export type ParameterName = keyof typeof PARAMETERS;

/** A row with its name and its position in sending order. */
export interface NamedParameter extends ParameterRow {
  readonly name: ParameterName;
  /** The name as errors show it. */
  readonly field: string;
  readonly place: number;
}

/** All rows with their names, in sending order. */
export const PARAMETER_ROWS: readonly NamedParameter[] = Object.entries(PARAMETERS).map(
  // `Object.entries` loses the types of the keys and of their values.
  ([name, row], place) => ({
    ...(row as ParameterRow),
    name: name as ParameterName,
    field: `parameters.${name}`,
    place,
  }),
);

/** The rows of each TPDU type by code. Within a TPDU type a code has one meaning. */
const ROWS_BY_TPDU = new Map(
  TPDU_TYPES.map((type) => [
    type,
    new Map(PARAMETER_ROWS.filter((row) => row.tpdus.includes(type)).map((row) => [row.code, row])),
  ]),
);

const ROWS_BY_NAME = new Map<string, NamedParameter>(PARAMETER_ROWS.map((row) => [row.name, row]));

const KNOWN_CODES = new Set(PARAMETER_ROWS.map((row) => row.code));

/** The TPDU that contains a parameter. */
export interface ParameterScope {
  readonly type: TpduType;
  /** The preferred class in a CR, otherwise the class in use; `undefined` if it is not known. */
  readonly class: TransportClass | undefined;
}

/**
 * True if the TPDU may contain the parameter. A CR may contain parameters of any class, because the class is
 * not yet selected. Any other TPDU must not contain parameters of another class (X.224 13.2.3).
 */
//= X.224 13.2.3 other class
//= X.224 13.4.4
export function isAllowed(row: ParameterRow, scope: ParameterScope): boolean {
  const isOfClass =
    scope.type === 'CR' || scope.class === undefined || row.classes.includes(scope.class);
  return isOfClass && row.tpdus.includes(scope.type);
}

/** The parameter with this code in this TPDU; `undefined` if there is none. */
export function parameterOf(code: number, scope: ParameterScope): NamedParameter | undefined {
  const row = ROWS_BY_TPDU.get(scope.type)?.get(code);
  return row !== undefined && isAllowed(row, scope) ? row : undefined;
}

/** The parameter with this name; `undefined` if there is none. */
export function parameterNamed(name: string): NamedParameter | undefined {
  return ROWS_BY_NAME.get(name);
}

/** True if any TPDU type has a parameter with this code. */
export function isParameterCode(code: number): boolean {
  return KNOWN_CODES.has(code);
}
