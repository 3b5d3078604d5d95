/**
 * One try at a device: open a connection, close it, and say what came. Knows no list and no output.
 */
import {
  type ConnectOptions,
  ConnectionRefusedError,
  CotpError,
  connect,
  ProtocolError,
  TimeoutError,
  type Tpdu,
  type TraceEntry,
  type TraceListener,
  type Tsel,
} from '../index.js';
import { isTlsFailure } from '../node/tls.js';
import { appearanceOf } from './appearance.js';
import { EXIT, Stop } from './exit.js';
import { failureOf } from './failure.js';
import { hexText } from './forms.js';
import { selectorText } from './selectors.js';

/** The options of each try. */
export type Try = ConnectOptions;

/** What came of it. Everything but the last three fields is for JSON. */
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
  /** From the CR to the answer, in milliseconds. */
  readonly milliseconds?: number | undefined;
  /** Of a CC, as it came. */
  readonly confirm?: Readonly<Record<string, unknown>> | undefined;
  /** Of a DR or an ER. */
  readonly reason?: number | undefined;
  readonly reasonText?: string | undefined;
  /** What else it looks like. */
  readonly looksLike?: string | undefined;
  /** What came that is not COTP, or that is at fault, at most 64 octets. */
  readonly hex?: string | undefined;
  /** Code of an error of the system. */
  readonly code?: string | undefined;
  /** In words. */
  readonly words: string;
  readonly exitCode: number;
  /** Another selector would not change it. */
  readonly isFinal: boolean;
}

/** Makes a try. Rejects with nothing but the wish to stop. */
export async function tryOnce(
  target: { readonly host: string; readonly port: number },
  remoteTsel: Tsel,
  options: Try,
  trace: TraceListener,
): Promise<Outcome> {
  const seen = new Seen();
  const both: TraceListener = (entry) => {
    seen.add(entry);
    trace(entry);
  };
  try {
    const conn = await connect(target, { ...options, remoteTsel, trace: both });
    await conn.asyncClose();
    return confirmed(seen);
  } catch (error) {
    if (error instanceof Stop) {
      throw error;
    }
    return failed(error, seen);
  }
}

/** High halves of the code octets of ED, EA, RJ, AK, ER, DR, DC, CC, CR and DT (X.224 table 8). */
const TPDU_CODES: readonly number[] = [1, 2, 5, 6, 7, 8, 12, 13, 14, 15];

/** What the trace of a try shows. */
class Seen {
  #sent = 0;
  #received = 0;
  /** The answer. */
  answer: Tpdu | undefined;
  /** What came first is a TPDU by its code (X.224 13.1), whatever else is wrong with it. */
  isTpdu = false;

  add({ direction, time, tpdu, octets }: TraceEntry): void {
    if (direction === 'sent') {
      this.#sent ||= time;
    } else if (this.#received === 0) {
      this.#received = time;
      this.answer = tpdu instanceof CotpError ? undefined : tpdu;
      this.isTpdu = TPDU_CODES.includes((octets[1] ?? 0) >> 4);
    }
  }

  /** From the CR to the answer, to a hundredth. */
  get milliseconds(): number | undefined {
    return this.#received === 0 ? undefined : Math.round((this.#received - this.#sent) * 100) / 100;
  }
}

function confirmed(seen: Seen): Outcome {
  const { milliseconds, answer } = seen;
  if (answer?.type !== 'CC') {
    return { result: 'confirmed', milliseconds, words: 'CC', exitCode: EXIT.ok, isFinal: false };
  }
  const { tpduSize, preferredMaxTpduSize, callingTsel, calledTsel } = answer.parameters;
  const isRdp = answer.remoteDesktop !== undefined;
  const confirm = {
    size: preferredMaxTpduSize ?? tpduSize,
    class: answer.class,
    srcRef: answer.srcRef,
    dstRef: answer.dstRef,
    callingTsel: selectorText(callingTsel),
    calledTsel: selectorText(calledTsel),
    diagnostics: answer.diagnostics.map(({ code }) => code),
  };
  const words = [
    'CC',
    `size ${confirm.size ?? 'not stated'}`,
    `class ${confirm.class}`,
    `src-ref ${reference(confirm.srcRef)}`,
    `dst-ref ${reference(confirm.dstRef)}`,
    confirm.callingTsel && `calling ${confirm.callingTsel}`,
    confirm.calledTsel && `called ${confirm.calledTsel}`,
    isRdp && 'looks like remote desktop (RDP)',
    confirm.diagnostics.length > 0 && `[${confirm.diagnostics.join(', ')}]`,
    `${milliseconds?.toFixed(2)} ms`,
  ];
  return {
    result: 'confirmed',
    milliseconds,
    confirm,
    looksLike: isRdp ? 'RDP' : undefined,
    words: words.filter(Boolean).join('  '),
    exitCode: EXIT.ok,
    isFinal: false,
  };
}

function reference(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

function failed(error: unknown, seen: Seen): Outcome {
  const { milliseconds, isTpdu } = seen;
  const { sentence, exitCode } = failureOf(error);
  if (seen.answer?.type === 'CC' && seen.answer.remoteDesktop !== undefined) {
    // No connection for us, but an answer that says what is there.
    return confirmed(seen);
  }
  if (error instanceof ConnectionRefusedError) {
    const { reason, rejectCause, reasonText } = error;
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
  if (error instanceof TimeoutError) {
    const isTcp = error.phase === 'tcp';
    // Without a CR it is TCP that was missing, or TLS over it: the error knows which.
    const words = isTcp ? sentence : `nothing within ${error.milliseconds} ms after the CR`;
    return { result: 'timeout', words, exitCode, isFinal: isTcp };
  }
  if (error instanceof ProtocolError && isTpdu) {
    return {
      result: 'faulty',
      milliseconds,
      hex: error.octets && hexText(error.octets),
      words: `COTP, but with a fault: ${sentence}`,
      exitCode,
      isFinal: true,
    };
  }
  if (error instanceof ProtocolError) {
    const looksLike = appearanceOf(error.octets);
    const shown = looksLike === undefined ? sentence : `it looks like ${looksLike}`;
    return {
      result: 'not-cotp',
      looksLike,
      hex: error.octets && hexText(error.octets),
      words: `not COTP: ${shown}`,
      exitCode,
      isFinal: true,
    };
  }
  if (error instanceof CotpError && error.phase === 'cr-sent') {
    const isReset = error.ending === 'reset';
    const how = isReset ? 'TCP reset' : 'TCP closed';
    // TLS 1.3 lets a client send its CR before the server has looked at its certificate.
    const isTls = isTlsFailure(error.cause);
    return {
      result: isReset ? 'reset' : 'closed',
      words: isTls
        ? sentence
        : `${how} after the CR: not this selector, no free connection, or it wants TLS`,
      exitCode,
      isFinal: isTls,
    };
  }
  const code = (error as NodeJS.ErrnoException).code;
  return { result: 'unreachable', code, words: sentence, exitCode, isFinal: true };
}
