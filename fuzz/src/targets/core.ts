/**
 * Target `core`: a connection engine without a socket receives any octets, in both roles and every phase.
 */
import { TransportConnection } from '../../../dist/core/connection/connection.js';
import type { EngineEvent, Message } from '../../../dist/core/engine.js';
import { CotpError } from '../../../dist/core/errors.js';
import { allocateZeroed } from '../../../dist/core/octets/collector.js';
import { plainView } from '../../../dist/core/octets/collector.js';
import { SendPool } from '../../../dist/core/data-transfer/send-buffer.js';
import { formatChunks, join, TPKT_HEADER_LENGTH } from '../octets.js';
import { must, type Target } from '../target.js';
import { expectedPackets } from './splitter.js';

/** The timeouts of every connection, in milliseconds. */
const TIMES = { handshakeTimeout: 10_000, reassemblyTimeout: 60_000, closeTimeout: 5_000 };
const LONGEST = Math.max(...Object.values(TIMES));

/** Most octets that a connection may send for one input: a CC and an ER or DR. */
const MOST_ANSWER = 600;

/** The reference and the CR of the initiator. The answers in the corpus have reference 1. */
const OUR_REFERENCE = 1;
const REQUEST = { parameters: { tpduSize: 1024 }, userData: new Uint8Array(0) };

const CC = Uint8Array.from(Buffer.from('0300000e09d00001443100c0010a', 'hex'));
const CR = Uint8Array.from(Buffer.from('0300001611e00000002e00c1020100c2020300c0010a', 'hex'));

type Acceptance = Parameters<TransportConnection['accept']>[0];

interface Options {
  readonly strict: boolean;
}

/** What the responder does with a CR. */
const DECISIONS: Readonly<Record<string, Acceptance | 'refuse' | 'late' | 'never'>> = {
  'accepts a CR': {},
  'accepts a CR with limits': { maxTpduSize: 128, maxTsduSize: 300 },
  'refuses a CR': 'refuse',
  'accepts a CR late': 'late',
  'never decides on a CR': 'never',
};

/** How to bring a connection into each phase, in each role. */
const PHASES: Readonly<Record<string, (options: Options) => TransportConnection>> = {
  'initiator before TCP': initiator,
  'initiator after its CR': (options) => {
    const connection = initiator(options);
    connection.streamConnected(1);
    return connection;
  },
  'open initiator': openInitiator,
  'initiator after its FIN': (options) => then(openInitiator(options), (c) => c.endOfData(3)),
  ...Object.fromEntries(
    Object.entries(DECISIONS).map(([name]) => [`responder that ${name}`, responder]),
  ),
  'open responder': openResponder,
  'responder in a TSDU': (options) =>
    then(openResponder(options), (c) => c.receive(Uint8Array.of(3, 0, 0, 8, 2, 0xf0, 0, 7), 3)),
  'responder after its FIN': (options) => then(openResponder(options), (c) => c.endOfData(3)),
  'responder after the FIN of the peer': (options) =>
    then(openResponder(options), (c) => c.receiveEnd(3)),
  'responder that ends': (options) => then(openResponder(options), (c) => c.disconnect(3)),
  'closed responder': (options) =>
    then(openResponder(options), (c) => c.streamClosed(undefined, 3)),
};

const MANNERS = ['tolerant', 'strict'];

function base({ strict }: Options) {
  return {
    allocate: allocateZeroed,
    view: plainView,
    sendPool: new SendPool(allocateZeroed),
    localRef: OUR_REFERENCE,
    peer: 'peer:102',
    strict,
    maxTpduSize: 2048,
    maxTsduSize: 10_000,
    maxTsduSegments: 100,
    ...TIMES,
  };
}

function initiator(options: Options): TransportConnection {
  return TransportConnection.initiator(base(options), REQUEST, 0);
}

function responder(options: Options): TransportConnection {
  return TransportConnection.responder(base(options), 0);
}

function openInitiator(options: Options): TransportConnection {
  const connection = initiator(options);
  connection.streamConnected(1);
  connection.receive(CC, 2);
  return connection;
}

function openResponder(options: Options): TransportConnection {
  const connection = responder(options);
  connection.receive(CR, 1);
  connection.accept({}, 2);
  return connection;
}

function then(
  connection: TransportConnection,
  act: (c: TransportConnection) => void,
): TransportConnection {
  act(connection);
  return connection;
}

export function coreTarget(): Target {
  return {
    name: 'core',
    takes: 'stream',
    scenarios: Object.keys(PHASES).flatMap((phase) =>
      MANNERS.map((manner) => `${phase}, ${manner}`),
    ),
    run: (scenario, chunks) => {
      const stream = join(...chunks);
      const whole = new Trial(scenario).run([stream]);
      for (const cut of [chunks, packetByPacket(stream)]) {
        const told = cut.length > 1 ? new Trial(scenario).run(cut) : whole;
        must(
          told === whole,
          () => `in several chunks it reports '${told}', in one chunk '${whole}'`,
        );
      }
    },
  };
}

