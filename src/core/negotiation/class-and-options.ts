/**
 * The classes that may answer a CR (X.224 6.5.4, table 3), and the option bits of the class octet and of parameter 0xC6
 * that this side understands (X.224 13.3.3, 13.3.4 f; RFC 1006 §5; RFC 2126 §6.6).
 */
import { ADDITIONAL_OPTIONS } from '../tpdu/codes.js';
import type { TransportClass } from '../tpdu/types.js';

/** One item for each alternative class: the classes that may answer; `undefined`, or absent, if it is not valid. */
type Row = readonly (readonly TransportClass[] | undefined)[];

/** One item for each class, 0 to 4. */
type ForEachClass<T> = readonly [T, T, T, T, T];

/** X.224 table 3, by the preferred class: first for a CR without an alternative, then with 0, 1, 2, 3 and 4. */
//= X.224 6.5.4 note 5
//= X.224 6.5.4 Table 3
const NO_ALTERNATIVE: ForEachClass<readonly TransportClass[]> = [[0], [1, 0], [2], [3, 2], [4, 2]];
//= X.224 6.5.4 Table 3
//= RFC 2126 6.3
const WITH_ALTERNATIVE: ForEachClass<Row> = [
  [],
  [
    [1, 0],
    [1, 0],
  ],
  [[2, 0], undefined, [2]],
  [
    [3, 2, 0],
    [3, 2, 1, 0],
    [3, 2],
    [3, 2],
  ],
  [
    [4, 2, 0],
    [4, 2, 1, 0],
    [4, 2],
    [4, 3, 2],
    [4, 2],
  ],
];

/** What a CR proposes, by table 3. */
export interface ProposedClasses {
  /** The classes that may answer it, highest first. */
  readonly classes: readonly TransportClass[];
  /** The first alternative that the preferred class does not allow, if any. */
  readonly invalidAlternative: TransportClass | undefined;
}

/**
 * The classes that may answer a CR: those that any of its valid alternatives allows; without a valid alternative, those
 * that the preferred class alone allows. Redundant alternatives are no error.
 */
//= X.224 6.5.4 i para 1
//= X.224 6.5.4 note 7
export function proposedClasses(
  preferred: TransportClass,
  alternatives: readonly TransportClass[] = [],
): ProposedClasses {
  if (alternatives.length === 0) {
    return { classes: NO_ALTERNATIVE[preferred], invalidAlternative: undefined };
  }
  const cells = alternatives.map((alternative) => WITH_ALTERNATIVE[preferred][alternative]);
  const valid = cells.filter((cell) => cell !== undefined);
  const union = new Set(valid.length === 0 ? NO_ALTERNATIVE[preferred] : valid.flat());
  return {
    classes: [...union].sort((a, b) => b - a),
    invalidAlternative: alternatives[cells.indexOf(undefined)],
  };
}

/** Octet 7, bit 1: non-use of explicit flow control. RFC 2126 has class 2 only with this bit. */
export const NON_USE_OF_FLOW_CONTROL = 0x01;

/** All bits of 0xC6 that class 2 has. */
const CLASS2_OPTIONS = Object.values(ADDITIONAL_OPTIONS).reduce((bits, bit) => bits | bit, 0);

/**
 * The bits of 0xC6 that have a meaning in the selected class: bit 1 alone in class 0 (RFC 1006 §5), bits 1, 4, 6 and 7
 * in class 2 (RFC 2126 §6.6).
 */
//= X.224 6.5.4 absent parameters
//= RFC 1006 5 expedited negotiation
//= RFC 2126 4.1.1 expedited
//= RFC 2126 4.2.1 bit 1
//= RFC 2126 6.6
export function meaningfulOptions(selected: TransportClass, additionalOptions = 0): number {
  if ((additionalOptions & ADDITIONAL_OPTIONS.expedited) === 0) {
    // Without expedited data the other bits have no meaning (RFC 2126 §6.6).
    return 0;
  }
  return additionalOptions & (selected === 2 ? CLASS2_OPTIONS : ADDITIONAL_OPTIONS.expedited);
}

/** The value of 0xC6. */
//= X.224 14 Amd.1
//= RFC 2126 4.2.1 bit 1
//= RFC 2126 4.2.1 bit 6
export function optionBits(expedited: boolean, expeditedAck: boolean): number {
  if (!expedited) {
    return 0;
  }
  const { expedited: bit, expeditedAcknowledgement } = ADDITIONAL_OPTIONS;
  return expeditedAck ? bit | expeditedAcknowledgement : bit;
}

/** The classes of RFC 2126 that a client offers, the preferred one first, or that a server accepts. */
export type TpClassChoice = 0 | 2 | '2,0';

/** The classes as a list, the preferred one first. */
export function classesOf(choice: TpClassChoice): readonly (0 | 2)[] {
  return CHOICES[choice];
}

const CHOICES: Readonly<Record<TpClassChoice, readonly (0 | 2)[]>> = {
  0: [0],
  2: [2],
  '2,0': [2, 0],
};

/** The choices that the answer to a CR has. */
export interface Proposal {
  /** The classes that the CR proposes and this side accepts; the best one first. */
  readonly tpClasses: readonly (0 | 2)[];
  /** The CR asks for expedited data. */
  readonly expedited: boolean;
  /** The CR asks for an EA for each ED; class 2 only. */
  readonly expeditedAck: boolean;
}
