/** The table of transitions is what a connection really does: every state, everything that can come. */
import { describe, expect, it } from 'vitest';
import { CLASS0_TABLE } from '../../../src/core/class0/procedure.js';
import {
  type Action,
  CLASS2_STATES,
  STATES,
  type State,
} from '../../../src/core/connection/transition.js';
import type { StreamRequest } from '../../../src/core/engine.js';
import { ConnectionClosedError, CotpError } from '../../../src/core/errors.js';
import { hex } from '../../support/splits.js';
import { type Class0State, inState, packet, STIMULI, type Subject } from '../../support/states.js';

interface Effect {
  readonly sent: readonly string[];
  readonly events: readonly string[];
  /** `undefined`: as it was. */
  readonly stream?: StreamRequest;
}

/** What each action does to be seen from outside; `reject user` throws. */
const EFFECTS: Readonly<Partial<Record<Action, Effect>>> = {
  ignore: { sent: [], events: [] },
  'send CR': { sent: ['CR'], events: [] },
  'indicate connect': { sent: [], events: ['connectIndication'] },
  'refuse by DR': { sent: ['DR'], events: ['disconnect'], stream: 'end' },
  'refuse by ER': { sent: ['ER'], events: ['disconnect'], stream: 'end' },
  'send CC': { sent: ['CC'], events: ['open'] },
  'confirm connect': { sent: [], events: ['open'] },
  'send data': { sent: ['DT'], events: [] },
  'take data': { sent: [], events: ['data'] },
  'keep data': { sent: [], events: [] },
  'end sending': { sent: [], events: [], stream: 'end' },
  'indicate end': { sent: [], events: ['end'] },
  fail: { sent: [], events: ['disconnect'], stream: 'destroy' },
  'fail by reset': { sent: [], events: ['disconnect'], stream: 'reset' },
  'fail with ER': { sent: ['ER'], events: ['disconnect'], stream: 'end' },
  refused: { sent: [], events: ['disconnect'], stream: 'destroy' },
  'indicate disconnect': { sent: [], events: ['disconnect'], stream: 'end' },
  release: { sent: [], events: [], stream: 'end' },
  'release at once': { sent: [], events: [], stream: 'end' },
  drop: { sent: [], events: [], stream: 'destroy' },
};

const states = (Object.keys(STATES) as State[]).filter(
  (state): state is Class0State => !CLASS2_STATES.has(state),
);
const modes = [
  ['tolerant', false],
  ['strict', true],
] as const;

function check(subject: Subject, state: State, name: string, act: () => void): void {
  const stimulus = STIMULI.find((one) => one.name === name);
  const event = stimulus?.event(state) ?? 'timer';
  const { action, next } = CLASS0_TABLE[state][event];
  const before = subject.connection.streamRequest;
  if (action === 'reject user') {
    expect(act).toThrow(ConnectionClosedError);
    expect(subject.connection.state).toBe(state);
    return;
  }
  act();
  const effect = EFFECTS[action];
  if (effect === undefined) {
    throw new Error(`no effect is written for '${action}'`);
  }
  expect({
    state: subject.connection.state,
    sent: subject.sent().map(({ type }) => type),
    events: subject.events().map(({ type }) => type),
    stream: subject.connection.streamRequest,
  }).toEqual({
    state: next,
    sent: effect.sent,
    events: effect.events,
    stream: effect.stream ?? before,
  });
}

describe.each(modes)('a %s connection', (_name, strict) => {
  describe.each(states)('in %s', (state) => {
    //= X.224 A.4 Table A.6 DC test
    //= X.224 A.4 Table A.6 AK test
    //= X.224 A.4 Table A.6 EA test
    //= X.224 A.4 Table A.6 ED test
    //= X.224 A.4 Table A.6 DT test
    it.each(STIMULI)('does what the table says on $name', ({ name, act }) => {
      const subject = inState(state, { strict });
      check(subject, state, name, () => act(subject));
    });

    it('does what the table says when its time runs out', () => {
      const subject = inState(state, { strict });
      const { deadline } = subject.connection;
      if (deadline === undefined) {
        // Only what waits for someone else has a time: a connection at rest has none.
        expect(['OPEN', 'FIN_SENT', 'FIN_RECEIVED', 'CLOSED']).toContain(state);
        return;
      }
      check(subject, state, 'timer', () => subject.connection.handleDeadline(deadline));
    });

    it('does nothing one millisecond before', () => {
      const subject = inState(state, { strict });
      subject.connection.handleDeadline((subject.connection.deadline ?? 1) - 1);
      expect([subject.connection.state, subject.events()]).toEqual([state, []]);
    });

    it.each(STIMULI)('tells of its end once only, $name first', ({ act }) => {
      const subject = inState(state, { strict });
      const told: string[] = [];
      const all = [act, ...STIMULI.map((stimulus) => stimulus.act)];
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

describe('out of place', () => {
  it('a CC that comes after the time ran out is ignored', () => {
    const subject = inState('WFCC');
    subject.connection.handleDeadline(10_000);
    subject.quiet();
    subject.feed(packet({ type: 'CC', dstRef: 0x0a0b, srcRef: 1 }));
    expect([subject.connection.state, subject.events(), subject.sent()]).toEqual([
      'CLOSED',
      [],
      [],
    ]);
  });

  it('a FIN inside a TSDU is told apart from one between two', () => {
    for (const state of ['OPEN', 'FIN_SENT'] as const) {
      const subject = inState(state).feed(hex('0300 0008 02f000 01'));
      subject.connection.receiveEnd(300);
      expect(subject.connection.state).toBe('CLOSED');
      expect(subject.ending().error.message).toMatch(/in the middle of a TSDU; 1 octets/);
    }
  });
});
