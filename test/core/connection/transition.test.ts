import { describe, expect, it } from 'vitest';
import { CLASS0_TABLE } from '../../../src/core/class0/procedure.js';
import { CLASS2_TABLE } from '../../../src/core/class2/table.js';
import {
  EVENTS as ALL_EVENTS,
  CLASS2_EVENTS,
  CLASS2_STATES,
  cellOf,
  type Event,
  STATES,
  type State,
} from '../../../src/core/connection/transition.js';

/** Those of class 0; class 2 has a table, and tests, of its own. */
const states = (Object.keys(STATES) as State[]).filter((state) => !CLASS2_STATES.has(state));
const EVENTS = ALL_EVENTS.filter((event) => !CLASS2_EVENTS.has(event));
const cells = states.flatMap((state) => EVENTS.map((event) => ({ state, event })));

/** Octets of the peer; in class 0 they may fail the connection, never open it, except as below. */
const TPDUS: readonly Event[] = [
  'CR',
  'CR unacceptable',
  'CR invalid',
  'CC',
  'CC unacceptable',
  'DR',
  'DR within a TSDU',
  'DT',
  'ED',
  'ER',
  'ER invalid',
  'other TPDU',
  'undecodable',
];
const FROM_PEER: readonly Event[] = [...TPDUS, 'bad TPKT'];
const REQUESTS: readonly Event[] = [
  'T-CONNECT response',
  'T-CONNECT refusal',
  'T-DATA request',
  'T-EXPEDITED-DATA request',
  'end of data request',
];
const TELLING = [
  'fail',
  'fail by reset',
  'fail with ER',
  'refused',
  'refuse by DR',
  'refuse by ER',
] as const;

function nextStates(state: State): readonly State[] {
  return EVENTS.map((event) => cellOf(CLASS0_TABLE, state, event).next);
}

function reachableFrom(start: State): ReadonlySet<State> {
  const seen = new Set([start]);
  for (const state of seen) {
    for (const next of nextStates(state)) {
      seen.add(next);
    }
  }
  return seen;
}

/**
 * The table for class 0 over TCP, written out a second time from X.224 table A.6 and RFC 1006, row
 * by row, as action and next state. FIN_SENT, FIN_RECEIVED and ENDING divide what X.224 has no
 * names for: a TCP connection ends in two halves.
 */
type Cell = readonly [action: string, next: State];
type Written = Readonly<Partial<Record<Event, Cell>>> & { readonly else: (event: Event) => Cell };

const ignoreIn = (state: State) => (event: Event) =>
  REQUESTS.includes(event) ? (['reject user', state] as const) : (['ignore', state] as const);
const failOnOctetsIn =
  (state: State, cell: Cell = FAIL) =>
  (event: Event) =>
    FROM_PEER.includes(event) ? cell : ignoreIn(state)(event);

const FAIL: Cell = ['fail', 'CLOSED'];
/** Of an open connection, whose peer must not take it for an end in good order. */
const RESET: Cell = ['fail by reset', 'CLOSED'];
const ER: Cell = ['fail with ER', 'ENDING'];

