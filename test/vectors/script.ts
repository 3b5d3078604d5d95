/**
 * The layer `script`: a whole connection as calls and TPDUs, without socket and clock. Knows the names that vectors
 * use and holds no rule of the protocol.
 */
import { TransportEngine } from '../../src/core/connection/transport-engine.js';
import type { EngineEvent, StreamRequest } from '../../src/core/engine.js';
import {
  ConnectionClosedError,
  ConnectionRefusedError,
  CotpError,
  ProtocolError,
} from '../../src/core/errors.js';
import type { TpClassChoice } from '../../src/core/negotiation/class-and-options.js';
import { fromHex, joinOctets, toHex } from '../../src/core/octets/octets.js';
import { decode } from '../../src/core/tpdu/decode.js';
import { encode } from '../../src/core/tpdu/encode.js';
import { type Output, takeEvents, takePieces } from '../support/engine.js';
import { class0Options } from '../support/pair.js';
import { splitTpkts, tpkt } from '../support/splits.js';

/** What is known of the connection before the first step. */
export interface ScriptContext {
  readonly role: 'initiator' | 'responder';
  readonly start: 'new' | 'OPEN';
  /** In order of preference: what is offered or taken. */
  readonly classes?: readonly (0 | 2)[];
  /** What was agreed on, where the connection is open. */
  readonly class?: 0 | 2;
  readonly expedited?: boolean;
  readonly ack?: boolean;
  readonly localRef: number;
  readonly remoteRef?: number;
}

/** One step; which of the optional keys are there depends on what is done. */
export interface Step {
  readonly do: string;
  readonly tpdu?: string;
  readonly data?: string;
  readonly userData?: string;
  readonly reason?: number;
  readonly disruptive?: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/** The largest size of this side, in octets. */
const SIZE = 2048;

/** What comes out of each step. */
export function runScript(context: ScriptContext, steps: readonly Step[], strict: boolean): Json {
  const script = new Script(context, strict);
  return { steps: steps.map((step) => script.run(step)) };
}

class Script {
  readonly #connection: TransportEngine;
  #now = 0;
  #stream: StreamRequest = 'none';

  constructor(context: ScriptContext, strict: boolean) {
    this.#connection = context.start === 'OPEN' ? opened(context, strict) : made(context, strict);
  }

