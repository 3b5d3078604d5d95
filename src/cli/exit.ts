/**
 * How a command ends: the exit codes, and the two ways of ending early. Knows no command.
 */

/** The exit codes of every command. They are stable. */
export const EXIT = {
  /** Done; for `probe`, a selector was confirmed. */
  ok: 0,
  /** It failed while it ran: the network, a file, the peer. */
  failed: 1,
  /** Called in a wrong way: an option, an argument, an input. */
  usage: 2,
  /** The peer refused, by DR or ER or by dropping TCP in answer to the CR. */
  refused: 3,
  /** Nothing came in time. */
  timeout: 4,
  /** Something answered that is not COTP, or that breaks its rules. */
  notCotp: 5,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

/** What the help says of the codes. */
export const EXIT_CODES_HELP: readonly (readonly [number, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.failed, 'failed: the network, a file, a connection that broke'],
  [EXIT.usage, 'called in a wrong way, or bad input'],
  [EXIT.refused, 'the peer refused the connection'],
  [EXIT.timeout, 'nothing came in time'],
  [EXIT.notCotp, 'the peer does not speak COTP, or breaks its rules'],
  [EXIT.interrupted, 'interrupted (Ctrl-C)'],
];

/** The user called it in a wrong way. The message is one sentence, for stderr; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A command could not do its work. The message is one sentence, for stderr. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Why a command is to stop: a signal of the system, or an output that takes nothing more. It is the
 * abort reason of `Io.signal`.
 */
export class Stop extends Error {
  override readonly name = 'Stop';
  readonly exitCode: number;

  /** @param message a sentence for stderr; empty when there is nothing to say */
  constructor(exitCode: number, message = '') {
    super(message);
    this.exitCode = exitCode;
  }
}
