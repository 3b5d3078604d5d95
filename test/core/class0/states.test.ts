/** The table of transitions is what a connection really does: every state, everything that can come. */
import { describe, expect, it } from 'vitest';
import { CLASS0_TABLE } from '../../../src/core/class0/procedure.js';
import {
  CLASS2_STATES,
  cellOf,
  type Event,
  STATES,
  type State,
} from '../../../src/core/connection/transition.js';
import { hex } from '../../support/splits.js';
import { type Class0State, inState, packet, STIMULI, type Subject } from '../../support/states.js';
import { type Effects, effectOf, eventsOfAll, expectEffect } from '../../support/table-check.js';

/** What each action does, as seen from outside. */
const EFFECTS: Effects = {
  'reject user': { throws: 'ERR_COTP_CLOSED' },
  ignore: {},
  'send CR': { sent: ['CR'] },
  'indicate connect': { events: ['connectIndication'] },
  'refuse by DR': { sent: ['DR'], events: ['disconnect'], stream: 'end' },
  'refuse by ER': { sent: ['ER'], events: ['disconnect'], stream: 'end' },
  'send CC': { sent: ['CC'], events: ['open'] },
  'confirm connect': { events: ['open'] },
  'send data': { sent: ['DT'] },
  'take data': { events: ['data'] },
  'keep data': {},
  'end sending': { stream: 'end' },
  'indicate end': { events: ['end'] },
  fail: { events: ['disconnect'], stream: 'destroy' },
  'fail by reset': { events: ['disconnect'], stream: 'reset' },
  'fail with ER': { sent: ['ER'], events: ['disconnect'], stream: 'end' },
  refused: { events: ['disconnect'], stream: 'destroy' },
  'indicate disconnect': { events: ['disconnect'], stream: 'end' },
  release: { stream: 'end' },
  'release at once': { stream: 'end' },
  drop: { stream: 'destroy' },
};

const states = (Object.keys(STATES) as State[]).filter(
  (state): state is Class0State => !CLASS2_STATES.has(state),
);
const modes = [
  ['tolerant', false],
  ['strict', true],
] as const;

function check(subject: Subject, state: State, event: Event, act: () => void): void {
  const { action, next } = cellOf(CLASS0_TABLE, state, event);
  expectEffect(subject, effectOf(EFFECTS, action), next, act);
}

describe.each(modes)('a %s connection', (_name, strict) => {
  describe.each(states)('in %s', (state) => {
    //= X.224 A.4 Table A.6 DC test
    //= X.224 A.4 Table A.6 AK test
    //= X.224 A.4 Table A.6 EA test
    //= X.224 A.4 Table A.6 ED test
    //= X.224 A.4 Table A.6 DT test
    it.each(STIMULI)('does what the table says on $name', ({ event, act }) => {
      const subject = inState(state, { strict });
      check(subject, state, event(state), () => act(subject));
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

    it.each(STIMULI)('reports its end once, as the last event, $name first', ({ name, act }) => {
      const subject = inState(state, { strict });
      const events = eventsOfAll(subject, [act, ...STIMULI.map((stimulus) => stimulus.act)]);
      // A FIN of either side ends the connection without an error.
      const end = state === 'FIN_SENT' && name === 'a FIN' ? 'end' : 'disconnect';
      expect(events.indexOf(end)).toBe(state === 'CLOSED' ? -1 : events.length - 1);
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

  it('a FIN inside a TSDU fails, after the FIN of this side too', () => {
    for (const state of ['OPEN', 'FIN_SENT'] as const) {
      const subject = inState(state).feed(hex('0300 0008 02f000 01'));
      subject.connection.receiveEnd(300);
      expect(subject.connection.state).toBe('CLOSED');
      expect(subject.ending().error.message).toMatch(
        /in the middle of a TSDU, of which 1 octet had come/,
      );
    }
  });
});
