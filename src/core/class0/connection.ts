/**
 * The class 0 connection: joins framing, codec, negotiation and reassembly by the transition table.
 * Octets and commands in, octets and events out; nothing else in this folder holds state. It knows
 * no socket and no clock.
 */
import type { Agreement, Engine, EngineEvent, StreamRequest } from '../engine.js';
import { type CotpError, inPhase, ProtocolError, TsduTooLargeError } from '../errors.js';
import { confirm } from '../negotiation/confirm.js';
import { type LocalCapabilities, respond } from '../negotiation/respond.js';
import type { Allocate, OctetCollector } from '../octet-collector.js';
import { NO_OCTETS, readUint } from '../octets.js';
import { Outbox } from '../outbox.js';
import { decode } from '../tpdu/decode.js';
import { encode } from '../tpdu/encode.js';
import { erFor } from '../tpdu/er.js';
import type {
  ConnectionConfirm,
  ConnectionRequest,
  Decoded,
  Parameters,
  Tpdu,
} from '../tpdu/types.js';
import { MAX_TPKT_LENGTH, TPKT_HEADER_LENGTH } from '../tpkt/header.js';
import { type PacketReceiver, TpktSplitter } from '../tpkt/splitter.js';
import {
  DT_EOT,
  DT_HEADER_LENGTH,
  NOT_PLAIN_DT,
  readDtHeader,
  type TpduObserver,
  writeTsdu,
} from './data.js';
import {
  endedByPeer,
  endedWithinTsdu,
  PHASES,
  notPossible,
  refusedByDr,
  refusedByEr,
  refusedByUs,
  streamEnded,
  timedOut,
  unexpected,
} from './failures.js';
import { Reassembly, type TsduLimits } from './reassembly.js';
import { type Action, type Event, type State, TRANSITIONS } from './transitions.js';

/** What both roles need. Times are in milliseconds. */
export interface Class0Options extends TsduLimits {
  readonly allocate: Allocate;
  /** Our reference, 1 to 65535, unique among the open connections of this process. */
  readonly localRef: number;
  /** The peer as error messages name it. */
  readonly peer: string;
  /** Refuse what a tolerant reading lets pass. */
  readonly strict: boolean;
  /** Largest TPDU that this side takes, in octets. */
  readonly maxTpduSize: number;
  /** Initiator: TCP, TLS and CC together. Responder: TLS and CR; then again for the user's answer. */
  readonly handshakeTimeout: number;
  /** A TPKT or TSDU begun, from its first octet; 0 for none. */
  readonly reassemblyTimeout: number;
  /** From the wish to close to the end of TCP. */
  readonly closeTimeout: number;
  /** Sees every TPDU. Absent when nobody looks, so that looking costs nothing. */
  readonly onTpdu?: TpduObserver | undefined;
}

/** The CR of an initiator: everything that is not fixed in class 0. */
export interface Class0Request {
  readonly parameters: Pick<
    Parameters,
    'callingTsel' | 'calledTsel' | 'tpduSize' | 'preferredMaxTpduSize'
  >;
  readonly userData: Uint8Array;
}

/** A responder's yes: all of it may be left out. */
export interface Class0Acceptance {
  /** A lower limit than the option's, in octets. */
  readonly maxTpduSize?: number | undefined;
  readonly maxTsduSize?: number | undefined;
  readonly userData?: Uint8Array | undefined;
}

/** Longest packet before the connection is open: any CR, CC, DR or ER fits (X.224 13.3 to 13.12). */
const MAX_CONTROL_TPKT_LENGTH = TPKT_HEADER_LENGTH + 255 + 64;

/** DR reasons that class 0 may send (X.224 13.5.3), and one for an invalid CR of another class. */
const REASON_NOT_SPECIFIED = 0;
const REASON_PROTOCOL_ERROR = 133;

/** What comes with an event; which of it is there depends on the event. */
interface Input {
  readonly tpdu?: Tpdu;
  readonly octets?: Uint8Array;
  readonly error?: CotpError;
  readonly cause?: Error | undefined;
  readonly reason?: number;
  readonly acceptance?: Class0Acceptance;
}

