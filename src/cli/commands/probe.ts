/**
 * `cotp probe`: finds out which T-selectors a device accepts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { explainSelector } from '../../core/s7-selector.js';
import {
  type ConnectOptions,
  formatTsel,
  type TraceEntry,
  type TraceListener,
  type Tsel,
} from '../../index.js';
import { command } from '../command-line/command.js';
import { EXIT } from '../exit.js';
import type { Io } from '../io.js';
import { CLIENT_OPTIONS, connectOptions, S7_LOCAL_TSEL } from '../options/connection.js';
import { flag, type OptionValues, value, valueOr } from '../options/option.js';
import { JSON_OPTION, VERBOSE_OPTION } from '../options/reporting.js';
import { selectorList, selectorRange } from '../options/selectors.js';
import { clientTls, TLS_CLIENT_OPTIONS } from '../options/tls.js';
import { CLIENT_CLASS_OPTIONS, classOptions } from '../options/transport-class.js';
import { address, integer, milliseconds, millisecondsOrZero, selector } from '../options/values.js';
import { jsonLine, tracer } from '../output/events.js';
import { addressText } from '../output/format-info.js';
import { counted } from '../output/plural.js';
import { type Outcome, probeSelector } from '../probe/attempt.js';
import {
  type Answer,
  findingsOf,
  findingsText,
  MOST_OFFERS,
  nextOffer,
  type Offer,
  offerText,
} from '../probe/offers.js';
import { type Attempt, isSilent, type Verdict, verdictOf } from '../probe/verdict.js';

/** S7: PG and OP in rack 0 with the CPU in slot 2, 0 and 1, others; MMS. */
const DEFAULT_SELECTORS: readonly Tsel[] = [0x0102, 0x0200, 0x0201, 0x0300, 0x0301, 0x0302, 0x0001];

/** Lists longer than this have a progress bar. */
const SHORT_LIST = 3;

const { sizeOffer, s7, localAddress } = CLIENT_OPTIONS;

/** A size that every known controller accepts. Some do not answer the offer of a larger size. */
const DEFAULT_SIZE = 1_024;

const OPTIONS = {
  tsel: value(
    '--tsel <list>',
    `called T-selectors (TSAPs) to try (default: ${DEFAULT_SELECTORS.map(formatTsel).join(',')})`,
    selectorList,
    { alias: '--tsap' },
  ),
  range: value(
    '--range <from-to>',
    'try every two-octet T-selector of a range, such as 0x0100-0x011f',
    selectorRange,
    {
      conflicts: ['tsel'],
    },
  ),
  s7: { ...s7, conflicts: ['tsel', 'range'], group: 'Options' },
  localTsel: valueOr(
    '--local-tsel <selector>',
    'local (calling) T-selector',
    selector,
    S7_LOCAL_TSEL,
    {
      alias: '--local-tsap',
      shownDefault: formatTsel(S7_LOCAL_TSEL),
    },
  ),
  all: flag('--all', 'try the whole list, also after one is accepted or if nothing answers'),
  classes: flag(
    '--classes',
    'find out which classes each T-selector accepts, and whether it grants expedited data: up to 4 connections each',
    { conflicts: ['class', 'expedited', 'expeditedAck'] },
  ),
  delay: valueOr(
    '--delay <time>',
    'delay between two attempts; 0 for none',
    millisecondsOrZero,
    500,
    {
      shownDefault: '500ms',
    },
  ),
  timeout: valueOr('--timeout <time>', 'timeout of each attempt', milliseconds, 3_000, {
    shownDefault: '3s',
  }),
  size: valueOr(
    '--size <octets>',
    'largest TPDU that is offered, 128 to 65531',
    integer(128, 65_531),
    DEFAULT_SIZE,
    { sets: 'maxTpduSize' },
  ),
  sizeOffer,
  localAddress,
  ...CLIENT_CLASS_OPTIONS,
  verbose: VERBOSE_OPTION,
  json: JSON_OPTION,
  ...TLS_CLIENT_OPTIONS,
};

type Values = OptionValues<typeof OPTIONS>;

