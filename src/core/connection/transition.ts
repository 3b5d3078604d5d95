/**
 * A connection as data: states, events, actions, and a table with the action and the next state for every event in
 * every state. Decodes nothing, and knows no sockets.
 *
 * To read a table: the rows are in `stream-life.ts` (data, FIN and the end of TCP), `establishment.ts` (from TCP to the
 * CC) and in the folder of each class (its TPDUs on an open connection, and what differs before that if the CR prefers
 * the class). A cell is `[action, next state]`. {@link complete} fills in the cells that no row has, by the three
 * rules of X.224 annex A for an empty cell. `stream-engine.ts` and `transport-engine.ts` perform the actions.
 *
 * Names in capitals are those of X.224, except WFCR, RELEASING, FIN_SENT, FIN_RECEIVED and ENDING: TCP requires these
 * additional states.
 */
import type { DisconnectHow } from '../disconnection.js';
import type { CotpError, Phase, ProtocolError } from '../errors.js';
import type { Confirmation } from '../negotiation/confirm.js';
import type { AcceptResponse } from '../negotiation/respond.js';
import type {
  ConnectionConfirm,
  ConnectionRequest,
  Data,
  Decoded,
  DisconnectConfirm,
  DisconnectRequest,
  ErrorTpdu,
  ExpeditedData,
  RemoteDesktopInit,
  Tpdu,
} from '../tpdu/types.js';

/** What a state allows. A state allows nothing that it does not name. */
interface Allowed {
  /** Octets of the peer have an effect; elsewhere they are dropped. */
  readonly isReceiving?: true;
  /** Data of the peer is taken. */
  readonly takesData?: true;
  /** Data can be sent. */
  readonly isSending?: true;
  /** TPDUs release the connection: only its end is awaited. */
  readonly isReleasing?: true;
  /** CR and CC have agreed on a class. */
  readonly isAgreed?: true;
  /** Class 2 alone has it. */
  readonly isClass2?: true;
}

/** A state. */
export interface StateFacts extends Readonly<Record<keyof Allowed, boolean>> {
  readonly waitsFor: string;
  /** The phase that errors report. */
  readonly phase: Phase;
}

function state(waitsFor: string, phase: Phase, allowed: Allowed = {}): StateFacts {
  return {
    waitsFor,
    phase,
    isReceiving: allowed.isReceiving ?? false,
    takesData: allowed.takesData ?? false,
    isSending: allowed.isSending ?? false,
    isReleasing: allowed.isReleasing ?? false,
    isAgreed: allowed.isAgreed ?? false,
    isClass2: allowed.isClass2 ?? false,
  };
}

/** The states, each with all that is known about it: no other file lists states. */
//= X.224 6.22.1.3 para 2
export const STATES = {
  CLOSED: state('nothing any more', 'closing'),
  WFNC: state('the TCP connection', 'tcp'),
  WFCC: state('CC after CR was sent', 'cr-sent', { isReceiving: true }),
  WBCL: state('the answer to our CR, after the user gave up (class 2)', 'closing', {
    isReceiving: true,
    isReleasing: true,
    isClass2: true,
  }),
  WFCR: state('CR after TCP was accepted', 'wait-cr', { isReceiving: true }),
  WFTRESP: state("the user's answer to the CR", 'cr-received', { isReceiving: true }),
  OPEN: state('data in both directions', 'open', {
    isReceiving: true,
    takesData: true,
    isSending: true,
    isAgreed: true,
  }),
  FIN_SENT: state('the last TSDUs of the peer, after our FIN', 'open', {
    isReceiving: true,
    takesData: true,
    isAgreed: true,
  }),
  FIN_RECEIVED: state('our last TSDUs, after the FIN of the peer', 'open', {
    isSending: true,
    isAgreed: true,
  }),
  RELEASING: state('the data that is queued to leave before our DR (class 2)', 'closing', {
    isReceiving: true,
    isReleasing: true,
    isAgreed: true,
    isClass2: true,
  }),
  CLOSING: state('DC after our DR (class 2)', 'closing', {
    isReceiving: true,
    isReleasing: true,
    isAgreed: true,
    isClass2: true,
  }),
  ENDING: state('the end of TCP after our FIN', 'closing'),
};

