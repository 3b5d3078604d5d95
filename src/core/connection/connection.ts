/**
 * A transport connection in either role: establishment, which is the same for every class, and then the
 * procedure of the class that CR and CC have agreed on. Octets and commands in, octets and events out. It
 * knows no socket and no clock.
 */
import { CLASS0 } from '../class0/procedure.js';
import { type DtFormat, type TpduObserver, writeTsdu } from '../data-transfer/dt.js';
import { Reassembly, type TsduLimits } from '../data-transfer/reassembly.js';
import { SendBuffer, type SendPool } from '../data-transfer/send-buffer.js';
import { type Agreement, COSTLY_TPDU } from '../engine.js';
import { type CotpError, ProtocolError } from '../errors.js';
import {
  type Allocate,
  type MakeView,
  type OctetCollector,
  OctetSource,
} from '../octets/collector.js';
import { encode } from '../tpdu/encode.js';
import { erFor } from '../tpdu/er.js';
import type {
  ConnectionConfirm,
  ConnectionRequest,
  Decoded,
  TpduInitOf,
  TransportClass,
} from '../tpdu/types.js';
import { MAX_TPKT_LENGTH, TPKT_HEADER_LENGTH } from '../tpkt/header.js';
import { classify } from './classify.js';
import {
  agreementOn,
  type ConnectRequestInit,
  connectionConfirm,
  connectionRequest,
  refusal,
} from './establishment.js';
import { endedByPeer, failureOf, refusedByDr, refusedByEr, refusedByUs } from './failures.js';
import { StreamEngine, type StreamTimes } from './stream-engine.js';
import {
  type Acceptance,
  type Action,
  isReceiving,
  type State,
  type Table,
  type TransitionInput,
  takesData,
} from './transition.js';

/** What both roles need. */
export interface ConnectionOptions extends TsduLimits, StreamTimes {
  /** Memory for a TSDU that did not come in one piece. */
  readonly allocate: Allocate;
  /** The view of one that did. */
  readonly view: MakeView;
  /** Shared by all connections. */
  readonly sendPool: SendPool;
  /** Our reference, 1 to 65535, unique among the open connections of this process. */
  readonly localRef: number;
  /** The peer as error messages name it. */
  readonly peer: string;
  /** Refuse what a tolerant reading lets pass. */
  readonly strict: boolean;
  /** Largest TPDU that this side takes, in octets. */
  readonly maxTpduSize: number;
  /** A responder takes a CR of remote desktop. Default `false`: it is refused, for nobody would look at it. */
  readonly takesRemoteDesktop?: boolean;
  /** Sees every TPDU, while it is watching. */
  readonly observer?: TpduObserver | undefined;
}

/** What differs from one class to another once a connection is open. */
export interface ClassProcedure {
  readonly tpClass: TransportClass;
  /** The rows of the class, over those of establishment and of the life of a stream. */
  readonly table: Table;
  /** The plain DT. */
  readonly dt: DtFormat;
}

/**
 * Longest packet before a CR or CC was taken, so that a stranger makes us hold little: LI and 254
 * octets of header at most (X.224 13.2.1), and 64 of user data in a DR (13.5.5).
 */
const MAX_CONTROL_TPKT_LENGTH = TPKT_HEADER_LENGTH + 255 + 64;

/** DR reason where no other is given (X.224 13.5.3). */
const NOT_SPECIFIED = 0;

/** Sizes in octets. Before the connection is open no DT is plain. */
interface Sizes {
  /** Size in force; when no size was stated, what we send may be smaller. */
  readonly agreed: number;
  readonly sent: number;
  /** Shortest and longest DT that is taken without the codec. */
  readonly minPlainDt: number;
  readonly maxPlainDt: number;
}

const NO_SIZES: Sizes = { agreed: 0, sent: 0, minPlainDt: 0, maxPlainDt: -1 };

/**
 * One transport connection.
 *
 * Order of use: `receive*`, `streamClosed`, `handleDeadline` or a command; then `next` until
 * there is none, write what `sendBuffer` holds, heed `streamRequest` and `deadline`. A peer's fault is
 * never thrown; it comes out as the last event.
 */
