/**
 * The class 0 connection: joins framing, judging and reassembly by the transition table, and holds
 * the only state in this folder. Octets and commands in, octets and events out. It knows no socket
 * and no clock.
 */
import {
  COSTLY_TPDU,
  type Engine,
  type EngineEvent,
  type Message,
  type MessageReceiver,
  type StreamRequest,
} from '../engine.js';
import { type CotpError, ProtocolError } from '../errors.js';
import type { OctetCollector } from '../octet-collector.js';
import { OctetSource } from '../octet-source.js';
import { NO_OCTETS } from '../octets.js';
import { Outbox } from '../outbox.js';
import { Output } from '../output.js';
import { reassemblyDeadline } from '../reassembly-deadline.js';
import { encode } from '../tpdu/encode.js';
import { erFor } from '../tpdu/er.js';
import type { ConnectionConfirm, ConnectionRequest, Decoded, TpduInitOf } from '../tpdu/types.js';
import { MAX_TPKT_LENGTH, TPKT_HEADER_LENGTH } from '../tpkt/header.js';
import { type PacketReceiver, TpktSplitter } from '../tpkt/splitter.js';
import { DT_HEADER_LENGTH, readPlainEot, type TpduObserver, writeTsdu } from './data.js';
import {
  endedByPeer,
  endedWithinTsdu,
  failureOf,
  notPossible,
  refusedByDr,
  refusedByEr,
  refusedByUs,
  timedOut,
} from './failures.js';
import { judge, judgeFault } from './judging.js';
import type { Occurrence } from './occurrence.js';
import { agreementOn, connectionConfirm, connectionRequest, refusal } from './opening.js';
import type { Class0Acceptance, Class0Options, Class0Request } from './options.js';
import { Reassembly } from './reassembly.js';
import { type Action, isDeaf, type State, TRANSITIONS, takesData } from './transitions.js';

/**
 * Longest packet up to the CR or CC, so that a stranger makes us hold little: LI and 254
 * octets of header at most (X.224 13.2.1), and 64 of user data in a DR (13.5.5).
 */
const MAX_CONTROL_TPKT_LENGTH = TPKT_HEADER_LENGTH + 255 + 64;

/** Octets behind a CR that wait for the decision on it; a peer that sends more is not read meanwhile. */
const MAX_UNDECIDED = 65_536;

/** DR reason where no other is given (X.224 13.5.3). */
const NOT_SPECIFIED = 0;

/**
 * One class 0 connection in either role.
 *
 * Order of use: `receive*`, `streamClosed`, `handleDeadline` or a command; then `next` until
 * there is none, write what `outbox` holds, heed `streamRequest` and `deadline`. A peer's fault is
 * never thrown; it comes out as the last event.
 */
export class Class0Connection implements Engine, PacketReceiver {
  readonly outbox: Outbox;
  readonly #options: Class0Options;
  readonly #observer: TpduObserver | undefined;
  readonly #output = new Output();
  readonly #splitter: TpktSplitter;
  #reassembly: Reassembly;
  #state: State;
  #streamRequest: StreamRequest = 'none';
  /** While the connection is open, that of a TSDU which the peer has begun. */
  #deadline: number | undefined;
  #now: number;
  /** The CR that an initiator sends; held until the connection is open. */
  #offer: TpduInitOf<'CR'> | undefined;
  /** The CR that a responder has received; held as long. */
  #request: ConnectionRequest | undefined;
  #remoteRef = 0;
  /** Size in force, and what we send: when no size was stated the two may differ. */
  #maxTpduSize = 0;
  #maxSentTpdu = 0;
  /** Longest plain DT taken without asking the codec. */
  #maxPlainDt = 0;
  /** Shortest: strict decoding judges those without user data. */
  #minPlainDt = 0;
  #work = 0;
  /** Data came before the decision on the CR: it waits, and all octets behind it. */
  #hasEarlyData = false;