export type State = keyof typeof STATES;

/**
 * The events: T-service requests of the user, N-service indications of TCP (a release is the FIN of the peer), the
 * timer, a limit of this side that the peer has exceeded, and received TPDUs.
 */
export const EVENTS = [
  'T-CONNECT response',
  'T-CONNECT refusal',
  'T-DATA request',
  'T-EXPEDITED-DATA request',
  'end of data request',
  'T-DISCONNECT request',
  'disruptive T-DISCONNECT request',
  'all data sent',
  'N-CONNECT confirm',
  'N-RELEASE indication',
  'N-RELEASE within a TSDU',
  'N-DISCONNECT indication',
  'timer',
  'EA overdue',
  'limit',
  'CR',
  'CR unacceptable',
  'CR invalid',
  'second CR',
  'CC',
  'CC unacceptable',
  'CC refused by DR',
  'unwanted CC',
  'foreign CC',
  'DR',
  'DR with SRC-REF',
  'DR within a TSDU',
  'foreign DR',
  'DC',
  'DT',
  'ED',
  'EA',
  'ER',
  'ER invalid',
  'other TPDU',
  'discarded TPDU',
  'protocol error',
  'undecodable',
  'bad TPKT',
] as const;

export type Event = (typeof EVENTS)[number];

/** How a responder accepts a CR; everything is optional. */
export interface Acceptance {
  /** A lower limit than the option's, in octets. */
  readonly maxTpduSize?: number | undefined;
  readonly maxTsduSize?: number | undefined;
  readonly userData?: Uint8Array | undefined;
  /** One of the classes that the CR proposes and this side accepts. Default: the best one. */
  readonly tpClass?: 0 | 2 | undefined;
  /** Grant expedited data. Default: the option, if the CR asks for it. */
  readonly expedited?: boolean | undefined;
  /** Grant an EA for each ED. Default: the option, if the CR asks for it. */
  readonly expeditedAck?: boolean | undefined;
  /** The answer to a CR of remote desktop; not for another CR. */
  readonly remoteDesktop?: RemoteDesktopInit | undefined;
}

/** An event and its data. `octets` is the received TPDU. */
export type TransitionInput =
  | { readonly event: 'T-CONNECT response'; readonly acceptance: Acceptance }
  | {
      readonly event: 'T-CONNECT refusal';
      readonly reason: number;
      readonly userData?: Uint8Array | undefined;
    }
  | { readonly event: 'T-EXPEDITED-DATA request'; readonly data: Uint8Array }
  | {
      readonly event: 'T-DISCONNECT request' | 'disruptive T-DISCONNECT request';
      readonly how: DisconnectHow;
    }
  | {
      readonly event:
        | 'T-DATA request'
        | 'end of data request'
        | 'all data sent'
        | 'N-CONNECT confirm'
        | 'N-RELEASE indication';
    }
  | {
      readonly event: 'N-DISCONNECT indication';
      readonly cause: Error | undefined;
      /** The peer has sent FIN before. Without that and without a cause, this program has destroyed the stream. */
      readonly hasPeerEnded: boolean;
    }
  | {
      readonly event: 'N-RELEASE within a TSDU' | 'timer' | 'EA overdue' | 'limit' | 'bad TPKT';
      readonly error: CotpError;
    }
  | {
      readonly event: 'CR';
      readonly tpdu: ConnectionRequest & Decoded;
      readonly octets: Uint8Array;
      /** The answer if the user chooses nothing; only of the first CR. */
      readonly response?: AcceptResponse;
    }
  | {
      /** The rules of X.224 require a DR with this reason. */
      readonly event: 'CR unacceptable';
      readonly remoteRef: number;
      readonly reason: number;
      readonly error: CotpError;
      readonly octets: Uint8Array;
    }
  | {
      readonly event: 'CR invalid';
      readonly remoteRef: number;
      readonly error: ProtocolError;
      readonly octets: Uint8Array;
    }
  | {
      /** A CR with another reference on an open connection of class 2. */
      readonly event: 'second CR';
      readonly tpdu: ConnectionRequest & Decoded;
      readonly octets: Uint8Array;
    }
  | {
      readonly event: 'CC';
      readonly tpdu: ConnectionConfirm & Decoded;
      /** What it puts in force. */
      readonly confirmation: Confirmation;
    }
  | {
      readonly event: 'CC unacceptable' | 'ER invalid' | 'undecodable' | 'protocol error';
      readonly error: CotpError;
      readonly octets: Uint8Array;
    }
  | {
      /** Not acceptable, but the connection of class 2 is open for the peer: a DR must end it. */
      readonly event: 'CC refused by DR' | 'foreign CC';
      readonly tpdu: ConnectionConfirm;
      readonly error: CotpError;
      readonly octets: Uint8Array;
    }
  /** A CC of class 2 after the user has given up: the connection is open for the peer, so a DR must end it. */
  | { readonly event: 'unwanted CC'; readonly tpdu: ConnectionConfirm }
  | {
      readonly event: 'DR' | 'DR with SRC-REF' | 'foreign DR';
      readonly tpdu: DisconnectRequest;
      readonly octets: Uint8Array;
    }
  | {
      readonly event: 'DR within a TSDU';
      readonly tpdu: DisconnectRequest;
      readonly error: CotpError;
    }
  | {
      readonly event: 'DC';
      readonly tpdu: DisconnectConfirm & Decoded;
      readonly octets: Uint8Array;
    }
  | { readonly event: 'DT'; readonly tpdu: Data & Decoded; readonly octets: Uint8Array }
  | { readonly event: 'ED'; readonly tpdu: ExpeditedData & Decoded; readonly octets: Uint8Array }
  | { readonly event: 'EA' }
  | { readonly event: 'ER'; readonly tpdu: ErrorTpdu & Decoded; readonly octets: Uint8Array }
  /** A TPDU for another reference, or one that a tolerant side ignores. */
  | { readonly event: 'discarded TPDU' }
  | { readonly event: 'other TPDU'; readonly tpdu: Tpdu; readonly octets: Uint8Array };

