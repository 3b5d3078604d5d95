/** Compares what a connection does with a row of its table of transitions. */
import { expect } from 'vitest';
import type { Action, State } from '../../src/core/connection/transition.js';
import type { StreamRequest } from '../../src/core/engine.js';
import { CotpError } from '../../src/core/errors.js';
import type { Subject } from './states.js';

/** What an action does, as seen from outside. */
export interface Effect {
  /** Types of the TPDUs sent; none unless given. */
  readonly sent?: readonly string[];
  /** Types of the events; none unless given. */
  readonly events?: readonly string[];
  /** Unchanged unless given. */
  readonly stream?: StreamRequest;
  /** Where the action itself leads to another state than the row. */
  readonly next?: State;
  /** The call throws an error with this code, and changes nothing. */
  readonly throws?: string;
}

export type Effects = Readonly<Partial<Record<Action, Effect>>>;

/** `act` must have this effect, and lead to this state. */
export function expectEffect(subject: Subject, effect: Effect, next: State, act: () => void): void {
  const { state, streamRequest } = subject.connection;
  if (effect.throws === undefined) {
    act();
  } else {
    expect(act).toThrow(expect.objectContaining({ code: effect.throws }));
  }
  // What waits for its turn leaves as this is read, so it comes before the state.
  const sent = subject.sent().map(({ type }) => type);
  expect({
    state: subject.connection.state,
    sent,
    events: subject.events().map(({ type }) => type),
    stream: subject.connection.streamRequest,
  }).toEqual({
    state: effect.throws === undefined ? (effect.next ?? next) : state,
    sent: effect.sent ?? [],
    events: effect.events ?? [],
    stream: effect.stream ?? streamRequest,
  });
}

/** The effect of an action; fails if the test knows none. */
export function effectOf(effects: Effects, action: Action): Effect {
  const effect = effects[action];
  if (effect === undefined) {
    throw new Error(`no effect is written for '${action}'`);
  }
  return effect;
}

/** The types of all events of a connection to which all of this happens, in this order. */
export function eventsOfAll(
  subject: Subject,
  acts: readonly ((subject: Subject) => void)[],
): readonly string[] {
  return acts.flatMap((act) => {
    try {
      act(subject);
    } catch (error) {
      expect(error).toBeInstanceOf(CotpError);
    }
    return subject.events().map(({ type }) => type);
  });
}
