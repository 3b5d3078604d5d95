/**
 * Target `core`: a connection engine without a socket receives any octets, in both roles and every phase.
 */
import { TransportEngine } from '../../../dist/core/connection/transport-engine.js';
import { TPKT_HEADER_LENGTH } from '../octets.js';
import { must, type Target } from '../target.js';
import { type AnswerRules, baseOptions, type Decision } from '../trial.js';
import { type Enter, followedBy, phaseTarget } from './phases.js';
import { expectedPackets } from './splitter.js';

/** Most octets that a connection may send for one input: a CC and an ER or DR. */
const MOST_ANSWER = 600;

/** The reference and the CR of the initiator. The answers in the corpus have reference 1. */
const OUR_REFERENCE = 1;
const REQUEST = { parameters: { tpduSize: 1024 }, userData: new Uint8Array(0) };

const CC = Uint8Array.from(Buffer.from('0300000e09d00001443100c0010a', 'hex'));
const CR = Uint8Array.from(Buffer.from('0300001611e00000002e00c1020100c2020300c0010a', 'hex'));

interface Options {
  readonly strict: boolean;
}

/** What the responder does with a CR. */
const DECISIONS: Readonly<Record<string, Decision>> = {
  'accepts a CR': {},
  'accepts a CR with limits': { maxTpduSize: 128, maxTsduSize: 300 },
  'refuses a CR': 'refuse',
  'accepts a CR late': 'late',
  'never decides on a CR': 'never',
};

/** How to bring a connection into each phase, in each role. */
const PHASES: Readonly<Record<string, (options: Options) => TransportEngine>> = {
  'initiator before TCP': initiator,
  'initiator after its CR': (options) => {
    const connection = initiator(options);
    connection.streamConnected(1);
    return connection;
  },
  'open initiator': openInitiator,
  'initiator after its FIN': (options) => followedBy(openInitiator(options), (c) => c.endOfData(3)),
  ...Object.fromEntries(
    Object.entries(DECISIONS).map(([name]) => [`responder that ${name}`, responder]),
  ),
  'open responder': openResponder,
  'responder in a TSDU': (options) =>
    followedBy(openResponder(options), (c) =>
      c.receive(Uint8Array.of(3, 0, 0, 8, 2, 0xf0, 0, 7), 3),
    ),
  'responder after its FIN': (options) => followedBy(openResponder(options), (c) => c.endOfData(3)),
  'responder after the FIN of the peer': (options) =>
    followedBy(openResponder(options), (c) => c.receiveEnd(3)),
  'responder that ends': (options) => followedBy(openResponder(options), (c) => c.disconnect(3)),
  'closed responder': (options) =>
    followedBy(openResponder(options), (c) => c.streamClosed(undefined, 3)),
};

function base({ strict }: Options) {
  return baseOptions(strict, OUR_REFERENCE);
}

function initiator(options: Options): TransportEngine {
  return TransportEngine.initiator(base(options), REQUEST, 0);
}

function responder(options: Options): TransportEngine {
  return TransportEngine.responder(base(options), 0);
}

function openInitiator(options: Options): TransportEngine {
  const connection = initiator(options);
  connection.streamConnected(1);
  connection.receive(CC, 2);
  return connection;
}

function openResponder(options: Options): TransportEngine {
  const connection = responder(options);
  connection.receive(CR, 1);
  connection.accept({}, 2);
  return connection;
}

export function coreTarget(): Target {
  const phases = Object.entries(PHASES).map(([phase, make]): [string, Enter] => {
    const decision = DECISIONS[phase.replace(/^responder that /, '')];
    return [phase, (strict) => ({ connection: make({ strict }), decision, rules: RULES })];
  });
  return phaseTarget('core', 'stream', Object.fromEntries(phases));
}

/** Few answers, and no ER for an ER. */
const RULES: AnswerRules = {
  mostSent: () => MOST_ANSWER,
  onReceive: () => {},
  onSent: (tpdu, octets) => {
    must(!isEr(tpdu) || !isEr(quoted(tpdu)), 'an ER was answered by an ER');
    // If the chunk is exactly one packet, the answer belongs to that packet.
    const chunk = octets.subarray(TPKT_HEADER_LENGTH);
    const { payloads: asked } = expectedPackets(octets);
    const isAnswer = asked.length === 1 && asked[0]?.length === chunk.length;
    must(!isEr(tpdu) || !isAnswer || !isEr(chunk), 'an ER was sent after an ER');
  },
};

function isEr(tpdu: Uint8Array): boolean {
  return ((tpdu[1] ?? 0) & 0xf0) === 0x70;
}

/** The TPDU that an ER quotes: the value of its parameter 0xC1. */
function quoted(er: Uint8Array): Uint8Array {
  const first = TPKT_HEADER_LENGTH + 1;
  return er[first] === 0xc1 ? er.subarray(first + 2) : new Uint8Array(0);
}
