/**
 * The connection of class 2 without a socket, and expedited data in both classes: streams of TPDUs in either role
 * and every phase.
 */
import { TransportEngine } from '../../../dist/core/connection/transport-engine.js';
import { OURS, THEIRS } from '../class2-streams.js';
import { join, tpkt } from '../octets.js';
import { must, type Target } from '../target.js';
import { type AnswerRules, baseOptions, type Decision } from '../trial.js';
import { type Enter, followedBy, phaseTarget, type Situation } from './phases.js';

/** Octets that a connection may send beside its answers to TPDUs: a CC, and its own DR. */
const MOST_OF_ITS_OWN = 300;

const USER_DATA = new Uint8Array(0);
const EXPEDITED = Uint8Array.of(0xed);
/** Three TSDUs of so many octets wait in some phases; each takes a DT of its own. */
const TSDU = new Uint8Array(100).fill(0x0d);
const QUEUED = 600;

/** Bits of 0xC6. */
type Bits = '00' | '01' | '21';

const DECISIONS: Readonly<Record<string, Decision>> = {
  accepts: {},
  'accepts class 0': { tpClass: 0 },
  'accepts without expedited data': { expedited: false },
  refuses: 'refuse',
  'decides late': 'late',
  'never decides': 'never',
};

function inPhase(
  connection: TransportEngine,
  {
    decision,
    holdsData = false,
  }: { readonly decision?: Decision; readonly holdsData?: boolean } = {},
): Situation {
  return { connection, decision, holdsData, rules: new Rules(holdsData) };
}

/** How to bring a connection into each phase. */
const PHASES: Readonly<Record<string, Enter>> = {
  'initiator of 2,0 after its CR': (strict) => inPhase(asking(strict, '2,0')),
  'initiator of 2 after its CR': (strict) => inPhase(asking(strict, 2)),
  'initiator that gave up': (strict) =>
    inPhase(followedBy(asking(strict, '2,0'), (it) => it.disconnect(2))),
  ...Object.fromEntries(
    Object.entries(DECISIONS).map(([name, decision]) => [
      `responder that ${name}`,
      (strict: boolean) => inPhase(responder(strict), { decision }),
    ]),
  ),
  ...inBothRoles('open', (open) => open),
  ...inBothRoles('within a TSDU', (open) =>
    followedBy(open, (it) => it.receive(packet('04f0123400', '07'), 3)),
  ),
  ...inBothRoles('with an ED whose EA is due', awaitingEa, true),
  ...inBothRoles(
    'closing with data behind an EA',
    (open) => followedBy(awaitingEa(open), (it) => it.disconnect(4)),
    true,
  ),
  ...inBothRoles('after its DR', (open) => followedBy(open, (it) => it.disconnect(4))),
  ...inBothRoles('after its disruptive DR', (open) =>
    followedBy(open, (it) => it.disconnect(4, { disruptive: true, userData: EXPEDITED })),
  ),
  ...inBothRoles('after the DR of the peer', (open) =>
    followedBy(open, (it) => it.receive(packet('068012340077', '80'), 4)),
  ),
  'open, class 0 with expedited data': (strict) =>
    inPhase(
      followedBy(asking(strict, '2,0'), (it) => it.receive(packet('09d012340077 00c60101'), 2)),
    ),
};

function inBothRoles(
  name: string,
  enter: (open: TransportEngine) => TransportEngine,
  holdsData = false,
): Record<string, Enter> {
  const kinds: readonly (readonly [string, Bits])[] = holdsData
    ? [['with EA', '21']]
    : [
        ['no expedited data', '00'],
        ['expedited data', '01'],
        ['with EA', '21'],
      ];
  return Object.fromEntries(
    kinds.flatMap(([kind, bits]) => [
      [
        `initiator ${name}, ${kind}`,
        (strict: boolean) => inPhase(enter(openInitiator(strict, bits)), { holdsData }),
      ],
      [
        `responder ${name}, ${kind}`,
        (strict: boolean) => inPhase(enter(openResponder(strict, bits)), { holdsData }),
      ],
    ]),
  );
}

export function class2Target(): Target {
  return phaseTarget('class2', 'class 2 stream', PHASES);
}

