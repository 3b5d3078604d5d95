/**
 * Measures one direction for sizes from 16 octets to 4 MiB: raw, ours at the largest and at the default TPDU
 * size, and the installed peers.
 */
import { type Case, DEFAULT_TPDU, LARGEST_TPDU, oneWay, sizeName } from './cases.js';
import { negotiated, openOurs } from './ours.js';
import { type InstalledPeer, runPeer } from './peers.js';
import { countFor, median } from './rate.js';
import { openRaw } from './raw.js';
import { inTurns, TURNS } from './turns.js';

const SIZES = [16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

/** Duration of a turn of raw, and of a turn of a peer, in milliseconds, for every size. */
const TURN = 100;
const PEER_LIMIT = 30_000;

/** Turns of the warm-up before the first run. */
const WARM_UP = 10;

export interface Point {
  readonly size: number;
  /** Medians; `null` if no run was completed. */
  readonly messagesPerSecond: number | null;
  readonly megabytesPerSecond: number | null;
  /** Why there were fewer runs, or none. */
  readonly reason?: string;
}

export interface Series {
  readonly name: string;
  /** Negotiated TPDU size in octets. */
  readonly tpduSize: number;
  readonly points: readonly Point[];
}

export interface Sweep {
  readonly runs: number;
  readonly series: readonly Series[];
}

export async function sweep(runs: number, peers: readonly InstalledPeer[]): Promise<Sweep> {
  const largest = await negotiated(LARGEST_TPDU);
  const own = [
    { name: 'node:net', tpduSize: largest, maxTpduSize: LARGEST_TPDU, open: openRaw },
    { name: 'cotp', tpduSize: largest, maxTpduSize: LARGEST_TPDU, open: openOurs },
    {
      name: 'cotp',
      tpduSize: await negotiated(DEFAULT_TPDU),
      maxTpduSize: DEFAULT_TPDU,
      open: openOurs,
    },
  ].map((contestant) => ({ ...contestant, points: [] as Point[] }));
  const others = peers.map((peer) => ({ peer, tpduSize: 0, points: [] as Point[] }));
  const plan = { runs, turns: TURNS };
  const peerPlan = { runs: runs * TURNS, limit: PEER_LIMIT, milliseconds: TURN };
  for (const size of SIZES) {
    const benchCase = await timed(oneWay(size, LARGEST_TPDU), largest);
    const opens = own.map(
      ({ open, tpduSize, maxTpduSize }) =>
        () =>
          open({ ...benchCase, maxTpduSize }, tpduSize),
    );
    const rates = (await inTurns(opens, benchCase, plan)).map(median);
    own.forEach(({ points }, i) => {
      points.push(point(size, rates[i] ?? Number.NaN));
    });
    for (const other of others) {
      const result = await runPeer(other.peer, benchCase, rates[0] ?? Number.NaN, peerPlan);
      const { reached, reason } = result;
      other.tpduSize ||= reached?.tpduSize ?? 0;
      other.points.push({
        ...point(size, reached?.rate ?? null),
        ...(reason === undefined ? {} : { reason }),
      });
    }
  }
  return {
    runs,
    series: [
      ...own.map(({ name, tpduSize, points }) => ({ name, tpduSize, points })),
      ...others.map(({ peer: { name, version }, tpduSize, points }) => ({
        name: `${name} ${version}`,
        tpduSize,
        points,
      })),
    ],
  };
}

/** The case with as many messages as raw sends in one turn. */
async function timed(benchCase: Case, tpduSize: number): Promise<Case> {
  const raw = await openRaw(benchCase, tpduSize);
  try {
    const count = await countFor(raw, TURN);
    return { ...benchCase, count, warmUp: WARM_UP * count };
  } finally {
    await raw.close();
  }
}

/** Rounds to three significant digits; more would be noise. */
function point(size: number, perSecond: number | null): Point {
  const rounded = (value: number) => Number(value.toPrecision(3));
  return {
    size,
    messagesPerSecond: perSecond === null ? null : rounded(perSecond),
    megabytesPerSecond: perSecond === null ? null : rounded((perSecond * size) / 1e6),
  };
}

/** The lines to print: messages and megabytes per second, one column for each contestant. */
export function sweepLines({ series }: Sweep): string[] {
  const width = 24;
  const heads = series.map(({ name, tpduSize }) => `${name} / ${tpduSize || '-'}`.padStart(width));
  const rows = SIZES.map((size, i) => {
    const cells = series.map(({ points }) => cell(points[i]).padStart(width));
    return sizeName(size).padEnd(5) + cells.join('');
  });
  const reasons = series.flatMap(({ name, points }) =>
    [...new Set(points.flatMap(({ reason }) => reason ?? []))].map((text) => `${name}: ${text}`),
  );
  return ['Messages/s (MB/s) by size of a message; contestant / octets of a TPDU', ''].concat(
    `size ${heads.join('')}`,
    rows,
    reasons,
  );
}

function cell(point: Point | undefined): string {
  const { messagesPerSecond = null, megabytesPerSecond = null } = point ?? {};
  return messagesPerSecond === null
    ? '-'
    : `${messagesPerSecond.toLocaleString('en')} (${megabytesPerSecond?.toLocaleString('en')})`;
}
