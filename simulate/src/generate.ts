/**
 * Generates a plan from a seed. The random choices that determine a world are made here.
 */
import { withClass2 } from './generate-class2.js';
import type {
  Act,
  ActorPlan,
  Decision,
  Options,
  PairPlan,
  Plan,
  RawAct,
  RawClientPlan,
  RawServerPlan,
  ServerPlan,
  Service,
} from './plan.js';
import { Prng } from './prng.js';
import type { Path } from './tcp.js';

/** The main subject of a world. */
type Theme = 'mixed' | 'blocked' | 'gone' | 'hoard' | 'flood' | 'small server';

/** Percentage of worlds with each theme. A flood takes as long as fifty other worlds. */
const THEMES: readonly (readonly [Theme, number])[] = [
  ['flood', 2],
  ['hoard', 10],
  ['gone', 12],
  ['small server', 12],
  ['blocked', 24],
  ['mixed', 40],
];

function themeOf(prng: Prng): Theme {
  let left = prng.between(1, 100);
  const found = THEMES.find(([, percent]) => {
    left -= percent;
    return left <= 0;
  });
  return found?.[0] ?? 'mixed';
}

type Actor = Exclude<ActorPlan, { kind: 'block' }>;

/** The plan of a seed. */
export function generate(seed: number): Plan {
  const prng = new Prng(seed);
  const theme = themeOf(prng);
  const servers = Array.from({ length: prng.between(1, 2) }, () => serverPlan(prng, theme));
  const end = prng.pick([2_000, 5_000, 20_000]);
  const actors: ActorPlan[] = Array.from({ length: prng.between(1, 8) }, () =>
    actorPlan(prng, theme, servers, end),
  );
  const blocks = theme === 'blocked' ? prng.between(1, 4) : prng.chance(15) ? 1 : 0;
  for (let count = 0; count < blocks; count += 1) {
    actors.push({ kind: 'block', at: prng.between(1, end), milliseconds: blockTime(prng) });
  }
  const plan = { seed, servers, actors, end };
  // The choices of class 2 have a generator of their own, so that the other worlds do not depend on them.
  const own = new Prng(seed, 0, 2);
  return own.chance(CLASS2_WORLDS) ? withClass2(plan, own) : plan;
}

/** Percentage of worlds with class 2 and expedited data. */
const CLASS2_WORLDS = 30;

function blockTime(prng: Prng): number {
  return prng.pick([20, 300, 1_000, 2_500]);
}

function pathOf(prng: Prng): Path {
  const least = prng.pick([0.05, 0.1, 1, 20]);
  return {
    latency: [least, least * prng.pick([1, 2, 4])],
    segment: prng.pick([1_460, 9_000, 65_536, 65_536]),
    cuts: prng.pick([0, 0, 10, 60]),
    stalls: prng.pick([0, 0, 0, 2]),
    stall: prng.pick([50, 400]),
    sendBuffer: prng.pick([4_096, 65_536, 262_144]),
    receiveBuffer: prng.pick([4_096, 65_536, 262_144]),
    resetDropsUnread: prng.chance(20),
  };
}

/** Chooses options: each with this probability, and with one of its values. */
function some(prng: Prng, percent: number, choices: Record<string, readonly unknown[]>): Options {
  const chosen: Record<string, number | boolean | string> = {};
  for (const [name, values] of Object.entries(choices)) {
    if (prng.chance(percent)) {
      chosen[name] = prng.pick(values) as number | boolean;
    }
  }
  return chosen;
}

const STREAM = {
  readHighWaterMark: [1, 200, 5_000, 65_536],
  writeHighWaterMark: [1, 5_000, 65_536],
  maxWriteBuffer: [10_000, 200_000],
  closeTimeout: [1, 100, 1_000, 5_000],
  reassemblyTimeout: [500, 2_000, 10_000],
  idleTimeout: [300, 1_000, 4_000],
  writeTimeout: [500, 3_000],
  allowHalfOpen: [true],
};

const COTP = {
  maxTpduSize: [128, 256, 8_192, 65_531],
  maxTsduSize: [1_000, 100_000],
  strict: [true],
};

/** Options of both sides of honest pairs: none of them ends a connection early. */
const HARMLESS = {
  readHighWaterMark: STREAM.readHighWaterMark,
  writeHighWaterMark: STREAM.writeHighWaterMark,
  allowHalfOpen: [true],
};

/** Timeouts that honest pairs never reach, even if the loop is blocked several times. */
const AMPLE = { closeTimeout: 20_000, reassemblyTimeout: 30_000, writeTimeout: 30_000 };

