/**
 * `cotp listen`: a server that prints or echoes TSDUs, or runs a program for each connection.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { explainSelector } from '../../core/s7-selector.js';
import {
  type Connection,
  type ConnectionEvent,
  type ConnectRequest,
  type ListenOptions,
  listen as open,
  type RefusalCause,
  type Tsel,
} from '../../index.js';
import { DR_REASONS } from '../../node/codes.js';
import { CONNECTION_CHANNEL } from '../../node/trace/entry.js';
import { closeOnStop } from '../close-on-stop.js';
import { command } from '../command-line/command.js';
import { EXIT } from '../exit.js';
import type { Io } from '../io.js';
import { CONNECTION_OPTIONS } from '../options/connection.js';
import { flag, list, type OptionValues, value } from '../options/option.js';
import { PIPE_FORMAT_OPTIONS, pipeFormatOf } from '../options/pipe-format.js';
import { JSON_OPTION, VERBOSE_OPTION } from '../options/reporting.js';
import { sameSelector, selectorText } from '../options/selectors.js';
import { serverTls, TLS_SERVER_OPTIONS } from '../options/tls.js';
import { classOptions, SERVER_CLASS_OPTIONS } from '../options/transport-class.js';
import {
  integer,
  listenAddress,
  milliseconds,
  networks,
  selector,
  text,
} from '../options/values.js';
import { jsonLine, postEvent, tracer } from '../output/events.js';
import { forEachExpedited, showExpedited } from '../output/expedited.js';
import { failureOf } from '../output/failure.js';
import { addressText, infoJson, infoText } from '../output/format-info.js';
import { hexText } from '../output/octets-text.js';
import type { PipeFormat } from '../output/pipe-format.js';
import { releaseJson, releaseText } from '../output/release.js';
import { runProgram } from '../program/connection-program.js';
import type { ProgramEnd } from '../program/process-group.js';

/** A port that requires no privileges. */
const DEFAULT_PORT = 1102;

/** Default of `--max-programs`. Each program is at least two processes: a shell and what it runs. */
const MAX_PROGRAMS = 128;

const WHAT = 'What to do with TSDUs';
const WHO = 'Which connections to accept';

const OPTIONS = {
  print: flag('--print', 'write TSDUs to stdout (default)', {
    group: WHAT,
    conflicts: ['echo', 'exec'],
  }),
  echo: flag('--echo', 'send each TSDU back, and expedited data as expedited data', {
    group: WHAT,
    conflicts: ['exec'],
  }),
  exec: value(
    '--exec <command>',
    'run a program for each connection: TSDUs on its stdin and stdout',
    text,
    {
      group: WHAT,
    },
  ),
  ...PIPE_FORMAT_OPTIONS,
  accept: list(
    '--accept <selector>',
    'accept this called T-selector (repeatable) and refuse others',
    selector,
    {
      group: WHO,
    },
  ),
  refuse: value(
    '--refuse <reason>',
    'refuse all with reason 0 unspecified, 1 congestion, 2 not attached or 3 unknown',
    integer(0, 3),
    {
      group: WHO,
      conflicts: ['accept', 'once', 'print', 'echo', 'exec'],
    },
  ),
  maxConnections: value(
    '--max-connections <n>',
    'connections at a time (default: 1024)',
    integer(1, 65_535),
    {
      group: WHO,
    },
  ),
  maxPrograms: value(
    '--max-programs <n>',
    `with --exec: programs at a time (default: ${MAX_PROGRAMS})`,
    integer(1, 65_535),
    { group: WHO, needs: ['exec'] },
  ),
  once: flag('--once', 'exit after the first connection', { group: WHO }),
  proxyProtocol: list(
    '--proxy-protocol <from>',
    'proxies that send a PROXY header: addresses and networks (comma list, repeatable)',
    networks,
    { group: WHO, sets: 'proxyProtocol.from' },
  ),
  ...CONNECTION_OPTIONS,
  ...SERVER_CLASS_OPTIONS,
  maxTsduSize: value(
    '--max-tsdu-size <octets>',
    'largest TSDU to accept (default: 16 MiB)',
    integer(1, 2 ** 31 - 1),
  ),
  handshakeTimeout: value(
    '--handshake-timeout <time>',
    'timeout for PROXY header, TLS and CR, each (default: 10s)',
    milliseconds,
  ),
  verbose: VERBOSE_OPTION,
  json: JSON_OPTION,
  ...TLS_SERVER_OPTIONS,
};

type Values = OptionValues<typeof OPTIONS>;

