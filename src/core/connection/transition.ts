/**
 * How a connection is described as data: states, events, actions, and a table that says for every state and
 * every event which action is taken and which state follows. Knows neither octets nor sockets.
 *
 * To read a table: the rows are in `stream-life.ts` (what a TCP connection does whatever is on it),
 * `establishment.ts` (from TCP to the CC) and in the folder of each class (what its TPDUs do once it is open, and
 * what differs before that where a CR prefers it). A cell is `[action, next state]`. A cell that no row has is filled in by
 * {@link complete}, by one rule for all, as the empty cells of X.224 annex A are. The actions are carried out
 * by `stream-engine.ts` and `connection.ts`.
 *
 * Names in capitals are those of X.224; WFCR, RELEASING, FIN_SENT, FIN_RECEIVED and ENDING are what TCP adds.
 */
import type { DisconnectHow } from '../disconnection.js';
import type { CotpError, Phase, ProtocolError } from '../errors.js';
import type { Confirmation } from '../negotiation/confirm.js';
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
 * T-service requests of the user, N-service indications of TCP (a release is the FIN of the peer),
 * the timer, a limit of our own that the peer has passed, and what was received.
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

/** A responder's yes: all of it may be left out. */
export interface Acceptance {
  /** A lower limit than the option's, in octets. */
  readonly maxTpduSize?: number | undefined;
  readonly maxTsduSize?: number | undefined;
  readonly userData?: Uint8Array | undefined;
  /** Another class than the one preferred, of those that the CR proposes and this side takes. */
  readonly tpClass?: 0 | 2 | undefined;
  /** Grant expedited data. Default: as the options say, where the CR asks for it. */
  readonly expedited?: boolean | undefined;
  /** Grant that each ED is answered by an EA. Default: as the options say, where the CR asks for it. */
  readonly expeditedAck?: boolean | undefined;
  /** The answer to a CR of remote desktop, and to no other. */
  readonly remoteDesktop?: RemoteDesktopInit | undefined;
}

/** An event with the data that it has. `octets` is the TPDU as it came. */
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
  | { readonly event: 'N-DISCONNECT indication'; readonly cause: Error | undefined }
  | {
      readonly event: 'N-RELEASE within a TSDU' | 'timer' | 'EA overdue' | 'limit' | 'bad TPKT';
      readonly error: CotpError;
    }
  | {
      readonly event: 'CR';
      readonly tpdu: ConnectionRequest & Decoded;
      readonly octets: Uint8Array;
    }
  | {
      /** By the rules of X.224: answered by a DR of that reason. */
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
      /** On an open connection, for another one: class 2 knows which. */
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
      /** Not acceptable, but the peer has a connection of class 2, which a DR ends. */
      readonly event: 'CC refused by DR' | 'foreign CC';
      readonly tpdu: ConnectionConfirm;
      readonly error: CotpError;
      readonly octets: Uint8Array;
    }
  /** After the user has given up: it selects class 2, so a DR ends what the peer takes for open. */
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
  /** Without effect: for a reference that is not ours, or a TPDU that a tolerant side lets pass. */
  | { readonly event: 'discarded TPDU' }
  | { readonly event: 'other TPDU'; readonly tpdu: Tpdu; readonly octets: Uint8Array };

/** The input of one event. */
export type InputOf<E extends Event> = Carrying<TransitionInput, E>;

type Carrying<Input, E> = Input extends { readonly event: infer Own }
  ? E extends Own
    ? Input
    : never
  : never;

/** What is done on the way. */
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
  | 'send expedited data'
  | 'take data'
  | 'take expedited data'
  /** After the user has closed: the peer may wait for the EA, the user for nothing. */
  | 'acknowledge expedited data'
  /** The EA has come: what it held back leaves. */
  | 'resume sending'
  /** Data right behind the CR, from a peer that does not wait for the CC: it stays until the user has decided. */
  | 'keep data'
  /** FIN once everything written is sent; the peer's data is still taken. */
  | 'end sending'
  /** The caller's mistake: class 2 has no half-close. */
  | 'reject half-close'
  /** The peer's half of TCP has ended; ours continues. */
  | 'indicate end'
  /** Error to the user, TCP is dropped. */
  | 'fail'
  /** The same of an open connection: only a reset shows the peer that it was no clean end. */
  | 'fail by reset'
  /** The same, but an ER is sent to the peer first (X.224 6.22.1.3). */
  | 'fail with ER'
  /** Our CR was answered by DR or ER. */
  | 'refused'
  /** A DR on an open connection: a clean end, with its reason. */
  | 'indicate disconnect'
  /** Everything written is sent, then FIN. */
  | 'release'
  /** What is queued is dropped, then FIN. */
  | 'release at once'
  /** The user gives up before the CC: a DR follows it, so that the peer does not keep the connection. */
  | 'give up'
  /** Everything written is sent, then a DR. */
  | 'begin release'
  | 'send DR'
  /** What is queued is dropped, and a DR sent. */
  | 'send DR at once'
  /** Error to the user, and a DR to the peer, which ends the connection for both. */
  | 'fail by DR'
  /** The same for a CC that is not acceptable. */
  | 'refuse CC'
  /** The same for a CC to another reference: no DC can come for it. */
  | 'refuse foreign CC'
  /** Our CR was answered by a DR that wants a DC. */
  | 'refused, send DC'
  /** Error to the user, and a DC to the peer, which has given up. */
  | 'fail with DC'
  /** A DC, and nobody is notified. */
  | 'release with DC'
  /** A DR of class 2: a clean end if nothing is lost by it; a DC answers it. */
  | 'confirm disconnect'
  /** The DC has come: FIN. */
  | 'confirmed'
  /** A TPDU for another connection is answered, and ours stays. */
  | 'send DC'
  | 'refuse second CR'
  | 'answer foreign CC'
  /** TCP is dropped; nobody is notified. */
  | 'drop';

/** What an event does and which state follows. */
export interface Transition {
  readonly action: Action;
  readonly next: State;
}

/** The cells that are not what {@link complete} fills in. */
export type Rows = Readonly<Partial<Record<State, Row>>>;

/** Those of one state. */
export type Row = Readonly<Partial<Record<Event, readonly [Action, State]>>>;

/** Every state by every event: no cell is left open. */
export type Table = Readonly<Record<State, Readonly<Record<Event, Transition>>>>;

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

/** Octets from the peer, decoded or not. */
const RECEIVED_EVENTS: ReadonlySet<Event> = new Set(
  EVENTS.filter((_, index) => index >= EVENTS.indexOf('CR')),
);

/** A cell that no row has (X.224 annex A: the three cases of an empty cell). */
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
  // What may not come: TCP is dropped without an ER.
  //= X.224 6.9.1.4.2 a 2
  //= X.224 6.9.1.4.2 para 2 deviation: a DT before the CR drops TCP, for such a peer uses another protocol
  return [takesData ? 'fail by reset' : 'fail', 'CLOSED'];
}

/** Makes a table of rows: of two with the same cell, that of the later one counts. */
export function complete(...rows: readonly Rows[]): Table {
  const row = (state: State) =>
    Object.fromEntries(
      EVENTS.map((event) => {
        const cell = rows
          .map((each) => each[state]?.[event])
          .filter((each) => each !== undefined)
          .at(-1);
        const [action, next] = cell ?? otherwise(state, event);
        return [event, { action, next }];
      }),
    );
  const states = Object.keys(STATES) as readonly State[];
  return Object.fromEntries(states.map((state) => [state, row(state)])) as unknown as Table;
}