function serverPlan(prng: Prng, theme: Theme): ServerPlan {
  const service: Service = prng.chance(75) ? 'cotp' : 'tpkt';
  const forCotp = service === 'cotp';
  const closes = theme === 'mixed' && prng.chance(20);
  // Half of the servers have honest clients, and therefore no limit that these would exceed.
  const isMild = prng.chance(50) || theme === 'hoard' || theme === 'flood';
  const options = {
    ...(isMild
      ? { ...some(prng, 30, HARMLESS), ...AMPLE }
      : { ...some(prng, 25, STREAM), ...(forCotp ? some(prng, 20, COTP) : {}) }),
    ...(isMild && forCotp ? some(prng, 30, { maxTpduSize: COTP.maxTpduSize }) : {}),
    ...(forCotp ? some(prng, 40, { handshakeTimeout: [500, 1_500, 10_000] }) : {}),
    ...(theme === 'small server' ? { maxConnections: prng.between(1, 3) } : {}),
    ...(prng.chance(30) ? { bindConnections: true } : {}),
    ...(theme === 'hoard' && forCotp ? { [RECEIVE_LIMIT]: prng.pick([100_000, 400_000]) } : {}),
  };
  return {
    service,
    options,
    ...(closes ? { closeAt: prng.between(1, 4_000) } : {}),
    ...(forCotp && prng.chance(30) ? { decides: true } : {}),
  };
}

/** The name of the option for the limit of a server, now and in version 0.1.0. */
export const RECEIVE_LIMIT = 'maxReceiveBuffer';
export const OLD_RECEIVE_LIMIT = 'maxReassemblyOctets';

function actorPlan(prng: Prng, theme: Theme, servers: readonly ServerPlan[], end: number): Actor {
  const server = prng.between(0, servers.length - 1);
  const plan = servers[server] as ServerPlan;
  const common = { at: prng.between(2, Math.floor(end / 2)), path: pathOf(prng), server };
  const kind = prng.fraction();
  if (theme === 'hoard') {
    if (kind < 0.5) {
      return kind < 0.25 ? hoarder(prng, common) : unread(prng, common);
    }
    return honestPair(prng, plan, common);
  }
  if (theme === 'flood' && kind < 0.4) {
    return flooder(prng, common);
  }
  if (theme === 'gone' && kind < 0.6) {
    return goner(prng, plan, common);
  }
  if (kind < 0.3 && isMild(plan) && theme !== 'small server') {
    return honestPair(prng, plan, common);
  }
  if (kind < 0.6) {
    return wildPair(prng, plan, common);
  }
  return kind < 0.85 ? rawClient(prng, plan, common) : rawServer(prng, common);
}

function isMild({ options, closeAt }: ServerPlan): boolean {
  return options.closeTimeout === AMPLE.closeTimeout && closeAt === undefined;
}

interface Common {
  readonly at: number;
  readonly path: Path;
  readonly server: number;
}

function sizeOf(prng: Prng, service: Service): number {
  const size = prng.pick([1, 3, 20, 120, 121, 500, 2_000, 2_100, 9_000, 40_000]);
  return service === 'tpkt' ? Math.max(3, size) : size;
}

/** Octets that the smallest buffers of a path take, and what a packet needs beside its data. */
const SMALLEST_BUFFERS = 8_192;
const PACKET_OVERHEAD = 16;

/** A pair between which nothing may fail, whatever others do. */
function honestPair(prng: Prng, { service }: ServerPlan, common: Common): PairPlan {
  const size = Math.min(sizeOf(prng, service), 9_000);
  const count = prng.between(1, 12);
  const pause = prng.pick([0, 0, 10, 100]);
  // Who reads only after it has written would wait for ever for a peer that waits for it, if both are full.
  const few = Math.max(1, Math.min(count, Math.floor(SMALLEST_BUFFERS / (size + PACKET_OVERHEAD))));
  const wait: Act[] = prng.chance(40) ? [['wait', prng.between(1, 600)]] : [];
  const readAll: Act = prng.pick([['readAll'], ['iterate', 1_000, pause]] as const);
  const [client, serverSide] = prng.pick<readonly [Act[], Act[]]>([
    [[...wait, ['writeHeeding', size, few], ['read', few], ...wait, ['asyncClose']], [['echo']]],
    [
      [['writeHeeding', size, count], ...wait, ['asyncClose']],
      [...wait, readAll],
    ],
    [
      [...wait, readAll],
      [['writeHeeding', size, count], ['asyncClose']],
    ],
    [
      [['writeHeeding', size, count], ['end'], readAll],
      [...wait, ['read', count], ['writeHeeding', size, count], ['close']],
    ],
  ]);
  return {
    kind: 'pair',
    ...common,
    path: { ...common.path, stalls: 0 },
    options: { ...some(prng, 30, HARMLESS), ...AMPLE, timeout: 20_000 },
    client,
    serverSide,
    isHonest: true,
  };
}

