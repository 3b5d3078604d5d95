/**
 * The PROXY headers of a server: reads the first octets of each connection, before TLS and the protocol. An address of
 * `proxyProtocol.from` must send a header, and every other must not.
 */
import type { Duplex } from 'node:stream';
import {
  ConnectionClosedError,
  type CotpError,
  inPhase,
  ProtocolError,
  TimeoutError,
} from '../../core/errors.js';
import { octetCount } from '../../core/octets/octets.js';
import { beginsWithProxyHeader, ProxyHeaderReader } from '../../core/proxy-protocol/header.js';
import { asBuffer } from '../buffers.js';
import { toError } from '../callbacks.js';
import { startTimeout } from '../deadline-timer.js';
import type { ProxySources } from '../options/proxy-sources.js';
import { behindProxy, type Incoming } from '../stream/incoming.js';
import { isGone, resetStream, whenClosed } from '../stream/streams.js';
import { closedDuringTls, tlsHandshakeTimeout } from '../stream/tls.js';

/** A connection whose first octets were judged: the rest of them belongs to what comes next. */
interface Judged {
  readonly incoming: Incoming;
  readonly rest: Uint8Array;
}

/** What the acceptor reports. The addresses are those of the socket, for no header has named others. */
export interface ProxyAcceptorUser {
  /** The first octets were wrong or too late, or ended too early; the connection is gone. */
  onFailed(error: Error, incoming: Incoming, cause: Cause): void;
  /** The connection has ended before its first octet. */
  onLost(incoming: Incoming): void;
}

/** What was expected: a header or TLS; or that it took too long. */
type Cause = 'proxy' | 'tls' | 'timeout';

/** What is expected of the first octets of one connection. */
interface Expectation {
  /** What the connection fails by if the octets end. */
  readonly cause: 'proxy' | 'tls';
  /** Takes the next octets. Gives `undefined` while more are needed; throws if they are wrong. */
  push(chunk: Buffer): Judged | undefined;
  /**
   * The error of a connection that ends too early, by a FIN or by this error of the stream; `undefined` if there is
   * nothing to report.
   */
  closed(cause: Error | undefined): Error | undefined;
  /** The error of a connection whose octets do not come in time. */
  timedOut(milliseconds: number): Error;
}

/** A stream whose first octets are not complete. */
interface Waiting {
  readonly incoming: Incoming;
  readonly stop: () => void;
  readonly onEnd: () => void;
}

/** Reads PROXY headers. Each connection is passed on, is reset and reported, or is abandoned by the server. */
export class ProxyAcceptor {
  readonly #sources: ProxySources;
  readonly #timeout: number;
  readonly #user: ProxyAcceptorUser;
  readonly #waiting = new Map<Duplex, Waiting>();

  /** @param timeout milliseconds */
  constructor(sources: ProxySources, timeout: number, user: ProxyAcceptorUser) {
    this.#sources = sources;
    this.#timeout = timeout;
    this.#user = user;
  }

  /**
   * Reads the header of a connection if it must have one. Otherwise makes sure that it has none.
   *
   * @param tls TLS comes next
   * @param onPeer called with the addresses of the header, once; its stream is paused then
   */
  begin(incoming: Incoming, tls: boolean, onPeer: (incoming: Incoming) => void): void {
    const { stream } = incoming;
    if (isGone(stream)) {
      // Reset before it was accepted, as by a health check of HAProxy: the system no longer knows from where it came.
      stream.on('error', ignore);
      stream.destroy();
      this.#user.onLost(incoming);
    } else if (this.#sources.has(incoming.remoteAddr)) {
      this.#read(incoming, header(incoming), onPeer);
    } else {
      this.#read(incoming, noHeader(incoming, tls), onPeer);
    }
  }

  /**
   * The outcome for this stream is no longer reported. The caller closes the stream.
   *
   * @returns what was passed to {@link begin}; `undefined` if the first octets of the stream are not awaited
   */
  abandon(stream: Duplex): Incoming | undefined {
    const waiting = this.#waiting.get(stream);
    waiting?.stop();
    return waiting?.incoming;
  }