const NO_INPUT: Input = {};

/**
 * One class 0 connection in either role.
 *
 * Order of use: `receive*`, `streamClosed`, `handleDeadline` or a command; then `takeEvents`, write
 * what `outbox` holds, heed `streamRequest` and `deadline`. A peer's fault is never thrown; it comes
 * out as the last event.
 */
export class Class0Connection implements Engine, PacketReceiver {
  readonly outbox: Outbox;
  readonly #options: Class0Options;
  readonly #splitter: TpktSplitter;
  #reassembly: Reassembly;
  #state: State;
  #events: EngineEvent[] = [];
  #streamRequest: StreamRequest = 'none';
  #deadline: number | undefined;
  #now: number;
  /** What the initiator sent, or what the responder received. */
  #request: ConnectionRequest | undefined;
  #remoteRef = 0;
  /** Size in force, and what we send: when no size was stated the two may differ. */
  #maxTpduSize = 0;
  #maxSentTpdu = 0;
  /** Longest plain DT taken without asking the codec. */
  #maxPlainDt = 0;
  /** Counts the points at which no TSDU was begun, for the deadline of the one that is. */
  #boundaries = 0;
  #boundariesAtDeadline = -1;

  private constructor(options: Class0Options, state: State, now: number) {
    this.#options = options;
    this.#state = state;
    this.#now = now;
    this.#deadline = now + options.handshakeTimeout;
    this.outbox = new Outbox(options.allocate);
    this.#reassembly = new Reassembly(options, options.allocate);
    this.#splitter = new TpktSplitter(this);
    this.#splitter.maxLength = MAX_CONTROL_TPKT_LENGTH;
  }

  /** A connection that will send a CR once {@link streamConnected} says that TCP stands. */
  static initiator(options: Class0Options, request: Class0Request, now: number): Class0Connection {
    const connection = new Class0Connection(options, 'WFNC', now);
    connection.#request = {
      type: 'CR',
      cdt: 0,
      dstRef: 0,
      srcRef: options.localRef,
      class: 0,
      options: 0,
      unknownParameters: [],
      ...request,
    };
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

  /** N-CONNECT confirm: TCP, and TLS if any, stands. */
  streamConnected(now: number): void {
    this.#now = now;
    this.#step('N-CONNECT confirm');
  }

  receive(chunk: Uint8Array, now: number): void {
    this.#now = now;
    if (this.#isDeaf) {
      return;
    }
    try {
      this.#splitter.push(chunk);
    } catch (error) {
      this.#fault(error);
    }
    this.#watchReassembly();
  }

  resume(now: number): boolean {
    this.#now = now;
    if (this.#isDeaf) {
      return false;
    }
    let more = true;
    try {
      more = this.#splitter.resume();
    } catch (error) {
      this.#fault(error);
    }
    this.#watchReassembly();
    return more;
  }

