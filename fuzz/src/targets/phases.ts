/**
 * Targets that give a connection any octets in each of its phases, tolerant and strict: however TCP cuts them, what it
 * does must be the same.
 */
import type { TransportEngine } from '../../../dist/core/connection/transport-engine.js';
import { join } from '../octets.js';
import { must, type Target } from '../target.js';
import type { AnswerRules, Decision } from '../trial.js';
import { Trial } from '../trial.js';
import { packetByPacket } from './splitter.js';

/** A connection in some phase. */
export interface Situation {
  readonly connection: TransportEngine;
  readonly rules: AnswerRules;
  /** What the responder does with a CR; it accepts unless given. */
  readonly decision?: Decision | undefined;
  /** Data waits, and how much of it leaves before the next TPDU is received depends on where TCP cuts. */
  readonly holdsData?: boolean;
}

/** Makes a new connection in a phase. */
export type Enter = (strict: boolean) => Situation;

const MANNERS = ['tolerant', 'strict'];

export function phaseTarget(
  name: string,
  takes: Target['takes'],
  phases: Readonly<Record<string, Enter>>,
): Target {
  const situation = (scenario: string): Situation => {
    const manner = MANNERS.find((one) => scenario.endsWith(`, ${one}`)) ?? '';
    const enter = phases[scenario.slice(0, -`, ${manner}`.length)];
    must(enter !== undefined, `no scenario '${scenario}'`);
    return enter(manner === 'strict');
  };
  return {
    name,
    takes,
    scenarios: Object.keys(phases).flatMap((phase) =>
      MANNERS.map((manner) => `${phase}, ${manner}`),
    ),
    run: (scenario, chunks) => {
      const stream = join(...chunks);
      const first = situation(scenario);
      const whole = trial(first).run([stream]);
      for (const cut of [chunks, packetByPacket(stream)]) {
        const told = cut.length > 1 ? trial(situation(scenario)).run(cut) : whole;
        must(
          told === whole || first.holdsData === true,
          () => `in several chunks it reports '${told}', in one chunk '${whole}'`,
        );
      }
    },
  };
}

/** What was sent before this phase is discarded; where data is held back, nothing can be sent. */
function trial({ connection, decision = {}, rules, holdsData = false }: Situation): Trial {
  const { sendBuffer } = connection;
  while (sendBuffer.shift() !== undefined) {
    must(!holdsData, 'data left while an EA was due');
  }
  return new Trial(connection, decision, rules);
}

/** Does something to a connection, and returns it. */
export function followedBy(
  connection: TransportEngine,
  act: (connection: TransportEngine) => void,
): TransportEngine {
  act(connection);
  return connection;
}
