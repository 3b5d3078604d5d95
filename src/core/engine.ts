/**
 * What every protocol engine of this library is to its driver: octets and calls in, octets and
 * events out. An engine never touches a socket, a timer or a clock; times are milliseconds of
 * whatever clock the driver reads.
 */

import type { SendBuffer } from './data-transfer/send-buffer.js';
import type { DisconnectHow, Disconnection } from './disconnection.js';
import type { CotpError } from './errors.js';
import type { ConnectionConfirm, ConnectionRequest, Decoded } from './tpdu/types.js';

/** What a CR and its CC have agreed on. */
export interface Agreement {
  readonly tpClass: 0 | 2;
  /** Largest TPDU in either direction, in octets, header included. */
  readonly maxTpduSize: number;
  /** Our reference and the peer's. */
  readonly localRef: number;
  readonly remoteRef: number;
  /** Expedited data may be sent and received. */
  readonly expedited: boolean;
  /** Each ED is answered by an EA before anything else of its sender follows; class 2 only. */
  readonly expeditedAck: boolean;
}

/** What comes out of an engine beside messages. */
export type EngineEvent =
  /** T-CONNECT indication: answer it by `accept` or `refuse`. */
  | { readonly type: 'connectIndication'; readonly request: ConnectionRequest & Decoded }
  /** T-CONNECT confirm, or the acceptance of an indication: the connection is open. */
  | {
      readonly type: 'open';
      readonly agreement: Agreement;
      /** The CC; absent on the side that sent it. */
      readonly confirm?: ConnectionConfirm & Decoded;
    }
  /** The peer will send nothing more, and ended between two messages. */
  | { readonly type: 'end' }
  /**
   * T-EXPEDITED-DATA indication, 1 to 16 octets. It comes out in this way only before {@link Engine.deliverTo} was
   * called.
   */
  | { readonly type: 'expedited'; readonly data: Uint8Array }
  /**
   * T-DISCONNECT indication: the last event. Orderly: nothing was lost and no rule broken. None comes after the
   * local user has ended the connection, unless data is lost by it; see {@link Engine.disconnection}.
   */
  | {
      readonly type: 'disconnect';
      readonly error: CotpError;
      readonly orderly: boolean;
      /** As far as it is known then; {@link Engine.disconnection} is final once the stream is closed. */
      readonly disconnection: Disconnection;
    };

/**
 * T-DATA indication: a whole TSDU, or the payload of one TPKT. It comes out as it is, for an object
 * around each would be made for nothing.
 */
export type Message = Uint8Array;

/** Receives messages. */
export interface MessageReceiver {
  /** Must not call the engine, which may be in the middle of a chunk. */
  onMessage(message: Message): void;
  /** 1 to 16 octets of expedited data; they overtake messages that wait. The same holds for the engine. */
  onExpedited(data: Uint8Array): void;
}

/** The action requested on the byte stream, once what was to be sent has been written. */
export type StreamRequest = 'none' | 'end' | 'destroy' | 'reset';

/** What decoding a TPDU takes, in plain DTs, about. */
export const COSTLY_TPDU = 16;