  receiveEnd(now: number): void {
    this.#now = now;
    if (this.#isReceiving && !this.#atBoundary) {
      const error = endedWithinTsdu(this.#reassembly.length);
      this.#step('N-RELEASE within a TSDU', { error });
    } else {
      this.#step('N-RELEASE indication');
    }
  }

  streamClosed(cause: Error | undefined, now: number): void {
    this.#now = now;
    this.#step('N-DISCONNECT indication', { cause });
  }

  handleDeadline(now: number): void {
    if (this.#deadline !== undefined && now >= this.#deadline) {
      this.#now = now;
      this.#deadline = undefined;
      const error = timedOut(this.#state, this.#timeout, this.#options.peer);
      this.#step('timer', { error });
    }
  }

  /** T-CONNECT response: answers `connectIndication` with a CC. */
  accept(acceptance: Class0Acceptance, now: number): void {
    this.#now = now;
    this.#step('T-CONNECT response', { acceptance });
  }

  /** Answers `connectIndication` with a DR of that reason, 0 to 3 in class 0 (X.224 13.5.3). */
  refuse(reason: number, now: number): void {
    this.#now = now;
    this.#step('T-CONNECT refusal', { reason, error: refusedByUs(this.#state, reason) });
  }

  /**
   * T-DATA request: queues one TSDU of at least one octet. The octets must not change until they
   * have been sent.
   */
  send(tsdu: Uint8Array): void {
    if (this.#state !== 'OPEN' && this.#state !== 'FIN_RECEIVED') {
      this.#step('T-DATA request');
      return;
    }
    writeTsdu(this.outbox, tsdu, this.#maxSentTpdu, this.#options.onTpdu);
  }

  endOfData(now: number): void {
    this.#now = now;
    this.#step('end of data request');
  }

  disconnect(now: number): void {
    this.#now = now;
    this.#step('T-DISCONNECT request');
  }

  takeEvents(): readonly EngineEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** A TPDU that lies whole in a chunk: the hot path, without codec and table. */
  packet(chunk: Uint8Array, start: number, end: number): boolean {
    const kind = readDtHeader(chunk[start], chunk[start + 1], chunk[start + 2]);
    if (kind === NOT_PLAIN_DT || !this.#takesPlainDt(end - start)) {
      return this.#tpdu(chunk.subarray(start, end));
    }
    this.#options.onTpdu?.('received', chunk.subarray(start, end));
    this.#deliver(this.#reassembly.add(chunk, start + DT_HEADER_LENGTH, end, kind === DT_EOT));
    return true;
  }

  /** The same for a TPDU cut by TCP: its user data stays in pieces until the TSDU is joined. */
  packetInPieces(pieces: OctetCollector): boolean {
    const at = TPKT_HEADER_LENGTH;
    const kind = readDtHeader(pieces.at(at), pieces.at(at + 1), pieces.at(at + 2));
    const plain = kind !== NOT_PLAIN_DT && this.#takesPlainDt(pieces.length - at);
    if (!plain || this.#options.onTpdu !== undefined) {
      return this.#tpdu(pieces.take(this.#options.allocate, at));
    }
    const tsdu = this.#reassembly.addPieces(
      pieces.pieces(),
      at + DT_HEADER_LENGTH,
      kind === DT_EOT,
    );
    this.#deliver(tsdu);
    return true;
  }

  /** Only on an open connection, with user data, and no longer than strictness allows. */
  #takesPlainDt(length: number): boolean {
    return this.#isReceiving && length > DT_HEADER_LENGTH && length <= this.#maxPlainDt;
  }

  #deliver(tsdu: Uint8Array | undefined): void {
    if (tsdu !== undefined) {
      this.#boundaries += 1;
      this.#events.push({ type: 'data', message: tsdu });
    }
  }

