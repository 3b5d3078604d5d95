/**
 * What `cotp probe` concludes about a host from all attempts: one sentence, and when to stop trying.
 */
import { explainSelector } from '../../core/s7-selector.js';
import type { Tsel } from '../../index.js';
import { DR_REASONS } from '../../node/codes.js';
import { EXIT } from '../exit.js';
import type { Outcome } from './attempt.js';

/** An attempt with a T-selector and its outcome. */
export interface Attempt {
  readonly tsel: Tsel;
  readonly outcome: Outcome;
}

/** A host that never answers is tried this many times without `--all`: the first CR may have been lost. */
export const TRIES_OF_SILENT_HOST = 2;

/** Exit codes of one host, the best result first. */
const BEST_FIRST: readonly number[] = [
  EXIT.ok,
  EXIT.refused,
  EXIT.notCotp,
  EXIT.timeout,
  EXIT.failed,
];

/** True if every attempt so far timed out, and another would tell no more. */
export function isSilent(attempts: readonly Attempt[]): boolean {
  return (
    attempts.length >= TRIES_OF_SILENT_HOST &&
    attempts.every(({ outcome }) => outcome.result === 'timeout')
  );
}

/** The conclusion about one host. */
export interface Verdict {
  /** The result that decides, the same as that of an attempt. */
  readonly result: Outcome['result'];
  /** The accepted T-selectors, each once. */
  readonly accepted: readonly Tsel[];
  readonly attempts: number;
  readonly exitCode: number;
  /** One sentence without its full stop. */
  readonly words: string;
}

/** @param attempts at least one */
export function verdictOf(attempts: readonly Attempt[]): Verdict {
  const exitCode =
    BEST_FIRST.find((code) => attempts.some(({ outcome }) => outcome.exitCode === code)) ??
    EXIT.failed;
  const deciding = attempts.filter(({ outcome }) => outcome.exitCode === exitCode);
  // A DR says more than a closed connection, although the exit code is the same; octets say more than none.
  const best =
    deciding.find(({ outcome }) => outcome.result === 'refused') ??
    deciding.find(({ outcome }) => outcome.hex !== undefined) ??
    deciding.at(-1);
  const result = best?.outcome.result ?? 'unreachable';
  const accepted = [
    ...new Set(
      attempts.filter(({ outcome }) => outcome.result === 'confirmed').map(({ tsel }) => tsel),
    ),
  ];
  const words = sentenceOf({ result, accepted, attempts, best });
  return { result, accepted, attempts: attempts.length, exitCode, words };
}

interface Facts {
  readonly result: Outcome['result'];
  readonly accepted: readonly Tsel[];
  readonly attempts: readonly Attempt[];
  readonly best: Attempt | undefined;
}

const ENDS_WITHIN_ANSWER =
  'something answers, but ends TCP before a TPKT is complete: a device that fails, or no COTP';

/** The sentences for a host of whose answer only a part came. */
const BEGUN_ANSWER: Readonly<Partial<Record<Outcome['result'], string>>> = {
  timeout: 'something answers, but too slowly or not completely; try a longer --timeout',
  reset: ENDS_WITHIN_ANSWER,
  closed: ENDS_WITHIN_ANSWER,
};

function sentenceOf({ result, accepted, attempts, best }: Facts): string {
  const { looksLike, isFinal = false, words = '', isTlsFailure = false, hex } = best?.outcome ?? {};
  const tried = triedText(attempts);
  const begun = hex === undefined ? undefined : BEGUN_ANSWER[result];
  if (begun !== undefined) {
    return begun;
  }
  switch (result) {
    case 'confirmed':
      return looksLike === 'RDP'
        ? 'it looks like remote desktop (RDP), which uses a CR and CC and no COTP after them'
        : `it uses COTP and accepts ${accepted.map(explainSelector).join(', ')}`;
    case 'refused':
      return refusesNegotiation(attempts)
        ? 'it uses COTP, but refuses what the CR offers; try --class 0, without --expedited'
        : `it uses COTP, but refuses ${tried}; try others with --tsel, --s7 or --range`;
    case 'reset':
    case 'closed':
      return isFinal
        ? 'it ends TLS before it answers: it may require a client certificate, or another one'
        : `TCP connects, but the host ends it without an answer to ${tried}: other T-selectors, a busy device, or TLS`;
    case 'timeout':
      return isFinal
        ? 'the connection cannot be opened in time: a wrong address, a device that is off, a firewall, or with --tls a port without TLS'
        : `TCP connects, but nothing answers ${tried}: no COTP there, or other T-selectors; --all tries the whole list`;
    case 'faulty':
      return 'it uses COTP, but its answer violates the protocol';
    case 'not-cotp':
      return `it does not use COTP${looksLike === undefined ? '' : `: it looks like ${looksLike}`}`;
    case 'unreachable':
      return isTlsFailure
        ? `TCP connects, but TLS fails: ${words}`
        : `it cannot be reached: ${words}`;
  }
}

/** True if every answer refuses the class or the options; other T-selectors would not help. */
function refusesNegotiation(attempts: readonly Attempt[]): boolean {
  return attempts.every(
    ({ outcome }) =>
      outcome.result === 'refused' && outcome.reason === DR_REASONS.negotiationFailed,
  );
}

function triedText(attempts: readonly Attempt[]): string {
  const [first] = attempts;
  const count = new Set(attempts.map(({ tsel }) => tsel)).size;
  return count === 1 && first !== undefined ? explainSelector(first.tsel) : `${count} T-selectors`;
}
