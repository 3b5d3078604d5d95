/**
 * Errors as a user of the command line meets them: one sentence and an exit code. Never a stack.
 */
import { ConnectionRefusedError, CotpError, ProtocolError, TimeoutError } from '../index.js';
import { CommandError, EXIT, UsageError } from './exit.js';

/** What an error comes to. */
export interface Failure {
  readonly sentence: string;
  readonly exitCode: number;
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
  EACCES: 'ports below 1024, as 102 is, take privileges on most systems',
};

export function failureOf(error: unknown): Failure {
  const sentence = sentenceOf(error);
  if (error instanceof UsageError) {
    return { sentence, exitCode: EXIT.usage };
  }
  if (error instanceof CommandError) {
    return { sentence, exitCode: error.exitCode };
  }
  return { sentence, exitCode: error instanceof CotpError ? cotpExitCode(error) : EXIT.failed };
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
function sentenceOf(error: unknown): string {
  const own = error instanceof Error ? error : new Error(String(error));
  // Several addresses were tried, and each failed in its way.
  const { message, code } =
    own instanceof AggregateError && own.errors[0] instanceof Error
      ? (own.errors[0] as NodeJS.ErrnoException)
      : (own as NodeJS.ErrnoException);
  const hint = code === undefined ? undefined : HINTS[code];
  const line = withoutOpensslNoise(message)
    .replace(/\s*\n\s*/g, ' ')
    .trim();
  return hint === undefined ? line : `${line}: ${hint}`;
}

/** OpenSSL puts the places in its own source around its words; only the words are for people. */
function withoutOpensslNoise(message: string): string {
  return message.replace(
    /^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):[^:]*:\d+:(?:SSL alert number \d+)?\s*/,
    'TLS: $1',
  );
}
