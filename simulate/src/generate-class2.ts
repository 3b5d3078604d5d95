/**
 * Adds class 2 and expedited data to a plan: options, honest pairs, and peers that follow the rules, are slow, or are
 * hostile.
 */
import type {
  Act,
  ActorPlan,
  Options,
  PairPlan,
  Plan,
  RawAct,
  RawClientPlan,
  RawServerPlan,
  ServerPlan,
} from './plan.js';
import type { Prng } from './prng.js';

/** Values of 0xC6: none, expedited data, EA too. */
const OPTION_BITS = [0x00, 0x01, 0x21, 0x21];

/** The same world with class 2 and expedited data. */
export function withClass2(plan: Plan, prng: Prng): Plan {
  const servers = plan.servers.map((server) =>
    server.service === 'cotp' ? server2(prng, server, plan) : server,
  );
  return { ...plan, servers, actors: plan.actors.map((actor) => actor2(prng, actor, servers)) };
}

/** A server that takes class 2. One with honest clients calls its application with expedited data. */
function server2(prng: Prng, server: ServerPlan, { actors, servers }: Plan): ServerPlan {
  const number = servers.indexOf(server);
  const isHonest = (actor: ActorPlan) =>
    actor.kind === 'pair' && actor.server === number && actor.isHonest === true;
  const reads = !actors.some(isHonest) && prng.chance(30);
  const expeditedAck = prng.chance(20) ? { expeditedAck: false } : {};
  const expedited = prng.chance(80) ? { expedited: true, ...expeditedAck } : {};
  const tpClass = prng.pick([2, '2,0', '2,0', '2,0']);
  return {
    ...server,
    options: { ...server.options, tpClass, ...expedited },
    ...(reads ? { readsExpedited: true } : {}),
  };
}

function actor2(prng: Prng, actor: ActorPlan, servers: readonly ServerPlan[]): ActorPlan {
  switch (actor.kind) {
    case 'block':
      return actor;
    case 'rawServer':
      return actor.service === 'cotp' && prng.chance(60) ? rawServer(prng, actor) : actor;
    default: {
      const server = servers[actor.server];
      if (server?.service !== 'cotp') {
        return actor;
      }
      if (actor.kind === 'rawClient') {
        return prng.chance(60) ? rawClient(prng, actor, server) : actor;
      }
      return actor.isHonest === true
        ? honestPair(prng, actor, server.options)
        : wildPair(prng, actor, server);
    }
  }
}

/** What a client offers. */
function clientOptions(prng: Prng): Options {
  const tpClass = prng.pick([0, 2, '2,0', '2,0']);
  const expeditedAck = tpClass !== 0 && prng.chance(60) ? { expeditedAck: true } : {};
  return { tpClass, ...(prng.chance(80) ? { expedited: true, ...expeditedAck } : {}) };
}

function wildPair(prng: Prng, pair: PairPlan, server: ServerPlan): PairPlan {
  const options = clientOptions(prng);
  const reads = options.expedited === true && prng.chance(30);
  return {
    ...pair,
    options: { ...pair.options, ...options },
    client: withExpedited(prng, pair.client, reads),
    serverSide: withExpedited(prng, pair.serverSide, server.readsExpedited === true),
    ...(reads ? { readsExpedited: true } : {}),
  };
}

const ENDS: readonly (readonly Act[])[] = [
  [['disconnect', false]],
  [['disconnect', false], ['readAll']],
  [['disconnect', true]],
  [['disconnect', true]],
  [['close'], ['disconnect', true]],
];

/** The same acts with expedited data between them, and perhaps another end. An application that throws stays so. */
function withExpedited(prng: Prng, acts: readonly Act[], reads: boolean): readonly Act[] {
  const [first] = acts[0] ?? [];
  if (first === 'throw' || first === 'duplex') {
    return acts;
  }
  const mixed = acts.flatMap((act): readonly Act[] => {
    const expedited: Act =
      !reads || prng.chance(60)
        ? ['expedited', prng.pick([1, 1, 3, 20])]
        : ['readExpedited', prng.between(1, 3)];
    return prng.chance(30) ? [expedited, act] : [act];
  });
  return prng.chance(35) ? [...mixed.slice(0, -1), ...prng.pick(ENDS)] : mixed;
}

/**
 * One end writes, with expedited data between the TSDUs, and ends the connection; the other end reads. If both wrote
 * much and then read, each could wait for an EA behind data that the other one does not read.
 */