  run(step: Step): Json {
    this.#now += 1;
    const rejected = this.#act(step);
    const sent = splitTpkts(joinOctets(takePieces(this.#connection.sendBuffer))).map((octets) =>
      toHex(octets),
    );
    const events = takeEvents(this.#connection)
      .map((event) => eventForm(event, step))
      .filter((event) => event !== undefined);
    const all = rejected === undefined ? events : [...events, rejected];
    return {
      state: this.#connection.state,
      ...(sent.length > 0 ? { send: sent } : {}),
      ...(all.length > 0 ? { events: all } : {}),
      // A stream that is gone takes no request.
      ...(step.do === 'reset' ? {} : this.#tcp()),
    };
  }

  /** The request to the stream, where it is another one than before. */
  #tcp(): Json {
    const { streamRequest } = this.#connection;
    const isNew = streamRequest !== this.#stream;
    this.#stream = streamRequest;
    return isNew ? { tcp: STREAM_REQUESTS[streamRequest] } : {};
  }

  /** Does a step; gives what a call that was not possible comes to. */
  #act(step: Step): Json | undefined {
    const act = STEPS[step.do];
    if (act === undefined) {
      throw new Error(`no step is called '${step.do}'`);
    }
    try {
      act(this.#connection, step, this.#now);
      return undefined;
    } catch (error) {
      if (error instanceof CotpError) {
        return { type: 'rejected', call: step.do };
      }
      throw error;
    }
  }
}

const STREAM_REQUESTS: Readonly<Record<StreamRequest, string | undefined>> = {
  none: undefined,
  end: 'fin',
  destroy: 'drop',
  reset: 'reset',
};

const STEPS: Readonly<
  Record<string, (connection: TransportEngine, step: Step, now: number) => void>
> = {
  connected: (connection, _step, now) => connection.streamConnected(now),
  recv: (connection, { tpdu }, now) => connection.receive(tpkt(octetsOf(tpdu)), now),
  accept: (connection, _step, now) => connection.accept({}, now),
  refuse: (connection, { reason = 0, userData }, now) =>
    connection.refuse(reason, now, userData === undefined ? undefined : octetsOf(userData)),
  write: (connection, { data }) => connection.send(octetsOf(data)),
  writeExpedited: (connection, { data }) => connection.sendExpedited(octetsOf(data)),
  close: (connection, _step, now) => connection.disconnect(now),
  disconnect: (connection, { userData = '', disruptive = false }, now) =>
    connection.disconnect(now, {
      disruptive,
      userData: userData === '' ? undefined : octetsOf(userData),
    }),
  fin: (connection, _step, now) => connection.receiveEnd(now),
  reset: (connection, _step, now) => connection.streamClosed(new Error('ECONNRESET'), now),
  timer: (connection) => connection.handleDeadline(connection.deadline ?? 0),
  badTpkt: (connection, _step, now) => connection.receive(octetsOf('04000008'), now),
};

function made({ role, classes = [0], ...context }: ScriptContext, strict: boolean) {
  const tpClass: TpClassChoice = classes.length === 2 ? '2,0' : (classes[0] ?? 0);
  const { expedited, ack: expeditedAck } = context;
  const options = class0Options({
    localRef: context.localRef,
    maxTpduSize: SIZE,
    strict,
    tpClass,
    expedited,
    expeditedAck,
  });
  return role === 'responder'
    ? TransportEngine.responder(options, 0)
    : TransportEngine.initiator(
        options,
        {
          parameters: { tpduSize: SIZE },
          userData: new Uint8Array(0),
          tpClass,
          expedited,
          expeditedAck,
        },
        0,
      );
}

/** After a handshake in which all that the context names was asked for and granted. */
function opened(context: ScriptContext, strict: boolean): TransportEngine {
  const { class: agreed = 0, remoteRef = 0, localRef, expedited = false, ack = false } = context;
  const connection = made({ ...context, classes: [agreed] }, strict);
  const bits = (expedited ? 1 : 0) | (ack ? 0x20 : 0);
  const common = {
    srcRef: remoteRef,
    class: agreed,
    options: agreed === 2 ? 1 : 0,
    parameters: {
      tpduSize: SIZE,
      ...(agreed === 2 || bits !== 0 ? { additionalOptions: bits } : {}),
    },
  };
  if (context.role === 'responder') {
    connection.receive(tpkt(encode({ type: 'CR', ...common })), 0);
    connection.accept({}, 0);
  } else {
    connection.streamConnected(0);
    connection.receive(tpkt(encode({ type: 'CC', dstRef: localRef, ...common })), 0);
  }
  takeEvents(connection);
  takePieces(connection.sendBuffer);
  return connection;
}

/** An event as the vectors write it; `undefined` for one that only says what the step has done. */
function eventForm(event: Output, step: Step): Json | undefined {
  switch (event.type) {
    case 'connectIndication':
      return { type: 'connect', class: event.request.class };
    case 'open': {
      const { tpClass, maxTpduSize, expedited, expeditedAck } = event.agreement;
      const ack = tpClass === 2 ? { ack: expeditedAck } : {};
      return { type: 'open', class: tpClass, maxTpdu: maxTpduSize, expedited, ...ack };
    }
    case 'data':
      return { type: 'tsdu', data: toHex(event.message) };
    case 'expedited':
      return { type: 'expedited', data: toHex(event.data) };
    case 'end':
      return { type: 'end' };
    case 'disconnect':
      return step.do === 'refuse' ? undefined : disconnectForm(event, step);
  }
}

const STATED_ENDINGS = ['dr', 'er', 'fin', 'reset'];

function disconnectForm(
  { error, orderly, disconnection }: Extract<EngineEvent, { type: 'disconnect' }>,
  step: Step,
): Json {
  const { userData, nonDisruptive, unsent } = disconnection;
  const said = { ...hexOf('userData', userData) };
  if (error instanceof ConnectionRefusedError) {
    const { reason, rejectCause } = error;
    const data = hexOf('userData', error.userData);
    return withoutAbsent({ type: 'refused', reason, cause: rejectCause, ...data });
  }
  const { ending = 'local' } = error;
  return withoutAbsent({
    type: 'disconnect',
    orderly,
    code: error.code,
    ending: STATED_ENDINGS.includes(ending) ? ending : undefined,
    reason: error instanceof ConnectionClosedError ? error.reason : undefined,
    cause: causeOf(error),
    // Which fault a stream without TPKTs has is not said.
    fault: error instanceof ProtocolError && step.do !== 'badTpkt' ? error.fault : undefined,
    ...said,
    nonDisruptive,
    dropped: droppedBy(error),
    unsent: unsent === 0 ? undefined : unsent,
  });
}

/** The cause of the ER that ended the connection. */
function causeOf({ ending, octets }: CotpError): number | undefined {
  const er = ending === 'er' && octets !== undefined ? decode(octets) : undefined;
  return er?.type === 'ER' ? er.rejectCause : undefined;
}

/** Octets of an unfinished TSDU, which the message states. */
function droppedBy({ message }: CotpError): number | undefined {
  const [, octets] = /in the middle of a TSDU, of which (\d+) octets? had come/.exec(message) ?? [];
  return octets === undefined ? undefined : Number(octets);
}

function hexOf(name: string, octets: Uint8Array | undefined): Json {
  return octets === undefined || octets.length === 0 ? {} : { [name]: toHex(octets) };
}

function octetsOf(text = ''): Uint8Array {
  const octets = fromHex(text);
  if (octets === undefined) {
    throw new Error(`hexadecimal text was expected, got ${text}`);
  }
  return octets;
}

function withoutAbsent(object: Json): Json {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
