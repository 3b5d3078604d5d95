/**
 * One attempt to connect to a device with one T-selector: connects, closes, and reports the answer.
 */
import {
  type ConnectionInfo,
  ConnectionRefusedError,
  type ConnectOptions,
  CotpError,
  connect,
  ProtocolError,
  TimeoutError,
  type Tpdu,
  type TraceEntry,
  type TraceListener,
  type Tsel,
} from '../../index.js';
import { tpduTypeOf } from '../../node/codes.js';
import { isTlsFailure } from '../../node/stream/tls.js';
import { EXIT, Stop } from '../exit.js';
import { selectorText } from '../options/selectors.js';
import { TLS_CLIENT_OPTIONS } from '../options/tls.js';
import { failureOf } from '../output/failure.js';
import { hexText } from '../output/octets-text.js';
import { guessProtocol } from '../output/protocol-guess.js';

/** The result of an attempt. All fields but the last four are part of the JSON event. */
export interface Outcome {
  readonly result:
    | 'confirmed'
    | 'refused'
    | 'reset'
    | 'closed'
    | 'timeout'
    | 'faulty'
    | 'not-cotp'
    | 'unreachable';
  /** Milliseconds from the CR to the answer. */
  readonly milliseconds?: number | undefined;
  /** The fields of the CC. */
  readonly confirm?: Readonly<Record<string, unknown>> | undefined;
  /** The reason of a DR, or the reject cause of an ER. */
  readonly reason?: number | undefined;
  readonly reasonText?: string | undefined;
  /** The protocol that the answer looks like. */
  readonly looksLike?: string | undefined;
  /** The octets that are not COTP, that have a fault, or that are no whole TPKT, at most 64. */
  readonly hex?: string | undefined;
  /** Code of the system error. */
  readonly code?: string | undefined;
  /** The result in words. */
  readonly words: string;
  readonly exitCode: number;
  /** True if another selector cannot change the result. */
  readonly isFinal: boolean;
  /** TCP was connected, but TLS was not. */
  readonly isTlsFailure?: boolean;
}

/** Codes of certificates that are not trusted and of a peer that does not use TLS. */
const TLS_CODES = /^(?:ERR_(?:SSL|TLS)_|EPROTO$|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_)/;

/** How Node reports a peer that closes TCP during the handshake. */
const CLOSED_CODES = /^(?:ECONNRESET|EPIPE)$/;

/** Attempts one connection. Rejects only with a `Stop`; every other error is an outcome. */
export async function probeSelector(
  target: { readonly host: string; readonly port: number },
  remoteTsel: Tsel,
  options: ConnectOptions,
  trace: TraceListener,
): Promise<Outcome> {
  const exchange = new Exchange();
  const both: TraceListener = (entry) => {
    exchange.add(entry);
    trace(entry);
  };
  try {
    const conn = await connect(target, { ...options, remoteTsel, trace: both });
    await conn.asyncClose();
    return confirmed(exchange, conn.info);
  } catch (error) {
    if (error instanceof Stop) {
      throw error;
    }
    return failed(error, exchange, options.tls !== undefined);
  }
}

/** The TPDUs of an attempt: the CR and the answer to it. */
class Exchange {
  #sent = 0;
  #received = 0;
  /** The first TPDU received; `undefined` if none was, or if it cannot be decoded. */
  answer: Tpdu | undefined;
  /** The code of the first TPDU received is valid (X.224 13.1), even if the rest cannot be decoded. */
  isTpdu = false;

  add({ direction, time, tpdu, octets }: TraceEntry): void {
    if (direction === 'sent') {
      this.#sent ||= time;
    } else if (this.#received === 0) {
      this.#received = time;
      this.answer = tpdu instanceof CotpError ? undefined : tpdu;
      this.isTpdu = tpduTypeOf(octets[1] ?? 0) !== undefined;
    }
  }

  /** Milliseconds from the CR to the answer, rounded to a hundredth. */
  get milliseconds(): number | undefined {
    return this.#received === 0 ? undefined : Math.round((this.#received - this.#sent) * 100) / 100;
  }
}

type Granted = Pick<ConnectionInfo, 'expedited' | 'expeditedAck'>;

const NOTHING_GRANTED: Granted = { expedited: false, expeditedAck: false };

/** @param info what was agreed on; `undefined` if the connection failed after the CC */
function confirmed(exchange: Exchange, info: Granted | undefined): Outcome {
  const { milliseconds, answer } = exchange;
  if (answer?.type !== 'CC') {
    return { result: 'confirmed', milliseconds, words: 'CC', exitCode: EXIT.ok, isFinal: false };
  }
  const { tpduSize, preferredMaxTpduSize, callingTsel, calledTsel } = answer.parameters;
  const { expedited, expeditedAck } = info ?? NOTHING_GRANTED;
  const isRdp = answer.remoteDesktop !== undefined;
  const confirm = {
    size: preferredMaxTpduSize ?? tpduSize,
    class: answer.class,
    expedited,
    expeditedAck,
    srcRef: answer.srcRef,
    dstRef: answer.dstRef,
    callingTsel: selectorText(callingTsel),
    calledTsel: selectorText(calledTsel),
    diagnostics: answer.diagnostics.map(({ code }) => code),
  };
  return {
    result: 'confirmed',
    milliseconds,
    confirm,
    looksLike: isRdp ? 'RDP' : undefined,
    words: confirmWords(confirm, isRdp, milliseconds),
    exitCode: EXIT.ok,
    isFinal: false,
  };
}

