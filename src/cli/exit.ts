/**
 * The exit codes of the command, and the errors that end it early.
 */

/** The exit codes of every command. They are stable. */
export const EXIT = {
  /** Success. For `probe`: every host confirmed a selector. */
  ok: 0,
  /** The work failed: the network, a file, a connection. */
  failed: 1,
  /** Wrong usage: an option, an argument or the input. */
  usage: 2,
  /** The peer refused the connection by DR or ER, or closed TCP after the CR. */
  refused: 3,
  /** A timer expired. */
  timeout: 4,
  /** The peer sent something that is not COTP or that violates its rules. */
  notCotp: 5,
  /** SIGHUP: the terminal is gone. Of a signal it is 128 plus its number, as a shell reports it. */
  hungUp: 129,
  /** SIGINT: Ctrl-C. */
  interrupted: 130,
  /** SIGTERM. */
  terminated: 143,
} as const;

/** The signals that stop the process, and its exit code then. */
export const SIGNALS = {
  SIGHUP: EXIT.hungUp,
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
} as const;

/** The exit codes and their description in the help. */
export const EXIT_CODES_HELP: readonly (readonly [number, string])[] = [
  [EXIT.ok, 'success'],
  [EXIT.failed, 'failure: the network, a file, or a broken connection'],
  [EXIT.usage, 'wrong usage or invalid input'],
  [EXIT.refused, 'the peer refused the connection'],
  [EXIT.timeout, 'timeout'],
  [EXIT.notCotp, 'the peer does not use COTP or violates the protocol'],
  [EXIT.hungUp, 'stopped by SIGHUP: the terminal was closed'],
  [EXIT.interrupted, 'interrupted (Ctrl-C)'],
  [EXIT.terminated, 'stopped by SIGTERM'],
];

/** The exit codes in a few words, for the list of commands. */
export const EXIT_CODES_SHORT = [
  '0 success, 1 failure, 2 usage, 3 refused, 4 timeout, 5 not COTP,',
  '129 SIGHUP, 130 Ctrl-C, 143 SIGTERM',
];

/** Wrong usage. The message is one sentence for stderr; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The work of a command failed. The message is one sentence for stderr. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Why a command must stop: a signal such as SIGINT, or an output that was closed or failed. It is the abort
 * reason of `Io.signal`.
 */
export class Stop extends Error {
  override readonly name = 'Stop';
  readonly exitCode: number;

  /** @param message one sentence for stderr; empty for none */
  constructor(exitCode: number, message = '') {
    super(message);
    this.exitCode = exitCode;
  }
}