  private constructor(options: Class0Options, state: State, now: number) {
    this.#options = options;
    this.#observer = options.observer;
    this.#state = state;
    this.#now = now;
    this.#deadline = now + options.handshakeTimeout;
    this.outbox = new Outbox(options.sendBlocks);
    this.#reassembly = new Reassembly(options, options.allocate, options.view);
    this.#splitter = new TpktSplitter(this);
    this.#splitter.maxLength = MAX_CONTROL_TPKT_LENGTH;
  }

  /** A connection that will send a CR once {@link streamConnected} says that TCP stands. */
  static initiator(options: Class0Options, request: Class0Request, now: number): Class0Connection {
    const connection = new Class0Connection(options, 'WFNC', now);
    connection.#offer = connectionRequest(options.localRef, request);
    return connection;
  }

  /** A connection that waits for a CR on a TCP connection that stands. */
  static responder(options: Class0Options, now: number): Class0Connection {
    return new Class0Connection(options, 'WFCR', now);
  }

  get state(): State {
    return this.#state;
  }

  get streamRequest(): StreamRequest {
    return this.#streamRequest;
  }

  get deadline(): number | undefined {
    return this.#deadline;
  }

  get isReceiving(): boolean {
    return !isDeaf(this.#state);
  }

  get hasRoom(): boolean {
    return this.#splitter.waiting < MAX_UNDECIDED;
  }

  get pinned(): number {
    return this.#reassembly.pinned + this.#splitter.pinned;
  }

  get work(): number {
    return this.#work;
  }

  get copied(): number {
    return this.#reassembly.copied;
  }

  /** N-CONNECT confirm: TCP, and TLS if any, is connected. */
  streamConnected(now: number): void {
    this.#now = now;
    this.#step({ event: 'N-CONNECT confirm' });
  }

  receive(chunk: Uint8Array, now: number, isOwn = false): void {
    this.#now = now;
    if (isDeaf(this.#state)) {
      return;
    }
    try {
      this.#splitter.push(chunk, isOwn);
    } catch (error) {
      this.#step(judgeFault(error));
    }
    this.#afterOctets();
  }

  resume(now: number): boolean {
    if (!this.#splitter.isStopped || this.#hasEarlyData || isDeaf(this.#state)) {
      return false;
    }
    this.#now = now;
    let more = true;
    try {
      more = this.#splitter.resume();
    } catch (error) {
      this.#step(judgeFault(error));
    }
    this.#afterOctets();
    return more;
  }

  receiveEnd(now: number): void {
    this.#now = now;
    if (takesData(this.#state) && this.#isWithinTsdu) {
      const error = endedWithinTsdu(this.#reassembly.length + this.#splitter.held);
      this.#step({ event: 'N-RELEASE within a TSDU', error });
    } else {
      this.#step({ event: 'N-RELEASE indication' });
    }
  }

  streamClosed(cause: Error | undefined, now: number): void {
    this.#now = now;
    this.#step({ event: 'N-DISCONNECT indication', cause });
  }

  handleDeadline(now: number): void {
    if (this.#deadline !== undefined && now >= this.#deadline) {
      this.#now = now;
      this.#deadline = undefined;
      this.#step({ event: 'timer', error: timedOut(this.#state, this.#options) });
    }
  }

  compact(): void {
    this.#reassembly.compact();
    this.#splitter.compact();
  }

  postponeDeadline(milliseconds: number): void {
    if (this.#deadline !== undefined && takesData(this.#state)) {
      this.#deadline += milliseconds;
    }
  }

  exceedLimit(error: CotpError, now: number): void {
    this.#now = now;
    this.#step({ event: 'limit', error });
  }

  /** T-CONNECT response: answers `connectIndication` with a CC. */
  accept(acceptance: Class0Acceptance, now: number): void {
    this.#now = now;
    this.#step({ event: 'T-CONNECT response', acceptance });
  }

  /** Answers `connectIndication` with a DR of that reason, 0 to 3 in class 0 (X.224 13.5.3). */
  refuse(reason: number, now: number): void {
    this.#now = now;
    this.#step({ event: 'T-CONNECT refusal', reason });
  }

  /**
   * T-DATA request: queues one TSDU of at least one octet. The octets must not change until they
   * have been sent.
   */
  send(tsdu: Uint8Array): void {
    if (this.#state !== 'OPEN' && this.#state !== 'FIN_RECEIVED') {
      this.#step({ event: 'T-DATA request' });
      return;
    }
    writeTsdu(this.outbox, tsdu, this.#maxSentTpdu, this.#options.view, this.#observer);
  }

  endOfData(now: number): void {
    this.#now = now;
    this.#step({ event: 'end of data request' });
  }

  disconnect(now: number): void {
    this.#now = now;
    this.#step({ event: 'T-DISCONNECT request' });
  }

  deliverTo(receiver: MessageReceiver): void {
    this.#output.receiver = receiver;
  }

  next(): Message | EngineEvent | undefined {
    return this.#output.shift();
  }

  /** A TPDU that lies whole in a chunk: the hot path, without codec and table. */
  packet(source: OctetSource, start: number, end: number): boolean {
    const { octets } = source;
    this.#work += 1;
    const eot = readPlainEot(octets[start], octets[start + 1], octets[start + 2]);
    if (eot === undefined || !this.#takesPlainDt(end - start)) {
      // An event or an error may come of it, which keeps some of it.
      source.markSeen();
      return this.#tpdu(octets.subarray(start, end));
    }
    if (this.#observer?.isWatching) {
      this.#observer.see('received', octets.subarray(start, end));
      source.markSeen();
    }
    this.#deliver(this.#reassembly.add(source, start + DT_HEADER_LENGTH, end, eot));
    return true;
  }

  /** The same for a TPDU cut by TCP: its user data stays in pieces until the TSDU is joined. */
  packetInPieces(pieces: OctetCollector, first: OctetSource | undefined): boolean {
    const at = TPKT_HEADER_LENGTH;
    this.#work += 1;
    const eot = readPlainEot(pieces.at(at), pieces.at(at + 1), pieces.at(at + 2));
    const isPlain = eot !== undefined && this.#takesPlainDt(pieces.length - at);
    if (!isPlain || this.#observer?.isWatching) {
      return this.#tpdu(pieces.join(this.#options.allocate, at));
    }
    this.#deliver(this.#reassembly.addPieces(pieces, at + DT_HEADER_LENGTH, eot, first));
    return true;
  }

  /** Only on an open connection, and of a length that strictness allows. */
  #takesPlainDt(length: number): boolean {
    return length >= this.#minPlainDt && length <= this.#maxPlainDt && takesData(this.#state);
  }

  #deliver(tsdu: Uint8Array | undefined): void {
    if (tsdu !== undefined) {
      this.#deadline = undefined;
      this.#output.message(tsdu);
    } else if (!this.#reassembly.begun) {
      // A DT without user data begins no TSDU, so no time counts for it.
      this.#deadline = undefined;
    }
  }

  /** Any other TPDU: decoded, judged and put to the table. `false` stops the splitting. */
  #tpdu(octets: Uint8Array): boolean {
    this.#work += COSTLY_TPDU;
    if (isDeaf(this.#state)) {
      return false;
    }
    const occurrence = judge(octets, this.#state, {
      options: this.#options,
      offer: this.#offer,
      maxTpduSize: this.#maxTpduSize,
      unfinished: this.#reassembly.length,
    });
    const isKept = TRANSITIONS[this.#state][occurrence.event].action === 'keep data';
    if (this.#observer?.isWatching && !isKept) {
      this.#observer.see('received', octets);
    }
    this.#step(occurrence);
    // The user may decide at once, before the next TPDU is looked at.
    return !isDeaf(this.#state) && this.#state !== 'WFTRESP';
  }

  get #isWithinTsdu(): boolean {
    return this.#reassembly.begun || !this.#splitter.atBoundary;
  }

  #afterOctets(): void {
    if (isDeaf(this.#state)) {
      // What is left of the chunk has no one to go to.
      this.#splitter.clear();
    } else if (takesData(this.#state)) {
      this.#reassembly.endChunk();
      this.#timeTsdu();
    }
  }

  /** What the peer has begun has its time; between two TSDUs none runs. */
  #timeTsdu(): void {
    this.#deadline = this.#isWithinTsdu
      ? reassemblyDeadline(this.#deadline, this.#now, this.#options.reassemblyTimeout)
      : undefined;
  }

  /**
   * One event: looks up what it does in this state, does it and goes to the next state. A procedure
   * that throws, for a command whose value cannot be sent, leaves the state as it was.
   */
  #step(occurrence: Occurrence): void {
    const from = this.#state;
    const { action, next } = TRANSITIONS[from][occurrence.event];
    this.#remoteRef = occurrence.remoteRef ?? this.#remoteRef;
    Class0Connection.#PROCEDURES[action](this, occurrence, from);
    this.#state = next;
    if (next === 'CLOSED') {
      this.#deadline = undefined;
      this.#forgetReceived();
    }
  }

  /** The procedure of each action, with the state that it began in. None of them steps again. */
  static readonly #PROCEDURES: Readonly<
    Record<Action, (connection: Class0Connection, occurrence: Occurrence, from: State) => void>
  > = {
    ignore: () => {},
    drop: (c) => c.#destroy(),
    'reject user': (_c, _occurrence, from) => {
      throw notPossible(from);
    },
    'send CR': (c) => {
      if (c.#offer !== undefined) {
        c.#sendTpdu(encode(c.#offer));
      }
    },
    'confirm connect': (c, { tpdu, maxTpduSize }) => {
      if (tpdu?.type === 'CC' && maxTpduSize !== undefined) {
        c.#open(maxTpduSize, tpdu);
      }
    },
    refused: (c, { tpdu, octets = NO_OCTETS }) => {
      if (tpdu?.type === 'DR') {
        c.#indicateEnd(refusedByDr(tpdu, octets), false);
      } else if (tpdu?.type === 'ER') {
        c.#indicateEnd(refusedByEr(tpdu, octets), false);
      }
      c.#destroy();
    },
    'indicate connect': (c, { tpdu }) => {
      if (tpdu?.type === 'CR') {
        c.#request = tpdu;
        c.#deadline = c.#now + c.#options.handshakeTimeout;
        // A DT behind the CR may be as long as any; it waits for the decision, and few of them do.
        c.#splitter.maxLength = MAX_TPKT_LENGTH;
        c.#output.push({ type: 'connectIndication', request: tpdu });
      }
    },
    'send CC': (c, { acceptance = {} }) => {
      if (c.#request !== undefined) {
        c.#accept(c.#request, acceptance);
      }
    },
    'refuse by DR': (c, occurrence, from) => {
      const { reason = NOT_SPECIFIED, error = refusedByUs(from, reason) } = occurrence;
      c.#sendTpdu(refusal(c.#remoteRef, reason));
      c.#indicateEnd(failureOf({ ...occurrence, error }, from), false);
      c.#release();
    },
    'refuse by ER': (c, occurrence, from) => c.#failWithEr(occurrence, from),
    // Done by `send` where it is allowed.
    'send data': () => {},
    'take data': (c, { tpdu }) => {
      if (tpdu?.type === 'DT') {
        c.#takeData(tpdu.userData, tpdu.eot);
      }
    },
    'keep data': (c) => {
      c.#splitter.unread();
      c.#hasEarlyData = true;
    },
    'end sending': (c) => {
      c.#streamRequest = 'end';
    },
    'indicate end': (c, _occurrence, from) => {
      c.#deadline = undefined;
      c.#output.push({ type: 'end' });
      if (from === 'FIN_SENT') {
        c.#release();
      }
    },
    'indicate disconnect': (c, { tpdu, octets = NO_OCTETS }, from) => {
      if (tpdu !== undefined) {
        c.#indicateEnd(endedByPeer(from, tpdu, octets), !c.#options.strict);
      }
      c.#release();
    },
    fail: (c, occurrence, from) => {
      c.#indicateEnd(failureOf(occurrence, from, c.#offer), false);
      c.#destroy();
    },
    'fail by reset': (c, occurrence, from) => {
      c.#indicateEnd(failureOf(occurrence, from), false);
      c.#streamRequest = 'reset';
    },
    'fail with ER': (c, occurrence, from) => c.#failWithEr(occurrence, from),
    release: (c) => c.#release(),
  };

  #accept(request: ConnectionRequest, acceptance: Class0Acceptance): void {
    const { octets, maxTpduSize } = connectionConfirm(request, acceptance, this.#options);
    if (acceptance.maxTsduSize !== undefined) {
      const limits = { ...this.#options, maxTsduSize: acceptance.maxTsduSize };
      this.#reassembly = new Reassembly(limits, limits.allocate, limits.view);
    }
    this.#sendTpdu(octets);
    this.#open(maxTpduSize);
  }

  #open(maxTpduSize: number, confirm?: ConnectionConfirm & Decoded): void {
    const agreement = agreementOn(maxTpduSize, this.#remoteRef, this.#options);
    this.#maxTpduSize = maxTpduSize;
    this.#maxSentTpdu = agreement.maxTpduSize;
    this.#maxPlainDt = this.#options.strict ? maxTpduSize : MAX_TPKT_LENGTH;
    this.#minPlainDt = this.#options.strict ? DT_HEADER_LENGTH + 1 : DT_HEADER_LENGTH;
    this.#splitter.maxLength = MAX_TPKT_LENGTH;
    // The peer of a responder may have begun a packet while the user decided: its time runs from now.
    this.#deadline = undefined;
    this.#timeTsdu();
    this.#offer = undefined;
    this.#request = undefined;
    this.#hasEarlyData = false;
    this.#output.push(
      confirm === undefined ? { type: 'open', agreement } : { type: 'open', agreement, confirm },
    );
  }

  /** A DT that the plain path left to the codec. */
  #takeData(userData: Uint8Array, eot: boolean): void {
    this.#deliver(this.#reassembly.add(new OctetSource(userData), 0, userData.length, eot));
  }

  /** X.224 6.22.3: the ER quotes what is at fault. */
  #failWithEr(occurrence: Occurrence, from: State): void {
    const error = failureOf(occurrence, from);
    const { octets = NO_OCTETS } = occurrence;
    if (error instanceof ProtocolError) {
      this.#sendTpdu(erFor(error, octets, this.#remoteRef, this.#maxTpduSize || undefined));
    }
    this.#indicateEnd(error, false);
    this.#release();
  }

  /** T-DISCONNECT indication. */
  #indicateEnd(error: CotpError, orderly: boolean): void {
    this.#output.push({ type: 'disconnect', error, orderly });
  }

  #sendTpdu(tpdu: Uint8Array): void {
    if (this.#observer?.isWatching) {
      this.#observer.see('sent', tpdu);
    }
    this.outbox.packet([], tpdu);
  }

  /** Orderly: the octets that wait go out, then FIN; not for ever. */
  #release(): void {
    this.#streamRequest = 'end';
    this.#deadline = this.#now + this.#options.closeTimeout;
    this.#forgetReceived();
  }

  #destroy(): void {
    this.#streamRequest = 'destroy';
  }

  #forgetReceived(): void {
    this.#splitter.clear();
    this.#reassembly.clear();
  }
}
