/**
 * One connection without a socket that is given octets as a driver gives them, and what must hold of every class:
 * events end with one typed error, answers are whole packets, and each wait has a deadline.
 */
import type { TransportEngine } from '../../dist/core/connection/transport-engine.js';
import { SendPool } from '../../dist/core/data-transfer/send-pool.js';
import type { EngineEvent, Message } from '../../dist/core/engine.js';
import { CotpError } from '../../dist/core/errors.js';
import { allocateZeroed, plainView } from '../../dist/core/octets/collector.js';
import { formatChunks, join } from './octets.js';
import { must } from './target.js';
import { expectedPackets } from './targets/splitter.js';

/** The timeouts of every connection, in milliseconds. */
const TIMES = {
  handshakeTimeout: 10_000,
  reassemblyTimeout: 60_000,
  closeTimeout: 5_000,
  writeTimeout: 20_000,
};
const LONGEST = Math.max(...Object.values(TIMES));

/** Octets of memory that a connection may keep beside what it has received: views and blocks of its own. */
const MOST_PINNED_MORE = 65_536;

export type Acceptance = Parameters<TransportEngine['accept']>[0];

/** What the responder does with a CR. */
export type Decision = Acceptance | 'refuse' | 'late' | 'never';

/** The options of a connection under test. */
export function baseOptions(strict: boolean, localRef: number) {
  return {
    allocate: allocateZeroed,
    view: plainView,
    sendPool: new SendPool(allocateZeroed),
    localRef,
    peer: 'peer:102',
    strict,
    maxTpduSize: 2048,
    maxTsduSize: 10_000,
    maxTsduSegments: 100,
    ...TIMES,
  };
}

/** What must hold of the answers; it differs between classes. */
export interface AnswerRules {
  /** Most octets that a connection sends that has received so many. */
  readonly mostSent: (received: number) => number;
  /** Octets are about to be received. */
  onReceive(chunk: Uint8Array): void;
  /** The payload of a packet that was sent after the octets of `chunk`. */
  onSent(payload: Uint8Array, chunk: Uint8Array): void;
}

/** One connection and the octets that it receives. */
export class Trial {
  readonly #connection: TransportEngine;
  readonly #decision: Decision;
  readonly #rules: AnswerRules;
  readonly #told: string[] = [];
  readonly #answered: string[] = [];
  #now = 10;
  #sent = 0;
  #received = 0;
  #delivered = 0;
  #isOver = false;
  /** The chunk that is being processed. */
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(connection: TransportEngine, decision: Decision, rules: AnswerRules) {
    this.#connection = connection;
    this.#decision = decision;
    this.#rules = rules;
    // Discards the output that was created before this phase.
    this.#take(() => {});
    this.#isOver = connection.state === 'CLOSED';
  }

