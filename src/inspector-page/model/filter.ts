/**
 * The language of the filter: terms separated by spaces, all of which must hold. `-` before a term negates it;
 * commas separate alternatives. In quotes, spaces and commas are text.
 *
 *     tsel:0x0102,"MY APP" dir:in len>200 hex:3201 bad type:dt conn:3 "text with spaces"
 */
import { equalOctets, fromHex } from '../../core/octets/octets.js';
import { TPDU_TYPES } from '../../core/tpdu/codes.js';
import { parseTsel, tselOctets } from '../../core/tsel.js';
import type { Conversation } from './conversation.js';
import { type Entry, octetsOf } from './entry.js';
import type { Leg } from './leg.js';
import { searchText } from './words.js';

type ConversationTest = (conversation: Conversation) => boolean;

/** What is asked of an entry. */
interface Test {
  readonly matches: (entry: Entry) => boolean;
  /** What of it is asked of the conversation of the entry. */
  readonly conversationTests: readonly ConversationTest[];
}

/** A filter that was read. */
export interface Filter extends Test {
  /** True if it lets everything through. */
  readonly isEmpty: boolean;
  /** When one of them says something else than before, `matches` may do so for all entries of that conversation. */
  readonly conversationTests: readonly ConversationTest[];
  /** What is wrong with its terms, one sentence each. Such a term has no effect. */
  readonly faults: readonly string[];
}

/** The keys that take a value behind a colon, with what each takes. A value has its quotes: a T-selector needs them. */
const KEYS: Readonly<Record<string, (value: string) => Test>> = {
  tsel: (value) => ofLegs(value, (leg, is) => isCalling(leg, is) || isCalled(leg, is)),
  calling: (value) => ofLegs(value, isCalling),
  called: (value) => ofLegs(value, isCalled),
  type: typeTest,
  conn: (value) => {
    const number = whole(value, 'conn:');
    return ofEntry(({ leg }) => leg?.conversation.number === number);
  },
  dir: (value) => sideTest(oneOf(value, ['out', 'in'], 'dir:') === 'out'),
  from: (value) => sideTest(oneOf(value, ['client', 'server'], 'from:') === 'client'),
  hex: hexTest,
  len: (value) => lengthTest('=', value),
  frame: (value) => {
    const number = whole(value, 'frame:');
    return ofEntry(({ frame }) => frame === number);
  },
};

/** The words that stand alone. */
const WORDS: ReadonlyMap<string, Test> = new Map([
  [
    'bad',
    ofEntry((entry) => entry.deviations.length > 0 || (entry.kind === 'notice' && entry.isFailure)),
  ],
  ['refused', ofConversation(({ state }) => state === 'refused' || state === 'failed')],
] satisfies [string, Test][]);

/** Up to a space outside of quotes. The last quote may be missing, as while someone types: the text ends for it. */
const TERM = /(?:"[^"]*(?:"|$)|[^\s"])+/g;
/** The same, up to a comma. */
const ALTERNATIVE = /(?:"[^"]*(?:"|$)|[^,"])+/g;

/** Reads a filter. Never throws: what is wrong is in `faults`. */
export function parseFilter(text: string): Filter {
  const faults: string[] = [];
  const tests: Test[] = [];
  for (const term of termsOf(text)) {
    try {
      tests.push(parseTerm(term));
    } catch (error) {
      faults.push((error as Error).message);
    }
  }
  return {
    isEmpty: tests.length === 0,
    matches: (entry) => tests.every(({ matches }) => matches(entry)),
    conversationTests: tests.flatMap(({ conversationTests }) => conversationTests),
    faults,
  };
}

function parseTerm(term: string): Test {
  if (term.startsWith('-') && term.length > 1) {
    const { matches, conversationTests } = parseTerm(term.slice(1));
    return { matches: (entry) => !matches(entry), conversationTests };
  }
  const [, key, sign, value] = /^([a-z]+)(:|[<>]=?|=)(.*)$/is.exec(term) ?? [];
  if (key === undefined || sign === undefined || value === undefined) {
    return anyOf(alternatives(term).map(wordTest));
  }
  const name = key.toLowerCase();
  if (sign !== ':') {
    if (name !== 'len') {
      throw new Error(`only len has ${sign}: write ${name}:… or "${term}"`);
    }
    return lengthTest(sign, value);
  }
  const make = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
  if (make === undefined) {
    throw new Error(
      `there is no ${name}: among ${Object.keys(KEYS).join(', ')}; text goes in "quotes"`,
    );
  }
  return anyOf(alternatives(value).map(make));
}

function anyOf(tests: readonly Test[]): Test {
  return {
    matches: (entry) => tests.some(({ matches }) => matches(entry)),
    conversationTests: tests.flatMap(({ conversationTests }) => conversationTests),
  };
}

function ofEntry(matches: (entry: Entry) => boolean): Test {
  return { matches, conversationTests: [] };
}

/** Entries without a connection do not match. */
function ofConversation(test: ConversationTest): Test {
  return {
    matches: ({ leg }) => leg !== undefined && test(leg.conversation),
    conversationTests: [test],
  };
}

function termsOf(text: string): readonly string[] {
  return text.match(TERM) ?? [];
}

/** Values separated by commas. If it has nothing else, a comma is text too. */
function alternatives(value: string): readonly string[] {
  return value.match(ALTERNATIVE) ?? [value];
}

