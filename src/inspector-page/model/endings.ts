/** How a connection ended or was refused, in words, and what to try. */
import { ER_HINT, hintOfClose, hintOfDr, type Offer } from '../../core/refusal-hints.js';
import { disconnectReason, rejectCauseText } from '../../core/tpdu/codes.js';
import type { DisconnectRequest, ErrorTpdu } from '../../core/tpdu/types.js';

/** Who did it. In a proxy, both of its connections have the proxy on one side. */
export type Side = 'client' | 'server' | 'proxy';

/** The end of a connection. */
export interface Ending {
  /** One sentence without its full stop. */
  readonly words: string;
  /** A few words, the same for all connections that ended for this reason. */
  readonly reason: string;
  readonly hint?: string | undefined;
  readonly time: number;
}

/** A DR or ER that answers the CR. */
export function refusalOf(
  tpdu: DisconnectRequest | ErrorTpdu,
  offer: Offer | undefined,
  time: number,
): Ending {
  const reason = reasonOf(tpdu);
  const hint = tpdu.type === 'DR' ? hintOfDr(tpdu.reason, offer) : ER_HINT;
  return { words: `refused by ${reason}`, reason, hint, time };
}

/** A DR or ER on an open connection. */
export function disconnectionOf(
  tpdu: DisconnectRequest | ErrorTpdu,
  side: Side,
  time: number,
): Ending {
  const reason = reasonOf(tpdu);
  return { words: `${reason}, from the ${side}`, reason, time };
}

function reasonOf(tpdu: DisconnectRequest | ErrorTpdu): string {
  return tpdu.type === 'DR'
    ? `DR ${tpdu.reason}: ${disconnectReason(tpdu.reason)}`
    : `ER ${tpdu.rejectCause}: ${rejectCauseText(tpdu.rejectCause)}`;
}

/** How TCP ended. */
export interface Closing {
  readonly how: 'fin' | 'reset' | undefined;
  readonly side: Side | undefined;
  readonly time: number;
}

/** TCP ended before the CR was answered. */
export function unanswered(closing: Closing, byCaller: boolean, offer: Offer | undefined): Ending {
  const { how, side = 'server', time } = closing;
  const act = closeWords({ how, side });
  return byCaller
    ? {
        words: `${act} before an answer to its CR came`,
        reason: 'no answer to the CR',
        hint: 'the server did not answer in the time that the client gives it: a busy device, or one that ignores this T-selector',
        time,
      }
    : {
        words: `${act} without an answer to the CR`,
        reason: `TCP ${how === 'reset' ? 'reset' : 'closed'}, no DR`,
        hint: hintOfClose(offer),
        time,
      };
}

/** Who ended TCP, and how. */
export function closeWords({ how, side }: Pick<Closing, 'how' | 'side'>): string {
  const act = how === 'reset' ? 'reset TCP' : 'closed TCP';
  return side === undefined ? 'TCP ended' : `the ${side} ${act}`;
}

/** TCP ended after the connection was open, or before a CR came. */
export function closeOf({ how, side, time }: Closing, hadCr: boolean): Ending {
  const words = closeWords({ how, side });
  return hadCr
    ? { words, reason: words, time }
    : {
        words: `${words} before a CR came`,
        reason: 'no CR',
        hint: 'a port scan or a health check ends so; a client that uses TLS, or another protocol, sends no CR either',
        time,
      };
}

const ERROR_HINTS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ECONNREFUSED: 'nothing listens on that port: is the address right, and does the device run?',
    ETIMEDOUT: 'no answer at all: a wrong address, a device that is off, or a firewall',
    EHOSTUNREACH: 'there is no way to that address: check the network and the gateway',
    ENETUNREACH: 'there is no way to that address: check the network and the gateway',
    ECONNRESET: 'the peer reset TCP: it refuses the connection, or it restarted',
    ENOTFOUND: 'no such host name',
  }),
);

/** An error, of TCP or of the protocol. */
export function failureOf(code: string, message: string, time: number): Ending {
  return { words: message, reason: code, hint: ERROR_HINTS.get(code), time };
}

/** Why this process refused a CR or dropped a stream, by the names of the channel `cotp:connection`. */
const CAUSES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    selector: 'the called T-selector is not that of the server',
    limit: 'too many connections',
    user: 'the application refused it',
    class: 'no class of the CR is supported',
    invalid: 'the CR breaks the standard',
    proxy: 'the PROXY header is missing, wrong or not allowed',
    tls: 'the TLS handshake failed',
    timeout: 'no CR, or no decision on it, within handshakeTimeout',
    closing: 'the server is closing',
  }),
);

/**
 * The server of this process refused the CR or dropped the stream.
 *
 * @param act `refused here` or the like
 */
export function causeOf(act: string, cause: string, time: number): Ending {
  const reason = CAUSES.get(cause) ?? cause;
  return { words: `${act}: ${reason}`, reason, time };
}