export const listen = command({
  name: 'listen',
  summary: 'print or echo TSDUs, or run a program for each connection',
  description:
    'Listens, and prints TSDUs, sends them back, or runs a program for each connection. ' +
    'The default port is 1102, because 102, the port of ISO transport, requires privileges on most ' +
    'systems (root, or on Linux: setcap cap_net_bind_service=+ep on node). The program of --exec ' +
    'gets COTP_PEER, COTP_LOCAL_TSEL and COTP_REMOTE_TSEL in its environment. When it ends, the ' +
    'connection closes. When the connection closes, the program has two seconds to end.',
  operands: [
    { syntax: '[address]', description: 'HOST, HOST:PORT or PORT (default: 0.0.0.0:1102)' },
  ],
  options: OPTIONS,
  examples: [
    ['cotp listen --echo', 'an echo server, for cotp bench'],
    ['cotp listen 127.0.0.1:10102 --hex --accept 0x0102 -v', 'see what a client sends'],
    ['cotp listen --exec ./device.py --length', 'a device in any language'],
    [
      'cotp listen --echo --class 2,0 --expedited -v',
      'class 2 and expedited data, for clients that ask for them',
    ],
    ['cotp listen --refuse 3', 'test how a client handles a refusal'],
    ['cotp listen --raw --once > file', 'receive one file'],
    [
      'cotp listen --proxy-protocol 10.0.0.0/8 -v',
      'behind a load balancer that sends PROXY headers',
    ],
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

/** A refusal, as the event reports it. */
interface Refusal {
  readonly reason: number;
  readonly cause: RefusalCause;
  /** Why, in words. Default: the called T-selector. */
  readonly words?: string;
}

/** The server, and what it does with each connection. */
class Service {
  readonly #options: Values;
  readonly #io: Io;
  readonly #form: PipeFormat;
  #connections = 0;
  /** Programs that still run; their connections may be closed. */
  #programs = 0;
  readonly #serving = new Set<Promise<void>>();
  #onFirstClosed: () => void = () => {};

  constructor(options: Values, io: Io) {
    this.#options = options;
    this.#io = io;
    const terminal = options.exec === undefined ? io.stdout.terminal : undefined;
    this.#form = pipeFormatOf(options, terminal);
  }

  async run(where: { host: string; port: number }, own: ListenOptions): Promise<number> {
    const { size, idleTimeout, strict, maxTsduSize, handshakeTimeout, maxConnections } =
      this.#options;
    const from = this.#options.proxyProtocol.flat();
    const ended = new Promise<void>((resolve) => {
      this.#onFirstClosed = resolve;
    });
    subscribe(CONNECTION_CHANNEL, this.#onChannelEvent);
    const server = await open((conn) => this.#begin(conn), where, {
      ...own,
      ...classOptions(this.#options),
      maxTpduSize: size,
      idleTimeout,
      strict,
      maxTsduSize,
      handshakeTimeout,
      maxConnections,
      proxyProtocol: from.length === 0 ? undefined : { from },
      allowHalfOpen: this.#options.exec !== undefined,
      bindConnections: true,
      trace: tracer(this.#io, this.#options),
      onConnectRequest: (request) => this.#decide(request),
      onError: (error, { peer }) => this.#failed(error, peer),
    });
    const [bound = where] = server.addresses;
    void this.#report(
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
    await Promise.allSettled(this.#serving);
    unsubscribe(CONNECTION_CHANNEL, this.#onChannelEvent);
    return EXIT.ok;
  }

  #decide(request: ConnectRequest): void {
    const refusal = this.#refusalOf(request);
    if (refusal === undefined) {
      request.accept();
    } else {
      this.#reportRefusal(request, refusal);
      request.refuse(refusal.reason);
    }
  }

  /** Why this server refuses a request; `undefined` if it accepts it. */
  #refusalOf({ localTsel }: ConnectRequest): Refusal | undefined {
    const { accept, refuse, once, exec, maxPrograms = MAX_PROGRAMS } = this.#options;
    if (refuse !== undefined) {
      return { reason: refuse, cause: 'user' };
    }
    if (!isAccepted(accept, localTsel)) {
      return { reason: DR_REASONS.addressUnknown, cause: 'selector' };
    }
    if (once && this.#connections > 0) {
      return {
        reason: DR_REASONS.congestion,
        cause: 'limit',
        words: '--once accepts no further connection',
      };
    }
    if (exec !== undefined && this.#programs >= maxPrograms) {
      return {
        reason: DR_REASONS.congestion,
        cause: 'limit',
        words: 'the limit of --max-programs is reached',
      };
    }
    return undefined;
  }

  /** The library itself refuses connections beyond --max-connections; the channel reports them. */
  readonly #onChannelEvent = (message: unknown): void => {
    const event = message as ConnectionEvent;
    if (event.event === 'refused' && event.cause === 'limit') {
      const words = 'the limit of --max-connections is reached';
      this.#reportRefusal(event, {
        reason: event.reason ?? DR_REASONS.congestion,
        cause: 'limit',
        words,
      });
    }
  };

  #reportRefusal(
    { remoteAddr, localTsel }: Pick<ConnectRequest, 'remoteAddr' | 'localTsel'>,
    { reason, cause, words }: Refusal,
  ): void {
    const peer = addressText(remoteAddr);
    const called = localTsel === undefined ? 'no selector' : explainSelector(localTsel);
    void this.#report(
      'refused',
      { peer, reason, cause, localTsel: selectorText(localTsel) },
      `${peer} refused, reason ${reason}: ${words ?? `called ${called}`}`,
      'does not wait',
    );
  }

  #begin(conn: Connection): Promise<void> {
    const serving = this.#serve(conn).finally(() => this.#serving.delete(serving));
    this.#serving.add(serving);
    return serving;
  }

  async #serve(conn: Connection): Promise<void> {
    this.#connections += 1;
    const number = this.#connections;
    closeOnStop(conn, this.#io);
    try {
      // Backpressure: a connection is not read until its event has been written.
      await this.#report(
        'open',
        { connection: number, ...infoJson(conn.info) },
        `#${number} open: ${infoText(conn.info)}`,
      );
      await this.#work(conn, number);
    } finally {
      await conn.asyncClose();
      const how = releaseText(conn);
      await this.#report(
        'close',
        { connection: number, disconnection: releaseJson(conn) },
        `#${number} closed${how === undefined ? '' : `: ${how}`}`,
      );
      this.#onFirstClosed();
    }
  }

  /** Returns `undefined` if the program could not run: the connection closes, the server continues. */
  async #run(line: string, conn: Connection, number: number): Promise<ProgramEnd | undefined> {
    this.#programs += 1;
    try {
      return await runProgram(line, conn, {
        form: this.#form,
        io: this.#io,
        number,
        onBadOutput: (error) =>
          this.#programFailed(error, conn, number, `the output of the program of #${number}`),
      });
    } catch (error) {
      this.#programFailed(error as Error, conn, number, `#${number}`);
      return undefined;
    } finally {
      this.#programs -= 1;
    }
  }

  async #work(conn: Connection, number: number): Promise<void> {
    const { exec } = this.#options;
    if (exec !== undefined) {
      const end = await this.#run(exec, conn, number);
      if (end === undefined) {
        return;
      }
      const { code, signal } = end;
      const how = signal === null ? `code ${code}` : signal;
      await this.#report(
        'exit',
        { connection: number, code, signal },
        `#${number} program ended: ${how}`,
      );
      return;
    }
    await Promise.all([
      this.#takeTsdus(conn, number),
      forEachExpedited(conn, (data) => this.#takeExpedited(data, conn, number)),
    ]);
  }

  async #takeTsdus(conn: Connection, number: number): Promise<void> {
    const { echo, json } = this.#options;
    for await (const tsdu of conn) {
      if (json) {
        await this.#dataEvent('tsdu', number, tsdu);
      } else if (!echo) {
        await this.#io.stdout.write(this.#form.write(tsdu));
      }
      if (echo && !conn.write(tsdu)) {
        await conn.drain();
      }
    }
  }

  async #takeExpedited(data: Buffer, conn: Connection, number: number): Promise<void> {
    const { echo, json } = this.#options;
    // First: it is to overtake the TSDUs that are sent back.
    const hasRoom = !echo || !conn.isOpen || conn.writeExpedited(data);
    if (json) {
      await this.#dataEvent('expedited', number, data);
    } else if (!echo) {
      await showExpedited(this.#io, this.#form, data, number);
    }
    if (!hasRoom) {
      // If the connection ends here, `#takeTsdus` throws the error that ended it.
      await conn.drain().catch(() => {});
    }
  }

  #dataEvent(event: 'tsdu' | 'expedited', connection: number, octets: Buffer): Promise<void> {
    const hex = hexText(octets);
    return jsonLine(this.#io, { event, connection, octets: octets.length, hex });
  }

  /** A failure for which the peer of the connection is not to blame. */
  #programFailed(error: Error, { info }: Connection, connection: number, what: string): void {
    const { sentence, detail } = failureOf(error, OPTIONS);
    const message = `${what}: ${sentence}`;
    const peer = addressText(info.remoteAddr);
    void this.#report('error', { connection, peer, message, ...detail }, message, 'does not wait');
  }

  #failed(error: Error, peer: string): void {
    const { sentence, detail } = failureOf(error, OPTIONS);
    void this.#report(
      'error',
      { peer, message: sentence, ...detail },
      `${peer}: ${sentence}`,
      'does not wait',
    );
  }

  /**
   * Reports an event: JSON on stdout, or words on stderr. Callers that cannot wait for a slow reader of the
   * JSON lines pass `'does not wait'`; their event is then dropped.
   */
  async #report(
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