  /** Any other TPDU: decoded, judged and put to the table. `false` stops the splitting. */
  #tpdu(octets: Uint8Array): boolean {
    if (this.#isDeaf) {
      return false;
    }
    this.#options.onTpdu?.('received', octets);
    switch (this.#state) {
      case 'WFCR':
        this.#judgeFirst(octets);
        break;
      case 'WFCC':
        this.#judgeAnswer(octets);
        break;
      default:
        this.#judge(octets);
    }
    return !this.#isDeaf && this.#state !== 'WFTRESP';
  }

  /** DT may come. */
  get #isReceiving(): boolean {
    return this.#state === 'OPEN' || this.#state === 'FIN_SENT';
  }

  /** Octets that come now have no one to go to. */
  get #isDeaf(): boolean {
    return this.#state === 'ENDING' || this.#state === 'CLOSED';
  }

  /** The first TPDU of an initiator: a CR, acceptable or not, or a fault. */
  #judgeFirst(octets: Uint8Array): void {
    let tpdu: Tpdu;
    try {
      tpdu = decode(octets, { strict: this.#options.strict });
      if (tpdu.type === 'CR') {
        this.#request = tpdu;
        this.#remoteRef = tpdu.srcRef;
        const response = respond(tpdu, this.#capabilities(tpdu));
        if (response.type === 'refuse') {
          const { reason } = response;
          this.#step('CR unacceptable', { octets, reason, error: refusedByUs('WFCR', reason) });
        } else {
          this.#step('CR', { tpdu, octets });
        }
        return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      this.#invalidFirst(octets, error);
      return;
    }
    this.#step(tpduEvent(tpdu), { tpdu, octets });
  }

  /**
   * X.224 6.6 leaves the answer to an invalid CR open: ER if it prefers class 0, DR otherwise, and
   * none if its SRC-REF cannot be read.
   */
  #invalidFirst(octets: Uint8Array, error: ProtocolError): void {
    const isRequest = octets.length >= 7 && ((octets[1] ?? 0) & 0xf0) === 0xe0;
    if (!isRequest) {
      this.#step('undecodable', { octets, error });
      return;
    }
    this.#remoteRef = readUint(octets, 4, 2);
    if (((octets[6] ?? 0) & 0xf0) === 0) {
      this.#step('CR invalid', { octets, error });
    } else {
      this.#step('CR unacceptable', { octets, error, reason: REASON_PROTOCOL_ERROR });
    }
  }

  /** What answers our CR. */
  #judgeAnswer(octets: Uint8Array): void {
    const tpdu = this.#decoded(octets);
    if (tpdu?.type !== 'CC' || this.#request === undefined) {
      if (tpdu !== undefined) {
        this.#step(tpduEvent(tpdu), { tpdu, octets });
      }
      return;
    }
    try {
      const { maxTpduSize } = confirm(this.#request, tpdu, {
        strict: this.#options.strict,
        octets,
      });
      this.#remoteRef = tpdu.srcRef;
      this.#maxTpduSize = maxTpduSize;
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      this.#step('CC unacceptable', { tpdu, octets, error });
      return;
    }
    this.#step('CC', { tpdu, octets });
  }

  #judge(octets: Uint8Array): void {
    const tpdu = this.#decoded(octets);
    if (tpdu !== undefined) {
      this.#step(tpduEvent(tpdu), { tpdu, octets });
    }
  }

  #decoded(octets: Uint8Array): Tpdu | undefined {
    const { strict } = this.#options;
    const open = this.#isReceiving;
    try {
      return decode(
        octets,
        open ? { strict, class: 0, maxTpduSize: this.#maxTpduSize } : { strict },
      );
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      this.#step('undecodable', { octets, error });
      return undefined;
    }
  }

  /** What the splitter or the reassembly threw while it took in octets. */
  #fault(error: unknown): void {
    if (error instanceof TsduTooLargeError) {
      this.#step('limit', { error });
    } else if (error instanceof ProtocolError) {
      this.#step('bad TPKT', { error });
    } else {
      throw error;
    }
  }

  /** A deadline from the first octet of a TPKT or TSDU on, not moved by those that follow. */
  #watchReassembly(): void {
    if (this.#isDeaf) {
      // What is left of the chunk has no one to go to.
      this.#splitter.clear();
    }
    if (!this.#isReceiving) {
      return;
    }
    if (this.#options.reassemblyTimeout === 0 || this.#atBoundary) {
      this.#deadline = undefined;
    } else if (this.#deadline === undefined || this.#boundaries !== this.#boundariesAtDeadline) {
      this.#deadline = this.#now + this.#options.reassemblyTimeout;
      this.#boundariesAtDeadline = this.#boundaries;
    }
  }

  get #atBoundary(): boolean {
    return this.#splitter.atBoundary && !this.#reassembly.begun;
  }

  #capabilities(
    request: ConnectionRequest,
    maxTpduSize = this.#options.maxTpduSize,
  ): LocalCapabilities {
    return {
      classes: [0],
      maxTpduSize,
      // 0xF0 is understood always, and answered when it gains something.
      usePreferredMaxTpduSize:
        request.parameters.preferredMaxTpduSize !== undefined && maxTpduSize > 2048,
      strict: this.#options.strict,
    };
  }

  /** One event: looks up what it does in this state, goes to the next one and does it. */
  #step(event: Event, input: Input = NO_INPUT): void {
    const from = this.#state;
    const { action, next } = TRANSITIONS[from][event];
    this.#state = next;
    try {
      Class0Connection.#PROCEDURES[action](this, input, from);
    } catch (error) {
      // A command with a value that cannot be sent changes nothing.
      this.#state = from;
      throw error;
    }
    if (next === 'CLOSED') {
      this.#deadline = undefined;
      this.#splitter.clear();
      this.#reassembly.clear();
    }
  }

  /** The procedure of each action, with the state that it began in. */
  static readonly #PROCEDURES: Readonly<
    Record<Action, (connection: Class0Connection, input: Input, from: State) => void>
  > = {
    ignore: () => {},
    drop: (c) => c.#destroy(),
    'reject user': (_c, _input, from) => {
      throw notPossible(from);
    },
    'send CR': (c) => {
      if (c.#request !== undefined) {
        c.#sendTpdu(encode(c.#request));
      }
    },
    'confirm connect': (c, { tpdu }) => c.#open(tpdu?.type === 'CC' ? tpdu : undefined),
    refused: (c, { tpdu, octets = NO_OCTETS }) => {
      if (tpdu?.type === 'DR') {
        c.#end(refusedByDr(tpdu, octets), false);
      } else if (tpdu?.type === 'ER') {
        c.#end(refusedByEr(tpdu, octets), false);
      }
      c.#destroy();
    },
    'indicate connect': (c, { tpdu }) => {
      if (tpdu?.type === 'CR') {
        c.#deadline = c.#now + c.#options.handshakeTimeout;
        c.#events.push({ type: 'connectIndication', request: tpdu });
      }
    },
    'send CC': (c, { acceptance = {} }) => c.#confirmRequest(acceptance),
    'refuse by DR': (c, input, from) => {
      c.#sendTpdu(
        encode({
          type: 'DR',
          dstRef: c.#remoteRef,
          srcRef: 0,
          reason: input.reason ?? REASON_NOT_SPECIFIED,
        }),
      );
      c.#end(c.#failure(input, from), false);
      c.#release();
    },
    'refuse by ER': (c, input, from) => c.#failWithEr(input, from),
    'send data': () => {},
    'take data': (c, { tpdu, octets = NO_OCTETS }) => {
      if (tpdu?.type === 'DT') {
        c.#takeData(tpdu.userData, tpdu.eot, octets);
      }
    },
    'end sending': (c) => {
      c.#streamRequest = 'end';
    },
    'indicate end': (c, _input, from) => {
      c.#deadline = undefined;
      c.#events.push({ type: 'end' });
      if (from === 'FIN_SENT') {
        c.#release();
      }
    },
    'indicate disconnect': (c, { tpdu, octets = NO_OCTETS }, from) => {
      // X.224 6.7.4 knows no DR in class 0, but peers send one before they close TCP: a good end.
      if (tpdu !== undefined) {
        const dropped = c.#reassembly.length;
        const orderly = !c.#options.strict && dropped === 0;
        c.#end(endedByPeer(from, tpdu, octets, dropped), orderly);
      }
      c.#release();
    },
    fail: (c, input, from) => {
      c.#end(c.#failure(input, from), false);
      c.#destroy();
    },
    'fail with ER': (c, input, from) => c.#failWithEr(input, from),
    release: (c) => c.#release(),
  };

  #open(confirm: (ConnectionConfirm & Decoded) | undefined): void {
    this.#splitter.maxLength = MAX_TPKT_LENGTH;
    this.#maxPlainDt = this.#options.strict ? this.#maxTpduSize : MAX_TPKT_LENGTH;
    this.#maxSentTpdu = Math.min(this.#maxTpduSize, this.#options.maxTpduSize);
    this.#deadline = undefined;
    const agreement: Agreement = {
      tpClass: 0,
      maxTpduSize: this.#maxSentTpdu,
      localRef: this.#options.localRef,
      remoteRef: this.#remoteRef,
    };
    this.#events.push(
      confirm === undefined ? { type: 'open', agreement } : { type: 'open', agreement, confirm },
    );
  }

  /** The CC: both selectors as they came, and always the size (RFC 2126 §6.4). */
  #confirmRequest(acceptance: Class0Acceptance): void {
    const request = this.#request;
    if (request === undefined) {
      return;
    }
    const { callingTsel, calledTsel } = request.parameters;
    const limit = Math.min(
      this.#options.maxTpduSize,
      acceptance.maxTpduSize ?? this.#options.maxTpduSize,
    );
    const response = respond(request, this.#capabilities(request, limit));
    if (response.type === 'refuse') {
      return;
    }
    if (acceptance.maxTsduSize !== undefined) {
      const limits = { ...this.#options, maxTsduSize: acceptance.maxTsduSize };
      this.#reassembly = new Reassembly(limits, this.#options.allocate);
    }
    this.#maxTpduSize = response.maxTpduSize;
    this.#sendTpdu(
      encode({
        type: 'CC',
        dstRef: this.#remoteRef,
        srcRef: this.#options.localRef,
        parameters: {
          ...(callingTsel === undefined ? {} : { callingTsel }),
          ...(calledTsel === undefined ? {} : { calledTsel }),
          ...response.parameters,
        },
        userData: acceptance.userData ?? NO_OCTETS,
      }),
    );
    this.#open(undefined);
  }

  /** A DT that the plain path left to the codec. */
  #takeData(userData: Uint8Array, eot: boolean, octets: Uint8Array): void {
    if (userData.length === 0 && !this.#reassembly.begun) {
      // Some PLCs send it as a "fast acknowledge": it begins no TSDU, so no limit and no time
      // counts for it. Without EOT, strict decoding has refused it already.
      if (this.#options.strict) {
        this.#step('undecodable', { octets, error: new ProtocolError('empty-tsdu', octets, 3) });
      }
      return;
    }
    this.#deliver(this.#reassembly.add(userData, 0, userData.length, eot));
  }

  #failure(input: Input, state: State): CotpError {
    if (input.error !== undefined) {
      return inPhase(input.error, PHASES[state]);
    }
    const { tpdu, octets = NO_OCTETS } = input;
    if (tpdu === undefined) {
      return streamEnded(state, input.cause);
    }
    const isEnd = tpdu.type === 'DR' || tpdu.type === 'ER';
    return isEnd ? endedByPeer(state, tpdu, octets) : unexpected(state, tpdu, octets);
  }

  /** X.224 6.22.3; but an ER, even a malformed one, is never answered by an ER. */
  #failWithEr(input: Input, state: State): void {
    const error = this.#failure(input, state);
    const octets = input.octets ?? NO_OCTETS;
    const isEr = ((octets[1] ?? 0) & 0xf0) === 0x70;
    if (error instanceof ProtocolError && !isEr) {
      this.#sendTpdu(erFor(error, octets, this.#remoteRef, this.#maxTpduSize || undefined));
    }
    this.#end(error, false);
    this.#release();
  }

  /** The time that the current state allows. */
  get #timeout(): number {
    const { handshakeTimeout, reassemblyTimeout, closeTimeout } = this.#options;
    if (this.#isReceiving) {
      return reassemblyTimeout;
    }
    return this.#state === 'ENDING' ? closeTimeout : handshakeTimeout;
  }

  #end(error: CotpError, orderly: boolean): void {
    this.#events.push({ type: 'disconnect', error, orderly });
  }

  #sendTpdu(tpdu: Uint8Array): void {
    this.#options.onTpdu?.('sent', tpdu);
    this.outbox.packet([], tpdu, 0, tpdu.length);
  }

  /** Orderly: the octets that wait go out, then FIN; not for ever. */
  #release(): void {
    this.#streamRequest = 'end';
    this.#deadline = this.#now + this.#options.closeTimeout;
    this.#splitter.clear();
    this.#reassembly.clear();
  }

  #destroy(): void {
    this.#streamRequest = 'destroy';
  }
}

/** The event that a decoded TPDU is to the table. */
function tpduEvent(tpdu: Tpdu): Event {
  switch (tpdu.type) {
    case 'CR':
    case 'CC':
    case 'DR':
    case 'DT':
    case 'ER':
      return tpdu.type;
    default:
      return 'other TPDU';
  }
}
