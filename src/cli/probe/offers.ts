/**
 * What `cotp probe` offers in the CRs of one T-selector, and what the answers say about the host.
 */
import type { TpClassChoice } from '../../index.js';
import { DR_REASONS } from '../../node/codes.js';
import type { Outcome } from './attempt.js';

/** What a CR offers. */
export interface Offer {
  readonly tpClass: TpClassChoice;
  readonly expedited: boolean;
  readonly expeditedAck: boolean;
}

/** Class 0, then with expedited data; class 2 alone with all options, then without. */
const PLAIN_0: Offer = { tpClass: 0, expedited: false, expeditedAck: false };
const EXPEDITED_0: Offer = { tpClass: 0, expedited: true, expeditedAck: false };
const EXPEDITED_2: Offer = { tpClass: 2, expedited: true, expeditedAck: true };
const PLAIN_2: Offer = { tpClass: 2, expedited: false, expeditedAck: false };

/** Most offers of `--classes` to one T-selector. */
export const MOST_OFFERS = 4;

/** The outcome of an offer. */
export interface Answer {
  readonly offer: Offer;
  readonly outcome: Outcome;
}

/**
 * The next offer of `--classes` to the same T-selector; `undefined` when all is known. Each offer differs from
 * the one before in one respect where that was accepted, for many stacks refuse what they do not know by
 * closing TCP.
 */
export function nextOffer(answers: readonly Answer[]): Offer | undefined {
  const last = answers.at(-1);
  if (last === undefined) {
    return PLAIN_0;
  }
  const { offer, outcome } = last;
  const isAccepted = outcome.result === 'confirmed';
  // A T-selector that the host does not have is unknown in every class.
  const isUnknown = !isAccepted && outcome.reason === DR_REASONS.addressUnknown;
  if (outcome.isFinal || isUnknown) {
    return undefined;
  }
  switch (offer) {
    case PLAIN_0:
      return isAccepted ? EXPEDITED_0 : EXPEDITED_2;
    case EXPEDITED_0:
      return EXPEDITED_2;
    case EXPEDITED_2:
      return isAccepted ? undefined : PLAIN_2;
    default:
      return undefined;
  }
}

/** What a host accepts at one T-selector. */
export interface Findings {
  readonly classes: readonly number[];
  /** The classes in which it grants expedited data. */
  readonly expeditedClasses: readonly number[];
  /** It also grants that each expedited data is acknowledged by EA; class 2 only. */
  readonly expeditedAck: boolean;
}

/** What the answers say. */
export function findingsOf(answers: readonly Answer[]): Findings {
  const confirms = answers
    .map(({ outcome }) => outcome.confirm)
    .filter((confirm) => confirm !== undefined);
  const classesOf = (some: typeof confirms) => [
    ...new Set(some.map(({ class: tpClass }) => Number(tpClass))),
  ];
  return {
    classes: classesOf(confirms),
    expeditedClasses: classesOf(confirms.filter(({ expedited }) => expedited === true)),
    expeditedAck: confirms.some(({ expeditedAck }) => expeditedAck === true),
  };
}

/** The findings in words. */
export function findingsText({ classes, expeditedClasses, expeditedAck }: Findings): string {
  if (classes.length === 0) {
    return 'accepts neither class 0 nor class 2';
  }
  const without = [0, 2].filter((each) => !classes.includes(each));
  const expedited =
    expeditedClasses.length === 0
      ? 'grants no expedited data'
      : `grants expedited data in ${named(expeditedClasses)}${expeditedAck ? ', with EA in class 2' : ''}`;
  return `accepts ${named(classes)}${without.length > 0 ? `, not ${named(without)}` : ''}; ${expedited}`;
}

function named(classes: readonly number[]): string {
  return classes.map((each) => `class ${each}`).join(' and ');
}

/** An offer in words. */
export function offerText({ tpClass, expedited, expeditedAck }: Offer): string {
  const name = tpClass === '2,0' ? 'class 2 or 0' : `class ${tpClass}`;
  return `${name}${expedited ? ` with expedited data${expeditedAck ? ' and EA' : ''}` : ''}`;
}