/** The input of one event. */
export type InputOf<E extends Event> = Carrying<TransitionInput, E>;

type Carrying<Input, E> = Input extends { readonly event: infer Own }
  ? E extends Own
    ? Input
    : never
  : never;

/** What is done between two states. */
export type Action =
  /** Nothing: the event has no meaning any more. */
  | 'ignore'
  /** A mistake of the caller: throws an error; the state does not change. */
  | 'reject user'
  | 'send CR'
  | 'indicate connect'
  | 'refuse by DR'
  | 'refuse by ER'
  | 'send CC'
  | 'confirm connect'
  | 'send data'
  | 'send expedited data'
  | 'take data'
  | 'take expedited data'
  /** After the user has closed: nobody takes the data, but the peer may wait for the EA. */
  | 'acknowledge expedited data'
  /** The EA has come: data may leave again. */
  | 'resume sending'
  /** Keeps data of a peer that does not wait for the CC, until the user has decided. */
  | 'keep data'
  /** Sends everything written, then FIN; still takes data of the peer. */
  | 'end sending'
  /** A mistake of the caller: class 2 has no half-close. */
  | 'reject half-close'
  /** Notifies the user of the FIN of the peer; this side may still send. */
  | 'indicate end'
  /** Reports an error to the user; drops TCP. */
  | 'fail'
  /** The same by a reset, so that the peer does not mistake the failure for a clean end. */
  | 'fail by reset'
  /** Reports an error to the user; sends an ER, then FIN (X.224 6.22.1.3). */
  | 'fail with ER'
  /** The peer has answered our CR by a DR or an ER: reports that to the user; drops TCP. */
  | 'refused'
  /** A DR on an open connection of class 0: reports the end with its reason, clean unless `strict`; sends FIN. */
  | 'indicate disconnect'
  /** Sends everything written, then FIN. */
  | 'release'
  /** Drops what is queued; sends FIN. */
  | 'release at once'
  /** The user gives up before the CC: waits for it, to end the connection of the peer by a DR. */
  | 'give up'
  /** Sends everything written; a DR follows. */
  | 'begin release'
  | 'send DR'
  /** Drops what is queued; sends a DR. */
  | 'send DR at once'
  /** Reports an error to the user; sends a DR, which ends the connection for both sides. */
  | 'fail by DR'
  /** The same in answer to a CC that is not acceptable. */
  | 'refuse CC'
  /** The same in answer to a CC for another reference; no DC can come for that DR, so FIN follows. */
  | 'refuse foreign CC'
  /** The peer has answered our CR by a DR: reports that to the user; sends a DC, then FIN. */
  | 'refused, send DC'
  /** The peer has given up: reports an error to the user; sends a DC, then FIN. */
  | 'fail with DC'
  /** Sends a DC, then FIN; notifies nobody. */
  | 'release with DC'
  /** A DR on an open connection of class 2: reports the end, clean if no data is lost; sends a DC, then FIN. */
  | 'confirm disconnect'
  /** The DC has come: sends FIN. */
  | 'confirmed'
  /** Answers a TPDU for another connection; this one continues. */
  | 'answer foreign DR'
  | 'refuse second CR'
  | 'answer foreign CC'
  /** Drops TCP; notifies nobody. */
  | 'drop';

