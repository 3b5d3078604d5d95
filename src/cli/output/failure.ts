/**
 * Turns any error into one sentence for stderr, an exit code and the fields of the JSON event. Users never
 * see a stack trace.
 */
import { disconnectReason } from '../../core/tpdu/index.js';
import {
  ConnectionClosedError,
  ConnectionRefusedError,
  CotpError,
  ProtocolError,
  TimeoutError,
} from '../../index.js';
import { CommandError, EXIT, UsageError } from '../exit.js';
import { longFlag, type OptionRows } from '../options/option.js';
import { optionalHex } from './octets-text.js';
import { protocolHint } from './protocol-guess.js';

/** An error as it is reported. */
export interface Failure {
  readonly sentence: string;
  readonly exitCode: number;
  /** More fields for the JSON event; `undefined` where the error has none. */
  readonly detail: FailureDetail;
}

/** Fields of library errors and system errors that are copied to the JSON event. */
export interface FailureDetail {
  readonly code?: string | undefined;
  readonly phase?: string | undefined;
  readonly ending?: string | undefined;
  readonly reason?: number | undefined;
  readonly rejectCause?: number | undefined;
  readonly reasonText?: string | undefined;
  /** User data and additional information of a DR, in hexadecimal. */
  readonly userData?: string | undefined;
  readonly additionalInfo?: string | undefined;
  readonly nonDisruptive?: boolean | undefined;
  readonly unsent?: number | undefined;
  readonly fault?: string | undefined;
  readonly octet?: number | undefined;
  /** The received octets that caused the error, at most 64, in hexadecimal. */
  readonly hex?: string | undefined;
}

/** Hints on what to try, by the code of the system error. */
const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there, or a firewall refuses',
  ENOTFOUND: 'the host name does not exist',
  EAI_AGAIN: 'DNS does not respond; try again later',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  EADDRINUSE: 'another program listens there; try another port',
  EADDRNOTAVAIL: 'this machine does not have this address',
  EACCES:
    'ports below 1024, such as 102, require privileges on most systems; try another port, such as 1102',
};

/** Hints for a client that does not trust the certificate of a server, with the options that they name. */
const CERTIFICATE_HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:GET_ISSUER|VERIFY)_)/,
    'tlsCa trusts its CA, tlsInsecure accepts any certificate',
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    'tlsServername says which name to expect, tlsInsecure accepts any certificate',
  ],
];

/** @param rows the options of the command that failed: hints name no other options */
export function failureOf(error: unknown, rows: OptionRows = {}): Failure {
  const reported = reportedError(error);
  return {
    sentence: sentenceOf(reported, rows),
    exitCode: exitCodeOf(error),
    detail: detailOf(reported),
  };
}

/** The error to report. If several addresses were tried, it is the error of the first. */
function reportedError(error: unknown): Error {
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
  const { phase, ending, octets } = error;
  const { fault, octet } = error instanceof ProtocolError ? error : {};
  return { code, phase, ending, ...releaseOf(error), fault, octet, hex: optionalHex(octets) };
}

/** What a DR or ER says that ended the connection or refused it. */
function releaseOf(error: CotpError): FailureDetail {
  if (error instanceof ConnectionRefusedError) {
    const { reason, rejectCause, reasonText, userData, additionalInfo } = error;
    const hasData = userData !== undefined && userData.length > 0;
    return {
      reason,
      rejectCause,
      reasonText,
      userData: hasData ? optionalHex(userData) : undefined,
      additionalInfo: optionalHex(additionalInfo),
    };
  }
  if (error instanceof ConnectionClosedError) {
    const { reason, rejectCause, userData, additionalInfo, nonDisruptive, unsent } = error;
    return {
      reason,
      rejectCause,
      reasonText: reason === undefined ? undefined : disconnectReason(reason),
      userData: optionalHex(userData),
      additionalInfo: optionalHex(additionalInfo),
      nonDisruptive,
      unsent,
    };
  }
  return {};
}

function cotpExitCode(error: CotpError): number {
  if (error instanceof TimeoutError) {
    return EXIT.timeout;
  }
  if (error instanceof ProtocolError) {
    return EXIT.notCotp;
  }
  // Many controllers refuse a CR by closing TCP.
  const droppedInstead = error.phase === 'cr-sent' && error.ending !== 'local';
  return error instanceof ConnectionRefusedError || droppedInstead ? EXIT.refused : EXIT.failed;
}

/** The message of an error on one line, with a hint if there is one. */
function sentenceOf(error: Error, rows: OptionRows): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  const hint = HINTS[code] ?? certificateHint(code, rows);
  const line = inFlags(error, rows)
    .replace(/\s*\n\s*/g, ' ')
    // Node ends the message with the colon of an empty list, if a certificate has no alternative names.
    .replace(/[\s:]+$/, '')
    .trimStart();
  return hint === undefined ? line : `${line}: ${hint}`;
}

/** A hint with the flags of the command; `undefined` if the command has none of them. */
function certificateHint(code: string, rows: OptionRows): string | undefined {
  const [, hint] = CERTIFICATE_HINTS.find(([pattern]) => pattern.test(code)) ?? [];
  const { tlsInsecure } = rows;
  return tlsInsecure === undefined
    ? undefined
    : hint?.replace(/\btls[A-Z]\w+/g, (name) => longFlag(rows[name] ?? { flags: name }));
}

/** Names of options and methods in hints of the library: `maxTsduSize`, `proxyProtocol.from`, `drain()`. */
const NAME_IN_CODE = /\b[a-z]+(?:[A-Z][a-z]*)+(?:\.[a-z]+)?\b|\b\w+\(\)/g;

/**
 * The message of an error, with command-line flags in place of the option names in its hint. A hint that
 * names an option without a flag is left out: a user of the command could not follow it.
 */
function inFlags(error: Error, rows: OptionRows): string {
  const { hint } = error instanceof CotpError ? error : {};
  const advice = isForeign(error) ? protocolHint(error.octets) : undefined;
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

/** The octets are no TPKT, so they may belong to another protocol. */
function isForeign(error: Error): error is ProtocolError {
  return error instanceof ProtocolError && error.fault.startsWith('tpkt-');
}
