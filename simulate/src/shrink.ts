/**
 * Shrinks the plan of a finding, as long as it breaks the same rule.
 */
import { real } from './environment.js';
import type { Plan } from './plan.js';

/** Most runs, and most milliseconds, to shrink one plan. */
const MOST_RUNS = 600;
const LONGEST = 20_000;

/** @param breaks resolves to true if a plan still breaks the rule */
export async function shrink(
  plan: Plan,
  breaks: (candidate: Plan) => Promise<boolean>,
): Promise<Plan> {
  let smallest = plan;
  const until = real.now() + LONGEST;
  let runs = 0;
  for (let again = true; again; ) {
    again = false;
    for (const candidate of smaller(smallest)) {
      runs += 1;
      if (runs > MOST_RUNS || real.now() > until) {
        return smallest;
      }
      if (await breaks(candidate)) {
        smallest = candidate;
        again = true;
        break;
      }
    }
  }
  return smallest;
}

/** Plans that are one step smaller, the smallest first. */
function* smaller(plan: Plan): Generator<Plan, void, void> {
  const { actors, servers } = plan;
  // The index of an actor determines its port, so an actor is replaced, not removed.
  const nothing = { kind: 'block', at: 0, milliseconds: 0 } as const;
  for (let at = 0; at < actors.length; at += 1) {
    const actor = actors[at];
    if (actor !== undefined && !(actor.kind === 'block' && actor.milliseconds === 0)) {
      yield { ...plan, actors: actors.with(at, nothing) };
    }
  }
  if (actors.at(-1)?.kind === 'block' && actors.at(-1)?.at === 0) {
    yield { ...plan, actors: actors.slice(0, -1) };
  }
  for (let at = 0; at < actors.length; at += 1) {
    for (const actor of smallerValues(actors[at])) {
      yield { ...plan, actors: actors.with(at, actor as (typeof actors)[number]) };
    }
  }
  const hasHonest = actors.some((actor) => 'isHonest' in actor);
  for (let at = 0; at < servers.length; at += 1) {
    for (const server of smallerValues(servers[at], hasHonest)) {
      yield { ...plan, servers: servers.with(at, server as (typeof servers)[number]) };
    }
  }
}

/** Options that both ends must have: an honest pair without them would do what it must not. */
const AGREED: ReadonlySet<string> = new Set(['tpClass', 'expedited', 'expeditedAck']);

const LISTS = ['client', 'serverSide', 'raw'];

/** Variants with fewer acts, fewer options, fewer TSDUs or a simpler network. */
function* smallerValues(of: unknown, hasHonest = false): Generator<unknown, void, void> {
  const value = of as Record<string, unknown>;
  // With fewer acts an honest pair would no longer follow the rules.
  for (const name of LISTS) {
    const list = value[name];
    if (Array.isArray(list) && value.isHonest !== true) {
      for (let at = 0; at < list.length; at += 1) {
        yield { ...value, [name]: list.toSpliced(at, 1) };
        for (const act of smallerAct(list[at])) {
          yield { ...value, [name]: list.with(at, act) };
        }
      }
    }
  }
  const options = value.options as Record<string, unknown> | undefined;
  for (const name of Object.keys(options ?? {})) {
    if (AGREED.has(name) && (hasHonest || value.isHonest === true)) {
      continue;
    }
    const { [name]: _, ...others } = options ?? {};
    yield { ...value, options: others };
  }
  for (const name of ['decision', 'abortAfter', 'decides', 'closeAt']) {
    if (name in value) {
      const { [name]: _, ...others } = value;
      yield others;
    }
  }
  if (value.kind === 'block' && value.milliseconds !== 0) {
    yield { ...value, milliseconds: Math.floor((value.milliseconds as number) / 2) };
  }
  const path = value.path as Record<string, unknown> | undefined;
  if (path !== undefined) {
    for (const [name, plain] of Object.entries({ cuts: 0, stalls: 0, resetDropsUnread: false })) {
      if (path[name] !== plain) {
        yield { ...value, path: { ...path, [name]: plain } };
      }
    }
  }
}

function* smallerAct(act: readonly unknown[]): Generator<unknown[], void, void> {
  for (let at = 1; at < act.length; at += 1) {
    const value = act[at];
    if (typeof value === 'number' && value > 1) {
      yield act.with(at, Math.floor(value / 2));
    }
  }
}
