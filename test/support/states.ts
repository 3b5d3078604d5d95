/** Class 0 connections brought into a state, and everything that can happen to them there. */
import type { ConnectionOptions } from '../../src/core/connection/options.js';
import type { Event, State } from '../../src/core/connection/transition.js';
import { TransportEngine } from '../../src/core/connection/transport-engine.js';
import type { EngineEvent } from '../../src/core/engine.js';
import { decode } from '../../src/core/tpdu/decode.js';
import { encode } from '../../src/core/tpdu/encode.js';
import type { Tpdu, TpduInit, TpduType } from '../../src/core/tpdu/types.js';
import { type Output, takeEvents, takePieces } from './engine.js';
import { class0Options } from './pair.js';
import { hex, join, tpkt } from './splits.js';

/** Our reference and the peer's in every connection made here. */
export const OURS = 0x0a0b;
export const THEIRS = 0x0c0d;

/** A TPDU in its TPKT. */
export function packet(tpdu: TpduInit): Uint8Array {
  return tpkt(encode(tpdu));
}

/** A TPKT around octets in hexadecimal, well-formed or not. */
export function raw(text: string): Uint8Array {
  return tpkt(hex(text));
}

/** The CR of the peer. */
export const CR: Uint8Array = packet({
  type: 'CR',
  srcRef: THEIRS,
  parameters: { tpduSize: 1024 },
});

/** The CC of the peer in answer to our CR. */
export const CC: Uint8Array = packet({
  type: 'CC',
  dstRef: OURS,
  srcRef: THEIRS,
  parameters: { tpduSize: 1024 },
});

/** One DT that is a whole TSDU of three octets. */
export const DT: Uint8Array = raw('02f080 010203');

/** A connection and what has come out of it. */
export class Subject {
  readonly connection: TransportEngine;
  now = 100;

  constructor(connection: TransportEngine) {
    this.connection = connection;
  }

  /** Octets from the peer. */
  feed(...chunks: readonly Uint8Array[]): this {
    for (const chunk of chunks) {
      this.connection.receive(chunk, this.now);
    }
    return this;
  }

  /** The octets sent since the last look. */
  octets(): Uint8Array {
    return join(...takePieces(this.connection.sendBuffer));
  }

  /** The TPDUs sent since the last look. */
  sent(): readonly Tpdu[] {
    const tpdus: Tpdu[] = [];
    let rest = this.octets();
    while (rest.length > 0) {
      const length = ((rest[2] ?? 0) << 8) | (rest[3] ?? 0);
      tpdus.push(decode(rest.subarray(4, length), { strict: true }));
      rest = rest.subarray(length);
    }
    return tpdus;
  }

  events(): readonly Output[] {
    return takeEvents(this.connection);
  }

  /** The error of the last event, which must be a disconnect. */
  ending(): Extract<EngineEvent, { type: 'disconnect' }> {
    const last = this.events().at(-1);
    if (last?.type !== 'disconnect') {
      throw new Error(`a disconnect was expected, ${last?.type ?? 'nothing'} came`);
    }
    return last;
  }

  /** Forgets what came out so far. */
  quiet(): this {
    this.octets();
    this.events();
    return this;
  }
}

/** The TSDUs that have come out since the last look, events left aside. */
export function messages(subject: Subject): readonly Uint8Array[] {
  return subject.events().flatMap((event) => (event.type === 'data' ? [event.message] : []));
}

/** The one TPDU sent since the last look. */
export function only<T extends TpduType>(subject: Subject, type: T): Extract<Tpdu, { type: T }> {
  const [tpdu, ...rest] = subject.sent();
  if (tpdu?.type !== type || rest.length > 0) {
    throw new Error(`one ${type} was expected, ${tpdu?.type} came`);
  }
  return tpdu as Extract<Tpdu, { type: T }>;
}

/** An initiator before TCP is connected. */
export function initiator(
  options: Partial<ConnectionOptions> = {},
  request: Partial<Parameters<typeof TransportEngine.initiator>[1]> = {},
): Subject {
  return new Subject(
    TransportEngine.initiator(
      class0Options({ localRef: OURS, ...options }),
      { parameters: { tpduSize: 1024 }, userData: new Uint8Array(0), ...request },
      0,
    ),
  );
}

/** A responder before a CR. */
export function responder(options: Partial<ConnectionOptions> = {}): Subject {
  return new Subject(TransportEngine.responder(class0Options({ localRef: OURS, ...options }), 0));
}

/** The states that class 0 has. */
export type Class0State = Exclude<State, 'WBCL' | 'RELEASING' | 'CLOSING'>;

/** How to bring a connection into each state. */
const WAYS: Readonly<Record<Class0State, (options: Partial<ConnectionOptions>) => Subject>> = {
  WFNC: initiator,
  WFCC: (options) => {
    const subject = initiator(options);
    subject.connection.streamConnected(10);
    return subject;
  },
  WFCR: responder,
  WFTRESP: (options) => responder(options).feed(CR),
  OPEN: (options) => {
    const subject = WAYS.WFTRESP(options);
    subject.connection.accept({}, 20);
    return subject;
  },
  FIN_SENT: (options) => {
    const subject = WAYS.OPEN(options);
    subject.connection.endOfData(30);
    return subject;
  },
  FIN_RECEIVED: (options) => {
    const subject = WAYS.OPEN(options);
    subject.connection.receiveEnd(30);
    return subject;
  },
  ENDING: (options) => {
    const subject = WAYS.OPEN(options);
    subject.connection.disconnect(30);
    return subject;
  },
  CLOSED: (options) => {
    const subject = WAYS.OPEN(options);
    subject.connection.streamClosed(undefined, 30);
    return subject;
  },
};

