/** What a connection of the random run is: everything that is left to chance comes from its seed. */
import { Prng } from './prng.js';

const CLASSES = ['2,0', '2,0', '2', '0'];
const SIZES = [128, 200, 512, 1024, 2048, 4096, 8192, 65_531];

/** A plan: options of both sides, what they must agree on, what is sent, and how it ends. */
export function planOf(seed) {
  const random = new Prng(seed);
  const role = random.pick(['initiator', 'responder']);
  const ours = optionsOfOurs(random, role);
  const peer = optionsOfPeer(random, role);
  const agreed = role === 'initiator' ? agree(ours, peer) : agree(peer, ours);
  if (role === 'responder' && agreed?.tpClass === 0) {
    // A tolerant responder answers a larger 0xC0 as it is offered; X.224 13.3.4 b knows none in class 0.
    ours.size = Math.min(ours.size, 2048);
  }
  const steps = agreed === undefined ? [] : makeSteps(random, agreed, peer.chunk);
  return { seed, role, ours, peer, agreed, steps, end: endOf(random, role, agreed) };
}

function optionsOfOurs(random, role) {
  const classes = random.pick(CLASSES);
  const expedited = random.chance(0.7);
  // A client asks for EA only beside expedited data and class 2; a server grants what is asked for.
  const mayAck = role === 'responder' || (expedited && classes !== '0');
  return {
    classes,
    expedited,
    ack: mayAck && random.chance(0.6),
    size: random.pick(SIZES),
    strict: random.chance(0.3),
  };
}

function optionsOfPeer(random, role) {
  return {
    classes: random.pick(CLASSES),
    expedited: random.chance(0.7),
    ack: random.chance(0.6),
    size: random.pick(SIZES.slice(0, -1).filter((size) => size !== 200)),
    chunk: random.pick([0, 0, 0, 1, 7, 100, 1000]),
    holdEa: random.chance(0.3) ? random.between(1, 20) : 0,
    userData: role === 'initiator' ? 0 : random.pick([0, 0, 1, 32]),
  };
}

/** Class and options by RFC 2126 6.3 and 4.2.1; undefined where no class is left. */
function agree(offering, accepting) {
  const usable = offering.classes.split(',').filter((each) => accepting.classes.includes(each));
  if (usable.length === 0) {
    return undefined;
  }
  const tpClass = Number(usable[0]);
  const expedited = offering.expedited && accepting.expedited;
  return { tpClass, expedited, ack: expedited && tpClass === 2 && offering.ack && accepting.ack };
}

/**
 * `tsdu` and `expedited` send so many octets; `answered` waits for the echo of each that was sent, before the next
 * step. Octet by octet takes long, so such TSDUs are short.
 */
function makeSteps(random, { expedited }, chunk) {
  const steps = [];
  const count = random.between(0, 8);
  for (let i = 0; i < count; i += 1) {
    const isExpedited = expedited && random.chance(0.4);
    const length = isExpedited ? random.between(1, 16) : lengthOf(random, chunk);
    steps.push({ kind: isExpedited ? 'expedited' : 'tsdu', length });
    if (random.chance(0.5)) {
      steps.push({ kind: 'answered' });
    }
  }
  return steps;
}

function lengthOf(random, chunk) {
  const longest = chunk > 0 ? chunk * 600 : 60_000;
  const most = Math.min(longest, random.pick([3, 130, 2100, 2100, 9000, 60_000]));
  return random.between(1, most);
}

/** Who ends the connection, and how. `userData` is the number of octets. */
function endOf(random, role, agreed) {
  const by = random.pick(['us', 'peer']);
  const isClass2 = agreed?.tpClass === 2;
  const how =
    by === 'us'
      ? random.pick(['close', 'disconnect', 'disruptive', 'destroy', ...(isClass2 ? [] : ['end'])])
      : random.pick(['close', 'disruptive', 'fin', 'rst']);
  // As a server the peer sends no user data in its DR.
  const mayCarry =
    isClass2 && (by === 'us' ? how === 'disconnect' : role === 'responder' && how === 'close');
  return { by, how, userData: mayCarry && random.chance(0.7) ? random.between(1, 64) : 0 };
}
