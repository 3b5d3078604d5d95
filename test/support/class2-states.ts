/** Class 2 connections brought into a state in either role, and everything that can happen to them there. */
import type { ConnectRequestInit } from '../../src/core/connection/handshake.js';
import type { ConnectionOptions } from '../../src/core/connection/options.js';
import type { Event, State } from '../../src/core/connection/transition.js';
import { TransportEngine } from '../../src/core/connection/transport-engine.js';
import { class0Options } from './pair.js';
import { hex, join } from './splits.js';
import { call, OURS, octets, packet, raw, type Stimulus, Subject, THEIRS } from './states.js';

export type Role = 'initiator' | 'responder';

/** Options of both roles, with expedited data and EA unless they say otherwise. */
export type Class2Options = Partial<ConnectionOptions>;

function options(own: Class2Options): ConnectionOptions {
  const agreed = { tpClass: '2,0', expedited: true, expeditedAck: true } as const;
  return class0Options({ localRef: OURS, ...agreed, ...own });
}

/** 0xC6 of the peer's CR and CC. */
function bits({ expedited = true, expeditedAck = true }: Class2Options): number {
  return expedited ? 1 | (expeditedAck ? 0x20 : 0) : 0;
}

const COMMON = { srcRef: THEIRS, class: 2, options: 1 } as const;

/** The peer's CR, which offers class 0 too. */
export function requestOfPeer(own: Class2Options = {}): Uint8Array {
  const parameters = { tpduSize: 1024, additionalOptions: bits(own) };
  const alternativeClasses = [0] as const;
  return packet({ type: 'CR', ...COMMON, parameters: { ...parameters, alternativeClasses } });
}

/** The peer's CC. */
export function confirmOfPeer(own: Class2Options = {}): Uint8Array {
  const parameters = { tpduSize: 1024, additionalOptions: bits(own) };
  return packet({ type: 'CC', ...COMMON, dstRef: OURS, parameters });
}

/** An initiator before TCP is connected. */
export function initiator2(
  own: Class2Options = {},
  more: Partial<ConnectRequestInit> = {},
): Subject {
  const all = options(own);
  const { tpClass, expedited, expeditedAck } = all;
  const asked = { tpClass, expedited, expeditedAck };
  const parameters = { tpduSize: 1024 };
  const request = { parameters, userData: hex(''), ...asked, ...more };
  return new Subject(TransportEngine.initiator(all, request, 0));
}

/** A responder before a CR. */
export function responder2(own: Class2Options = {}): Subject {
  return new Subject(TransportEngine.responder(options(own), 0));
}

/** An open connection. */
export function open2(role: Role, own: Class2Options = {}): Subject {
  const subject = role === 'initiator' ? initiator2(own) : responder2(own);
  const { connection } = subject;
  if (role === 'initiator') {
    connection.streamConnected(10);
    subject.feed(confirmOfPeer(own));
  } else {
    subject.feed(requestOfPeer(own));
    connection.accept({}, 20);
  }
  return subject.quiet();
}

/** The states that class 2 has. */
export type Class2State = Exclude<State, 'FIN_SENT' | 'FIN_RECEIVED'>;

type Way = (role: Role, own: Class2Options) => Subject;

/** How to bring a connection into each state. */
const WAYS: Readonly<Record<Class2State, Way>> = {
  WFNC: (_role, own) => initiator2(own),
  WFCC: (_role, own) => {
    const subject = initiator2(own);
    subject.connection.streamConnected(10);
    return subject;
  },
  WBCL: (role, own) => {
    const subject = WAYS.WFCC(role, own);
    subject.connection.disconnect(20);
    return subject;
  },
  WFCR: (_role, own) => responder2(own),
  WFTRESP: (_role, own) => responder2(own).feed(requestOfPeer(own)),
  OPEN: open2,
  // An ED whose EA is due holds back a TSDU.
  RELEASING: (role, own) => {
    const subject = open2(role, { ...own, expedited: true, expeditedAck: true });
    subject.connection.sendExpedited(hex('01'));
    subject.quiet();
    subject.connection.send(hex('616263'));
    subject.connection.disconnect(30);
    return subject;
  },
  CLOSING: (role, own) => {
    const subject = open2(role, own);
    subject.connection.disconnect(30);
    return subject;
  },
  ENDING: (role, own) => {
    const subject = WAYS.CLOSING(role, own);
    return subject.feed(packet({ type: 'DC', dstRef: OURS, srcRef: THEIRS }));
  },
  CLOSED: (role, own) => {
    const subject = open2(role, own);
    subject.connection.streamClosed(undefined, 30);
    return subject;
  },
};