/** The fields of the CC that are shown. */
interface Confirm extends Granted {
  readonly size: number | undefined;
  readonly class: number;
  readonly srcRef: number;
  readonly dstRef: number;
  readonly callingTsel: string | undefined;
  readonly calledTsel: string | undefined;
  readonly diagnostics: readonly string[];
}

function confirmWords(confirm: Confirm, isRdp: boolean, milliseconds: number | undefined): string {
  const words = [
    'CC',
    `size ${confirm.size ?? 'not stated'}`,
    `class ${confirm.class}`,
    confirm.expedited && `expedited data${confirm.expeditedAck ? ' with EA' : ''}`,
    `src-ref ${reference(confirm.srcRef)}`,
    `dst-ref ${reference(confirm.dstRef)}`,
    confirm.callingTsel && `calling ${confirm.callingTsel}`,
    confirm.calledTsel && `called ${confirm.calledTsel}`,
    isRdp && 'looks like remote desktop (RDP)',
    confirm.diagnostics.length > 0 && `[${confirm.diagnostics.join(', ')}]`,
    `${milliseconds?.toFixed(2)} ms`,
  ];
  return words.filter(Boolean).join('  ');
}

function reference(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

/** The error in words, with its exit code. */
type Failure = ReturnType<typeof failureOf>;

function failed(error: unknown, exchange: Exchange, usesTls: boolean): Outcome {
  const failure = failureOf(error, TLS_CLIENT_OPTIONS);
  if (exchange.answer?.type === 'CC' && exchange.answer.remoteDesktop !== undefined) {
    // The connection failed, but the CC shows which service this is.
    return confirmed(exchange, undefined);
  }
  if (error instanceof ConnectionRefusedError) {
    return refused(error, exchange, failure);
  }
  if (error instanceof TimeoutError) {
    return timedOut(error, failure);
  }
  if (error instanceof ProtocolError) {
    return violated(error, exchange, failure);
  }
  if (error instanceof CotpError && error.phase === 'cr-sent') {
    return closedAfterCr(error, failure);
  }
  return unreachable(error as NodeJS.ErrnoException, failure, usesTls);
}

function refused(
  { reason, rejectCause, reasonText }: ConnectionRefusedError,
  { milliseconds }: Exchange,
  { exitCode }: Failure,
): Outcome {
  const what = reason === undefined ? `ER cause ${rejectCause}` : `DR reason ${reason}`;
  const words = `${what} (${reasonText})`;
  return {
    result: 'refused',
    milliseconds,
    reason: reason ?? rejectCause,
    reasonText,
    words: milliseconds === undefined ? words : `${words}  ${milliseconds.toFixed(2)} ms`,
    exitCode,
    isFinal: false,
  };
}

function timedOut(
  { phase, milliseconds, octets }: TimeoutError,
  { sentence, exitCode }: Failure,
): Outcome {
  const isTcp = phase === 'tcp';
  // Before the CR it was TCP or TLS that timed out, and after it a part of a TPKT may have come: the sentence says so.
  const isSilence = !isTcp && octets === undefined;
  const words = isSilence ? `nothing within ${milliseconds} ms after the CR` : sentence;
  return { result: 'timeout', hex: octets && hexText(octets), words, exitCode, isFinal: isTcp };
}

/** The peer sent a TPDU with a fault, or something else than COTP. */
function violated(
  { octets }: ProtocolError,
  { milliseconds, isTpdu }: Exchange,
  { sentence, exitCode }: Failure,
): Outcome {
  const shared = { hex: octets && hexText(octets), exitCode, isFinal: true };
  if (isTpdu) {
    const words = `COTP, but with a fault: ${sentence}`;
    return { ...shared, result: 'faulty', milliseconds, words };
  }
  const looksLike = guessProtocol(octets);
  const shown = looksLike === undefined ? sentence : `it looks like ${looksLike}`;
  return { ...shared, result: 'not-cotp', looksLike, words: `not COTP: ${shown}` };
}

function closedAfterCr(
  { ending, cause, octets }: CotpError,
  { sentence, exitCode }: Failure,
): Outcome {
  const isReset = ending === 'reset';
  const how = isReset ? 'TCP reset' : 'TCP closed';
  // In TLS 1.3 a client can send its CR before the server has verified the client certificate.
  const isTls = isTlsFailure(cause);
  return {
    result: isReset ? 'reset' : 'closed',
    hex: octets && hexText(octets),
    words:
      isTls || octets !== undefined
        ? sentence
        : `${how} after the CR: not this selector, no free connection, or it requires TLS`,
    exitCode,
    isFinal: isTls,
  };
}

function unreachable(
  { code = '' }: NodeJS.ErrnoException,
  { sentence, exitCode }: Failure,
  usesTls: boolean,
): Outcome {
  const isTls = usesTls && (TLS_CODES.test(code) || CLOSED_CODES.test(code));
  const shared = { result: 'unreachable', words: sentence, exitCode, isFinal: true } as const;
  return { ...shared, code: code || undefined, isTlsFailure: isTls };
}
