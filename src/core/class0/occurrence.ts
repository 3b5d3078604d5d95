/**
 * An event of the transition table together with what came with it. Types only.
 */
import type { CotpError } from '../errors.js';
import type { Tpdu } from '../tpdu/types.js';
import type { Class0Acceptance } from './options.js';
import type { Event } from './transitions.js';

/** What happens to a connection. Which parts are there depends on the event. */
export interface Occurrence {
  readonly event: Event;
  /** The TPDU received, where it could be decoded. */
  readonly tpdu?: Tpdu;
  /** The same as it came. */
  readonly octets?: Uint8Array;
  /** The peer's reference, where a CR or CC tells it. */
  readonly remoteRef?: number;
  /** Size that an acceptable CC puts in force, in octets. */
  readonly maxTpduSize?: number;
  /** What is wrong, or what the user is to be told. */
  readonly error?: CotpError;
  /** The error of the stream beneath. */
  readonly cause?: Error | undefined;
  /** DR reason of a refusal. */
  readonly reason?: number;
  readonly acceptance?: Class0Acceptance;
}