/** States before a CR or CC, which one role alone has. */
const OF_ONE_ROLE: Readonly<Partial<Record<Class2State, Role>>> = {
  WFNC: 'initiator',
  WFCC: 'initiator',
  WBCL: 'initiator',
  WFCR: 'responder',
  WFTRESP: 'responder',
};

export const STATES_AND_ROLES: readonly { state: Class2State; role: Role }[] = (
  Object.keys(WAYS) as Class2State[]
).flatMap((state) =>
  (['initiator', 'responder'] as const)
    .filter((role) => (OF_ONE_ROLE[state] ?? role) === role)
    .map((role) => ({ state, role })),
);

/** A connection in that state from which nothing waits to be taken. */
export function inState2(role: Role, state: Class2State, own: Class2Options = {}): Subject {
  return WAYS[state](role, own).quiet();
}

/** What the event of a stimulus depends on. */
type Where = [state: State, strict: boolean, role: Role];
export type Stimulus2 = Stimulus<Where>;

/** An event, or how to choose it. */
type EventOf = Event | ((...where: Where) => Event);

const KNOWN: readonly State[] = ['OPEN', 'RELEASING', 'CLOSING'];

/** One event where both references are known, and another one before. */
const associated =
  (known: EventOf, otherwise: EventOf): EventOf =>
  (...where) => {
    const [state] = where;
    const event = KNOWN.includes(state) ? known : otherwise;
    return typeof event === 'function' ? event(...where) : event;
  };

const dr = (dstRef: number, srcRef: number, reason = 128) =>
  packet({ type: 'DR', dstRef, srcRef, reason });
const ed = (dstRef: number) => packet({ type: 'ED', form: 'normal', dstRef, userData: hex('78') });
const tolerated = (event: Event) => (_state: State, strict: boolean) =>
  strict ? event : 'discarded TPDU';
/** Before the connection is open, a DR with a SRC-REF is answered by a DC; in WFCR no class is selected yet. */
const earlyDr = (state: State): Event =>
  state === 'WFCC' || state === 'WBCL' || state === 'WFTRESP' ? 'DR with SRC-REF' : 'DR';
/** A CC is judged where one is awaited. */
const earlyCc =
  (judged: Event) =>
  (state: State): Event => {
    if (state === 'WBCL') {
      return judged === 'CC' || judged === 'CC refused by DR' ? 'unwanted CC' : 'CC unacceptable';
    }
    return state === 'WFCC' ? judged : 'CC unacceptable';
  };

