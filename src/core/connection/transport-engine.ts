/**
 * A transport connection in either role: establishment, and then the procedure of the class that CR and CC have
 * agreed on. Octets and commands in, octets and events out. It knows no socket and no clock.
 */
import { CLASS0 } from '../class0/procedure.js';
import { CLASS2 } from '../class2/procedure.js';
import type { DisconnectHow } from '../disconnection.js';
import { COSTLY_TPDU } from '../engine.js';
import { type CotpError, ProtocolError } from '../errors.js';
import type { Proposal } from '../negotiation/class-and-options.js';
import type { AcceptResponse } from '../negotiation/respond.js';
import { DR_REASONS, MAX_USER_DATA } from '../tpdu/codes.js';
import { encode } from '../tpdu/encode.js';
import { erFor } from '../tpdu/er.js';
import type {
  ConnectionConfirm,
  ConnectionRequest,
  Decoded,
  DisconnectRequest,
  TpduInitOf,
} from '../tpdu/types.js';
import { MAX_TPKT_LENGTH, TPKT_HEADER_LENGTH } from '../tpkt/header.js';
import type { ClassProcedure } from './class-procedure.js';
import type { Context } from './classify.js';
import { DataEngine } from './data-engine.js';
import { Expedited, noExpedited } from './expedited.js';
import { endedByPeer, failureOf, refusedByDr, refusedByEr, refusedByUs } from './failures.js';
import {
  agreementOn,
  type ConnectRequestInit,
  connectionConfirm,
  connectionRequest,
  type InForce,
  proposalOf,
  refusal,
} from './handshake.js';
import type { ConnectionOptions } from './options.js';
import { Outgoing } from './outgoing.js';
import { answerToForeignCc, answerToSecondCr, checkDisconnectData, detailsOf } from './release.js';
import { faultInput, type Procedure, type Procedures, proceduresOf } from './stream-engine.js';
import {
  type Acceptance,
  type Action,
  cellOf,
  type Event,
  type InputOf,
  type State,
  type Table,
  type TransitionInput,
} from './transition.js';

/**
 * Longest packet before a CR or CC has come, in octets: LI, 254 octets of header (X.224 13.2.1), and the user data of a
 * DR. It bounds the memory that a stranger can make this side use.
 */
const MAX_CONTROL_TPKT_LENGTH = TPKT_HEADER_LENGTH + 255 + MAX_USER_DATA.disconnect;

/** Shared by all connections that have not agreed on expedited data: it never changes. */
const NO_EXPEDITED = new Expedited(false, false);

/** Which side has sent the CR, and the CR itself until the connection is open. */
interface Handshake {
  readonly isResponder: boolean;
  /** The CR that an initiator sends. */
  offer: TpduInitOf<'CR'> | undefined;
  /** The CR that a responder has received, and the answer to it if the user chooses nothing. */
  request: ConnectionRequest | undefined;
  response: AcceptResponse | undefined;
}

/**
 * The procedure of an action that only one event leads to. It gets the data of that event. Its calls are marked as pure, so
 * that a minifier which drops the class drops them too: by themselves they would name private members of no class.
 */
function forEvent<E extends Event>(
  event: E,
  act: (connection: TransportEngine, input: InputOf<E>, from: State) => void,
): Procedure<TransportEngine> {
  return (connection, input, from) => {
    if (hasEvent(event, input)) {
      act(connection, input, from);
    }
  };
}

function hasEvent<E extends Event>(event: E, input: TransitionInput): input is InputOf<E> {
  return input.event === event;
}

/**
 * One transport connection.
 *
 * Order of use: `receive*`, `streamClosed`, `handleDeadline` or a command; then `next` until it returns `undefined`;
 * then write what `sendBuffer` gives, do what `streamRequest` asks, and set a timer for `deadline`. A fault of the peer
 * is never thrown: it is the last event.
 */