function wildPair(prng: Prng, { service, decides }: ServerPlan, common: Common): PairPlan {
  return {
    kind: 'pair',
    ...common,
    options: {
      ...some(prng, 25, STREAM),
      ...(service === 'cotp' ? some(prng, 20, COTP) : {}),
      ...some(prng, 30, { timeout: [50, 1_000, 10_000] }),
    },
    client: acts(prng, service),
    serverSide: acts(prng, service),
    ...(decides === true ? { decision: decisionOf(prng) } : {}),
    ...(prng.chance(10) ? { abortAfter: prng.between(0, 300) } : {}),
  };
}

function decisionOf(prng: Prng): Decision {
  return prng.pick<Decision>([
    ['accept', 0],
    ['accept', 0],
    ['accept', prng.pick([1, 400, 3_000])],
    ['refuse', prng.pick([0, 400])],
    ['never'],
    ['forget'],
    ['throw'],
  ]);
}

/** Random acts of an application. */
function acts(prng: Prng, service: Service): Act[] {
  const list: Act[] = [];
  const count = prng.between(0, 6);
  for (let done = 0; done < count; done += 1) {
    const size = sizeOf(prng, service);
    list.push(
      prng.pick<Act>([
        ['wait', prng.pick([1, 30, 300, 2_000])],
        ['wait', prng.between(1, 600)],
        ['write', size, prng.pick([1, 5, 40])],
        ['write', size, prng.pick([1, 5, 40])],
        ['writeHeeding', size, prng.pick([1, 5, 40])],
        ['drain'],
        ['read', prng.between(1, 6)],
        ['readAtOnce', prng.between(1, 6)],
        ['iterate', prng.between(1, 10), prng.pick([0, 5, 200])],
        ['giveUp', prng.pick([0, 5, 100])],
        ['end'],
        prng.chance(30) ? ['block', blockTime(prng)] : ['wait', 3],
      ]),
    );
  }
  const last = prng.pick<readonly Act[]>([
    [],
    [['readAll']],
    [['echo']],
    [['iterate', 1_000, prng.pick([0, 5, 100])]],
    [['close']],
    [['asyncClose']],
    [['destroy']],
    [['close'], ['readAll']],
    [['end'], ['readAll']],
    [['wait', 3_000], ['readAll']],
    [['throw']],
    [['waitClosed']],
    [['waitClosed'], ['readAll']],
  ]);
  // With `toDuplex` only the stream reads.
  const reads = new Set<Act[0]>(['read', 'readAtOnce', 'iterate', 'giveUp', 'readAll', 'echo']);
  if (prng.chance(8)) {
    return [['duplex'] as const, ...list.filter(([what]) => !reads.has(what))];
  }
  return [...list, ...last];
}

function rawClient(prng: Prng, plan: ServerPlan, common: Common): RawClientPlan {
  const { service, decides } = plan;
  const start: RawAct[] = service === 'tpkt' ? [] : [['connect'], ['await', 11, 3_000]];
  const opening = service === 'cotp' && prng.chance(12) ? rawStart(prng) : start;
  return {
    kind: 'rawClient',
    ...common,
    raw: [...opening, ...rawActs(prng, plan), ...rawLast(prng, service)],
    serverSide: acts(prng, service),
    ...(decides === true ? { decision: decisionOf(prng) } : {}),
  };
}

/** The start of a client that sends no valid CR, a late one, or does not wait for the CC. */
function rawStart(prng: Prng): RawAct[] {
  return prng.pick<RawAct[]>([
    [],
    [['connect']],
    [['wait', prng.between(1, 1_600)], ['connect'], ['await', 11, 3_000]],
    [
      ['octets', '0300000b06e0'],
      ['wait', prng.between(1, 900)],
      ['octets', '0000123400'],
    ],
    [['octets', '474554202f20485454502f312e310d0a']],
    [['octets', '0300000702f080']],
  ]);
}

function rawActs(prng: Prng, { service, options }: ServerPlan): RawAct[] {
  // A strict server accepts no DT above the negotiated size and no empty one.
  const isStrict = options.strict === true;
  const list: RawAct[] = [];
  const count = prng.between(0, 5);
  for (let done = 0; done < count; done += 1) {
    const size = sizeOf(prng, service);
    const isBig = prng.chance(25);
    list.push(
      prng.pick<RawAct>([
        ['wait', prng.between(1, 900)],
        ['send', size, prng.pick([1, 5, 40]), isStrict ? 100 : prng.pick([100, 2_000])],
        ['send', isBig ? 9_000 : size, isBig ? 60 : 3, isStrict ? 100 : 2_000],
        [
          'drip',
          Math.min(size, isStrict ? 100 : 500),
          prng.pick([1, 20, 200]),
          prng.pick([1, 20, 300]),
        ],
        ['reading', prng.chance(50)],
        service === 'tpkt' || isStrict ? ['wait', 5] : ['empty', prng.pick([1, 20])],
      ]),
    );
  }
  return list;
}