/** Every kind of thing that can happen. */
export const STIMULI2: readonly Stimulus2[] = [
  octets('the CR of this connection', associated('protocol error', 'CR'), requestOfPeer()),
  octets(
    'the CR of another connection',
    associated('second CR', 'CR'),
    packet({ type: 'CR', srcRef: 0x4321, class: 2, options: 1 }),
  ),
  octets(
    'the CR of this connection in class 4',
    associated('discarded TPDU', (state) => (state === 'WFTRESP' ? 'discarded TPDU' : 'CR')),
    packet({ type: 'CR', srcRef: THEIRS, class: 4, options: 1 }),
  ),
  octets('the CC of this connection', associated('protocol error', earlyCc('CC')), confirmOfPeer()),
  octets(
    'a CC with another SRC-REF',
    associated(
      (_state, _strict, role) => (role === 'responder' ? 'protocol error' : 'foreign CC'),
      earlyCc('CC'),
    ),
    packet({ type: 'CC', dstRef: OURS, srcRef: 0x4321, class: 2, options: 1 }),
  ),
  octets(
    'a CC for another reference',
    associated('foreign CC', earlyCc('foreign CC')),
    packet({ type: 'CC', dstRef: 0x4321, srcRef: THEIRS, class: 2, options: 1 }),
  ),
  octets(
    'a CC with explicit flow control',
    associated('protocol error', earlyCc('CC refused by DR')),
    packet({ type: 'CC', dstRef: OURS, srcRef: THEIRS, class: 2, options: 0 }),
  ),
  octets(
    'a CC of a class that was not offered',
    associated('protocol error', earlyCc('CC unacceptable')),
    packet({ type: 'CC', dstRef: OURS, srcRef: THEIRS, class: 3 }),
  ),
  octets('the DR of the peer', associated('DR', earlyDr), dr(OURS, THEIRS)),
  octets(
    'a DR without SRC-REF',
    associated((_state, strict) => (strict ? 'foreign DR' : 'DR'), 'DR'),
    dr(OURS, 0),
  ),
  octets(
    'a DR without DST-REF',
    associated((state, strict) => (strict || state === 'CLOSING' ? 'foreign DR' : 'DR'), earlyDr),
    dr(0, THEIRS),
  ),
  octets('a DR of another connection', associated('foreign DR', earlyDr), dr(0x4321, 0x99)),
  octets(
    'a DR with broken parameters',
    associated('DR', (state) => (state === 'WBCL' ? 'DR with SRC-REF' : 'undecodable')),
    raw('0880 0a0b 0c0d 80 e009'),
  ),
  octets(
    'the DC of the peer',
    associated(
      (state, strict) => (strict || state === 'CLOSING' ? 'DC' : 'discarded TPDU'),
      'other TPDU',
    ),
    packet({ type: 'DC', dstRef: OURS, srcRef: THEIRS }),
  ),
  octets(
    'a DC with another SRC-REF',
    associated('discarded TPDU', 'other TPDU'),
    packet({ type: 'DC', dstRef: OURS, srcRef: 0x99 }),
  ),
  octets('a DT', 'DT', raw('04f0 0a0b 80 010203')),
  octets('a DT for another reference', associated('discarded TPDU', 'DT'), raw('04f0 4321 80 01')),
  octets('an ED', associated('ED', 'other TPDU'), ed(OURS)),
  octets('an ED for another reference', associated('discarded TPDU', 'other TPDU'), ed(0x4321)),
  octets(
    'an ED of 17 octets',
    associated('protocol error', 'undecodable'),
    raw(`0410 0a0b 80 ${'41'.repeat(17)}`),
  ),
  octets(
    'an EA',
    associated(
      (state, strict) =>
        state === 'RELEASING' ? 'EA' : tolerated('protocol error')(state, strict),
      'other TPDU',
    ),
    packet({ type: 'EA', dstRef: OURS, yrEdtuNr: 0 }),
  ),
  octets(
    'an AK',
    associated('protocol error', 'other TPDU'),
    packet({ type: 'AK', dstRef: OURS, yrTuNr: 1 }),
  ),
  octets(
    'a RJ',
    associated('protocol error', 'other TPDU'),
    packet({ type: 'RJ', dstRef: OURS, yrTuNr: 1 }),
  ),
  octets('an ER', 'ER', packet({ type: 'ER', dstRef: OURS, rejectCause: 2 })),
  octets(
    'an ER for another reference',
    associated('discarded TPDU', 'ER'),
    packet({ type: 'ER', dstRef: 0x4321, rejectCause: 2 }),
  ),
  octets('a DT of class 0', associated('undecodable', 'DT'), raw('02f080 01')),
  octets('an unknown TPDU code', 'undecodable', raw('0490 0a0b 00')),
  octets('LI 255', 'undecodable', raw('fff0 0a0b 80 01')),
  octets('a wrong TPKT version', 'bad TPKT', hex('04')),
  octets('a TPKT length of 6', 'bad TPKT', hex('0300 0006 02f0')),
  call('a FIN', 'N-RELEASE indication', (c) => c.receiveEnd(200)),
  call('a reset', 'N-DISCONNECT indication', (c) => c.streamClosed(new Error('reset'), 200)),
  call('accept', 'T-CONNECT response', (c) => c.accept({}, 200)),
  call('refuse', 'T-CONNECT refusal', (c) => c.refuse(1, 200)),
  call('send', 'T-DATA request', (c) => c.send(hex('010203'))),
  call('send expedited data', 'T-EXPEDITED-DATA request', (c) => c.sendExpedited(hex('01'))),
  call('end of data', 'end of data request', (c) => c.endOfData(200)),
  call('disconnect', 'T-DISCONNECT request', (c) => c.disconnect(200)),
  call('disconnect at once', 'disruptive T-DISCONNECT request', (c) =>
    c.disconnect(200, { disruptive: true }),
  ),
];

/** TPDUs behind one another in one TPKT. */
export function concatenated(...payloads: readonly string[]): Uint8Array {
  return raw(Buffer.from(join(...payloads.map(hex))).toString('hex'));
}