  /** Runs an input and returns all that can be observed from outside, as text. */
  run(chunks: readonly Uint8Array[]): string {
    const connection = this.#connection;
    for (const chunk of chunks) {
      this.#received += chunk.length;
      this.#chunk = chunk;
      this.#rules.onReceive(chunk);
      connection.receive(chunk, this.#now);
      this.#settle();
      this.#now += 1;
    }
    if (this.#decision === 'late' && connection.state === 'WFTRESP') {
      this.#chunk = new Uint8Array(0);
      connection.accept({}, this.#now);
      this.#settle();
    }
    this.#told.push(connection.state);
    this.#end();
    return [...this.#told, 'sent', ...this.#answered].join(' ');
  }

  /** Every state must handle a passed deadline, the FIN of the peer and the end of TCP. */
  #end(): void {
    const connection = this.#connection;
    if (this.#received % 3 === 0 && connection.deadline !== undefined) {
      this.#now = connection.deadline;
      connection.handleDeadline(this.#now);
      this.#settle();
    }
    connection.receiveEnd(this.#now);
    this.#settle();
    connection.streamClosed(undefined, this.#now);
    this.#settle();
    must(
      connection.state === 'CLOSED',
      () => `the state is ${connection.state} after the end of TCP`,
    );
    must(connection.deadline === undefined, 'a closed connection has a deadline');
    const { unsent = 0 } = connection.disconnection ?? {};
    must(Number.isInteger(unsent) && unsent >= 0, () => `${unsent} octets are unsent`);
  }

  #take(use: (output: EngineEvent | Message) => void): void {
    const connection = this.#connection;
    for (let output = connection.next(); output; output = connection.next()) {
      use(output);
    }
  }

  #settle(): void {
    const connection = this.#connection;
    let rounds = 0;
    do {
      this.#take((output) => this.#output(output));
      rounds += 1;
      must(rounds < 100_000, 'resume never returns false');
    } while (connection.resume(this.#now));
    this.#take((output) => this.#output(output));
    this.#send();
    const { deadline, pinned } = connection;
    if (deadline !== undefined && deadline <= this.#now) {
      // It asks to be called at once.
      connection.handleDeadline(this.#now);
      this.#take((output) => this.#output(output));
    }
    must(pinned <= this.#received + MOST_PINNED_MORE, () => `it keeps ${pinned} octets`);
    this.#judgeDeadline();
  }

  #send(): void {
    const { sendBuffer } = this.#connection;
    const pieces: Uint8Array[] = [];
    for (let piece = sendBuffer.shift(); piece; piece = sendBuffer.shift()) {
      pieces.push(piece);
    }
    const held = sendBuffer.length;
    must(held === 0 || sendBuffer.isAckDue, () => `${held} octets are held back, and no EA is due`);
    this.#answers(join(...pieces));
  }

  #output(output: EngineEvent | Message): void {
    if (output instanceof Uint8Array) {
      this.#message('data', output);
    } else {
      this.#event(output);
    }
  }

  #message(what: string, message: Message): void {
    must(!this.#isOver, () => `${what} after the last event`);
    must(message.length > 0, () => `empty ${what} was delivered`);
    this.#told.push(what, formatChunks([message]));
    this.#delivered += message.length;
    must(this.#delivered <= this.#received + 1, 'more octets were delivered than were received');
  }

  #event(event: EngineEvent): void {
    must(!this.#isOver, () => `${event.type} after the last event`);
    switch (event.type) {
      case 'connectIndication':
        this.#told.push(event.type);
        this.#decide(this.#connection.proposal(event.request).tpClasses);
        break;
      case 'open': {
        this.#told.push(event.type);
        const { maxTpduSize } = event.agreement;
        must(maxTpduSize >= 128 && maxTpduSize <= 2048, () => `size ${maxTpduSize} was agreed on`);
        break;
      }
      case 'expedited':
        must(event.data.length <= 16, () => `expedited data of ${event.data.length} octets`);
        this.#message('expedited', event.data);
        break;
      case 'disconnect': {
        const { error } = event;
        this.#isOver = true;
        must(error instanceof CotpError, () => `it ended by ${String(error)}`);
        must((error.octets?.length ?? 0) <= 64, 'an error has more than 64 octets');
        this.#told.push(event.type, error.code, String(event.orderly));
        break;
      }
      default:
        this.#told.push(event.type);
    }
  }

  #decide(tpClasses: readonly (0 | 2)[]): void {
    const decision = this.#decision;
    if (decision === 'refuse') {
      this.#connection.refuse(1, this.#now);
    } else if (typeof decision === 'object') {
      const isPossible = decision.tpClass === undefined || tpClasses.includes(decision.tpClass);
      this.#connection.accept(isPossible ? decision : {}, this.#now);
    }
  }

  /** Checks what the connection sends: complete packets, and not too many octets. */
  #answers(octets: Uint8Array): void {
    if (octets.length === 0) {
      return;
    }
    this.#sent += octets.length;
    const most = this.#rules.mostSent(this.#received);
    must(this.#sent <= most, () => `it sends ${this.#sent} octets, more than ${most}`);
    const { payloads, fault, rest } = expectedPackets(octets);
    must(
      fault === undefined && rest === octets.length,
      'it sends octets that are not complete packets',
    );
    for (const tpdu of payloads) {
      this.#answered.push(formatChunks([tpdu]));
      this.#rules.onSent(tpdu, this.#chunk);
    }
  }

  #judgeDeadline(): void {
    const { deadline, state } = this.#connection;
    if (deadline !== undefined) {
      must(Number.isFinite(deadline), () => `the deadline is ${deadline}`);
      must(deadline <= this.#now + LONGEST, () => `the deadline is ${deadline - this.#now} ahead`);
    }
    const waits = !['OPEN', 'FIN_SENT', 'FIN_RECEIVED', 'CLOSED'].includes(state);
    must(!waits || deadline !== undefined, () => `${state} without a deadline`);
  }
}