/** What an event does and which state follows. */
export interface Transition {
  readonly action: Action;
  readonly next: State;
  /** What the state that follows allows. */
  readonly facts: StateFacts;
}

/** The cells that {@link complete} does not fill in. */
export type Rows = Readonly<Partial<Record<State, Row>>>;

/** The cells of one state. */
export type Row = Readonly<Partial<Record<Event, readonly [Action, State]>>>;

/** Every state by every event: no cell is left open. A lookup in a map is faster than that of a name in an object. */
export type Table = ReadonlyMap<State, ReadonlyMap<Event, Transition>>;

/** The cell of an event in a state. */
export function cellOf(table: Table, state: State, event: Event): Transition {
  // The row and the cell exist: `complete` has made them.
  return table.get(state)?.get(event) as Transition;
}

const USER_EVENTS: ReadonlySet<Event> = new Set([
  'T-CONNECT response',
  'T-CONNECT refusal',
  'T-DATA request',
  'T-EXPEDITED-DATA request',
  'end of data request',
]);

/** States that class 2 alone has. */
export const CLASS2_STATES: ReadonlySet<State> = new Set(
  (Object.keys(STATES) as readonly State[]).filter((name) => STATES[name].isClass2),
);

/** Events that class 2 alone has. */
export const CLASS2_EVENTS: ReadonlySet<Event> = new Set([
  'all data sent',
  'EA overdue',
  'second CR',
  'CC refused by DR',
  'unwanted CC',
  'foreign CC',
  'DR with SRC-REF',
  'foreign DR',
  'DC',
  'EA',
  'discarded TPDU',
  'protocol error',
]);

/** Events of octets from the peer, decoded or not: the last ones, from CR on. */
const RECEIVED_EVENTS: ReadonlySet<Event> = new Set(
  EVENTS.filter((_, index) => index >= EVENTS.indexOf('CR')),
);

/** Fills in a cell that no row has, by the three rules of X.224 annex A for an empty cell. */
function otherwise(state: State, event: Event): readonly [Action, State] {
  //= X.224 A.2.3 deviation: a request of the user that does not fit is an error to the caller, not ignored in silence
  if (USER_EVENTS.has(event)) {
    return ['reject user', state];
  }
  //= X.224 A.2.3
  const { isReceiving, takesData } = STATES[state];
  if (!RECEIVED_EVENTS.has(event) || !isReceiving) {
    return ['ignore', state];
  }
  // The peer may not send this now: TCP is dropped without an ER.
  //= X.224 6.9.1.4.2 a 2
  //= X.224 6.9.1.4.2 para 2 deviation: a DT before the CR drops TCP, for such a peer uses another protocol
  return [takesData ? 'fail by reset' : 'fail', 'CLOSED'];
}

/** Makes a complete table. A cell of a later argument replaces the same cell of an earlier one. */
export function complete(...rows: readonly Rows[]): Table {
  const row = (state: State) =>
    new Map(
      EVENTS.map((event): [Event, Transition] => {
        const cell = rows
          .map((each) => each[state]?.[event])
          .filter((each) => each !== undefined)
          .at(-1);
        const [action, next] = cell ?? otherwise(state, event);
        return [event, { action, next, facts: STATES[next] }];
      }),
    );
  const states = Object.keys(STATES) as readonly State[];
  return new Map(states.map((state) => [state, row(state)]));
}