function unquoted(value: string): string {
  return value.replaceAll('"', '');
}

function wordTest(word: string): Test {
  return WORDS.get(word.toLowerCase()) ?? textTest(unquoted(word));
}

function textTest(text: string): Test {
  const wanted = text.toLowerCase();
  return ofEntry((entry) => searchText(entry).includes(wanted));
}

function typeTest(value: string): Test {
  const name = value.toUpperCase();
  const type = TPDU_TYPES.find((each) => each === name);
  if (type === undefined) {
    throw new Error(`type: takes ${TPDU_TYPES.join(', ').toLowerCase()}, not '${value}'`);
  }
  return ofEntry((entry) => entry.kind === 'tpdu' && entry.type === type);
}

function sideTest(isFromClient: boolean): Test {
  return ofEntry((entry) => entry.kind === 'tpdu' && entry.isFromClient === isFromClient);
}

function hexTest(value: string): Test {
  const wanted = fromHex(unquoted(value).replace(/^0x/i, ''));
  if (wanted === undefined || wanted.length === 0) {
    throw new Error(`hex: takes pairs of hexadecimal digits, as hex:3201, not '${value}'`);
  }
  return ofEntry((entry) => entry.kind === 'tpdu' && contains(octetsOf(entry), wanted));
}

/** True if `wanted`, at least one octet, is in `octets`. */
function contains(octets: Uint8Array, wanted: Uint8Array): boolean {
  const [first = 0] = wanted;
  const last = octets.length - wanted.length;
  for (let at = octets.indexOf(first); at >= 0 && at <= last; at = octets.indexOf(first, at + 1)) {
    let same = 1;
    while (same < wanted.length && octets[at + same] === wanted[same]) {
      same += 1;
    }
    if (same === wanted.length) {
      return true;
    }
  }
  return false;
}

const COMPARISONS: Readonly<Record<string, (length: number, limit: number) => boolean>> = {
  '=': (length, limit) => length === limit,
  '>': (length, limit) => length > limit,
  '<': (length, limit) => length < limit,
  '>=': (length, limit) => length >= limit,
  '<=': (length, limit) => length <= limit,
};

function lengthTest(sign: string, value: string): Test {
  const limit = whole(value, `len${sign === '=' ? ':' : sign}`);
  const compare = COMPARISONS[sign] ?? (() => false);
  return ofEntry((entry) => entry.kind === 'tpdu' && compare(entry.length, limit));
}

function selector(value: string): Uint8Array {
  try {
    return tselOctets(parseTsel(value));
  } catch {
    throw new Error(`'${value}' is no T-selector: write 0x0102, 01.02, "MTA" or #00112233`);
  }
}

/** Compares the selectors of a connection. */
type LegTest = (leg: Leg, is: (tsel: Uint8Array | undefined) => boolean) => boolean;

function ofLegs(value: string, test: LegTest): Test {
  const wanted = selector(value);
  const is = (tsel: Uint8Array | undefined) => tsel !== undefined && equalOctets(tsel, wanted);
  return ofConversation(({ legs }) => legs.some((leg) => test(leg, is)));
}

const isCalling: LegTest = ({ cr }, is) => is(cr?.parameters.callingTsel);
const isCalled: LegTest = ({ cr, cc }, is) =>
  is(cr?.parameters.calledTsel) || is(cc?.parameters.calledTsel);

function whole(value: string, key: string): number {
  if (!/^\d+$/.test(value)) {
    throw new Error(`${key} takes a number${value === '' ? '' : `, not '${value}'`}`);
  }
  return Number(value);
}

function oneOf(value: string, names: readonly string[], key: string): string {
  const name = value.toLowerCase();
  if (!names.includes(name)) {
    throw new Error(`${key} takes ${names.join(' or ')}${value === '' ? '' : `, not '${value}'`}`);
  }
  return name;
}

/** Terms that are in a filter, for buttons that put them there: the text with the term added, or without it. */
export function toggledTerm(text: string, term: string): string {
  const terms = termsOf(text);
  return terms.includes(term)
    ? terms.filter((each) => each !== term).join(' ')
    : [...terms, term].join(' ');
}

/** True if the filter has this term. */
export function hasTerm(text: string, term: string): boolean {
  return termsOf(text).includes(term);
}

/** The values that the terms of a key name, in lower case. */
export function valuesIn(text: string, key: string): readonly string[] {
  return termsOf(text)
    .filter((term) => hasKey(term, key))
    .flatMap((term) => alternatives(term.slice(key.length + 1).toLowerCase()));
}

/** The text with a type added to its one `type:` term, or removed from it. */
export function toggledType(text: string, type: string): string {
  const types = valuesIn(text, 'type');
  const next = types.includes(type) ? types.filter((each) => each !== type) : [...types, type];
  return replacedKey(text, 'type', next.length === 0 ? undefined : next.join(','));
}

/** The text with all terms of a key replaced by one, or removed. */
export function replacedKey(text: string, key: string, value: string | undefined): string {
  const others = termsOf(text).filter((each) => !hasKey(each, key));
  return [...others, ...(value === undefined ? [] : [`${key}:${value}`])].join(' ');
}

function hasKey(term: string, key: string): boolean {
  return term.toLowerCase().startsWith(`${key}:`);
}
