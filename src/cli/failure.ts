/**
 * Errors as a user of the command line meets them: one sentence and an exit code. Never a stack.
 */
import { adviceOn } from './appearance.js';
import { ConnectionRefusedError, CotpError, ProtocolError, TimeoutError } from '../index.js';
import { CommandError, EXIT, UsageError } from './exit.js';
import { longFlag, type OptionRows } from './option.js';

/** What an error comes to. */
export interface Failure {
  readonly sentence: string;
  readonly exitCode: number;
  /** What programs want to know of it beside that; what is not known is `undefined`. */
  readonly detail: FailureDetail;
}

/** The fields of errors of the library and of the system that JSON has too. */
export interface FailureDetail {
  readonly code?: string | undefined;
  readonly phase?: string | undefined;
  readonly ending?: string | undefined;
  readonly reason?: number | undefined;
  readonly rejectCause?: number | undefined;
  readonly reasonText?: string | undefined;
  readonly fault?: string | undefined;
  readonly octet?: number | undefined;
}

/** What to try, for errors of the system that people meet with this tool. */
const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there, or a firewall refuses',
  ENOTFOUND: 'there is no such host name',
  EAI_AGAIN: 'the host name cannot be looked up now',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  EADDRINUSE: 'another program listens there; try another port',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'ports below 1024, as 102 is, require privileges on most systems',
};

/** @param rows the options of the command that met the error: hints speak of no others */
export function failureOf(error: unknown, rows: OptionRows = {}): Failure {
  const told = toldOf(error);
  return { sentence: sentenceOf(told, rows), exitCode: exitCodeOf(error), detail: detailOf(told) };
}

/** The error to report: where several addresses were tried, each failed in its way. */
function toldOf(error: unknown): Error {
  const own = error instanceof Error ? error : new Error(String(error));
  return own instanceof AggregateError && own.errors[0] instanceof Error ? own.errors[0] : own;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) {
    return EXIT.usage;
  }
  if (error instanceof CommandError) {
    return error.exitCode;
  }
  return error instanceof CotpError ? cotpExitCode(error) : EXIT.failed;
}

function detailOf(error: Error): FailureDetail {
  const { code } = error as NodeJS.ErrnoException;
  if (!(error instanceof CotpError)) {
    return { code };
  }
  const { phase, ending } = error;
  const { reason, rejectCause, reasonText } = error instanceof ConnectionRefusedError ? error : {};
  const { fault, octet } = error instanceof ProtocolError ? error : {};
  return { code, phase, ending, reason, rejectCause, reasonText, fault, octet };
}

function cotpExitCode(error: CotpError): number {
  if (error instanceof TimeoutError) {
    return EXIT.timeout;
  }
  if (error instanceof ProtocolError) {
    return EXIT.notCotp;
  }
  // Many controllers refuse a CR by dropping TCP.
  const droppedInstead = error.phase === 'cr-sent' && error.ending !== 'local';
  return error instanceof ConnectionRefusedError || droppedInstead ? EXIT.refused : EXIT.failed;
}

/** One line, whatever the error says. */
function sentenceOf(error: Error, rows: OptionRows): string {
  const { code } = error as NodeJS.ErrnoException;
  const hint = code === undefined ? undefined : HINTS[code];
  const line = inFlags(error, rows)
    .replace(/\s*\n\s*/g, ' ')
    .trim();
  return hint === undefined ? line : `${line}: ${hint}`;
}

/** How the library writes of its options and methods: `maxTsduSize`, `drain()`. */
const NAME_IN_CODE = /\b[a-z]+(?:[A-Z][a-z]*)+\b|\b\w+\(\)/g;

/**
 * The message of an error, with the flags that set the options its hint names. A hint is left out
 * that speaks of what the command has no flag for: its reader could not follow it.
 */
function inFlags(error: Error, rows: OptionRows): string {
  const { hint } = error instanceof CotpError ? error : {};
  const advice = isForeign(error) ? adviceOn(error.octets) : undefined;
  if (advice !== undefined) {
    return `${withoutHint(error.message, hint)}: ${advice}`;
  }
  if (hint === undefined) {
    return error.message;
  }
  const flags = new Map(
    Object.entries(rows).map(([name, row]) => [row.sets ?? name, longFlag(row)] as const),
  );
  const names = hint.match(NAME_IN_CODE) ?? [];
  const bare = withoutHint(error.message, hint);
  return names.every((name) => flags.has(name))
    ? `${bare}: ${hint.replace(NAME_IN_CODE, (name) => flags.get(name) ?? name)}`
    : bare;
}

function withoutHint(message: string, hint: string | undefined): string {
  return hint === undefined ? message : message.slice(0, message.length - `: ${hint}`.length);
}

/** What came is no TPKT at all, so it may be another protocol. */
function isForeign(error: Error): error is ProtocolError {
  return error instanceof ProtocolError && error.fault.startsWith('tpkt-');
}
