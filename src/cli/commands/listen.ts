/**
 * `cotp listen`: a server that echoes, prints, or runs a program for each connection.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type Connection,
  type ConnectionEvent,
  type ConnectRequest,
  type ListenOptions,
  type RefusalCause,
  listen as open,
  type Tsel,
} from '../../index.js';
import { CONNECTION_CHANNEL } from '../../node/trace/entry.js';
import { command } from '../command.js';
import { EXIT } from '../exit.js';
import { failureOf } from '../failure.js';
import { type Form, formOf, hexText } from '../forms.js';
import type { Io } from '../io.js';
import { flag, list, type OptionValues, value } from '../option.js';
import { CONNECTION_OPTIONS } from '../options/connection.js';
import { FORM_OPTIONS, formName } from '../options/forms.js';
import { JSON_OPTION, VERBOSE_OPTION } from '../options/output.js';
import { serverTls, TLS_SERVER_OPTIONS } from '../options/tls.js';
import type { ProgramEnd } from '../process-group.js';
import { runProgram } from '../program-of-connection.js';
import {
  addressText,
  closeOnStop,
  infoJson,
  infoText,
  jsonLine,
  postEvent,
  tracer,
} from '../report.js';
import { explainSelector, sameSelector, selectorText } from '../selectors.js';
import { integer, listenAddress, milliseconds, selector, text } from '../values.js';

/** A port that needs no privileges. */
const DEFAULT_PORT = 1102;

/** Programs are dear: a shell and what it runs each. */
const MAX_PROGRAMS = 128;

/** DR reasons of X.224 13.5.3. */
const CONGESTION = 1;
const ADDRESS_UNKNOWN = 3;

const WHAT = 'What is done with TSDUs';
const WHO = 'Who is let in';

const OPTIONS = {
  print: flag('--print', 'write them to stdout (default)', {
    group: WHAT,
    conflicts: ['echo', 'exec'],
  }),
  echo: flag('--echo', 'send each back', { group: WHAT, conflicts: ['exec'] }),
  exec: value(
    '--exec <command>',
    'run a program for each connection: TSDUs on its stdin and stdout',
    text,
    {
      group: WHAT,
    },
  ),
  ...FORM_OPTIONS,
  accept: list(
    '--accept <selector>',
    'called selector to accept (repeatable); others are refused',
    selector,
    {
      group: WHO,
    },
  ),
  refuse: value(
    '--refuse <reason>',
    'refuse all: 0 unspecified, 1 congestion, 2 not attached, 3 unknown',
    integer(0, 3),
    {
      group: WHO,
      conflicts: ['accept', 'once', 'print', 'echo', 'exec'],
    },
  ),
  maxConnections: value('--max-connections <n>', 'at a time (default: 1024)', integer(1, 65_535), {
    group: WHO,
  }),
  maxPrograms: value(
    '--max-programs <n>',
    `with --exec: programs at a time (default: ${MAX_PROGRAMS}); more are refused`,
    integer(1, 65_535),
    { group: WHO, needs: ['exec'] },
  ),
  once: flag('--once', 'leave after the first connection', { group: WHO }),
  ...CONNECTION_OPTIONS,
  maxTsduSize: value(
    '--max-tsdu-size <octets>',
    'largest TSDU taken (default: 16 MiB)',
    integer(1, 2 ** 31 - 1),
  ),
  handshakeTimeout: value(
    '--handshake-timeout <time>',
    'for TLS, then for the request: each within this time (default: 10s)',
    milliseconds,
  ),
  verbose: VERBOSE_OPTION,
  json: JSON_OPTION,
  ...TLS_SERVER_OPTIONS,
};

type Values = OptionValues<typeof OPTIONS>;

