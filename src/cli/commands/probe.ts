/**
 * `cotp probe`: which selectors does a device answer, and how?
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { formatTsel, type TraceEntry, type TraceListener, type Tsel } from '../../index.js';
import { command } from '../command.js';
import { EXIT } from '../exit.js';
import type { Io } from '../io.js';
import { flag, type OptionValues, value, valueOr } from '../option.js';
import { CLIENT_OPTIONS, connectOptions, S7_LOCAL_TSEL } from '../options/connection.js';
import { JSON_OPTION, VERBOSE_OPTION } from '../options/output.js';
import { clientTls, TLS_CLIENT_OPTIONS } from '../options/tls.js';
import { type Outcome, type Try, tryOnce } from '../probing.js';
import { addressText, jsonLine, tracer } from '../report.js';
import { explainSelector, selectorList, selectorRange } from '../selectors.js';
import { address, integer, milliseconds, millisecondsOrZero, selector } from '../values.js';

/** S7: PG and OP in rack 0 with the CPU in slot 2, 0 and 1, others; MMS. */
const DEFAULT_SELECTORS: readonly Tsel[] = [0x0102, 0x0200, 0x0201, 0x0300, 0x0301, 0x0302, 0x0001];

/** A longer list than this has a progress bar. */
const SHORT_LIST = 3;

const { sizeOffer } = CLIENT_OPTIONS;

/** What every controller takes; some fall silent at more. */
const DEFAULT_SIZE = 1_024;

const OPTIONS = {
  tsel: value(
    '--tsel <list>',
    `called selectors to try (default: ${DEFAULT_SELECTORS.map(formatTsel).join(',')})`,
    selectorList,
  ),
  range: value(
    '--range <from-to>',
    'every two-octet selector of a range, as 0x0100-0x011f: brute force',
    selectorRange,
    {
      conflicts: ['tsel'],
    },
  ),
  localTsel: valueOr('--local-tsel <selector>', 'ours, the calling one', selector, S7_LOCAL_TSEL, {
    shownDefault: formatTsel(S7_LOCAL_TSEL),
  }),
  all: flag('--all', 'go on after the first that is accepted'),
  delay: valueOr('--delay <time>', 'between two tries; 0 for none', millisecondsOrZero, 500, {
    shownDefault: '500ms',
  }),
  timeout: valueOr('--timeout <time>', 'for each try', milliseconds, 3_000, { shownDefault: '3s' }),
  size: valueOr(
    '--size <octets>',
    'largest TPDU that is offered, 128 to 65531',
    integer(128, 65_531),
    DEFAULT_SIZE,
    { sets: 'maxTpduSize' },
  ),
  sizeOffer,
  verbose: VERBOSE_OPTION,
  json: JSON_OPTION,
  ...TLS_CLIENT_OPTIONS,
};

type Values = OptionValues<typeof OPTIONS>;

export const probe = command({
  name: 'probe',
  summary: 'which selectors does a device answer, and how?',
  description:
    'Tries selectors one after the other, one connection at a time, and tells what came. ' +
    'Each try takes one of the few connections of a controller for a moment, and some fragile ' +
    'stacks take harm from any: probe only what is yours. ' +
    'It exits with 0 when every host accepted a selector, else with the best news of the first ' +
    'host that did not: 3 refused, 5 not COTP, 4 timeout, 1 no TCP.',
  operands: [
    { syntax: '<host[:port]...>', description: 'what to probe; the port is 102 by default' },
  ],
  options: OPTIONS,
  examples: [
    ['cotp probe 10.0.0.5', 'is it COTP, and which selector does it take?'],
    ['cotp probe 10.0.0.5 10.0.0.6 --all --json', 'every selector of the list, for machines'],
    ['cotp probe 10.0.0.6 --tsel 0x0001,\'"MMS"\'', 'selectors of your own'],
    ['cotp probe 10.0.0.5:3782 --tls-insecure', 'over TLS'],
  ],
  async run(hosts, options, io) {
    const targets = hosts.map((host) => address(host));
    const selectors = options.tsel ?? options.range ?? DEFAULT_SELECTORS;
    const tls = await clientTls(options);
    const trying: Try = {
      ...connectOptions(options),
      tls,
      signal: io.signal,
    };
    io.stderr.line(
      io.stderr.colours.dim(
        `each try takes one connection of the device for a moment; ${selectors.length} selectors, ${options.delay} ms apart`,
      ),
    );
    const results: number[] = [];
    for (const target of targets) {
      results.push(await new Probe(target, selectors, trying, options, io).run());
    }
    return results.find((code) => code !== EXIT.ok) ?? EXIT.ok;
  },
});

/** Best news first. */
const BY_NEWS: readonly number[] = [EXIT.ok, EXIT.refused, EXIT.notCotp, EXIT.timeout, EXIT.failed];

/** One host, selector by selector. */
class Probe {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #selectors: readonly Tsel[];
  readonly #trying: Try;
  readonly #options: Values;
  readonly #io: Io;
  readonly #bar: SingleBar | undefined;

  constructor(
    target: { readonly host: string; readonly port: number },
    selectors: readonly Tsel[],
    trying: Try,
    options: Values,
    io: Io,
  ) {
    this.#target = target;
    this.#selectors = selectors;
    this.#trying = trying;
    this.#options = options;
    this.#io = io;
    if (io.stderr.isTTY && !options.json && selectors.length > SHORT_LIST) {
      const format = '{value}/{total} [{bar}] {selector}';
      this.#bar = new SingleBar({
        format,
        stream: io.stderr.stream as NodeJS.WriteStream,
        clearOnComplete: true,
        barsize: 20,
      });
    }
  }

  /** Gives the exit code for this host. */
  async run(): Promise<number> {
    const { signal } = this.#io;
    const codes: number[] = [];
    for (const [index, tsel] of this.#selectors.entries()) {
      const outcome = await this.#try(index, tsel, signal);
      await this.#tell(tsel, outcome);
      codes.push(outcome.exitCode);
      if (outcome.isFinal || (outcome.exitCode === EXIT.ok && !this.#options.all)) {
        break;
      }
    }
    return BY_NEWS.find((code) => codes.includes(code)) ?? EXIT.failed;
  }

  /** Waits its turn, and tries; the progress bar is there meanwhile. */
  async #try(index: number, tsel: Tsel, signal: AbortSignal): Promise<Outcome> {
    this.#bar?.start(this.#selectors.length, index, { selector: formatTsel(tsel) });
    try {
      if (index > 0 && this.#options.delay > 0) {
        await sleep(this.#options.delay, undefined, { signal });
      }
      signal.throwIfAborted();
      return await tryOnce(this.#target, tsel, this.#trying, this.#trace());
    } finally {
      this.#bar?.stop();
    }
  }

  #trace(): TraceListener {
    const shown = tracer(this.#io, this.#options);
    return (entry: TraceEntry) => shown?.(entry);
  }

  async #tell(tsel: Tsel, outcome: Outcome): Promise<void> {
    const { stdout } = this.#io;
    const target = addressText(this.#target);
    if (this.#options.json) {
      const { isFinal: _, exitCode: __, words: ___, ...detail } = outcome;
      await jsonLine(this.#io, { event: 'probe', target, called: formatTsel(tsel), ...detail });
      return;
    }
    const colour = outcome.exitCode === EXIT.ok ? stdout.colours.green : stdout.colours.yellow;
    await stdout.text(`${target}  ${explainSelector(tsel)}  ${colour(outcome.words)}\n`);
  }
}
