/**
 * The states of a class 0 connection over TCP and what each event does in each of them, as data.
 * From X.224 table A.6 with TCP as the network service (RFC 1006 §3 and §5). Knows neither octets
 * nor sockets; the actions named here are carried out by `connection.ts`.
 *
 * Names in capitals are those of X.224; WFCR and ENDING are what TCP adds: a responder that waits
 * for the CR, and a connection whose TCP connection is still to end.
 */

/** The states, each with what it waits for. */
export const STATES = {
  CLOSED: 'nothing any more',
  WFNC: 'the TCP connection',
  WFCC: 'CC after CR was sent',
  WFCR: 'CR after TCP was accepted',
  WFTRESP: "the user's answer to the CR",
  OPEN: 'data in both directions',
  FIN_SENT: 'the last TSDUs of the peer, after our FIN',
  FIN_RECEIVED: 'our last TSDUs, after the FIN of the peer',
  ENDING: 'the end of TCP after our FIN',
} as const;

export type State = keyof typeof STATES;

/**
 * T-service requests of the user, N-service indications of TCP (a release is the FIN of the peer),
 * the timer, a limit of our own that the peer has passed, and TPDUs received.
 */
export const EVENTS = [
  'T-CONNECT response',
  'T-CONNECT refusal',
  'T-DATA request',
  'end of data request',
  'T-DISCONNECT request',
  'N-CONNECT confirm',
  'N-RELEASE indication',
  'N-RELEASE within a TSDU',
  'N-DISCONNECT indication',
  'timer',
  'limit',
  'CR',
  'CR unacceptable',
  'CR invalid',
  'CC',
  'CC unacceptable',
  'DR',
  'DR within a TSDU',
  'DT',
  'ER',
  'ER invalid',
  'other TPDU',
  'undecodable',
  'bad TPKT',
] as const;

export type Event = (typeof EVENTS)[number];

/** What is done on the way; `connection.ts` has one procedure for each. */
export type Action =
  /** Nothing: the event has no meaning any more. */
  | 'ignore'
  /** The caller's mistake: an error to the user, the state stays. */
  | 'reject user'
  | 'send CR'
  | 'indicate connect'
  | 'refuse by DR'
  | 'refuse by ER'
  | 'send CC'
  | 'confirm connect'
  | 'send data'
  | 'take data'
  /** Data right behind the CR, from a peer that does not wait for the CC: it stays until the user has decided. */
  | 'keep data'
  /** FIN once everything written is sent; the peer's data is still taken. */
  | 'end sending'
  /** The peer's half of TCP has ended; ours goes on. */
  | 'indicate end'
  /** Error to the user, TCP is dropped. */
  | 'fail'
  /** The same of an open connection: only a reset tells the peer that it was no end in good order. */
  | 'fail by reset'
  /** The same, but an ER tells the peer first (X.224 6.22.3). */
  | 'fail with ER'
  /** Our CR was answered by DR or ER. */
  | 'refused'
  /** A DR on an open connection: over in good order, with its reason. */
  | 'indicate disconnect'
  /** Everything written is sent, then FIN. */
  | 'release'
  /** TCP is dropped; there is no one to tell. */
  | 'drop';

/** What an event does and which state follows. */
export interface Transition {
  readonly action: Action;
  readonly next: State;
}

type Row = Partial<Record<Event, readonly [Action, State]>>;