/** A connection in that state from which nothing waits to be taken. */
export function inState(state: Class0State, options: Partial<ConnectionOptions> = {}): Subject {
  return WAYS[state](options).quiet();
}

/** An initiator whose CC has come. */
export function openInitiator(options: Partial<ConnectionOptions> = {}): Subject {
  return WAYS.WFCC(options).feed(CC).quiet();
}

/** Something that happens to a connection; `Where` is what its event depends on. */
export interface Stimulus<Where extends readonly unknown[] = [state: State]> {
  readonly name: string;
  /** The event of the table. */
  readonly event: (...where: Where) => Event;
  readonly act: (subject: Subject) => void;
}

/** Octets from the peer. */
export function octets<Where extends readonly unknown[] = [state: State]>(
  name: string,
  event: Event | ((...where: Where) => Event),
  chunk: Uint8Array,
): Stimulus<Where> {
  return {
    name,
    event: typeof event === 'function' ? event : () => event,
    act: (subject) => subject.feed(chunk),
  };
}

/** A call of the user or of the byte stream. */
export function call(
  name: string,
  event: Event,
  act: (connection: TransportEngine) => void,
): Stimulus<[]> {
  return { name, event: () => event, act: ({ connection }) => act(connection) };
}

/** A CR or CC is judged only where one is awaited. */
const whereAwaited = (state: State, awaited: State, event: Event, otherwise: Event): Event =>
  state === awaited ? event : otherwise;

/** Every kind of thing that can happen. */
export const STIMULI: readonly Stimulus[] = [
  octets('a CR', 'CR', CR),
  octets('a CC', 'CC', CC),
  octets('a DR', 'DR', packet({ type: 'DR', dstRef: OURS, srcRef: THEIRS, reason: 0 })),
  octets('a DC', 'other TPDU', packet({ type: 'DC', dstRef: OURS, srcRef: THEIRS })),
  octets('a DT', 'DT', DT),
  octets('an ED', 'other TPDU', raw('021080 01')),
  octets('an AK', 'other TPDU', packet({ type: 'AK', dstRef: OURS, yrTuNr: 1 })),
  octets('an EA', 'other TPDU', packet({ type: 'EA', dstRef: OURS, yrEdtuNr: 1 })),
  octets('a RJ', 'other TPDU', packet({ type: 'RJ', dstRef: OURS, yrTuNr: 1 })),
  octets(
    'an ER',
    'ER',
    packet({ type: 'ER', dstRef: OURS, rejectCause: 2, parameters: { invalidTpdu: hex('02') } }),
  ),
  octets(
    'a CR of class 2 alone',
    (state) => whereAwaited(state, 'WFCR', 'CR unacceptable', 'CR'),
    raw('06e0 0000 0c0d 21'),
  ),
  octets(
    'a malformed CR of class 0',
    (state) => whereAwaited(state, 'WFCR', 'CR invalid', 'undecodable'),
    raw('08e0 0000 0c0d 00 c105'),
  ),
  octets(
    'a malformed CR of class 4',
    (state) => whereAwaited(state, 'WFCR', 'CR unacceptable', 'undecodable'),
    raw('08e0 0000 0c0d 40 c105'),
  ),
  octets('a CR cut before its SRC-REF', 'undecodable', raw('04e0 0000 0c')),
  octets(
    'a CC of a class that was not offered',
    (state) => whereAwaited(state, 'WFCC', 'CC unacceptable', 'CC'),
    raw('06d0 0a0b 0c0d 21'),
  ),
  octets('a malformed CC', 'undecodable', raw('08d0 0a0b 0c0d 00 c105')),
  octets('a malformed DR', 'undecodable', raw('0580 0a0b 0c0d')),
  octets('a malformed DT', 'undecodable', raw('04f080 0102')),
  octets('a malformed ER', 'ER invalid', raw('0370 0a0b')),
  octets('an unknown TPDU code', 'undecodable', raw('0300 0102')),
  octets('LI 255', 'undecodable', raw('fff080 01')),
  octets('LI 0', 'undecodable', raw('00f080 01')),
  octets('a wrong TPKT version', 'bad TPKT', hex('04')),
  octets('a TPKT length of 6', 'bad TPKT', hex('0300 0006 02f0')),
  call('a FIN', 'N-RELEASE indication', (c) => c.receiveEnd(200)),
  call('a reset', 'N-DISCONNECT indication', (c) => c.streamClosed(new Error('reset'), 200)),
  call('accept', 'T-CONNECT response', (c) => c.accept({}, 200)),
  call('refuse', 'T-CONNECT refusal', (c) => c.refuse(1, 200)),
  call('send', 'T-DATA request', (c) => c.send(hex('010203'))),
  call('end of data', 'end of data request', (c) => c.endOfData(200)),
  call('disconnect', 'T-DISCONNECT request', (c) => c.disconnect(200)),
  call('disconnect at once', 'disruptive T-DISCONNECT request', (c) =>
    c.disconnect(200, { disruptive: true }),
  ),
];
