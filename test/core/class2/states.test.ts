/** The table of class 2 is what a connection really does: every state in either role, everything that can come. */
import { describe, expect, it } from 'vitest';
import { CLASS2_TABLE } from '../../../src/core/class2/table.js';
import type { Action, State } from '../../../src/core/connection/transition.js';
import type { StreamRequest } from '../../../src/core/engine.js';
import { CotpError } from '../../../src/core/errors.js';
import {
  type Class2State,
  inState2,
  type Role,
  STATES_AND_ROLES,
  STIMULI2,
} from '../../support/class2-states.js';
import type { Subject } from '../../support/states.js';

interface Effect {
  readonly sent?: readonly string[];
  readonly events?: readonly string[];
  /** `undefined`: as it was. */
  readonly stream?: StreamRequest;
  /** Where the effect goes on by itself to another state. */
  readonly next?: State;
}

/** What each action does to be seen from outside; two of them throw. */
const EFFECTS: Readonly<Partial<Record<Action, Effect>>> = {
  ignore: {},
  'send CR': { sent: ['CR'] },
  'indicate connect': { events: ['connectIndication'] },
  'refuse by DR': { sent: ['DR'], events: ['disconnect'], stream: 'end' },
  'send CC': { sent: ['CC'], events: ['open'] },
  'confirm connect': { events: ['open'] },
  'send data': { sent: ['DT'] },
  'send expedited data': { sent: ['ED'] },
  'take data': { events: ['data'] },
  'take expedited data': { sent: ['EA'], events: ['expedited'] },
  'acknowledge expedited data': { sent: ['EA'] },
  // What the ED has held back leaves, and our DR behind it.
  'resume sending': { sent: ['DT', 'DR'], next: 'CLOSING' },
  fail: { events: ['disconnect'], stream: 'destroy' },
  'fail by reset': { events: ['disconnect'], stream: 'reset' },
  refused: { events: ['disconnect'], stream: 'destroy' },
  'refused, send DC': { sent: ['DC'], events: ['disconnect'], stream: 'end' },
  'fail with DC': { sent: ['DC'], events: ['disconnect'], stream: 'end' },
  'release with DC': { sent: ['DC'], stream: 'end' },
  'confirm disconnect': { sent: ['DC'], events: ['disconnect'], stream: 'end' },
  'refuse CC': { sent: ['DR'], events: ['disconnect'] },
  'refuse foreign CC': { sent: ['DR'], events: ['disconnect'], stream: 'end' },
  'give up': {},
  // Nothing is queued in the states that a test brings about.
  'begin release': { sent: ['DR'], next: 'CLOSING' },
  'send DR at once': { sent: ['DR'] },
  'fail by DR': { sent: ['DR'], events: ['disconnect'] },
  'send DC': { sent: ['DC'] },
  'refuse second CR': { sent: ['DR'] },
  'answer foreign CC': { sent: ['DR'] },
  confirmed: { stream: 'end' },
  release: { stream: 'end' },
  drop: { stream: 'destroy' },
};

const THROWING: readonly Action[] = ['reject user', 'reject half-close'];
const modes = [
  ['tolerant', false],
  ['strict', true],
] as const;

interface Case {
  readonly state: Class2State;
  readonly role: Role;
  readonly strict: boolean;
}

function check(subject: Subject, { state, role, strict }: Case, name: string, act: () => void) {
  const stimulus = STIMULI2.find((one) => one.name === name);
  const event = stimulus?.event(state, strict, role) ?? 'timer';
  const { action, next } = CLASS2_TABLE[state][event];
  const before = subject.connection.streamRequest;
  if (THROWING.includes(action)) {
    expect(act).toThrow(CotpError);
    expect(subject.connection.state).toBe(state);
    return;
  }
  act();
  const effect = EFFECTS[action];
  if (effect === undefined) {
    throw new Error(`no effect is written for '${action}'`);
  }
  const isSilent = event === 'foreign DR' && name === 'a DR without SRC-REF';
  const sent = subject.sent().map(({ type }) => type);
  expect({
    state: subject.connection.state,
    sent,
    events: subject.events().map(({ type }) => type),
    stream: subject.connection.streamRequest,
  }).toEqual({
    state: effect.next ?? next,
    sent: isSilent ? [] : (effect.sent ?? []),
    events: effect.events ?? [],
    stream: effect.stream ?? before,
  });
}

describe.each(modes)('a %s connection of class 2', (_name, strict) => {
  describe.each(STATES_AND_ROLES)('in $state, $role', ({ state, role }) => {
    //= X.224 A.4 Table A.6 DR test
    //= X.224 A.4 Table A.6 DC test
    //= X.224 A.4 Table A.6 CC test
    //= X.224 A.4 Table A.6 AK test
    //= X.224 A.4 Table A.6 EA test
    //= X.224 A.4 Table A.6 ED test
    //= X.224 A.4 Table A.6 DT test
    //= X.224 A.4 Table A.6 ER test
    //= X.224 A.4 Table A.6 TDISreq test
    //= X.224 A.4 Table A.6 NDISind test
    //= X.224 A.4 Table A.6 TEXreq test
    it.each(STIMULI2)('does what the table says on $name', ({ name, act }) => {
      const subject = inState2(role, state, { strict });
      check(subject, { state, role, strict }, name, () => act(subject));
    });

    it('does what the table says when its time runs out', () => {
      const subject = inState2(role, state, { strict });
      const { deadline } = subject.connection;
      if (deadline === undefined) {
        expect(['OPEN', 'CLOSED']).toContain(state);
        return;
      }
      check(subject, { state, role, strict }, 'time', () =>
        subject.connection.handleDeadline(deadline),
      );
    });

    it.each(STIMULI2)('tells of its end once only, $name first', ({ act }) => {
      const subject = inState2(role, state, { strict });
      const told: string[] = [];
      const all = [act, ...STIMULI2.map((stimulus) => stimulus.act)];
      for (const next of all) {
        try {
          next(subject);
        } catch (error) {
          expect(error).toBeInstanceOf(CotpError);
        }
        told.push(...subject.events().map(({ type }) => type));
      }
      expect(told.slice(0, -1)).not.toContain('disconnect');
    });
  });
});