const WRITTEN: Readonly<Partial<Record<State, Written>>> = {
  CLOSED: { else: ignoreIn('CLOSED') },
  // CONNECTING
  WFNC: {
    'N-CONNECT confirm': ['send CR', 'WFCC'],
    'N-DISCONNECT indication': FAIL,
    timer: FAIL,
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    'disruptive T-DISCONNECT request': ['drop', 'CLOSED'],
    else: ignoreIn('WFNC'),
  },
  // WAIT_CC
  WFCC: {
    CC: ['confirm connect', 'OPEN'],
    'CC unacceptable': FAIL,
    DR: ['refused', 'CLOSED'],
    ER: ['refused', 'CLOSED'],
    timer: FAIL,
    'N-RELEASE indication': FAIL,
    'N-DISCONNECT indication': FAIL,
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    'disruptive T-DISCONNECT request': ['drop', 'CLOSED'],
    else: failOnOctetsIn('WFCC'),
  },
  // WAIT_CR
  WFCR: {
    CR: ['indicate connect', 'WFTRESP'],
    'CR unacceptable': ['refuse by DR', 'ENDING'],
    'CR invalid': ['refuse by ER', 'ENDING'],
    timer: FAIL,
    // TCP end: nothing to tell the user
    'N-RELEASE indication': ['drop', 'CLOSED'],
    'N-DISCONNECT indication': ['drop', 'CLOSED'],
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    'disruptive T-DISCONNECT request': ['drop', 'CLOSED'],
    else: failOnOctetsIn('WFCR'),
  },
  // WAIT_USER
  WFTRESP: {
    'T-CONNECT response': ['send CC', 'OPEN'],
    'T-CONNECT refusal': ['refuse by DR', 'ENDING'],
    'T-DISCONNECT request': ['refuse by DR', 'ENDING'],
    'disruptive T-DISCONNECT request': ['refuse by DR', 'ENDING'],
    timer: ['refuse by DR', 'ENDING'],
    'N-RELEASE indication': FAIL,
    'N-DISCONNECT indication': FAIL,
    // Data right behind the CR, which several stacks send without waiting for the CC.
    DT: ['keep data', 'WFTRESP'],
    else: failOnOctetsIn('WFTRESP'),
  },
  OPEN: {
    'T-DATA request': ['send data', 'OPEN'],
    DT: ['take data', 'OPEN'],
    // RFC 1006, where it was agreed on.
    'T-EXPEDITED-DATA request': ['send expedited data', 'OPEN'],
    ED: ['take expedited data', 'OPEN'],
    DR: ['indicate disconnect', 'ENDING'],
    'DR within a TSDU': RESET,
    ER: RESET,
    'ER invalid': RESET,
    CR: ER,
    'CR unacceptable': ER,
    'CR invalid': ER,
    CC: ER,
    'CC unacceptable': ER,
    'other TPDU': ER,
    undecodable: ER,
    'bad TPKT': RESET,
    limit: RESET,
    timer: RESET,
    'end of data request': ['end sending', 'FIN_SENT'],
    'T-DISCONNECT request': ['release', 'ENDING'],
    'disruptive T-DISCONNECT request': ['release at once', 'ENDING'],
    'N-RELEASE indication': ['indicate end', 'FIN_RECEIVED'],
    'N-RELEASE within a TSDU': RESET,
    'N-DISCONNECT indication': FAIL,
    else: ignoreIn('OPEN'),
  },
  // OPEN, but nothing can be sent any more, so no ER either.
  FIN_SENT: {
    DT: ['take data', 'FIN_SENT'],
    ED: ['take expedited data', 'FIN_SENT'],
    DR: ['indicate disconnect', 'ENDING'],
    limit: RESET,
    timer: RESET,
    'T-DISCONNECT request': ['release', 'ENDING'],
    'disruptive T-DISCONNECT request': ['release at once', 'ENDING'],
    'N-RELEASE indication': ['indicate end', 'ENDING'],
    'N-RELEASE within a TSDU': RESET,
    'N-DISCONNECT indication': FAIL,
    else: failOnOctetsIn('FIN_SENT', RESET),
  },
  // OPEN, but nothing can come any more.
  FIN_RECEIVED: {
    'T-DATA request': ['send data', 'FIN_RECEIVED'],
    'T-EXPEDITED-DATA request': ['send expedited data', 'FIN_RECEIVED'],
    'end of data request': ['release', 'ENDING'],
    'T-DISCONNECT request': ['release', 'ENDING'],
    'disruptive T-DISCONNECT request': ['release at once', 'ENDING'],
    timer: RESET,
    'N-DISCONNECT indication': FAIL,
    else: ignoreIn('FIN_RECEIVED'),
  },
  ENDING: {
    timer: ['drop', 'CLOSED'],
    'N-DISCONNECT indication': ['ignore', 'CLOSED'],
    else: ignoreIn('ENDING'),
  },
};

