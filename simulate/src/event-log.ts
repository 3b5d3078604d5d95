/**
 * The events of one world: a hash of all of them, and the first rule that was broken.
 */
import type { Clock } from './clock.js';

/** A rule that was broken. */
export interface Finding {
  /** Which rule. */
  readonly rule: string;
  readonly message: string;
  /** Simulated milliseconds. */
  readonly at: number;
}

/** Offset and prime of FNV-1a with 32 bits. */
const HASH_OFFSET = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/** Records what happens. Two worlds with the same hash had the same events at the same times. */
export class EventLog {
  readonly #clock: Clock;
  readonly #print: ((line: string) => void) | undefined;
  #finding: Finding | undefined;
  #hash = HASH_OFFSET;

  /** @param print receives a line for each event */
  constructor(clock: Clock, print: ((line: string) => void) | undefined) {
    this.#clock = clock;
    this.#print = print;
  }

  /** The first rule that was broken. */
  get finding(): Finding | undefined {
    return this.#finding;
  }

  get hash(): number {
    return this.#hash >>> 0;
  }

  note(what: string, port: number, number: number): void {
    const { now } = this.#clock;
    for (let at = 0; at < what.length; at += 1) {
      this.#mix(what.charCodeAt(at));
    }
    this.#mix(port);
    this.#mix(number);
    this.#mix(Math.round(now * 1_000));
    this.#print?.(`${now.toFixed(3).padStart(12)}  ${port} ${what} ${number || ''}`);
  }

  /** Records that a rule is broken; only the first time counts. */
  fail(rule: string, message: string): void {
    this.#finding ??= { rule, message, at: this.#clock.now };
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, HASH_PRIME);
  }
}

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code ?? '');
}

export function describe(error: unknown): string {
  return error instanceof Error
    ? `${codeOf(error)} ${error.name}: ${error.message.split('\n')[0]}`.trim()
    : String(error);
}
