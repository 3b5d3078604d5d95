/**
 * The interface between a protocol engine and its driver: octets and calls in, octets and events out. An engine uses no
 * socket, timer or clock; times are milliseconds of the clock that the driver reads.
 */
import type { RunReceiver } from './data-transfer/packet-run.js';
import type { SendBuffer } from './data-transfer/send-buffer.js';
import type { DisconnectHow, Disconnection } from './disconnection.js';
import type { CotpError, Phase } from './errors.js';
import type { ConnectionConfirm, ConnectionRequest, Decoded } from './tpdu/types.js';

/** What CR and CC have agreed on. */
export interface Agreement {
  readonly tpClass: 0 | 2;
  /** Largest TPDU in either direction, in octets, header included. */
  readonly maxTpduSize: number;
  /** Our reference and the peer's. */
  readonly localRef: number;
  readonly remoteRef: number;
  /** Expedited data may be sent and received. */
  readonly expedited: boolean;
  /** Each ED is answered by an EA, and until then its sender sends no data; class 2 only. */
  readonly expeditedAck: boolean;
}

/** The events of an engine. */
export type EngineEvent =
  /** T-CONNECT indication: answer it by `accept` or `refuse`. */
  | { readonly type: 'connectIndication'; readonly request: ConnectionRequest & Decoded }
  /** The connection is open: T-CONNECT confirm, or the user has accepted an indication. */
  | {
      readonly type: 'open';
      readonly agreement: Agreement;
      /** The CC; absent on the side that sent it. */
      readonly confirm?: ConnectionConfirm & Decoded;
    }
  /** The peer has sent FIN, between two messages. */
  | { readonly type: 'end' }
  /** T-EXPEDITED-DATA indication, 1 to 16 octets; an event only until {@link Engine.deliverTo} was called. */
  | { readonly type: 'expedited'; readonly data: Uint8Array }
  /**
   * T-DISCONNECT indication: the last event. `orderly`: no data was lost and no rule was violated. After the local user
   * has ended the connection the event comes only if data is lost; see {@link Engine.disconnection}.
   */
  | {
      readonly type: 'disconnect';
      readonly error: CotpError;
      readonly orderly: boolean;
      /** What is known at this time; {@link Engine.disconnection} is final after the stream was closed. */
      readonly disconnection: Disconnection;
    };

/** T-DATA indication: a whole TSDU, or the payload of one TPKT. It is no event object, to save one for each message. */
export type Message = Uint8Array;

/** Receives messages. */
export interface MessageReceiver {
  /** Must not call the engine, which may be in the middle of a chunk. */
  onMessage(message: Message): void;
  /** Gets 1 to 16 octets of expedited data, which overtake messages that wait. Must not call the engine either. */
  onExpedited(data: Uint8Array): void;
}

/** The action requested on the byte stream. Only `'end'` waits until everything was written. */
export type StreamRequest = 'none' | 'end' | 'destroy' | 'reset';

/** About how many plain DTs take as much time as decoding one TPDU. */
export const COSTLY_TPDU = 16;

/** What the state of a connection allows. */
export interface EngineFacts {
  /** The phase that errors report. */
  readonly phase: Phase;
  /**
   * Whether octets of the peer have any effect. If they have none, the driver must still read them, to notice the end of
   * the stream.
   */
  readonly isReceiving: boolean;
  /** Whether messages can be sent: the connection is open, and this side has not sent its end. */
  readonly isSending: boolean;
  /**
   * Whether TPDUs release the connection: nobody takes messages any more. The driver must not pause reading, because
   * the peer has to answer; {@link Engine.deadline} limits the time.
   */
  readonly isReleasing: boolean;
}

