/**
 * Compares `relay` with a raw `pipe` of Node: the same client and server of this library, each in a process of its own,
 * and between them a process that either pipes TCP both ways or relays TSDUs.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type Connection, connect } from 'cotp';
import { type Case, DEFAULT_TPDU, sizeName } from './cases.js';
import type { Contestant } from './contestant.js';
import { check, type Messages, messageAt, payloads } from './messages.js';
import { type Pair, pairLines } from './pair-table.js';
import { median, quantile } from './rate.js';
import type { RelayRole, RelayTask } from './relay-process.js';
import { HOST } from './sockets.js';
import { inTurns, type Plan, ratios } from './turns.js';

/** The rates are messages or round trips per second. */
export interface RelayComparison extends Pair {
  readonly name: string;
  readonly turns: number;
  readonly pipe: number;
  readonly relay: number;
}

export const RELAY_CASE = 'relay';

/** Kind, octets, messages of one turn, turns of the warm-up, target. */
const RELAYED: readonly (readonly [Case['kind'], number, number, number, number])[] = [
  ['one way', 64, 300_000, 10, 0.8],
  ['one way', 1_024, 100_000, 10, 0.8],
  ['one way', 65_536, 2_500, 4, 0.8],
  ['round trip', 64, 2_000, 4, 0.9],
  ['round trip', 1_024, 2_000, 4, 0.9],
  ['round trip', 65_536, 500, 4, 0.9],
];

function relayCases(): Case[] {
  return RELAYED.map(([kind, size, count, turns, target]) => ({
    name: `${RELAY_CASE}-${kind === 'one way' ? 'ow' : 'rt'}-${sizeName(size)}`,
    kind,
    size,
    maxTpduSize: DEFAULT_TPDU,
    connections: 1,
    count,
    warmUp: turns * count,
    target,
  }));
}

/** Compares the two with each message, one after the other. */
export async function compareRelays(
  plan: Plan,
  form: (benchCase: Case) => Case,
): Promise<RelayComparison[]> {
  const comparisons: RelayComparison[] = [];
  for (const benchCase of relayCases()) {
    comparisons.push(await compareRelay(form(benchCase), plan));
  }
  return comparisons;
}

async function compareRelay(benchCase: Case, plan: Plan): Promise<RelayComparison> {
  const { name, kind, size, target, maxTpduSize } = benchCase;
  const children: ChildProcess[] = [];
  const start = async (role: RelayRole, to = 0): Promise<number> => {
    const child = fork(new URL('relay-process.js', import.meta.url));
    children.push(child);
    const isEcho = kind !== 'one way';
    child.send({ role, to, size, maxTpduSize, isEcho } satisfies RelayTask);
    const [port] = await once(child, 'message');
    return Number(port);
  };
  try {
    const server = await start('server');
    const ports = [await start('pipe', server), await start('relay', server)];
    const opens = ports.map((port) => () => openThrough(port, benchCase));
    const [pipe = [], relay = []] = await inTurns(opens, benchCase, plan);
    const all = ratios(relay, pipe);
    return {
      name,
      kind,
      size,
      turns: all.length,
      pipe: median(pipe),
      relay: median(relay),
      ratio: median(all),
      spread: [quantile(all, 0.25), quantile(all, 0.75)],
      target,
    };
  } finally {
    for (const child of children) {
      child.disconnect();
    }
  }
}

/** A client, connected to the server through the process with that port. */
async function openThrough(port: number, { kind, size, maxTpduSize }: Case): Promise<Contestant> {
  const messages = payloads(size);
  const client = await connect({ host: HOST, port }, { maxTpduSize });
  return {
    run: (count) =>
      kind === 'one way' ? oneWay(client, messages, count) : roundTrips(client, messages, count),
    close: () => client.asyncClose(),
  };
}

/** The server answers the last message of a turn. */
async function oneWay(client: Connection, messages: Messages, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    if (!client.write(messageAt(messages, i, count))) {
      await client.drain();
    }
  }
  const arrived = Number(String(await client.read()));
  assert.equal(arrived, count, `${count} messages were sent, ${arrived} arrived`);
}

async function roundTrips(client: Connection, messages: Messages, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    client.write(messageAt(messages, i, count));
    check(messages, i, count, await client.read());
  }
}

/** The comparisons as lines of text. */
export function relayLines(comparisons: readonly RelayComparison[]): string[] {
  return pairLines('relay', ['pipe', 'relay'], comparisons, ({ pipe, relay }) => [pipe, relay]);
}