/** One chunk for each packet, and one for the rest. */
function packetByPacket(stream: Uint8Array): readonly Uint8Array[] {
  const { payloads, rest } = expectedPackets(stream);
  let at = 0;
  const packets = payloads.map(({ length }) => {
    const start = at;
    at += length + TPKT_HEADER_LENGTH;
    return stream.subarray(start, at);
  });
  return rest < stream.length ? [...packets, stream.subarray(rest)] : packets;
}

/** One connection and the octets that it receives. */
class Trial {
  readonly #connection: TransportConnection;
  readonly #decision: Acceptance | 'refuse' | 'late' | 'never';
  readonly #told: string[] = [];
  readonly #answered: string[] = [];
  #now = 10;
  #sent = 0;
  #received = 0;
  #delivered = 0;
  #isOver = false;
  /** The chunk that is being processed. */
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(scenario: string) {
    const [phase = '', manner] = scenario.split(', ');
    const make = PHASES[phase];
    must(make !== undefined, `no scenario '${scenario}'`);
    this.#decision = DECISIONS[phase.replace(/^responder that /, '')] ?? {};
    this.#connection = make({ strict: manner === 'strict' });
    // Discards the output that was created before this phase.
    this.#take(() => {});
    this.#connection.sendBuffer.clear();
    this.#isOver = this.#connection.state === 'CLOSED';
  }

  /** Runs an input and returns all that can be observed from outside, as text. */
  run(chunks: readonly Uint8Array[]): string {
    const connection = this.#connection;
    for (const chunk of chunks) {
      this.#received += chunk.length;
      this.#chunk = chunk;
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
    // Every state must handle a passed deadline, the FIN of the peer and the end of TCP.
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
    return [...this.#told, 'sent', ...this.#answered].join(' ');
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
    const pieces: Uint8Array[] = [];
    for (let piece = connection.sendBuffer.shift(); piece; piece = connection.sendBuffer.shift()) {
      pieces.push(piece);
    }
    this.#answers(join(...pieces));
    this.#judgeDeadline();
  }

  #output(output: EngineEvent | Message): void {
    if (output instanceof Uint8Array) {
      this.#message(output);
    } else {
      this.#event(output);
    }
  }

  #message(message: Message): void {
    must(!this.#isOver, 'data after the last event');
    must(message.length > 0, 'an empty TSDU was delivered');
    this.#told.push('data', formatChunks([message]));
    this.#delivered += message.length;
    must(this.#delivered <= this.#received + 1, 'more octets were delivered than were received');
  }

  #event(event: EngineEvent): void {
    must(!this.#isOver, () => `${event.type} after the last event`);
    this.#told.push(event.type);
    switch (event.type) {
      case 'connectIndication':
        if (this.#decision === 'refuse') {
          this.#connection.refuse(1, this.#now);
        } else if (typeof this.#decision === 'object') {
          this.#connection.accept(this.#decision, this.#now);
        }
        break;
      case 'open': {
        const { maxTpduSize } = event.agreement;
        must(maxTpduSize >= 128 && maxTpduSize <= 2048, () => `size ${maxTpduSize} was agreed on`);
        break;
      }
      case 'disconnect': {
        const { error } = event;
        this.#isOver = true;
        must(error instanceof CotpError, () => `it ended by ${String(error)}`);
        must((error.octets?.length ?? 0) <= 64, 'an error has more than 64 octets');
        this.#told.push(error.code, String(event.orderly));
        break;
      }
      default:
    }
  }

  /** Checks what the connection sends: few octets, complete packets, and no ER for an ER. */
  #answers(octets: Uint8Array): void {
    if (octets.length === 0) {
      return;
    }
    this.#sent += octets.length;
    must(this.#sent <= MOST_ANSWER, () => `it sends ${this.#sent} octets`);
    const { payloads, fault, rest } = expectedPackets(octets);
    must(
      fault === undefined && rest === octets.length,
      'it sends octets that are not complete packets',
    );
    for (const tpdu of payloads) {
      this.#answered.push(formatChunks([tpdu]));
      must(!isEr(tpdu) || !isEr(quoted(tpdu)), 'an ER was answered by an ER');
      // If the chunk is exactly one packet, the answer belongs to that packet.
      const chunk = this.#chunk.subarray(TPKT_HEADER_LENGTH);
      const { payloads: asked } = expectedPackets(this.#chunk);
      const isAnswer = asked.length === 1 && asked[0]?.length === chunk.length;
      must(!isEr(tpdu) || !isAnswer || !isEr(chunk), 'an ER was sent after an ER');
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

function isEr(tpdu: Uint8Array): boolean {
  return ((tpdu[1] ?? 0) & 0xf0) === 0x70;
}

/** The TPDU that an ER quotes: the value of its parameter 0xC1. */
function quoted(er: Uint8Array): Uint8Array {
  const first = TPKT_HEADER_LENGTH + 1;
  return er[first] === 0xc1 ? er.subarray(first + 2) : new Uint8Array(0);
}