export class TransportConnection extends StreamEngine {
  readonly #options: ConnectionOptions;
  readonly #observer: TpduObserver | undefined;
  #procedure: ClassProcedure = CLASS0;
  #reassembly: Reassembly;
  /** The CR that an initiator sends; held until the connection is open. */
  #offer: TpduInitOf<'CR'> | undefined;
  /** The CR that a responder has received; held as long. */
  #request: ConnectionRequest | undefined;
  #remoteRef = 0;
  #sizes = NO_SIZES;

  private constructor(options: ConnectionOptions, state: State, now: number) {
    const { sendPool, peer } = options;
    super(new SendBuffer(sendPool), options, { state, unit: 'TSDU', peer });
    this.#options = options;
    this.#observer = options.observer;
    this.now = now;
    this.deadline = now + options.handshakeTimeout;
    this.#reassembly = new Reassembly(options, options.allocate, options.view);
    this.splitter.maxLength = MAX_CONTROL_TPKT_LENGTH;
  }

  /** A connection that will send a CR once {@link streamConnected} says that TCP is connected. */
  //= X.224 A.4 Table A.6 TCONreq
  static initiator(
    options: ConnectionOptions,
    request: ConnectRequestInit,
    now: number,
  ): TransportConnection {
    const connection = new TransportConnection(options, 'WFNC', now);
    connection.#offer = connectionRequest(options.localRef, request);
    return connection;
  }

  /** A connection that waits for a CR on a TCP connection. */
  static responder(options: ConnectionOptions, now: number): TransportConnection {
    return new TransportConnection(options, 'WFCR', now);
  }

  get pinned(): number {
    return this.#reassembly.pinned + this.splitter.pinned;
  }

  get copied(): number {
    return this.#reassembly.copied;
  }

  compact(): void {
    this.#reassembly.compact();
    this.splitter.compact();
  }

  /** N-CONNECT confirm: TCP, and TLS if any, is connected. */
  streamConnected(now: number): void {
    this.now = now;
    this.step({ event: 'N-CONNECT confirm' });
  }

  /** T-CONNECT response: answers `connectIndication` with a CC. */
  accept(acceptance: Acceptance, now: number): void {
    this.now = now;
    this.step({ event: 'T-CONNECT response', acceptance });
  }

  /** Answers `connectIndication` with a DR of that reason, 0 to 3 in class 0 (X.224 13.5.3). */
  refuse(reason: number, now: number): void {
    this.now = now;
    this.step({ event: 'T-CONNECT refusal', reason });
  }