/** The cells that are not what {@link otherwise} gives. */
const TABLE: Record<State, Row> = {
  CLOSED: {},
  WFNC: {
    'N-CONNECT confirm': ['send CR', 'WFCC'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    timer: ['fail', 'CLOSED'],
  },
  WFCC: {
    CC: ['confirm connect', 'OPEN'],
    'CC unacceptable': ['fail', 'CLOSED'],
    DR: ['refused', 'CLOSED'],
    ER: ['refused', 'CLOSED'],
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    'N-RELEASE indication': ['fail', 'CLOSED'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    timer: ['fail', 'CLOSED'],
  },
  WFCR: {
    CR: ['indicate connect', 'WFTRESP'],
    'CR unacceptable': ['refuse by DR', 'ENDING'],
    'CR invalid': ['refuse by ER', 'ENDING'],
    'T-DISCONNECT request': ['drop', 'CLOSED'],
    // Before a CR there is no connection to tell of: a port scan is no error of the server.
    'N-RELEASE indication': ['drop', 'CLOSED'],
    'N-DISCONNECT indication': ['drop', 'CLOSED'],
    timer: ['fail', 'CLOSED'],
  },
  WFTRESP: {
    'T-CONNECT response': ['send CC', 'OPEN'],
    'T-CONNECT refusal': ['refuse by DR', 'ENDING'],
    'T-DISCONNECT request': ['refuse by DR', 'ENDING'],
    DT: ['keep data', 'WFTRESP'],
    // The peer has gone: the indication is withdrawn.
    'N-RELEASE indication': ['fail', 'CLOSED'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    timer: ['refuse by DR', 'ENDING'],
  },
  OPEN: {
    'T-DATA request': ['send data', 'OPEN'],
    DT: ['take data', 'OPEN'],
    // X.224 6.7.4 knows no DR in class 0, but peers send one before they close TCP.
    DR: ['indicate disconnect', 'ENDING'],
    'DR within a TSDU': ['fail by reset', 'CLOSED'],
    // An ER, even a malformed one, is never answered by an ER (X.224 6.22.3).
    ER: ['fail by reset', 'CLOSED'],
    'ER invalid': ['fail by reset', 'CLOSED'],
    'other TPDU': ['fail with ER', 'ENDING'],
    CR: ['fail with ER', 'ENDING'],
    'CR unacceptable': ['fail with ER', 'ENDING'],
    'CR invalid': ['fail with ER', 'ENDING'],
    CC: ['fail with ER', 'ENDING'],
    'CC unacceptable': ['fail with ER', 'ENDING'],
    undecodable: ['fail with ER', 'ENDING'],
    // Without boundaries there is no TPDU that an ER could reject (RFC 1006 §6).
    'bad TPKT': ['fail by reset', 'CLOSED'],
    'end of data request': ['end sending', 'FIN_SENT'],
    'T-DISCONNECT request': ['release', 'ENDING'],
    'N-RELEASE indication': ['indicate end', 'FIN_RECEIVED'],
    'N-RELEASE within a TSDU': ['fail by reset', 'CLOSED'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    timer: ['fail by reset', 'CLOSED'],
    limit: ['fail by reset', 'CLOSED'],
  },
  FIN_SENT: {
    DT: ['take data', 'FIN_SENT'],
    DR: ['indicate disconnect', 'ENDING'],
    'T-DISCONNECT request': ['release', 'ENDING'],
    'N-RELEASE indication': ['indicate end', 'ENDING'],
    'N-RELEASE within a TSDU': ['fail by reset', 'CLOSED'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    timer: ['fail by reset', 'CLOSED'],
    limit: ['fail by reset', 'CLOSED'],
  },
  FIN_RECEIVED: {
    'T-DATA request': ['send data', 'FIN_RECEIVED'],
    'end of data request': ['release', 'ENDING'],
    'T-DISCONNECT request': ['release', 'ENDING'],
    'N-DISCONNECT indication': ['fail', 'CLOSED'],
    timer: ['fail by reset', 'CLOSED'],
  },
  ENDING: {
    'N-DISCONNECT indication': ['ignore', 'CLOSED'],
    timer: ['drop', 'CLOSED'],
  },
};

const USER_EVENTS: ReadonlySet<Event> = new Set([
  'T-CONNECT response',
  'T-CONNECT refusal',
  'T-DATA request',
  'end of data request',
]);

/** Octets from the peer, decoded or not. */
const TPDU_EVENTS: ReadonlySet<Event> = new Set(EVENTS.slice(EVENTS.indexOf('CR')));

/** True in the states in which DT may come. */
export function takesData(state: State): boolean {
  return state === 'OPEN' || state === 'FIN_SENT';
}

const DEAF_STATES: ReadonlySet<State> = new Set(['CLOSED', 'WFNC', 'FIN_RECEIVED', 'ENDING']);

/** True in the states in which whatever the peer still sends is discarded. */
export function isDeaf(state: State): boolean {
  return DEAF_STATES.has(state);
}

/** A cell that the table leaves blank (X.224 annex A: the three cases of an empty cell). */
function otherwise(state: State, event: Event): readonly [Action, State] {
  if (USER_EVENTS.has(event)) {
    return ['reject user', state];
  }
  const isTpdu = TPDU_EVENTS.has(event);
  if (!isTpdu || DEAF_STATES.has(state)) {
    return ['ignore', state];
  }
  // A TPDU that may not come: TCP is dropped without an ER.
  return [takesData(state) ? 'fail by reset' : 'fail', 'CLOSED'];
}

function complete(): Record<State, Record<Event, Transition>> {
  const row = (state: State) =>
    Object.fromEntries(
      EVENTS.map((event) => {
        const [action, next] = TABLE[state][event] ?? otherwise(state, event);
        return [event, { action, next }];
      }),
    );
  return Object.fromEntries(
    Object.keys(STATES).map((state) => [state, row(state as State)]),
  ) as Record<State, Record<Event, Transition>>;
}

/** Every state by every event: no cell is left open. */
export const TRANSITIONS: Readonly<Record<State, Readonly<Record<Event, Transition>>>> = complete();