/** The protocol on one byte stream. */
export interface Engine {
  /** Octets to be written. */
  readonly sendBuffer: SendBuffer;
  /**
   * `'end'`: write what waits, then FIN. `'destroy'`: drop the stream at once. `'reset'`: the same by a
   * reset where there is one, so that the peer does not take a failure for a clean end.
   */
  readonly streamRequest: StreamRequest;
  /**
   * Whether the last calls had any effect beside messages and their deadline: {@link next} and
   * {@link resume} are to be called, and {@link sendBuffer} and {@link streamRequest} looked at. The caller
   * sets it to `false`. Most octets that are received have no such effect.
   */
  hasNews: boolean;
  /** When {@link handleDeadline} is to be called; `undefined` for never. */
  readonly deadline: number | undefined;
  /**
   * Whether octets of the peer have any effect. Where they have none they must be read all the same, so that
   * the end of the stream is seen.
   */
  readonly isReceiving: boolean;
  /**
   * Whether more octets may come for now; `false` while many wait for an answer of the user, or while more than
   * 1,000 of our replies wait because the peer does not read.
   */
  readonly hasRoom: boolean;
  /**
   * Whether the connection is being released by TPDUs: nobody takes messages any more, and the peer is read whatever
   * waits, for its answer must come in. Its time is the {@link deadline}.
   */
  readonly isReleasing: boolean;
  /**
   * Whether the peer ends the connection by a TPDU, which waits in the stream while that is not read. The end of the
   * stream without it is a failure.
   */
  readonly endsByTpdu: boolean;
  /** Whether messages can be sent: the connection is open, and this side has not ended it. */
  readonly isSending: boolean;
  /** Whether a message is begun and not complete. Up to date after {@link receive}. */
  readonly hasUnfinished: boolean;
  /** Octets of memory that messages which are begun, and octets that wait, keep; about. */
  readonly pinned: number;
  /** Octets of all messages so far that were copied, and lie in no chunk. */
  readonly copied: number;
  /**
   * How many TPDUs were processed, as a measure of time: one that is more than plain data counts
   * {@link COSTLY_TPDU} times.
   */
  readonly work: number;
  /**
   * The next octets of the stream. The caller must not change them afterwards. Never throws.
   *
   * @param isOwn nobody else will look at them, so the engine may: a message in several TPDUs is joined
   * where it lies
   */
  receive(chunk: Uint8Array, now: number, isOwn?: boolean): void;
  /** Processes the octets that waited for an answer, once it was given; `false` if there are none. */
  resume(now: number): boolean;
  /** The peer has ended its half of the stream (FIN). */
  receiveEnd(now: number): void;
  /** The stream is gone; `cause` is its error, if it had one. */
  streamClosed(cause: Error | undefined, now: number): void;
  /** The deadline has passed. */
  handleDeadline(now: number): void;
  /** Copies what is begun, so that it keeps no more memory than it needs. */
  compact(): void;
  /** Moves the deadline of the peer, if one runs: for so long its octets were not read. */
  postponeDeadline(milliseconds: number): void;
  /** The peer has passed a limit that is not the engine's own. */
  exceedLimit(error: CotpError, now: number): void;
  /** Queues one message. */
  send(message: Uint8Array): void;
  /**
   * T-EXPEDITED-DATA request: queues 1 to 16 octets ahead of all data that the stream has not taken yet. They are
   * copied.
   *
   * @throws CotpError `ERR_COTP_NO_EXPEDITED` where none was agreed on, `ERR_COTP_CLOSED` where the connection is
   * not open or is being closed; RangeError for another length
   */
  sendExpedited(data: Uint8Array): void;
  /**
   * Says that no more will be sent: FIN once everything is out. The peer's messages still come.
   *
   * @throws CotpError `ERR_COTP_NO_HALF_CLOSE` in class 2
   */
  endOfData(now: number): void;
  /**
   * Ends the connection: what was sent before is still written, unless `how` says otherwise.
   *
   * @throws RangeError for user data of another length than 1 to 64 octets, or in class 0
   */
  disconnect(now: number, how?: DisconnectHow): void;
  /** Drops normal and expedited data that waits, and counts it as lost: the caller is about to reset the stream. */
  dropUnsent(): void;
  /** How the connection ended, or is ending; `undefined` while it is not. */
  readonly disconnection: Disconnection | undefined;
  /**
   * From now on the receiver gets each message and expedited data: as they come, or from {@link next} when an event
   * waits before them.
   */
  deliverTo(receiver: MessageReceiver): void;
  /** The oldest event that waits, or message while nobody receives them; `undefined` when there is none. */
  next(): Message | EngineEvent | undefined;
}