  /**
   * T-DATA request: queues one TSDU of at least one octet. The octets must not change until they
   * have been sent.
   */
  send(tsdu: Uint8Array): void {
    if (!this.isSending) {
      this.step({ event: 'T-DATA request' });
      return;
    }
    const { dt } = this.#procedure;
    writeTsdu(this.sendBuffer, dt, tsdu, this.#sizes.sent, this.#options.view, this.#observer);
  }

  /** A TPDU that lies whole in a chunk: the hot path, without codec and table. */
  //= X.224 6.9.1.4.2 para 3
  packet(source: OctetSource, start: number, end: number): boolean {
    const { octets } = source;
    const { dt } = this.#procedure;
    this.work += 1;
    const eot = dt.readEot(octets[start], octets[start + 1], octets[start + 2]);
    if (eot === undefined || !this.#takesPlainDt(end - start)) {
      // An event or an error may come of it, which keeps some of it.
      source.markSeen();
      return this.#tpdu(octets.subarray(start, end));
    }
    if (this.#observer?.isWatching) {
      this.#observer.see('received', octets.subarray(start, end));
      source.markSeen();
    }
    this.#deliver(this.#reassembly.add(source, start + dt.headerLength, end, eot));
    return true;
  }

  /** The same for a TPDU cut by TCP: its user data stays in pieces until the TSDU is joined. */
  packetInPieces(pieces: OctetCollector): boolean {
    const at = TPKT_HEADER_LENGTH;
    const { dt } = this.#procedure;
    this.work += 1;
    const eot = dt.readEot(pieces.at(at), pieces.at(at + 1), pieces.at(at + 2));
    const isPlain = eot !== undefined && this.#takesPlainDt(pieces.length - at);
    if (!isPlain || this.#observer?.isWatching) {
      return this.#tpdu(pieces.join(this.#options.allocate, at));
    }
    this.#deliver(this.#reassembly.addPieces(pieces, at + dt.headerLength, eot));
    return true;
  }

  protected get table(): Table {
    return this.#procedure.table;
  }

  protected get unfinished(): number {
    return this.#reassembly.length + this.splitter.held;
  }

  protected get isWithinMessage(): boolean {
    return this.#reassembly.begun || !this.splitter.atBoundary;
  }

  protected override endChunk(): void {
    this.#reassembly.endChunk();
  }

  protected override forgetReceived(): void {
    super.forgetReceived();
    this.#reassembly.clear();
  }

  protected override failure(input: TransitionInput, from: State): CotpError {
    return failureOf(input, from, this.#offer);
  }

  /** The procedures of establishment and of the class; the others are those of every stream. */
  protected override perform(action: Action, input: TransitionInput, from: State): void {
    switch (action) {
      case 'send CR':
        if (this.#offer !== undefined) {
          this.#sendTpdu(encode(this.#offer));
        }
        break;
      case 'indicate connect':
        if (input.event === 'CR') {
          this.#indicateConnect(input.tpdu);
        }
        break;
      case 'send CC':
        if (input.event === 'T-CONNECT response' && this.#request !== undefined) {
          this.#accept(this.#request, input.acceptance);
        }
        break;
      case 'confirm connect':
        if (input.event === 'CC') {
          this.#remoteRef = input.tpdu.srcRef;
          this.#open(input.maxTpduSize, input.tpdu);
        }
        break;
      case 'refuse by DR':
        this.#refuse(input, from);
        break;
      case 'refuse by ER':
      case 'fail with ER':
        this.#failWithEr(input, from);
        break;
      case 'refused':
        this.#refused(input);
        break;
      case 'take data':
        if (input.event === 'DT') {
          const { userData, eot } = input.tpdu;
          this.#deliver(this.#reassembly.add(new OctetSource(userData), 0, userData.length, eot));
        }
        break;
      case 'keep data':
        this.splitter.unread();
        this.hasEarlyData = true;
        break;
      case 'indicate disconnect':
        if (input.event === 'DR') {
          const error = endedByPeer(from, input.tpdu, input.octets);
          this.emit({ type: 'disconnect', error, orderly: !this.#options.strict });
          this.release();
        }
        break;
      default:
        super.perform(action, input, from);
    }
  }

  #indicateConnect(request: ConnectionRequest & Decoded): void {
    this.#request = request;
    this.#remoteRef = request.srcRef;
    this.deadline = this.now + this.#options.handshakeTimeout;
    // A DT behind the CR may be as long as any; it waits for the decision, and few of them do.
    this.splitter.maxLength = MAX_TPKT_LENGTH;
    this.emit({ type: 'connectIndication', request });
  }

  #accept(request: ConnectionRequest, acceptance: Acceptance): void {
    const { octets, maxTpduSize } = connectionConfirm(request, acceptance, this.#options);
    if (acceptance.maxTsduSize !== undefined) {
      const limits = { ...this.#options, maxTsduSize: acceptance.maxTsduSize };
      this.#reassembly = new Reassembly(limits, limits.allocate, limits.view);
    }
    this.#sendTpdu(octets);
    this.#open(maxTpduSize);
  }

  #open(maxTpduSize: number, confirm?: ConnectionConfirm & Decoded): void {
    const { strict } = this.#options;
    const { headerLength } = this.#procedure.dt;
    const agreement: Agreement = agreementOn(maxTpduSize, this.#remoteRef, this.#options);
    this.#sizes = {
      agreed: maxTpduSize,
      sent: agreement.maxTpduSize,
      // Strict decoding judges a DT without user data, and one that is too long.
      minPlainDt: strict ? headerLength + 1 : headerLength,
      maxPlainDt: strict ? maxTpduSize : MAX_TPKT_LENGTH,
    };
    this.splitter.maxLength = MAX_TPKT_LENGTH;
    // The peer of a responder may have begun a packet while the user decided: its time runs from now.
    this.deadline = undefined;
    this.timeMessage();
    this.#offer = undefined;
    this.#request = undefined;
    this.hasEarlyData = false;
    this.emit(
      confirm === undefined ? { type: 'open', agreement } : { type: 'open', agreement, confirm },
    );
  }

  /** A CR that is refused by rule, by the user, or because nobody decided in time. */
  //= X.224 A.4 Table A.5
  #refuse(input: TransitionInput, from: State): void {
    const isByRule = input.event === 'CR unacceptable';
    const hasReason = isByRule || input.event === 'T-CONNECT refusal';
    const reason = hasReason ? input.reason : NOT_SPECIFIED;
    const hasError = isByRule || input.event === 'timer';
    const error = hasError ? this.failure(input, from) : refusedByUs(from, reason);
    this.#sendTpdu(refusal(isByRule ? input.remoteRef : this.#remoteRef, reason));
    this.emit({ type: 'disconnect', error, orderly: false });
    this.release();
  }

  /** Our CR was answered by a DR or an ER. */
  //= X.224 6.6.3 para 2
  //= X.224 6.6.3 para 3
  #refused(input: TransitionInput): void {
    if (input.event === 'DR') {
      this.fail(refusedByDr(input.tpdu, input.octets), 'destroy');
    } else if (input.event === 'ER') {
      this.fail(refusedByEr(input.tpdu, input.octets), 'destroy');
    }
  }

  /** X.224 6.22.1.3: the ER quotes what is at fault. */
  //= X.224 6.22.1.3 para 3
  //= X.224 6.22.1.3 note 4
  #failWithEr(input: TransitionInput, from: State): void {
    const error = this.failure(input, from);
    if (error instanceof ProtocolError && 'octets' in input) {
      const remoteRef = input.event === 'CR invalid' ? input.remoteRef : this.#remoteRef;
      this.#sendTpdu(erFor(error, input.octets, remoteRef, this.#sizes.agreed || undefined));
    }
    this.emit({ type: 'disconnect', error, orderly: false });
    this.release();
  }