describe('the table', () => {
  it.each(cells)('has a cell for $event in $state', ({ state, event }) => {
    const { action, next } = cellOf(CLASS0_TABLE, state, event);
    expect(typeof action).toBe('string');
    expect(states).toContain(next);
  });

  //= X.224 A.2.3 test
  //= X.224 A.4 Table A.6 TCONreq test
  //= X.224 A.4 Table A.6 TCONresp test
  //= X.224 A.4 Table A.6 TDTreq test
  //= X.224 A.4 Table A.6 TEXreq test
  //= X.224 A.4 Table A.6 TDISreq test
  //= X.224 A.4 Table A.6 NCONconf test
  //= X.224 A.4 Table A.6 NDISind test
  //= X.224 A.4 Table A.6 CR test
  //= X.224 A.4 Table A.6 DR test
  //= X.224 A.4 Table A.6 CC test
  //= X.224 A.4 Table A.6 DT test
  //= X.224 A.4 Table A.6 ER test
  it.each(cells)('agrees with X.224 on $event in $state', ({ state, event }) => {
    const { action, next } = cellOf(CLASS0_TABLE, state, event);
    expect([action, next]).toEqual(WRITTEN[state]?.[event] ?? WRITTEN[state]?.else(event));
  });
});

describe.each([
  ['class 0', CLASS0_TABLE],
  ['class 2', CLASS2_TABLE],
] as const)('the table of %s', (_name, table) => {
  it('names an action and a state for every event in every state', () => {
    const all = Object.keys(STATES) as State[];
    for (const state of all) {
      expect([...(table.get(state)?.keys() ?? [])]).toEqual(ALL_EVENTS);
      for (const event of ALL_EVENTS) {
        const { action, next } = cellOf(table, state, event);
        expect(action).toMatch(/^[a-z]/);
        expect(all).toContain(next);
      }
    }
  });
});

/** The names of the states of which that is true. */
function statesThat(fact: 'isReleasing' | 'isAgreed' | 'takesData'): readonly string[] {
  return Object.entries(STATES)
    .filter(([, facts]) => facts[fact])
    .map(([name]) => name);
}

describe('a state', () => {
  it('releases the connection only in class 2, by TPDUs', () => {
    expect(statesThat('isReleasing')).toEqual(['WBCL', 'RELEASING', 'CLOSING']);
  });

  it('has an agreed class from the CC to the end of the data or of the release', () => {
    const agreed = ['OPEN', 'FIN_SENT', 'FIN_RECEIVED', 'RELEASING', 'CLOSING'];
    expect(statesThat('isAgreed')).toEqual(agreed);
  });

  it('takes data of the peer until the peer has sent FIN or this side releases', () => {
    expect(statesThat('takesData')).toEqual(['OPEN', 'FIN_SENT']);
  });
});