/**
 * The rules of class 2 for what leaves. What was received is not decoded: each place in it where a TPDU for our
 * reference could begin counts, so there may be more of them than are answered, and never fewer.
 */
class Rules implements AnswerRules {
  readonly #queued: number;
  #received: Uint8Array = new Uint8Array(0);
  /** ED that left and, where it holds back what follows, EA that may have come. */
  #expedited: number;
  #acknowledgements = 0;
  #isAfterDr = false;

  constructor(holdsData: boolean) {
    this.#queued = holdsData ? QUEUED : 0;
    this.#expedited = holdsData ? 1 : 0;
  }

  mostSent = (received: number): number => received + MOST_OF_ITS_OWN + this.#queued;

  onReceive(chunk: Uint8Array): void {
    this.#received = join(this.#received, chunk);
  }

  onSent(tpdu: Uint8Array): void {
    const code = (tpdu[1] ?? 0) & 0xf0;
    if (code === 0xf0 || code === 0x10) {
      const acknowledged = this.#count(0x20);
      must(this.#expedited <= acknowledged, () => `a DT or ED left while an EA was due`);
      this.#expedited += code === 0x10 ? 1 : 0;
    }
    if (code === 0x20) {
      this.#acknowledgements += 1;
      const most = this.#count(0x10);
      must(this.#acknowledgements <= most, () => `an EA left for none of the ${most} ED`);
    }
    const isAnswer = code === 0xc0 || code === 0x80;
    must(!this.#isAfterDr || isAnswer, 'a TPDU of the connection left behind its DR');
    if (code === 0x80 && at(tpdu, 2) === THEIRS && at(tpdu, 4) === OURS) {
      must(!this.#isAfterDr, 'a second DR left');
      this.#isAfterDr = true;
    }
  }

  /** Places at which a TPDU with this code and our DST-REF could be. */
  #count(code: number): number {
    const octets = this.#received;
    let count = 0;
    for (let place = 0; place + 2 < octets.length; place += 1) {
      if (((octets[place] ?? 0) & 0xf0) === code && at(octets, place + 1) === OURS) {
        count += 1;
      }
    }
    return count;
  }
}

function at(octets: Uint8Array, place: number): number {
  return ((octets[place] ?? 0) << 8) | (octets[place + 1] ?? 0);
}

function packet(...hex: readonly string[]): Uint8Array {
  return tpkt(Uint8Array.from(Buffer.from(hex.join('').replaceAll(' ', ''), 'hex')));
}

const LOCAL = { tpClass: '2,0', expedited: true, expeditedAck: true } as const;

function asking(strict: boolean, tpClass: 2 | '2,0'): TransportEngine {
  const request = {
    ...LOCAL,
    tpClass,
    parameters: { tpduSize: 1024 },
    userData: USER_DATA,
  } as const;
  const connection = TransportEngine.initiator(baseOptions(strict, OURS), request, 0);
  connection.streamConnected(1);
  return connection;
}

function responder(strict: boolean): TransportEngine {
  return TransportEngine.responder({ ...baseOptions(strict, OURS), ...LOCAL }, 0);
}

function openInitiator(strict: boolean, bits: Bits): TransportEngine {
  return followedBy(asking(strict, '2,0'), (it) =>
    it.receive(packet(`0cd012340077 21c0010a c601${bits}`), 2),
  );
}

function openResponder(strict: boolean, bits: Bits): TransportEngine {
  return followedBy(responder(strict), (it) => {
    it.receive(packet(`0fe000000077 21c0010a c601${bits} c70100`), 1);
    it.accept({}, 2);
  });
}

/** An ED has left, and data and another ED wait for its EA. */
function awaitingEa(open: TransportEngine): TransportEngine {
  const { sendBuffer } = open;
  open.sendExpedited(EXPEDITED);
  while (sendBuffer.shift() !== undefined) {
    // The ED leaves, and whatever is before it.
  }
  open.handleDeadline(3);
  for (let count = 0; count < 3; count += 1) {
    open.send(TSDU);
  }
  open.sendExpedited(EXPEDITED);
  return open;
}