export class TransportEngine extends DataEngine {
  readonly #handshake: Handshake;
  readonly #outgoing: Outgoing;
  #procedure: ClassProcedure;
  #expedited = NO_EXPEDITED;
  /** How the user wants to end the connection: for our DR, which follows the queued data. */
  #releaseHow: DisconnectHow | undefined;

  private constructor(
    options: ConnectionOptions,
    state: State,
    offer: TpduInitOf<'CR'> | undefined,
    now: number,
  ) {
    const procedure = offer?.class === 2 ? CLASS2 : CLASS0;
    super(options, state, procedure.dtFormat(options.localRef, 0));
    this.#handshake = {
      isResponder: offer === undefined,
      offer,
      request: undefined,
      response: undefined,
    };
    this.#outgoing = new Outgoing(this.sendBuffer, options.localRef, options.observer);
    this.#procedure = procedure;
    this.now = now;
    this.due = now + options.handshakeTimeout;
    this.splitter.maxLength = MAX_CONTROL_TPKT_LENGTH;
  }

  /** A connection that will send a CR once {@link streamConnected} says that TCP is connected. */
  //= X.224 A.4 Table A.6 TCONreq
  static initiator(
    options: ConnectionOptions,
    request: ConnectRequestInit,
    now: number,
  ): TransportEngine {
    const offer = connectionRequest(options.localRef, request);
    return new TransportEngine(options, 'WFNC', offer, now);
  }

  /** A connection that waits for a CR on a TCP connection. */
  static responder(options: ConnectionOptions, now: number): TransportEngine {
    return new TransportEngine(options, 'WFCR', undefined, now);
  }

  /** N-CONNECT confirm: TCP, and TLS if any, is connected. */
  streamConnected(now: number): void {
    this.now = now;
    this.step({ event: 'N-CONNECT confirm' });
  }

  /** What the answer to this CR may choose. */
  proposal(request: ConnectionRequest): Proposal {
    return proposalOf(request, this.options);
  }

  /**
   * T-CONNECT response: answers `connectIndication` with a CC.
   *
   * @throws TypeError for a choice that the CR does not offer
   */
  accept(acceptance: Acceptance, now: number): void {
    this.now = now;
    this.step({ event: 'T-CONNECT response', acceptance });
  }

  /**
   * Answers `connectIndication` with a DR of that reason, 0 to 3 in class 0 (X.224 13.5.3).
   *
   * @param userData 1 to 64 octets; none if the CR prefers class 0
   * @throws RangeError for other user data
   */
  refuse(reason: number, now: number, userData?: Uint8Array): void {
    this.now = now;
    checkDisconnectData(userData, this.#handshake.request?.class === 0 ? 0 : 2);
    this.step({ event: 'T-CONNECT refusal', reason, userData });
  }

  sendExpedited(data: Uint8Array): void {
    Expedited.check(data);
    const { state } = this;
    if ((state === 'OPEN' || state === 'FIN_RECEIVED') && !this.#expedited.isAgreed) {
      throw noExpedited(this.#procedure.tpClass);
    }
    this.step({ event: 'T-EXPEDITED-DATA request', data });
  }

  override disconnect(now: number, how: DisconnectHow = {}): void {
    checkDisconnectData(how.userData, this.#procedure.tpClass);
    super.disconnect(now, how);
    if (this.sendBuffer.dataLength === 0) {
      this.#onDataSent();
    }
  }

  override get deadline(): number | undefined {
    const { ackDeadline } = this.#expedited;
    return ackDeadline === undefined ? this.due : Math.min(ackDeadline, this.due ?? ackDeadline);
  }

  override get ackDeadline(): number | undefined {
    return this.#expedited.ackDeadline;
  }

  override handleDeadline(now: number): void {
    this.handleAckDeadline(now);
    super.handleDeadline(now);
  }

  override handleAckDeadline(now: number): void {
    if (this.#expedited.isOverdue(now)) {
      this.now = now;
      this.step({ event: 'EA overdue', error: this.#expedited.overdue() });
    }
  }

  override startAckTime(now: number): void {
    this.#expedited.start(now);
  }

  override postponeAck(from: number, to: number): void {
    this.#expedited.postpone(from, to);
  }

  protected get table(): Table {
    return this.#procedure.table;
  }

  get endsByTpdu(): boolean {
    return this.#procedure.tpClass === 2;
  }

  protected override forgetReceived(): void {
    super.forgetReceived();
    this.#expedited.ackDeadline = undefined;
  }

  protected override failure(input: TransitionInput, from: State): CotpError {
    return failureOf(input, from, this.#handshake.offer, this.partOfHandshake);
  }

  /** In class 2 TCP is closed without a reset, so data that waits would still be sent: drops it. */
  protected override fail(error: CotpError, request: 'destroy' | 'reset'): void {
    super.fail(error, request);
    if (this.#procedure.tpClass === 2) {
      this.sendBuffer.dropData();
    }
  }

  /** The procedures of establishment and of the classes. The base class has those of every stream. */
  protected override perform(action: Action, input: TransitionInput, from: State): void {
    const procedure = TransportEngine.#PROCEDURES.get(action);
    if (procedure === undefined) {
      super.perform(action, input, from);
    } else {
      procedure(this, input, from);
    }
  }

  static readonly #PROCEDURES: Procedures<TransportEngine> = /* @__PURE__ */ proceduresOf({
    'send CR': (connection) => {
      const { offer } = connection.#handshake;
      if (offer !== undefined) {
        connection.#outgoing.send(encode(offer));
      }
    },
    'indicate connect': /* @__PURE__ */ forEvent('CR', (connection, { tpdu, response }) => {
      connection.#handshake.response = response;
      connection.#indicateConnect(tpdu);
    }),
    'send CC': /* @__PURE__ */ forEvent('T-CONNECT response', (connection, { acceptance }) => {
      const { request } = connection.#handshake;
      if (request !== undefined) {
        connection.#accept(request, acceptance);
      }
    }),
    'confirm connect': /* @__PURE__ */ forEvent('CC', (connection, { tpdu, confirmation }) => {
      connection.#outgoing.remoteRef = tpdu.srcRef;
      connection.#open(confirmation, tpdu);
    }),
    'refuse by DR': (connection, input, from) => connection.#refuse(input, from),
    'refuse by ER': (connection, input, from) => connection.#failWithEr(input, from),
    'fail with ER': (connection, input, from) => connection.#failWithEr(input, from),
    refused: (connection, input) => connection.#refused(input),
    'take data': /* @__PURE__ */ forEvent('DT', (connection, { tpdu: { userData, eot } }) => {
      connection.takeData(userData, eot);
    }),
    'keep data': (connection) => {
      connection.splitter.unread();
      connection.hasEarlyData = true;
    },
    'indicate disconnect': /* @__PURE__ */ forEvent('DR', (connection, { tpdu, octets }, from) => {
      const orderly = !connection.options.strict;
      const details = detailsOf(tpdu);
      connection.indicateDisconnect(endedByPeer(from, tpdu, octets), { orderly, details });
      connection.release();
    }),
    'send expedited data': /* @__PURE__ */ forEvent(
      'T-EXPEDITED-DATA request',
      (connection, { data }) => {
        const number = connection.#expedited.takeNumber();
        const { remoteRef } = connection.#outgoing;
        connection.#outgoing.sendExpedited(
          connection.#procedure.expeditedData(data, remoteRef, number),
        );
      },
    ),
    'take expedited data': /* @__PURE__ */ forEvent(
      'ED',
      (connection, { tpdu: { userData, tpduNr } }) => {
        const data = connection.options.allocate(userData.length);
        data.set(userData);
        connection.deliverExpedited(data);
        connection.#acknowledge(tpduNr);
      },
    ),
    'acknowledge expedited data': /* @__PURE__ */ forEvent('ED', (connection, { tpdu }) =>
      connection.#acknowledge(tpdu.tpduNr),
    ),
    'resume sending': (connection) => {
      connection.#expedited.ackDeadline = undefined;
      connection.sendBuffer.acknowledged();
    },
    'give up': (connection) => {
      connection.splitter.maxLength = MAX_TPKT_LENGTH;
      connection.startCloseTimeout();
    },
    'begin release': /* @__PURE__ */ forEvent('T-DISCONNECT request', (connection, { how }) => {
      connection.#releaseHow = how;
      connection.dropBegun();
      connection.startCloseTimeout();
    }),
    'send DR': (connection) => {
      connection.#sendDr(DR_REASONS.normal, false, connection.#releaseHow);
    },
    'send DR at once': (connection, input) => {
      if (input.event === 'unwanted CC') {
        connection.#outgoing.remoteRef = input.tpdu.srcRef;
      }
      const isAsked = input.event === 'disruptive T-DISCONNECT request';
      connection.dropQueued();
      connection.#sendDr(DR_REASONS.normal, true, isAsked ? input.how : {});
    },
    'fail by DR': (connection, input, from) => connection.#failByDr(input, from),
    'refuse CC': /* @__PURE__ */ forEvent('CC refused by DR', (connection, input, from) => {
      connection.#outgoing.remoteRef = input.tpdu.srcRef;
      connection.splitter.maxLength = MAX_TPKT_LENGTH;
      connection.indicateDisconnect(connection.failure(input, from));
      connection.#sendDr(DR_REASONS.negotiationFailed, true);
    }),
    'refuse foreign CC': /* @__PURE__ */ forEvent('foreign CC', (connection, input, from) => {
      connection.indicateDisconnect(connection.failure(input, from));
      connection.#outgoing.send(answerToForeignCc(input.tpdu));
      connection.release();
    }),
    'refused, send DC': /* @__PURE__ */ forEvent(
      'DR with SRC-REF',
      (connection, { tpdu, octets }) =>
        connection.#endWithDc(tpdu, refusedByDr(tpdu, octets, connection.#handshake.offer)),
    ),
    'fail with DC': /* @__PURE__ */ forEvent(
      'DR with SRC-REF',
      (connection, { tpdu, octets }, from) =>
        connection.#endWithDc(tpdu, endedByPeer(from, tpdu, octets)),
    ),
    'release with DC': /* @__PURE__ */ forEvent('DR with SRC-REF', (connection, { tpdu }) =>
      connection.#endWithDc(tpdu),
    ),
    'confirm disconnect': /* @__PURE__ */ forEvent('DR', (connection, { tpdu, octets }, from) =>
      connection.#confirmDisconnect(tpdu, octets, from),
    ),
    confirmed: (connection) => {
      connection.end.confirmed();
      connection.release();
    },
    'answer foreign DR': /* @__PURE__ */ forEvent('foreign DR', (connection, { tpdu }) => {
      // The DST-REF of a DC is the SRC-REF of the DR; without one nobody could associate it.
      if (tpdu.srcRef !== 0) {
        connection.#outgoing.confirm(tpdu);
      }
    }),
    'refuse second CR': /* @__PURE__ */ forEvent('second CR', (connection, { tpdu }) =>
      connection.#outgoing.reply(answerToSecondCr(tpdu)),
    ),
    'answer foreign CC': /* @__PURE__ */ forEvent('foreign CC', (connection, { tpdu }) =>
      connection.#outgoing.reply(answerToForeignCc(tpdu)),
    ),
  });

  #indicateConnect(request: ConnectionRequest & Decoded): void {
    this.#handshake.request = request;
    this.#outgoing.remoteRef = request.srcRef;
    this.#procedure = request.class === 0 ? CLASS0 : CLASS2;
    this.due = this.now + this.options.handshakeTimeout;
    // A peer may send its first DT without waiting for the CC, and a DT may have any length. The engine keeps it until
    // the user has decided. Once 64 KiB wait the stream is not read (`hasRoom`), which bounds the memory.
    this.splitter.maxLength = MAX_TPKT_LENGTH;
    this.emit({ type: 'connectIndication', request });
  }

  #accept(request: ConnectionRequest, acceptance: Acceptance): void {
    const { octets, inForce } = connectionConfirm(
      request,
      acceptance,
      this.options,
      this.#handshake.response,
    );
    if (acceptance.maxTsduSize !== undefined) {
      this.limitTsdus(acceptance.maxTsduSize);
    }
    this.#open(inForce);
    // The CC is a reply, not data: so it leaves before expedited data, and it stays when queued data is dropped.
    this.#outgoing.confirmConnection(octets);
  }

  #open(inForce: InForce, confirm?: ConnectionConfirm & Decoded): void {
    const { localRef, writeTimeout } = this.options;
    const { remoteRef } = this.#outgoing;
    const agreement = agreementOn(inForce, remoteRef, this.options);
    this.#procedure = agreement.tpClass === 2 ? CLASS2 : CLASS0;
    const dt = this.#procedure.dtFormat(localRef, remoteRef);
    this.startData(dt, inForce.maxTpduSize, agreement.maxTpduSize);
    if (agreement.expedited) {
      this.#expedited = new Expedited(true, agreement.expeditedAck, writeTimeout);
    }
    this.#allowUrgent();
    this.splitter.maxLength = MAX_TPKT_LENGTH;
    // The peer of a responder may have begun a packet while the user decided: its reassembly time starts now.
    this.due = undefined;
    this.hasUnfinished = this.isWithinMessage;
    if (this.hasUnfinished) {
      this.timeMessage();
    }
    this.#handshake.offer = undefined;
    this.#handshake.request = undefined;
    this.#handshake.response = undefined;
    this.hasEarlyData = false;
    this.emit(
      confirm === undefined ? { type: 'open', agreement } : { type: 'open', agreement, confirm },
    );
  }

  /** Lets expedited data and the replies of class 2 leave before data. Other connections have neither. */
  #allowUrgent(): void {
    const { isAgreed, isAcknowledged } = this.#expedited;
    if (isAgreed || this.#procedure.tpClass === 2) {
      const use = isAcknowledged ? 'acknowledged' : 'unacknowledged';
      const listener = {
        onExpeditedSent: () => this.#expedited.sent(),
        onDataSent: () => this.#onDataSent(),
      };
      this.sendBuffer.allowUrgent(isAgreed ? use : 'none', listener, this.observer);
    }
  }

  /** Refuses a CR: by rule, by the user, or because the user has not decided in time. */
  //= X.224 A.4 Table A.5
  #refuse(input: TransitionInput, from: State): void {
    const isByRule = input.event === 'CR unacceptable';
    const hasReason = isByRule || input.event === 'T-CONNECT refusal';
    const reason = hasReason ? input.reason : DR_REASONS.notSpecified;
    const hasError = isByRule || input.event === 'timer';
    const error = hasError ? this.failure(input, from) : refusedByUs(from, reason);
    const userData = input.event === 'T-CONNECT refusal' ? input.userData : undefined;
    const remoteRef = isByRule ? input.remoteRef : this.#outgoing.remoteRef;
    this.#outgoing.send(refusal(remoteRef, reason, userData));
    this.indicateDisconnect(error);
    this.release();
  }

  /** Our CR was answered by a DR or an ER. */
  //= X.224 6.6.3 para 2
  //= X.224 6.6.3 para 3
  #refused(input: TransitionInput): void {
    if (input.event === 'DR') {
      this.fail(refusedByDr(input.tpdu, input.octets, this.#handshake.offer), 'destroy');
    } else if (input.event === 'ER') {
      this.fail(refusedByEr(input.tpdu, input.octets), 'destroy');
    }
  }

  /** Fails with an ER, which quotes the faulty TPDU (X.224 6.22.1.3). */
  //= X.224 6.22.1.3 para 3
  //= X.224 6.22.1.3 note 4
  #failWithEr(input: TransitionInput, from: State): void {
    const error = this.failure(input, from);
    if (error instanceof ProtocolError && 'octets' in input) {
      const remoteRef = input.event === 'CR invalid' ? input.remoteRef : this.#outgoing.remoteRef;
      this.#outgoing.send(erFor(error, input.octets, remoteRef, this.agreedSize));
    }
    this.indicateDisconnect(error);
    this.release();
  }

  /** Sends the EA for the ED with this number, if EA was agreed on. */
  #acknowledge(number: number): void {
    if (this.#expedited.isAcknowledged) {
      this.#outgoing.acknowledge(number);
    }
  }

  /** Everything that was written has left the send buffer. */
  #onDataSent(): void {
    if (this.state === 'RELEASING') {
      this.step({ event: 'all data sent' });
    }
  }

  /** Sends the DR, which is our last TPDU. */
  #sendDr(reason: number, isDisruptive: boolean, how: DisconnectHow = {}): void {
    this.#outgoing.sendDr(how.reason ?? reason, isDisruptive, how);
    this.dropBegun();
    this.#expedited.ackDeadline = undefined;
    this.startCloseTimeout();
  }

  /** Reports an error of the peer and ends the connection by a DR. */
  //= X.224 6.22.1.3 para 1
  #failByDr(input: TransitionInput, from: State): void {
    const { unsent } = this;
    this.indicateDisconnect(this.failure(input, from), { unsent });
    this.sendBuffer.dropData();
    const isLimit = input.event === 'limit';
    this.#sendDr(isLimit ? DR_REASONS.notSpecified : DR_REASONS.protocolError, true);
  }

  /** Answers a DR that came before the connection was open: by a DC, then FIN. */
  #endWithDc(dr: DisconnectRequest, error?: CotpError): void {
    if (error !== undefined) {
      this.indicateDisconnect(error, { details: detailsOf(dr) });
    }
    this.#outgoing.confirm(dr);
    this.release();
  }

  /**
   * Answers the DR of the peer: by a DC, then FIN. It is a clean end if the reason is 128, it is no abort, no TSDU of the
   * peer is incomplete, and no data of this side is queued.
   */
  //= X.224 6.7.1.5 e
  #confirmDisconnect(dr: DisconnectRequest, octets: Uint8Array, from: State): void {
    const { unsent } = this;
    const length = this.begunLength;
    const details = detailsOf(dr);
    const isClean = dr.reason === DR_REASONS.normal && details.nonDisruptive !== false;
    this.indicateDisconnect(endedByPeer(from, dr, octets, length), {
      orderly: isClean && length === 0 && unsent === 0,
      unsent,
      details,
    });
    this.sendBuffer.dropData();
    this.#outgoing.confirm(dr);
    this.release();
  }

  /** Decodes and classifies the TPDUs of a packet that is no plain DT, and looks each up in the table. */
  protected otherTpdus(octets: Uint8Array): boolean {
    if (!this.facts.isReceiving) {
      return false;
    }
    for (const received of this.#procedure.read(octets, this.state, this.#context)) {
      this.work += COSTLY_TPDU;
      const input = this.#procedure.classify(received, this.state, this.#context);
      if (this.observer?.isWatching && !this.#keeps(input)) {
        this.observer.see('received', received.octets);
      }
      try {
        this.step(input);
      } catch (error) {
        this.step(faultInput(error));
      }
      if (!this.facts.isReceiving) {
        return false;
      }
    }
    // Stops at the CR: the user may decide at once, before the next TPDU is processed.
    return this.state !== 'WFTRESP';
  }

  /** Whether this is data that waits until the user has decided: it is shown when it is processed. */
  #keeps(input: TransitionInput): boolean {
    return cellOf(this.table, this.state, input.event).action === 'keep data';
  }

  get #context(): Context {
    const options = this.options;
    const { offer, request, isResponder } = this.#handshake;
    return {
      offer,
      request,
      isResponder,
      options,
      localRef: options.localRef,
      remoteRef: this.#outgoing.remoteRef,
      maxTpduSize: this.agreedSize,
      unfinished: this.begunLength,
      expedited: this.#expedited.isAgreed,
      isAckDue: this.sendBuffer.isAckDue,
    };
  }
}