  /** Of an open connection, and of a length that strictness allows. */
  #takesPlainDt(length: number): boolean {
    const { minPlainDt, maxPlainDt } = this.#sizes;
    return length >= minPlainDt && length <= maxPlainDt && takesData(this.state);
  }

  #deliver(tsdu: Uint8Array | undefined): void {
    if (tsdu !== undefined) {
      this.deadline = undefined;
      this.deliver(tsdu);
    } else if (!this.#reassembly.begun) {
      // A DT without user data begins no TSDU, so no time counts for it.
      this.deadline = undefined;
    }
  }

  /** Any other TPDU: decoded, classified and put to the table. `false` stops the splitting. */
  #tpdu(octets: Uint8Array): boolean {
    this.work += COSTLY_TPDU;
    if (!isReceiving(this.state)) {
      return false;
    }
    const input = classify(octets, this.state, {
      options: this.#options,
      offer: this.#offer,
      maxTpduSize: this.#sizes.agreed,
      unfinished: this.#reassembly.length,
    });
    const isKept = this.table[this.state][input.event].action === 'keep data';
    if (this.#observer?.isWatching && !isKept) {
      this.#observer.see('received', octets);
    }
    this.step(input);
    // The user may decide at once, before the next TPDU is looked at.
    return isReceiving(this.state) && this.state !== 'WFTRESP';
  }

  #sendTpdu(tpdu: Uint8Array): void {
    if (this.#observer?.isWatching) {
      this.#observer.see('sent', tpdu);
    }
    this.sendBuffer.addPacket([], tpdu);
  }
}
