/** The table of class 2 is what a connection really does: every state in either role, everything that can come. */
import { describe, expect, it } from 'vitest';
import { CLASS2_TABLE } from '../../../src/core/class2/table.js';
import { cellOf, type Event, type State } from '../../../src/core/connection/transition.js';
import { inState2, STATES_AND_ROLES, STIMULI2 } from '../../support/class2-states.js';
import type { Subject } from '../../support/states.js';
import { type Effects, effectOf, eventsOfAll, expectEffect } from '../../support/table-check.js';

/** What each action does, as seen from outside. */
const EFFECTS: Effects = {
  'reject user': { throws: 'ERR_COTP_CLOSED' },
  'reject half-close': { throws: 'ERR_COTP_NO_HALF_CLOSE' },
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
  'answer foreign DR': { sent: ['DC'] },
  'refuse second CR': { sent: ['DR'] },
  'answer foreign CC': { sent: ['DR'] },
  confirmed: { stream: 'end' },
  release: { stream: 'end' },
  drop: { stream: 'destroy' },
};

const modes = [
  ['tolerant', false],
  ['strict', true],
] as const;

function check(subject: Subject, state: State, event: Event, act: () => void, isSilent = false) {
  const { action, next } = cellOf(CLASS2_TABLE, state, event);
  const effect = effectOf(EFFECTS, action);
  expectEffect(subject, isSilent ? { ...effect, sent: [] } : effect, next, act);
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
    it.each(STIMULI2)('does what the table says on $name', ({ name, event, act }) => {
      const subject = inState2(role, state, { strict });
      const input = event(state, strict, role);
      // There is no reference to which a DC could be addressed.
      const isSilent = input === 'foreign DR' && name === 'a DR without SRC-REF';
      check(subject, state, input, () => act(subject), isSilent);
    });

    it('does what the table says when its time runs out', () => {
      const subject = inState2(role, state, { strict });
      const { deadline } = subject.connection;
      if (deadline === undefined) {
        expect(['OPEN', 'CLOSED']).toContain(state);
        return;
      }
      check(subject, state, 'timer', () => subject.connection.handleDeadline(deadline));
    });

    it.each(STIMULI2)('reports its end once, as the last event, $name first', ({ act }) => {
      const subject = inState2(role, state, { strict });
      const events = eventsOfAll(subject, [act, ...STIMULI2.map((stimulus) => stimulus.act)]);
      expect(events.indexOf('disconnect')).toBe(state === 'CLOSED' ? -1 : events.length - 1);
    });
  });
});
