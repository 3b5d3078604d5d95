/**
 * `cotp listen`: a server that echoes, prints, or runs a program for each connection.
 */
import {
  type Connection,
  type ConnectRequest,
  type ListenOptions,
  listen as open,
  type Tsel,
} from '../../index.js';
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
import { addressText, closeOnStop, infoJson, infoText, jsonLine, tracer } from '../report.js';
import { explainSelector, sameSelector, selectorText } from '../selectors.js';
import { integer, listenAddress, milliseconds, selector, text } from '../values.js';
import { runProgram } from '../program-of-connection.js';

/** A port that needs no privileges. */
const DEFAULT_PORT = 1102;

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
    'The port is 1102 by default: 102, that of ISO transport, takes privileges on most systems ' +
    '(root, or on Linux: setcap cap_net_bind_service=+ep on node). The program of --exec finds ' +
    'COTP_PEER, COTP_LOCAL_TSEL and COTP_REMOTE_TSEL in its environment; when it ends, so does ' +
    'the connection.',
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

/** The server, and what it does with each connection. */
class Service {
  readonly #options: Values;
  readonly #io: Io;
  readonly #form: Form;
  #connections = 0;
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
    this.#say('listening', { address: addressText(bound) }, `listening on ${addressText(bound)}`);
    const { signal } = this.#io;
    await Promise.race([
      signal.aborted
        ? undefined
        : new Promise((resolve) => signal.addEventListener('abort', resolve)),
      this.#options.once ? ended : new Promise<never>(() => {}),
    ]);
    await server.asyncClose();
    await Promise.allSettled(this.#working);
    return EXIT.ok;
  }

  #decide(request: ConnectRequest): void {
    const { accept, refuse, once } = this.#options;
    const reason = refuse ?? (isAccepted(accept, request.localTsel) ? undefined : 3);
    if (reason === undefined && !(once && this.#connections > 0)) {
      request.accept();
      return;
    }
    const peer = addressText(request.remoteAddr);
    const called =
      request.localTsel === undefined ? 'no selector' : explainSelector(request.localTsel);
    const event = { peer, reason: reason ?? 1, localTsel: selectorText(request.localTsel) };
    this.#say('refused', event, `${peer} refused, reason ${event.reason}: called ${called}`);
    request.refuse(event.reason);
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
    this.#say(
      'open',
      { connection: number, ...infoJson(conn.info) },
      `#${number} open: ${infoText(conn.info)}`,
    );
    try {
      await this.#work(conn, number);
    } finally {
      await conn.asyncClose();
      this.#say('close', { connection: number }, `#${number} closed`);
      this.#firstEnded();
    }
  }

  async #work(conn: Connection, number: number): Promise<void> {
    const { echo, exec } = this.#options;
    if (exec !== undefined) {
      const { code, signal } = await runProgram(exec, conn, this.#form);
      const how = signal === null ? `code ${code}` : signal;
      this.#say('exit', { connection: number, code, signal }, `#${number} program ended: ${how}`);
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
    this.#say('error', { peer, message: sentence, ...detail }, `${peer}: ${sentence}`);
  }

  /** An event: JSON on stdout, or words on stderr. */
  #say(event: string, detail: Readonly<Record<string, unknown>>, words: string): void {
    if (this.#options.json) {
      void jsonLine(this.#io, { event, ...detail });
    } else {
      this.#io.stderr.line(words);
    }
  }
}

function isAccepted(accept: readonly Tsel[], called: Tsel | undefined): boolean {
  return (
    accept.length === 0 || accept.some((tsel) => called !== undefined && sameSelector(tsel, called))
  );
}