export const listen = command({
  name: 'listen',
  summary: 'listen: echo, print, or run a program for each connection',
  description:
    'Listens and prints what comes, sends it back, or runs a program for each connection. ' +
    'The port is 1102 by default: 102, that of ISO transport, requires privileges on most systems ' +
    '(root, or on Linux: setcap cap_net_bind_service=+ep on node). The program of --exec finds ' +
    'COTP_PEER, COTP_LOCAL_TSEL and COTP_REMOTE_TSEL in its environment; when it ends, so does ' +
    'the connection. Once the connection has closed it has two seconds to end.',
  operands: [
    { syntax: '[address]', description: 'HOST, HOST:PORT or PORT (default: 0.0.0.0:1102)' },
  ],
  options: OPTIONS,
  examples: [
    ['cotp listen --echo', 'an echo server, for cotp bench'],
    ['cotp listen 127.0.0.1:10102 --hex --accept 0x0102 -v', 'what does my client send?'],
    ['cotp listen --exec ./device.py --length', 'a device in any language'],
    ['cotp listen --refuse 3', 'how does my client take a refusal?'],
    ['cotp listen --raw --once > file', 'take one file'],
  ],
  async run([where], options, io) {
    const tls = await serverTls(options);
    return new Service(options, io).run(whereToListen(where), { tls });
  },
});

function whereToListen(given = String(DEFAULT_PORT)): { host: string; port: number } {
  const isPort = /^:?\d+$/.test(given);
  return listenAddress(isPort ? `0.0.0.0:${given.replace(':', '')}` : given, DEFAULT_PORT);
}

/** A refusal, in the fields of the event. */
interface Refusal {
  readonly reason: number;
  readonly cause: RefusalCause;
  /** Why; without them the selector that was called says it. */
  readonly words?: string;
}

/** The server, and what it does with each connection. */
class Service {
  readonly #options: Values;
  readonly #io: Io;
  readonly #form: Form;
  #connections = 0;
  /** Programs that have not ended, whatever became of their connections. */
  #programs = 0;
  readonly #working = new Set<Promise<void>>();
  #firstEnded: () => void = () => {};

  constructor(options: Values, io: Io) {
    this.#options = options;
    this.#io = io;
    const terminal = options.exec === undefined ? io.stdout.terminal : undefined;
    this.#form = formOf(formName(options), options.tsduSize, terminal);
  }

  async run(where: { host: string; port: number }, own: ListenOptions): Promise<number> {
    const { size, idleTimeout, strict, maxTsduSize, handshakeTimeout, maxConnections } =
      this.#options;
    const ended = new Promise<void>((resolve) => {
      this.#firstEnded = resolve;
    });
    subscribe(CONNECTION_CHANNEL, this.#seeChannel);
    const server = await open((conn) => this.#begin(conn), where, {
      ...own,
      maxTpduSize: size,
      idleTimeout,
      strict,
      maxTsduSize,
      handshakeTimeout,
      maxConnections,
      allowHalfOpen: this.#options.exec !== undefined,
      bindConnections: true,
      trace: tracer(this.#io, this.#options),
      onConnectRequest: (request) => this.#decide(request),
      onError: (error, { peer }) => this.#failed(error, peer),
    });
    const [bound = where] = server.addresses;
    void this.#say(
      'listening',
      { address: addressText(bound) },
      `listening on ${addressText(bound)}`,
    );
    const { signal } = this.#io;
    await Promise.race([
      signal.aborted
        ? undefined
        : new Promise((resolve) => signal.addEventListener('abort', resolve)),
      this.#options.once ? ended : new Promise<never>(() => {}),
    ]);
    await server.asyncClose();
    await Promise.allSettled(this.#working);
    unsubscribe(CONNECTION_CHANNEL, this.#seeChannel);
    return EXIT.ok;
  }

  #decide(request: ConnectRequest): void {
    const refusal = this.#refusalOf(request);
    if (refusal === undefined) {
      request.accept();
    } else {
      this.#sayRefused(request, refusal);
      request.refuse(refusal.reason);
    }
  }

  /** Why this side does not take a request; `undefined` when it does. */
  #refusalOf({ localTsel }: ConnectRequest): Refusal | undefined {
    const { accept, refuse, once, exec, maxPrograms = MAX_PROGRAMS } = this.#options;
    if (refuse !== undefined) {
      return { reason: refuse, cause: 'user' };
    }
    if (!isAccepted(accept, localTsel)) {
      return { reason: ADDRESS_UNKNOWN, cause: 'selector' };
    }
    if (once && this.#connections > 0) {
      return { reason: CONGESTION, cause: 'limit', words: '--once has had its connection' };
    }
    if (exec !== undefined && this.#programs >= maxPrograms) {
      return {
        reason: CONGESTION,
        cause: 'limit',
        words: 'as many programs run as --max-programs allows',
      };
    }
    return undefined;
  }