describe('in the table', () => {
  it('CLOSED is final', () => {
    expect(new Set(nextStates('CLOSED'))).toEqual(new Set(['CLOSED']));
  });

  it.each(states)('%s can reach CLOSED', (state) => {
    expect(reachableFrom(state)).toContain('CLOSED');
  });

  //= X.224 6.8.3 para 1 test
  //= X.224 A.4 Table A.6 NDISind test
  it.each(states.filter((state) => state !== 'CLOSED'))('%s closes when TCP is lost', (state) => {
    expect(cellOf(CLASS0_TABLE, state, 'N-DISCONNECT indication').next).toBe('CLOSED');
  });

  it.each(states.filter((state) => state !== 'CLOSED'))(
    '%s is left at once when the user disconnects',
    (state) => {
      expect(['ENDING', 'CLOSED']).toContain(
        cellOf(CLASS0_TABLE, state, 'T-DISCONNECT request').next,
      );
    },
  );

  it.each(states.filter((state) => state !== 'CLOSED'))(
    '%s does not outlast its timer',
    (state) => {
      expect(['ENDING', 'CLOSED']).toContain(cellOf(CLASS0_TABLE, state, 'timer').next);
    },
  );

  it('every state is reached by an initiator or a responder', () => {
    expect(new Set([...reachableFrom('WFNC'), ...reachableFrom('WFCR')])).toEqual(new Set(states));
  });

  it('an initiator never comes to the states of a responder', () => {
    expect([...reachableFrom('WFNC')].filter((s) => s === 'WFCR' || s === 'WFTRESP')).toEqual([]);
  });

  it('a responder never comes to the states of an initiator', () => {
    expect([...reachableFrom('WFCR')].filter((s) => s === 'WFNC' || s === 'WFCC')).toEqual([]);
  });

  it('nothing opens a connection but the CC awaited and the response of the user', () => {
    const opening = cells.filter(
      ({ state, event }) => state !== 'OPEN' && cellOf(CLASS0_TABLE, state, event).next === 'OPEN',
    );
    expect(opening).toEqual([
      { state: 'WFCC', event: 'CC' },
      { state: 'WFTRESP', event: 'T-CONNECT response' },
    ]);
  });

  it('no connection goes back to a state before the CC', () => {
    for (const state of ['OPEN', 'FIN_SENT', 'FIN_RECEIVED', 'ENDING'] as const) {
      for (const before of ['WFNC', 'WFCC', 'WFCR', 'WFTRESP'] as const) {
        expect(reachableFrom(state)).not.toContain(before);
      }
    }
  });

  //= X.224 6.22.1.3 para 2 test
  it('nothing that the peer sends after the end has an effect', () => {
    for (const event of FROM_PEER) {
      expect(cellOf(CLASS0_TABLE, 'ENDING', event)).toMatchObject({
        action: 'ignore',
        next: 'ENDING',
      });
      expect(cellOf(CLASS0_TABLE, 'CLOSED', event)).toMatchObject({
        action: 'ignore',
        next: 'CLOSED',
      });
    }
  });

  it('data is taken only where it may come', () => {
    const taking = states.filter(
      (state) => cellOf(CLASS0_TABLE, state, 'DT').action === 'take data',
    );
    expect(taking).toEqual(['OPEN', 'FIN_SENT']);
  });

  //= X.224 6.22.1.3 note 2 test
  it('an ER is never answered by an ER, not even a malformed one', () => {
    for (const state of states) {
      expect(cellOf(CLASS0_TABLE, state, 'ER').action).not.toMatch(/ER$/);
      expect(cellOf(CLASS0_TABLE, state, 'ER invalid').action).not.toMatch(/ER$/);
    }
  });

  it('an ER is sent only where we can still send', () => {
    const senders = states.filter((state) =>
      EVENTS.some((event) => cellOf(CLASS0_TABLE, state, event).action.endsWith('ER')),
    );
    expect(senders).toEqual(['WFCR', 'OPEN']);
  });

  it('the peer is notified of what fails on an open connection, by an ER or a reset', () => {
    const silent = cells.filter(
      ({ state, event }) =>
        ['OPEN', 'FIN_SENT', 'FIN_RECEIVED'].includes(state) &&
        cellOf(CLASS0_TABLE, state, event).action === 'fail',
    );
    expect(new Set(silent.map(({ event }) => event))).toEqual(new Set(['N-DISCONNECT indication']));
  });

  it('a bad TPKT is answered by no TPDU', () => {
    for (const state of states) {
      expect(['fail', 'fail by reset', 'ignore']).toContain(
        cellOf(CLASS0_TABLE, state, 'bad TPKT').action,
      );
    }
  });

  it.each(cells)(
    '$event in $state does not end a connection without telling why',
    ({ state, event }) => {
      const { action, next } = cellOf(CLASS0_TABLE, state, event);
      const ends = next === 'CLOSED' && state !== 'CLOSED';
      const byWish = event.endsWith('T-DISCONNECT request') || state === 'ENDING';
      // A peer that never sent a CR was no connection of anybody's.
      const isScan = state === 'WFCR' && action === 'drop';
      expect(!ends || byWish || isScan || (TELLING as readonly string[]).includes(action)).toBe(
        true,
      );
    },
  );

  //= X.224 A.2.3 test
  it('a request of the user that is out of place leaves the state as it was', () => {
    const rejected = cells.filter(
      ({ state, event }) => cellOf(CLASS0_TABLE, state, event).action === 'reject user',
    );
    expect(
      rejected.filter(({ state, event }) => cellOf(CLASS0_TABLE, state, event).next !== state),
    ).toEqual([]);
  });

  it('a request of the user is never ignored silently, but for one to disconnect', () => {
    for (const state of states) {
      for (const event of REQUESTS) {
        expect(cellOf(CLASS0_TABLE, state, event).action).not.toBe('ignore');
      }
    }
  });

  it('what is ignored leaves the state as it was, but for the end of TCP that is awaited', () => {
    const moving = cells.filter(({ state, event }) => {
      const { action, next } = cellOf(CLASS0_TABLE, state, event);
      return action === 'ignore' && next !== state;
    });
    expect(moving).toEqual([{ state: 'ENDING', event: 'N-DISCONNECT indication' }]);
  });
});
