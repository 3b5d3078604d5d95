/**
 * Which class may answer which CR (X.224 6.5.4, table 3) and which one a responder selects; and the option bits
 * of the class octet and of parameter 0xC6 that this side understands (X.224 13.3.3, 13.3.4 f; RFC 1006 §5; RFC
 * 2126 §6.6), which are requested and granted, or not (table 4).
 */
import { ADDITIONAL_OPTIONS } from '../tpdu/codes.js';
import type { TransportClass } from '../tpdu/types.js';

/** The classes that one pair of preferred and alternative allows; `undefined`, or absent: not valid. */
type Row = readonly (readonly TransportClass[] | undefined)[];

/** One item for each class, 0 to 4. */
type ForEachClass<T> = readonly [T, T, T, T, T];

/** X.224 table 3. One row a preferred class: without an alternative, then with 0, 1, 2, 3 and 4. */
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
  /** The first alternative that does not go with the preferred class, if any. */
  readonly invalidAlternative: TransportClass | undefined;
}

/**
 * The classes that may answer a CR: the union over its valid alternatives; without any, those that
 * the preferred class alone allows. Redundant alternatives are no error.
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

/** Octet 7, bit 1: non-use of explicit flow control, without which RFC 2126 has no class 2. */
export const NON_USE_OF_FLOW_CONTROL = 0x01;

/** All bits of 0xC6 that class 2 has. */
const CLASS2_OPTIONS = Object.values(ADDITIONAL_OPTIONS).reduce((bits, bit) => bits | bit, 0);

/**
 * Bits of 0xC6 that mean something in a class once chosen: bit 1 alone in class 0 (RFC 1006 §5),
 * bits 1, 4, 6 and 7 in class 2 (RFC 2126 §6.6).
 */
//= X.224 6.5.4 absent parameters
//= RFC 1006 5 expedited negotiation
//= RFC 2126 4.1.1 expedited
//= RFC 2126 4.2.1 bit 1
//= RFC 2126 6.6
export function meaningfulOptions(selected: TransportClass, additionalOptions = 0): number {
  if ((additionalOptions & ADDITIONAL_OPTIONS.expedited) === 0) {
    // Without expedited data the bits that shape it do not matter (RFC 2126 §6.6).
    return 0;
  }
  return additionalOptions & (selected === 2 ? CLASS2_OPTIONS : ADDITIONAL_OPTIONS.expedited);
}

/** 0xC6 with these bits. */
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

/** The classes of RFC 2126: what is offered, in order of preference, or what is accepted. */
export type TpClassChoice = 0 | 2 | '2,0';

/** The classes of a choice, the preferred one first. */
export function classesOf(choice: TpClassChoice): readonly (0 | 2)[] {
  return CHOICES[choice];
}

const CHOICES: Readonly<Record<TpClassChoice, readonly (0 | 2)[]>> = {
  0: [0],
  2: [2],
  '2,0': [2, 0],
};

/** What a CR lets its answer choose. */
export interface Proposal {
  /** The classes that the answer may select, of those that this side takes; the best one first. */
  readonly tpClasses: readonly (0 | 2)[];
  /** The CR asks for expedited data. */
  readonly expedited: boolean;
  /** The CR asks for each ED to be answered by an EA; it means something in class 2 only. */
  readonly expeditedAck: boolean;
}