const GARBAGE = ['0300000702f0ff', '0400000702f080', '03000006027000', '0300000906800000000100'];

function rawLast(prng: Prng, service: Service): RawAct[] {
  const garbage = service === 'tpkt' ? '0400000702f080' : prng.pick(GARBAGE);
  return prng.pick<RawAct[]>([
    [],
    [['fin']],
    [['fin'], ['wait', prng.between(1, 400)], ['reset']],
    [['fin'], ['reset']],
    [['wait', prng.between(1, 3_000)], ['reset']],
    [['reset']],
    [['close']],
    [['vanish']],
    [
      ['unfinished', prng.pick([1, 500, 2_000]), prng.between(1, 20)],
      ['wait', prng.between(1, 3_000)],
      prng.pick<RawAct>([['fin'], ['reset'], ['wait', 1]]),
    ],
    [['octets', garbage]],
  ]);
}

function rawServer(prng: Prng, { at, path }: Common): RawServerPlan {
  const service: Service = prng.chance(80) ? 'cotp' : 'tpkt';
  const answer = prng.pick<RawAct[]>([
    [['await', 11, 3_000], ['confirm']],
    [['await', 11, 3_000], ['confirm']],
    [['await', 11, 3_000], ['wait', prng.between(1, 1_200)], ['confirm']],
    [['await', 11, 3_000], ['refuse']],
    [],
    [['fin']],
  ]);
  return {
    kind: 'rawServer',
    at,
    path,
    service,
    options: {
      ...some(prng, 25, STREAM),
      ...some(prng, 40, { timeout: [300, 1_000, 10_000] }),
    },
    client: acts(prng, service),
    raw: [
      ...(service === 'tpkt' ? [] : answer),
      ...rawActs(prng, { service, options: {} }),
      ...rawLast(prng, service),
    ],
    ...(prng.chance(10) ? { abortAfter: prng.between(0, 300) } : {}),
  };
}

/** A client that sends unfinished TSDUs. */
function hoarder(prng: Prng, common: Common): RawClientPlan {
  return {
    kind: 'rawClient',
    ...common,
    at: prng.between(2, 500),
    raw: [
      ['connect'],
      ['await', 11, 3_000],
      ['unfinished', prng.pick([500, 2_000, 30_000]), prng.between(1, 60)],
    ],
    serverSide: [['readAll']],
  };
}

/** A client that sends many octets to an application that does not read. */
function unread(prng: Prng, common: Common): RawClientPlan {
  return {
    kind: 'rawClient',
    ...common,
    at: prng.between(2, 500),
    raw: [
      ['connect'],
      ['await', 11, 3_000],
      ['send', prng.pick([100, 9_000, 60_000]), prng.between(1, 120), 2_000],
    ],
    serverSide: prng.pick<Act[]>([[], [['wait', prng.between(1, 9_000)], ['readAll']]]),
  };
}

/** A client that sends as much as TCP accepts. */
function flooder(prng: Prng, common: Common): RawClientPlan {
  const size = 4 * 1_048_576;
  return {
    kind: 'rawClient',
    ...common,
    path: {
      ...common.path,
      segment: 65_536,
      cuts: 0,
      latency: [0.05, 0.1],
      receiveBuffer: size,
      sendBuffer: size,
    },
    raw: [
      ['connect'],
      ['await', 11, 3_000],
      prng.pick<RawAct>([
        ['empty', prng.pick([20_000, 100_000, 180_000])],
        ['send', 500, 300, 3],
        ['send', 60_000, 30, 60_000],
      ]),
    ],
    serverSide: [['readAll']],
  };
}

/** A client that resets TCP behind octets that nobody reads. */
function goner(prng: Prng, { service, options }: ServerPlan, common: Common): RawClientPlan {
  const start: RawAct[] = service === 'tpkt' ? [] : [['connect'], ['await', 11, 3_000]];
  return {
    kind: 'rawClient',
    ...common,
    raw: [
      ...start,
      ['send', sizeOf(prng, service), prng.between(1, 10), options.strict === true ? 100 : 2_000],
      ...prng.pick<RawAct[]>([[['fin'], ['wait', prng.between(1, 200)]], []]),
      ['reset'],
    ],
    serverSide: prng.pick<Act[]>([
      [],
      [['wait', 30_000]],
      [['wait', prng.between(1, 14_000)], ['readAll']],
      [['read', 1]],
      [['write', 5, 1]],
      [['waitClosed'], ['readAll']],
    ]),
  };
}