/** The protocol on one byte stream. */
export interface Engine {
  /** Octets to be written. */
  readonly sendBuffer: SendBuffer;
  /**
   * `'end'`: write what waits, then FIN. `'destroy'`: drop the stream at once. `'reset'`: the same by a reset if the
   * stream has one, so that the peer does not mistake a failure for a clean end.
   */
  readonly streamRequest: StreamRequest;
  /**
   * Whether the last calls had any effect beside messages and their deadline. If so, the caller sets it to `false`,
   * calls {@link next} and {@link resume}, and looks at {@link sendBuffer} and {@link streamRequest}. Most received
   * octets have no such effect.
   */
  hasNews: boolean;
  /** When to call {@link handleDeadline}; `undefined` for never. */
  readonly deadline: number | undefined;
  /** The part of {@link deadline} for the EA of an ED that has left; `undefined` if no EA is due. */
  readonly ackDeadline: number | undefined;
  /** What the state of the connection allows. */
  readonly facts: EngineFacts;
  /**
   * Whether the driver may read more octets now: `false` while 64 KiB wait for an answer of the user, or while more than
   * 1,000 of our replies wait because the peer does not read.
   */
  readonly hasRoom: boolean;
  /**
   * Whether the peer ends the connection by a TPDU. The TPDU waits in the stream while that is not read, and the end of
   * the stream without it is a failure.
   */
  readonly endsByTpdu: boolean;
  /** Whether a message is received in part. Up to date after {@link receive}. */
  readonly hasUnfinished: boolean;
  /** About how many octets of memory incomplete messages and waiting octets use. */
  readonly pinned: number;
  /** Octets of all messages so far that were copied, so that they are in no chunk. */
  readonly copied: number;
  /**
   * The number of TPDUs processed, as a measure of time. A TPDU that is no plain DT counts {@link COSTLY_TPDU} times.
   */
  readonly work: number;
  /** Whole messages received so far. */
  readonly messagesReceived: number;
  /** Messages queued by {@link send} so far. */
  readonly messagesSent: number;
  /**
   * Processes the next octets of the stream. The caller must not change them afterwards. Never throws.
   *
   * @param isOwn no other code sees the octets, so the engine may move them: it joins a message of several TPDUs within
   * the chunk
   */
  receive(chunk: Uint8Array, now: number, isOwn?: boolean): void;
  /** Processes the octets that waited for an answer of the user; `false` if there are none. */
  resume(now: number): boolean;
  /** The peer has ended its half of the stream (FIN). */
  receiveEnd(now: number): void;
  /** The stream is closed; `cause` is its error, if it had one. */
  streamClosed(cause: Error | undefined, now: number): void;
  /** The deadline has passed. */
  handleDeadline(now: number): void;
  /** The same for {@link ackDeadline} alone: the other deadlines of the peer are suspended. */
  handleAckDeadline(now: number): void;
  /** Copies incomplete messages, so that they use no more memory than their octets need. */
  compact(): void;
  /** Moves the deadline of a message that has begun: the octets of the peer were not read for so many milliseconds. */
  postponeDeadline(milliseconds: number): void;
  /** To be called soon after an ED has left: its time begins. No effect while the time runs already. */
  startAckTime(now: number): void;
  /** Moves {@link ackDeadline}, if an ED has left: its EA was not waited for from one time to another. */
  postponeAck(from: number, to: number): void;
  /** The peer has exceeded a limit that the engine does not know. */
  exceedLimit(error: CotpError, now: number): void;
  /** Queues one message. */
  send(message: Uint8Array): void;
  /**
   * Queues the packets of {@link RunReceiver.onRun}, so many TSDUs; in class 0 only. They must not change until they have
   * been sent.
   */
  sendRun(packets: Uint8Array, tsdus: number): void;
  /**
   * T-EXPEDITED-DATA request: queues 1 to 16 octets ahead of all data that the stream has not taken yet. They are
   * copied.
   *
   * @throws CotpError `ERR_COTP_NO_EXPEDITED` if the connection has not agreed on expedited data, `ERR_COTP_CLOSED` if
   * it is not open; RangeError for another length
   */
  sendExpedited(data: Uint8Array): void;
  /**
   * Ends sending: FIN follows what was sent before. Messages of the peer are still received.
   *
   * @throws CotpError `ERR_COTP_NO_HALF_CLOSE` in class 2
   */
  endOfData(now: number): void;
  /**
   * Ends the connection. What was sent before is still written, unless `how.disruptive` is set.
   *
   * @throws RangeError for user data of another length than 1 to 64 octets, or in class 0
   */
  disconnect(now: number, how?: DisconnectHow): void;
  /** Drops normal and expedited data that waits, and counts it as lost. To be called before the stream is reset. */
  dropUnsent(): void;
  /** How the connection ended, or is ending; `undefined` before that. */
  readonly disconnection: Disconnection | undefined;
  /**
   * Sets the receiver of messages and expedited data. It gets them as they come, or during {@link next} if an event
   * waits before them.
   */
  deliverTo(receiver: MessageReceiver): void;
  /**
   * From now on most TSDUs of a DT go to this receiver, in order with those that go to the receiver of messages. Has an
   * effect in class 0 only.
   */
  deliverRunsTo(receiver: RunReceiver): void;
  /** Takes out the oldest event, or message if there is no receiver yet; `undefined` if none waits. */
  next(): Message | EngineEvent | undefined;
}