function honestPair(prng: Prng, pair: PairPlan, server: Options): PairPlan {
  const tpClass = prng.pick(server.tpClass === 2 ? [2, '2,0'] : [0, 2, '2,0', '2,0']);
  const isExpedited = server.expedited === true;
  const ack = tpClass !== 0 && prng.chance(60) ? { expeditedAck: true } : {};
  const wait = (): Act[] => (prng.chance(40) ? [['wait', prng.between(1, 600)]] : []);
  const expedited: Act[] = isExpedited ? [['expedited', prng.between(1, 6)]] : [];
  const write: Act[] = [
    ...wait(),
    ['writeHeeding', prng.pick([1, 20, 500, 2_000, 9_000]), prng.between(1, 12)],
    ...expedited,
    ['writeHeeding', prng.pick([1, 120, 500]), 2],
    ...(prng.chance(30) ? expedited : []),
    prng.pick([['disconnect', false], ['asyncClose'], ['close']] as const),
  ];
  const pause = prng.pick([0, 10, 100]);
  const read: Act[] = [...wait(), prng.pick([['readAll'], ['iterate', 1_000, pause]] as const)];
  const doesClientWrite = prng.chance(50);
  return {
    ...pair,
    options: { ...pair.options, tpClass, ...(isExpedited ? { expedited: true, ...ack } : {}) },
    client: doesClientWrite ? write : read,
    serverSide: doesClientWrite ? read : write,
  };
}

function rawClient(prng: Prng, plan: RawClientPlan, server: ServerPlan): RawClientPlan {
  const start: RawAct[] = [
    ['connect2', prng.pick(OPTION_BITS)],
    ['await', 11, 3_000],
  ];
  return {
    ...plan,
    raw: [
      ...answering(prng),
      ...start,
      ...rawActs(prng, server.options.strict === true),
      ...rawLast(prng),
    ],
    serverSide: withExpedited(prng, plan.serverSide, server.readsExpedited === true),
  };
}

function rawServer(prng: Prng, plan: RawServerPlan): RawServerPlan {
  const start: RawAct[] = [
    ['await', 11, 3_000],
    ['confirm2', prng.pick(OPTION_BITS)],
  ];
  const options = clientOptions(prng);
  const reads = options.expedited === true && prng.chance(30);
  return {
    ...plan,
    options: { ...plan.options, ...options },
    client: withExpedited(prng, plan.client, reads),
    raw: [...answering(prng), ...start, ...rawActs(prng, false), ...rawLast(prng)],
    ...(reads ? { readsExpedited: true } : {}),
  };
}

function answering(prng: Prng): RawAct[] {
  return prng.chance(60) ? [['answering', true]] : [];
}

/** What such a peer does in OPEN. A strict side takes no EA that is not due, and no DT that is too long. */
function rawActs(prng: Prng, isStrict: boolean): RawAct[] {
  const most = isStrict ? 100 : 2_000;
  return Array.from({ length: prng.between(0, 5) }, () =>
    prng.pick<RawAct>([
      ['wait', prng.between(1, 900)],
      ['send', prng.pick([1, 20, 500, 9_000]), prng.pick([1, 5, 20]), most],
      ['send', prng.pick([1, 20, 500, 9_000]), prng.pick([1, 5, 20]), most],
      ['ed', prng.pick([1, 1, 3, 40])],
      ['concatenated', isStrict ? 0 : prng.between(0, 5), prng.pick([1, 50])],
      ['reading', prng.chance(50)],
      ['answering', prng.chance(50)],
      ['foreign', prng.pick(['DR', 'CR'] as const), prng.pick([1, 30])],
    ]),
  );
}

/** How such a peer ends: by the rules, or not. */
function rawLast(prng: Prng): RawAct[] {
  const information = prng.pick([0, 0x80, 0x80, 0xc0]);
  const reason = prng.pick([128, 128, 128, 0, 133]);
  const wait: RawAct = ['wait', prng.between(1, 1_500)];
  return prng.pick<RawAct[]>([
    [],
    [['dr', reason, information]],
    [['dr', reason, information], wait, ['fin']],
    [['dr', reason, information], ['fin']],
    // In the middle of a TSDU, and of what the other side writes.
    [['unfinished', 100, prng.between(1, 5)], ['dr', reason, information], wait, ['fin']],
    [wait, ['fin']],
    [['fin']],
    [['reset']],
    [wait, ['reset']],
    [['vanish']],
    // Continues whatever the other side wants.
    trickle(prng),
    // Asks for answers that it does not read.
    [
      ['reading', false],
      ['foreign', prng.pick(['DR', 'CR'] as const), prng.pick([900, 1_500, 20_000])],
      wait,
      prng.pick<RawAct>([['reading', true], ['fin'], ['dr', reason, information]]),
    ],
  ]);
}

function trickle(prng: Prng): RawAct[] {
  const pause = prng.pick([20, 150, 700]);
  return Array.from({ length: prng.between(5, 40) }, () =>
    prng.chance(50) ? (['wait', pause] as const) : (['send', 10, 1, 10] as const),
  );
}