export const probe = command({
  name: 'probe',
  summary: 'find out which T-selectors a device accepts',
  description:
    'Tries T-selectors one at a time, each on a new connection, and prints each answer and a verdict. ' +
    'It stops at the first T-selector that is accepted, and after two attempts without any answer. ' +
    'Each attempt occupies one of the few connections of a controller for a moment, and some fragile ' +
    'stacks fail at the first one: probe only your own devices. ' +
    'It exits with 0 if every host accepted a selector, otherwise with the best result of the first ' +
    'host that did not: 3 refused, 5 not COTP, 4 timeout, 1 no TCP.',
  operands: [
    { syntax: '<host[:port]...>', description: 'devices to probe; the default port is 102' },
  ],
  options: OPTIONS,
  examples: [
    ['cotp probe 10.0.0.5', 'does it use COTP, and which T-selector does it accept?'],
    ['cotp probe 10.0.0.5 10.0.0.6 --all --json', 'every T-selector of the list, as JSON'],
    ['cotp probe 10.0.0.6 --tsel 0x0001,\'"MMS"\'', 'T-selectors of your own'],
    ['cotp probe 10.0.0.5 --s7 op,0,2', 'one T-selector of S7, by rack and slot'],
    ['cotp probe 10.0.0.5:3782 --tls-insecure', 'over TLS'],
    ['cotp probe 10.0.0.7 --classes', 'does it have class 2 and expedited data?'],
  ],
  async run(hosts, options, io) {
    const { tpClass = 0, expedited = false, expeditedAck = false } = classOptions(options);
    const offer = { tpClass, expedited, expeditedAck };
    const targets = hosts.map((host) => address(host));
    const selectors = selectorsOf(options);
    const tls = await clientTls(options);
    const attemptOptions: ConnectOptions = {
      ...connectOptions(options),
      tls,
      signal: io.signal,
    };
    io.stderr.line(io.stderr.colours.dim(planText(selectors.length, options)));
    const results: number[] = [];
    for (const target of targets) {
      results.push(
        await new Probe({ target, selectors, offer, attemptOptions }, options, io).run(),
      );
    }
    return results.find((code) => code !== EXIT.ok) ?? EXIT.ok;
  },
});

/** What the device has to expect: a line that fits 80 columns. */
function planText(count: number, { classes, delay }: Values): string {
  const selectors = counted(count, 'selector');
  const tries = classes ? `${selectors}, up to ${MOST_OFFERS} tries each` : selectors;
  const apart = delay === 0 ? 'without delay' : `${delay} ms apart`;
  return `${tries}, ${apart}; each try uses one connection`;
}

/** The called T-selectors to try, in this order. */
function selectorsOf({ tsel, range, s7: one }: Values): readonly Tsel[] {
  return tsel ?? range ?? (one === undefined ? DEFAULT_SELECTORS : [one]);
}

/** What is tried on one host. */
interface Plan {
  readonly target: { readonly host: string; readonly port: number };
  readonly selectors: readonly Tsel[];
  /** What each CR offers, without `--classes`. */
  readonly offer: Offer;
  readonly attemptOptions: ConnectOptions;
}

/** Probes one host, selector by selector. */
class Probe {
  readonly #plan: Plan;
  readonly #options: Values;
  readonly #io: Io;
  readonly #bar: SingleBar | undefined;
  readonly #attempts: Attempt[] = [];