  #read(incoming: Incoming, expectation: Expectation, onPeer: (incoming: Incoming) => void): void {
    const { stream } = incoming;
    const timeout = this.#timeout;
    const onData = (chunk: unknown) => {
      const judged = attempt(() => expectation.push(asBuffer(chunk)));
      if (judged instanceof Error) {
        fail(judged, 'proxy');
      } else if (judged !== undefined) {
        stop();
        giveBack(stream, judged.rest);
        onPeer(judged.incoming);
      }
    };
    const onEnd = () => fail(expectation.closed(undefined));
    const onError = (error: unknown) => fail(expectation.closed(toError(error)));
    const stopTimeout = startTimeout(timeout, () => fail(expectation.timedOut(timeout), 'timeout'));
    const stop = () => {
      stopTimeout();
      this.#waiting.delete(stream);
      stream.off('data', onData).off('end', onEnd).off('error', onError);
    };
    const fail = (error: Error | undefined, cause: Cause = expectation.cause) => {
      stop();
      this.#reset(incoming, error, cause);
    };
    this.#waiting.set(stream, { incoming, stop, onEnd });
    stream.on('data', onData).on('end', onEnd).on('error', onError);
    this.#watchClose(stream);
  }

  #reset(incoming: Incoming, error: Error | undefined, cause: Cause): void {
    resetStream(incoming.stream);
    if (error === undefined) {
      this.#user.onLost(incoming);
    } else {
      this.#user.onFailed(error, incoming, cause);
    }
  }

  /** Apart from the other functions, whose octets it would keep in memory until the stream is closed. */
  #watchClose(stream: Duplex): void {
    stream.on('error', ignore);
    whenClosed(stream, () => this.#waiting.get(stream)?.onEnd());
  }
}

function ignore(): void {}

/** The result, or the error of octets that are wrong. */
function attempt<T>(act: () => T): T | Error {
  try {
    return act();
  } catch (thrown) {
    return inPhase(thrown as CotpError, 'tcp');
  }
}

/** Leaves a stream as if the octets before the rest had never come. Whoever reads it next must resume it. */
function giveBack(stream: Duplex, rest: Uint8Array): void {
  stream.pause();
  if (rest.length > 0) {
    stream.unshift(rest);
  }
}

/** A header must come. */
function header(incoming: Incoming): Expectation {
  const reader = new ProxyHeaderReader();
  const hint = `proxyProtocol.from lists ${incoming.remoteAddr.host}; does the proxy there send the header?`;
  return {
    cause: 'proxy',
    push: (chunk) => {
      const read = reader.push(chunk);
      return read && { incoming: behindProxy(incoming, read.header), rest: read.rest };
    },
    closed: (cause) => closedEarly(reader.length, cause),
    timedOut: (milliseconds) =>
      new TimeoutError(
        `no whole PROXY header within ${milliseconds} ms (${octetCount(reader.length)} came)`,
        'handshakeTimeout',
        milliseconds,
        { phase: 'tcp', hint },
      ),
  };
}

/** No header may come. TLS comes next, or the protocol. */
function noHeader(incoming: Incoming, tls: boolean): Expectation {
  let before: Buffer = Buffer.alloc(0);
  return {
    cause: tls ? 'tls' : 'proxy',
    push: (chunk) => {
      const octets = before.length === 0 ? chunk : Buffer.concat([before, chunk]);
      const isHeader = beginsWithProxyHeader(octets);
      if (isHeader) {
        throw new ProtocolError('proxy-not-listed', octets, 1);
      }
      before = octets;
      return isHeader === undefined ? undefined : { incoming, rest: octets };
    },
    closed: (cause) => (tls ? closedDuringTls(cause) : closedEarly(before.length, cause)),
    timedOut: (milliseconds) =>
      tls ? tlsHandshakeTimeout(milliseconds) : nothingCame(before.length, milliseconds),
  };
}

/** The error of a connection that has ended when so many octets of a PROXY header had come. */
function closedEarly(octets: number, cause: Error | undefined): Error | undefined {
  // Many load balancers check in this way whether the server is up.
  if (octets === 0) {
    return undefined;
  }
  const [how, ending] =
    cause === undefined ? (['closed', 'fin'] as const) : (['reset', 'reset'] as const);
  const message = `TCP was ${how} before the PROXY header was complete (${octetCount(octets)} came)`;
  return new ConnectionClosedError(message, { phase: 'tcp', ending, cause });
}

/** The error of a connection without a header whose first octets do not come in time. */
function nothingCame(octets: number, milliseconds: number): Error {
  const message = `the connection has not begun within ${milliseconds} ms (${octetCount(octets)} came)`;
  return new TimeoutError(message, 'handshakeTimeout', milliseconds, { phase: 'wait-cr' });
}
