/** The options of `inspect`. */
import {
  flag,
  instance,
  integer,
  type OptionRow,
  optional,
  type Resolved,
  row,
  text,
} from './rows.js';

/** Options of {@link inspect}. */
export interface InspectOptions {
  /**
   * The address to listen on. Whoever can reach it and has the token sees everything, and there is no TLS. Default: the
   * loopback interface, so only this machine can reach it.
   *
   * @defaultValue `'127.0.0.1'`
   */
  readonly host?: string | undefined;
  /**
   * The port to listen on, 1 to 65535, or 0: the system chooses a free one.
   *
   * @defaultValue `0`
   */
  readonly port?: number | undefined;
  /**
   * What the page shows as its title. Default: `process` and the number of the process.
   *
   * @defaultValue `undefined`
   */
  readonly title?: string | undefined;
  /**
   * Octets of memory for TPDUs and events, 1048576 to 2147483647; when it is full, the oldest are dropped. Default 32
   * MiB. Each TPDU takes 32 to 39 octets more than its length, each connection about 1 KiB.
   *
   * @defaultValue `33554432`
   */
  readonly maxOctets?: number | undefined;
  /**
   * Replaces user data by zeros, and names in remote desktop cookies by `x`, before anything is kept.
   *
   * @defaultValue `false`
   */
  readonly redact?: boolean | undefined;
  /**
   * Before the inspector listens, an abort rejects `inspect` with the reason. After that it closes the inspector.
   * Default: none.
   *
   * @defaultValue `undefined`
   */
  readonly signal?: AbortSignal | undefined;
}

const MEBIBYTE = 1_048_576;

/** Octets that the inspector keeps by default. */
export const DEFAULT_MAX_OCTETS: number = 32 * MEBIBYTE;

/** The rows of {@link InspectOptions}. */
export const INSPECT_OPTIONS = {
  host: row(text, '127.0.0.1'),
  port: row(integer(0, 65_535), 0),
  title: optional(text),
  maxOctets: row(integer(MEBIBYTE, 2 ** 31 - 1, 'octets'), DEFAULT_MAX_OCTETS),
  redact: row(flag, false),
  signal: optional(instance(AbortSignal, 'an AbortSignal')),
} satisfies Record<keyof InspectOptions, OptionRow<unknown>>;

export type ResolvedInspectOptions = Resolved<typeof INSPECT_OPTIONS>;