  constructor(plan: Plan, options: Values, io: Io) {
    this.#plan = plan;
    this.#options = options;
    this.#io = io;
    // The bar restores the cursor, so lines of --verbose written meanwhile would be overwritten.
    const hasOtherLines = options.json || options.verbose;
    if (io.stderr.isTTY && !hasOtherLines && plan.selectors.length > SHORT_LIST) {
      const format = '{value}/{total} [{bar}] {selector}';
      this.#bar = new SingleBar({
        format,
        stream: io.stderr.stream as NodeJS.WriteStream,
        clearOnComplete: true,
        barsize: 20,
      });
    }
  }

  /** Returns the exit code for this host. */
  async run(): Promise<number> {
    for (const [index, tsel] of this.#plan.selectors.entries()) {
      const answers = await this.#askAll(index, tsel);
      const isAccepted = answers.some(({ outcome }) => outcome.exitCode === EXIT.ok);
      const isDone = isAccepted && !this.#options.all;
      if (answers.at(-1)?.outcome.isFinal || isDone || this.#givesUp) {
        break;
      }
    }
    const verdict = verdictOf(this.#attempts);
    await this.#reportVerdict(verdict);
    return verdict.exitCode;
  }

  /** The host is silent, and the user has not asked to go on. */
  get #givesUp(): boolean {
    return !this.#options.all && isSilent(this.#attempts);
  }

  /** Makes one attempt with a selector, or with `--classes` all that are necessary. */
  async #askAll(index: number, tsel: Tsel): Promise<readonly Answer[]> {
    const { classes } = this.#options;
    const answers: Answer[] = [];
    let offer = classes ? nextOffer(answers) : this.#plan.offer;
    while (offer !== undefined) {
      const outcome = await this.#attempt(index, tsel, offer);
      await this.#report(tsel, offer, outcome);
      answers.push({ offer, outcome });
      this.#attempts.push({ tsel, outcome });
      offer = classes && !this.#givesUp ? nextOffer(answers) : undefined;
    }
    if (classes && answers.some(({ outcome }) => outcome.result === 'confirmed')) {
      await this.#reportFindings(tsel, answers);
    }
    return answers;
  }

  /** Waits for the delay and makes the attempt; shows the progress bar meanwhile. */
  async #attempt(index: number, tsel: Tsel, offer: Offer): Promise<Outcome> {
    const { target, selectors, attemptOptions } = this.#plan;
    const { signal } = this.#io;
    this.#bar?.start(selectors.length, index, { selector: formatTsel(tsel) });
    try {
      if (this.#attempts.length > 0 && this.#options.delay > 0) {
        await sleep(this.#options.delay, undefined, { signal });
      }
      signal.throwIfAborted();
      return await probeSelector(target, tsel, { ...attemptOptions, ...offer }, this.#trace());
    } finally {
      this.#bar?.stop();
    }
  }

  #trace(): TraceListener {
    const shown = tracer(this.#io, this.#options);
    return (entry: TraceEntry) => shown?.(entry);
  }

  async #report(tsel: Tsel, offer: Offer, outcome: Outcome): Promise<void> {
    const { stdout } = this.#io;
    if (this.#options.json) {
      const { isFinal: _, exitCode: __, words: ___, isTlsFailure: ____, ...detail } = outcome;
      const { tpClass, expedited, expeditedAck } = offer;
      const classes = tpClass === '2,0' ? [2, 0] : [tpClass];
      const offered = { classes, expedited, expeditedAck };
      await jsonLine(this.#io, { event: 'probe', ...this.#what(tsel), offered, ...detail });
      return;
    }
    const colour = outcome.exitCode === EXIT.ok ? stdout.colours.green : stdout.colours.yellow;
    const asked = this.#options.classes ? `offered ${offerText(offer)}: ` : '';
    await this.#line(tsel, `${asked}${colour(outcome.words)}`);
  }

  async #reportFindings(tsel: Tsel, answers: readonly Answer[]): Promise<void> {
    const findings = findingsOf(answers);
    if (this.#options.json) {
      await jsonLine(this.#io, { event: 'classes', ...this.#what(tsel), ...findings });
    } else {
      await this.#line(tsel, this.#io.stdout.colours.bold(findingsText(findings)));
    }
  }

  async #reportVerdict({ accepted, words, ...rest }: Verdict): Promise<void> {
    const target = addressText(this.#plan.target);
    const { stdout } = this.#io;
    if (this.#options.json) {
      const called = accepted.map(formatTsel);
      await jsonLine(this.#io, {
        event: 'verdict',
        target,
        ...rest,
        accepted: called,
        text: words,
      });
    } else {
      await stdout.textLine(`${target}  ${stdout.colours.bold(`verdict: ${words}`)}`);
    }
  }

  #what(tsel: Tsel) {
    return { target: addressText(this.#plan.target), called: formatTsel(tsel) };
  }

  #line(tsel: Tsel, words: string): Promise<void> {
    const target = addressText(this.#plan.target);
    return this.#io.stdout.textLine(`${target}  ${explainSelector(tsel)}  ${words}`);
  }
}
