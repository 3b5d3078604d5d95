/**
 * Runs many worlds, one after the other, and shrinks the first finding of each rule.
 */
import { type Library, real } from './environment.js';
import { generate, OLD_RECEIVE_LIMIT, RECEIVE_LIMIT } from './generate.js';
import type { Options, Plan } from './plan.js';
import { shrink } from './shrink.js';
import { type Outcome, runPlan } from './world.js';

export interface Failure {
  readonly seed: number;
  readonly outcome: Outcome;
  /** Shrunk, if the campaign shrinks. */
  readonly plan: Plan;
}

export interface CampaignOptions {
  readonly seed: number;
  readonly steps: number;
  /** When to end, by the real clock. */
  readonly until: number;
  /** Continues after the first finding. */
  readonly all: boolean;
  /** Shrinks the plan of the first finding of each rule. */
  readonly shrinks: boolean;
  /** Only a finding of this rule counts. */
  readonly rule?: string | undefined;
  /** Receives each world that has run. */
  readonly onWorld?: ((seed: number, outcome: Outcome) => void) | undefined;
}

export interface CampaignResult {
  readonly worlds: number;
  readonly steps: number;
  readonly milliseconds: number;
  /** For each rule: the number of worlds that broke it, and the first of their seeds. */
  readonly findings: ReadonlyMap<string, { count: number; readonly seeds: number[] }>;
}

/** Most seeds that are kept for one rule. */
const SEEDS_KEPT = 10;

/** @param onFailure receives the first finding of each rule */
export async function campaign(
  library: Library,
  options: CampaignOptions,
  onFailure: (failure: Failure) => void,
): Promise<CampaignResult> {
  const started = real.now();
  const findings = new Map<string, { count: number; seeds: number[] }>();
  let steps = 0;
  let worlds = 0;
  for (let { seed } = options; steps < options.steps && real.now() < options.until; seed += 1) {
    const plan = adapted(generate(seed), library);
    const outcome = await runPlan(plan, { library });
    options.onWorld?.(seed, outcome);
    steps += outcome.steps;
    worlds += 1;
    const rule = outcome.finding?.rule;
    if (rule !== undefined && rule === (options.rule ?? rule)) {
      const known = findings.get(rule) ?? { count: 0, seeds: [] };
      findings.set(rule, known);
      known.count += 1;
      if (known.seeds.length < SEEDS_KEPT) {
        known.seeds.push(seed);
      }
      if (known.count === 1) {
        const found = options.shrinks ? await shrunk(plan, rule, library) : plan;
        onFailure({ seed, outcome, plan: found });
      }
      if (!options.all) {
        break;
      }
    }
  }
  return { worlds, steps, milliseconds: real.now() - started, findings };
}

function shrunk(plan: Plan, rule: string, library: Library): Promise<Plan> {
  return shrink(plan, async (candidate) => {
    const { finding } = await runPlan(candidate, { library });
    return finding?.rule === rule;
  });
}

/**
 * Adapts a plan to the library under test: version 0.1.0 has another name for the limit of a server, and neither class 2
 * nor expedited data.
 */
export function adapted(plan: Plan, library: Library): Plan {
  if (library.limitsReceiving) {
    return plan;
  }
  const servers = plan.servers.map((server) => ({ ...server, options: older(server.options) }));
  const actors = plan.actors.map((actor) =>
    'options' in actor ? { ...actor, options: older(actor.options) } : actor,
  );
  return { ...plan, servers, actors };
}

function older(options: Options): Options {
  const {
    tpClass: _,
    expedited: __,
    expeditedAck: ___,
    [RECEIVE_LIMIT]: limit,
    ...others
  } = options;
  return limit === undefined ? others : { ...others, [OLD_RECEIVE_LIMIT]: limit };
}