  /** The library refuses by itself what is beyond --max-connections. */
  readonly #seeChannel = (message: unknown): void => {
    const event = message as ConnectionEvent;
    if (event.event === 'refused' && event.cause === 'limit') {
      const words = 'there are as many connections as --max-connections allows';
      this.#sayRefused(event, { reason: event.reason ?? CONGESTION, cause: 'limit', words });
    }
  };

  #sayRefused(
    { remoteAddr, localTsel }: Pick<ConnectRequest, 'remoteAddr' | 'localTsel'>,
    { reason, cause, words }: Refusal,
  ): void {
    const peer = addressText(remoteAddr);
    const called = localTsel === undefined ? 'no selector' : explainSelector(localTsel);
    void this.#say(
      'refused',
      { peer, reason, cause, localTsel: selectorText(localTsel) },
      `${peer} refused, reason ${reason}: ${words ?? `called ${called}`}`,
      'does not wait',
    );
  }

  #begin(conn: Connection): Promise<void> {
    const working = this.#serve(conn).finally(() => this.#working.delete(working));
    this.#working.add(working);
    return working;
  }

  async #serve(conn: Connection): Promise<void> {
    this.#connections += 1;
    const number = this.#connections;
    closeOnStop(conn, this.#io);
    try {
      // A connection whose news nobody reads is not read either.
      await this.#say(
        'open',
        { connection: number, ...infoJson(conn.info) },
        `#${number} open: ${infoText(conn.info)}`,
      );
      await this.#work(conn, number);
    } finally {
      await conn.asyncClose();
      await this.#say('close', { connection: number }, `#${number} closed`);
      this.#firstEnded();
    }
  }

  /** Gives `undefined` for a program that could not be run: the connection ends, the server goes on. */
  async #run(line: string, conn: Connection): Promise<ProgramEnd | undefined> {
    this.#programs += 1;
    try {
      return await runProgram(line, conn, this.#form, this.#io.signal);
    } catch (error) {
      this.#failed(error as Error, addressText(conn.info.remoteAddr));
      return undefined;
    } finally {
      this.#programs -= 1;
    }
  }

  async #work(conn: Connection, number: number): Promise<void> {
    const { echo, exec } = this.#options;
    if (exec !== undefined) {
      const end = await this.#run(exec, conn);
      if (end === undefined) {
        return;
      }
      const { code, signal } = end;
      const how = signal === null ? `code ${code}` : signal;
      await this.#say(
        'exit',
        { connection: number, code, signal },
        `#${number} program ended: ${how}`,
      );
      return;
    }
    for await (const tsdu of conn) {
      if (this.#options.json) {
        await jsonLine(this.#io, {
          event: 'tsdu',
          connection: number,
          octets: tsdu.length,
          hex: hexText(tsdu),
        });
      } else if (!echo) {
        await this.#io.stdout.write(this.#form.write(tsdu));
      }
      if (echo && !conn.write(tsdu)) {
        await conn.drain();
      }
    }
  }

  #failed(error: Error, peer: string): void {
    const { sentence, detail } = failureOf(error, OPTIONS);
    void this.#say(
      'error',
      { peer, message: sentence, ...detail },
      `${peer}: ${sentence}`,
      'does not wait',
    );
  }

  /**
   * An event: JSON on stdout, or words on stderr. Who cannot wait for a reader of the JSON lines has the
   * event left out when that is too slow.
   */
  async #say(
    event: string,
    detail: Readonly<Record<string, unknown>>,
    words: string,
    waits: 'waits' | 'does not wait' = 'waits',
  ): Promise<void> {
    if (!this.#options.json) {
      this.#io.stderr.line(words);
    } else if (waits === 'waits') {
      await jsonLine(this.#io, { event, ...detail });
    } else {
      postEvent(this.#io, { event, ...detail });
    }
  }
}

function isAccepted(accept: readonly Tsel[], called: Tsel | undefined): boolean {
  return (
    accept.length === 0 || accept.some((tsel) => called !== undefined && sameSelector(tsel, called))
  );
}
