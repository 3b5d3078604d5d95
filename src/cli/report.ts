/**
 * How commands report connections: in words on stderr, or as JSON lines on stdout.
 */
import type { Connection, ConnectionInfo, TraceListener } from '../index.js';
import { hexText } from './forms.js';
import type { Io } from './io.js';
import { explainSelector, selectorText } from './selectors.js';
import { terminalJson } from './terminal-text.js';

/** An event as an object of one line of JSON; what is `undefined` is left out. */
export type JsonEvent = Readonly<Record<string, unknown>>;

/** Writes an event; resolves when there is room for more. Who produces events at will awaits it. */
export function jsonLine(io: Io, event: JsonEvent): Promise<void> {
  return io.stdout.write(`${terminalJson(event)}\n`);
}

/** Writes an event that nobody can wait with; it is left out while the reader is too slow. */
export function postEvent(io: Io, event: JsonEvent): void {
  io.stdout.post(`${terminalJson(event)}\n`, leftOut);
}

function leftOut(lines: number): string {
  return `${terminalJson({ event: 'dropped', lines })}\n`;
}

/**
 * What went wrong, in a sentence on stderr.
 *
 * @param who the command, as it was called: `cotp proxy`
 */
export function complain({ stderr }: Io, who: string, sentence: string): void {
  stderr.line(`${stderr.colours.red(who)}: ${sentence}`);
}

/** `host:port`, with the brackets that IPv6 needs. */
export function addressText({
  host,
  port,
}: {
  readonly host: string;
  readonly port: number;
}): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What both sides have agreed on, in JSON. */
export function infoJson(info: ConnectionInfo): JsonEvent {
  return {
    local: addressText(info.localAddr),
    remote: addressText(info.remoteAddr),
    localTsel: selectorText(info.localTsel),
    remoteTsel: selectorText(info.remoteTsel),
    respondingTsel: selectorText(info.respondingTsel),
    maxTpduSize: info.maxTpduSize,
    class: info.tpClass,
    localRef: info.localRef,
    remoteRef: info.remoteRef,
    connectData: info.connectData === undefined ? undefined : hexText(info.connectData),
  };
}

/** The same in words. */
export function infoText({
  remoteAddr,
  localTsel,
  remoteTsel,
  maxTpduSize,
}: ConnectionInfo): string {
  const parts = [
    addressText(remoteAddr),
    localTsel !== undefined && `local ${explainSelector(localTsel)}`,
    remoteTsel !== undefined && `remote ${explainSelector(remoteTsel)}`,
    `TPDUs of ${maxTpduSize} octets`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** What `--verbose` gives to the option `trace`: `undefined` without it. */
export function tracer(
  io: Io,
  { verbose, json }: { readonly verbose: boolean; readonly json: boolean },
): TraceListener | undefined {
  if (!verbose) {
    return undefined;
  }
  if (json) {
    return (entry) => {
      const { direction, peer, octets } = entry;
      postEvent(io, { event: 'tpdu', direction, peer, text: `${entry}`, hex: hexText(octets) });
    };
  }
  const { colours } = io.stderr;
  return (entry) => {
    io.stderr.line(
      entry.direction === 'sent' ? colours.cyan(`${entry}`) : colours.green(`${entry}`),
    );
  };
}

/** A command that is to stop gives a peer so many milliseconds to close too. */
export const CLOSING_TIME_ON_STOP = 2_000;

/** Closes a connection when the command is to stop: cleanly, or by a reset if the peer takes too long. */
export function closeOnStop(conn: Connection, { signal }: Io): void {
  let timer: NodeJS.Timeout | undefined;
  const close = () => {
    conn.close();
    timer = setTimeout(() => conn.destroy(), CLOSING_TIME_ON_STOP);
  };
  signal.addEventListener('abort', close, { once: true });
  void conn.waitClosed().then(() => {
    signal.removeEventListener('abort', close);
    clearTimeout(timer);
  });
  if (signal.aborted) {
    close();
  }
}
