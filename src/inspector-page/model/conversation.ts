/** One line of the list of connections: a connection, or the two that a proxy has for one client. */
import { s7Meaning } from '../../core/s7-selector.js';
import { formatTsel, tselOf } from '../../core/tsel.js';
import type { Ending } from './endings.js';
import type { TpduEntry } from './entry.js';
import { Histogram } from './histogram.js';
import type { Leg, LegState, Traffic } from './leg.js';

/** A T-selector with what S7 means by it. */
export interface Selector {
  readonly text: string;
  readonly meaning: string | undefined;
}

/** TPDUs of the first leg that wait for the same octets on the second one: at most this many. */
const MAX_WAITING = 512;

/** Requests that wait for their response: at most this many. */
const MAX_REQUESTS = 256;

export class Conversation {
  /** The number of the client in a proxy, otherwise of the connection. */
  readonly number: number;
  /** When its first row came, in milliseconds since 1970. */
  readonly time: number;
  /** When its latest row came. */
  lastTime: number;
  readonly legs: Leg[] = [];
  /** Milliseconds from the end of a request to the start of its response. */
  readonly latency: Histogram = new Histogram();
  /** Entries that deviate from the standard. */
  deviating = 0;
  readonly #requests: number[] = [];
  readonly #waiting = { fromClient: [] as TpduEntry[], fromServer: [] as TpduEntry[] };

  constructor(number: number, time: number) {
    this.number = number;
    this.time = time;
    this.lastTime = time;
  }

  /** TCP has ended on all legs. */
  get isOver(): boolean {
    return this.legs.every(({ times }) => times.close !== undefined);
  }

  /** The leg to the client, or the only one. */
  get first(): Leg | undefined {
    return this.legs.find((leg) => !leg.isToTarget) ?? this.legs[0];
  }

  get toTarget(): Leg | undefined {
    return this.legs.find((leg) => leg.isToTarget);
  }

  get client(): string {
    return this.first?.client ?? '';
  }

  get server(): string {
    return (this.toTarget ?? this.first)?.server ?? '';
  }

  get name(): string | undefined {
    return this.first?.row.name;
  }

  /** The leg that was refused or failed: that to the target first, for it is the cause. */
  get #troubled(): Leg | undefined {
    return [this.toTarget, this.first].find(
      (leg) => leg?.state === 'refused' || leg?.state === 'failed',
    );
  }

  /** Refused or failed if one leg is; closed if one leg is. */
  get state(): LegState {
    const hasClosed = this.legs.some(({ state }) => state === 'closed');
    return this.#troubled?.state ?? (hasClosed ? 'closed' : (this.first?.state ?? 'tcp'));
  }

  /** Why it was refused or failed; otherwise the end that came first. */
  get ending(): Ending | undefined {
    const endings = this.legs.map(({ ending }) => ending).filter((ending) => ending !== undefined);
    return this.#troubled?.ending ?? endings.sort((a, b) => a.time - b.time)[0];
  }

  get calling(): Selector | undefined {
    return selectorOf(
      this.first?.cr?.parameters.callingTsel ?? this.toTarget?.cr?.parameters.callingTsel,
    );
  }

  get called(): Selector | undefined {
    return selectorOf(
      this.first?.cr?.parameters.calledTsel ?? this.toTarget?.cr?.parameters.calledTsel,
    );
  }

  /** The called selector that the proxy put in place of that of the client. */
  get calledAtTarget(): Selector | undefined {
    const other = selectorOf(this.toTarget?.cr?.parameters.calledTsel);
    return other?.text === this.called?.text ? undefined : other;
  }

  traffic(isFromClient: boolean): Traffic | undefined {
    return this.first?.traffic(isFromClient);
  }

  /**
   * Pairs the two legs of a proxy: true for a TPDU that the other leg has carried with the same octets before.
   */
  isCopy(entry: Pick<TpduEntry, 'slab' | 'start' | 'length' | 'isFromClient' | 'leg'>): boolean {
    const isFirst = entry.leg.isToTarget !== entry.isFromClient;
    if (isFirst || this.legs.length < 2) {
      return false;
    }
    const waiting = this.#waiting[entry.isFromClient ? 'fromClient' : 'fromServer'];
    const at = waiting.findIndex((each) => sameOctets(each, entry));
    const original = waiting[at];
    if (original === undefined) {
      return false;
    }
    waiting.splice(0, at + 1);
    original.isRelayed = true;
    return true;
  }

  /** Keeps a TPDU until the other leg has carried it. */
  awaitCopy(entry: TpduEntry): void {
    if (entry.leg.row.pair !== undefined && entry.leg.isToTarget !== entry.isFromClient) {
      const waiting = this.#waiting[entry.isFromClient ? 'fromClient' : 'fromServer'];
      waiting.push(entry);
      if (waiting.length > MAX_WAITING) {
        waiting.shift();
      }
    }
  }

  /** The client has sent a TSDU. */
  requested(time: number): void {
    this.#requests.push(time);
    if (this.#requests.length > MAX_REQUESTS) {
      this.#requests.shift();
    }
  }

  /** The server begins a TSDU; returns how long the oldest request waited, in milliseconds. */
  responded(time: number): number | undefined {
    const asked = this.#requests.shift();
    if (asked === undefined) {
      return undefined;
    }
    const took = Math.max(0, time - asked);
    this.latency.add(took);
    return took;
  }
}

function selectorOf(octets: Uint8Array | undefined): Selector | undefined {
  if (octets === undefined) {
    return undefined;
  }
  const tsel = tselOf(octets);
  return { text: formatTsel(tsel), meaning: s7Meaning(tsel) };
}

type Octets = Pick<TpduEntry, 'slab' | 'start' | 'length'>;

function sameOctets(one: Octets, other: Octets): boolean {
  if (one.length !== other.length) {
    return false;
  }
  for (let i = 0; i < one.length; i += 1) {
    if (one.slab[one.start + i] !== other.slab[other.start + i]) {
      return false;
    }
  }
  return true;
}
