/**
 * The decision on the CR of one connection of a server: by the options of `listen`, or by the user through a
 * `ConnectRequest`. It is made once.
 */
import type { Acceptance } from '../core/connection/transition.js';
import type { TransportEngine } from '../core/connection/transport-engine.js';
import type { EngineEvent } from '../core/engine.js';
import { ConnectionClosedError, type CotpError, ProtocolError } from '../core/errors.js';
import { equalOctets } from '../core/octets/octets.js';
import { DR_REASONS, tpduTypeOf } from '../core/tpdu/codes.js';
import { runCallback } from './callbacks.js';
import {
  type AcceptOptions,
  type ConnectRequest,
  type OnConnectRequest,
  type RefuseOptions,
  resolveAccept,
  resolveReason,
  resolveRefuse,
} from './connect-request.js';
import { connectDataFromWire, tselFromWire } from './connection/connection.js';
import type { ResolvedListenOptions } from './options/cotp.js';
import type { Driver } from './stream/driver.js';
import type { Incoming } from './stream/incoming.js';
import type { RefusalCause } from './trace/events.js';
import type { ConnectionTrace, Refusal } from './trace/observer.js';

/** A CR that was received. */
export type Indication = Extract<EngineEvent, { type: 'connectIndication' }>;

/** The parts of a connection that a decision uses. */
export interface DecisionParts {
  readonly engine: TransportEngine;
  readonly driver: Driver;
  readonly trace: ConnectionTrace;
  readonly options: ResolvedListenOptions;
  readonly incoming: Incoming;
  readonly report: (error: unknown) => void;
  /** Called with each refusal once it was passed to the engine, or the engine has made it. */
  readonly onRefused: (refusal: Refusal) => void;
}

/** The faulty octets are a CR, not something else in its place. */
function isRequest({ octets, rejectCause }: ProtocolError): boolean {
  return rejectCause !== undefined && octets !== undefined && tpduTypeOf(octets[1] ?? 0) === 'CR';
}

/** The decision on one CR. */
export class Decision {
  /** The CR; `undefined` until it has come. */
  request: Indication['request'] | undefined;
  readonly #parts: DecisionParts;
  /** What the user has given to `accept`. */
  context: unknown;
  #isDecided = false;
  /** The connection ended before it was open. */
  #isWithdrawn = false;
  /** Created if the user decides; most servers have no `onConnectRequest`. */
  #withdrawn: AbortController | undefined;

  constructor(parts: DecisionParts) {
    this.#parts = parts;
  }

  /** True once the CR was accepted or refused. */
  get isDecided(): boolean {
    return this.#isDecided;
  }

  /**
   * A CR has come: refuses it, accepts it, or asks the user.
   *
   * @param isExcess there are too many connections: refuse it
   */
  decide(indication: Indication, isExcess: boolean): void {
    this.request = indication.request;
    const { localTsel, onConnectRequest } = this.#parts.options;
    const { calledTsel: called, callingTsel } = indication.request.parameters;
    const { trace } = this.#parts;
    if (trace.publishesEvents) {
      trace.requested({
        localTsel: tselFromWire(called),
        remoteTsel: tselFromWire(callingTsel),
      });
    }
    if (isExcess) {
      this.#refuse(DR_REASONS.congestion, 'limit');
    } else if (localTsel !== undefined && !(called && equalOctets(called, localTsel))) {
      this.#refuse(DR_REASONS.addressUnknown, 'selector');
    } else if (onConnectRequest === undefined) {
      this.#acceptAny();
    } else {
      this.#ask(onConnectRequest, indication);
    }
  }

  /** The connection ended before it was open, or the engine has refused it by rule. */
  withdraw(error: CotpError): void {
    this.#isWithdrawn = true;
    this.#noteRefusalByRule(error);
    this.#withdrawn?.abort(error);
  }

  /** Accepts without asking the user. Nobody would catch an error, so it must not throw. */
  #acceptAny(): void {
    try {
      this.#confirm({});
    } catch (error) {
      this.#failToDecide(error);
    }
  }

  #failToDecide(error: unknown): void {
    this.#parts.report(error);
    if (!this.#isDecided) {
      this.#refuse(DR_REASONS.notSpecified, 'user');
    }
  }

  /** If the callback throws, rejects or does not decide, the request is refused. */
  #ask(onConnectRequest: OnConnectRequest, indication: Indication): void {
    const failed = (error: unknown) => this.#failToDecide(error);
    const checkDecided = () => {
      if (!this.#isDecided && !this.#isWithdrawn) {
        failed(
          new TypeError('options.onConnectRequest must call request.accept() or request.refuse()'),
        );
      }
    };
    runCallback(() => onConnectRequest(this.#connectRequest(indication)), failed, checkDecided);
  }

  #connectRequest({ request: tpdu }: Indication): ConnectRequest {
    const { engine, driver, incoming, trace } = this.#parts;
    const { tpClasses, expedited, expeditedAck } = engine.proposal(tpdu);
    const withdrawn = new AbortController();
    this.#withdrawn = withdrawn;
    return {
      id: trace.id,
      localAddr: incoming.localAddr,
      remoteAddr: incoming.remoteAddr,
      proxy: incoming.proxy,
      localTsel: tselFromWire(tpdu.parameters.calledTsel),
      remoteTsel: tselFromWire(tpdu.parameters.callingTsel),
      connectData: connectDataFromWire(tpdu.userData),
      tpClasses,
      expedited,
      expeditedAck,
      tpdu,
      get socket() {
        return driver.handOut();
      },
      signal: withdrawn.signal,
      accept: (options: AcceptOptions = {}) => {
        const resolved = resolveAccept(options);
        this.#checkOpen();
        this.#accept(resolved);
      },
      refuse: (reason: number = DR_REASONS.notSpecified, options: RefuseOptions = {}) => {
        const resolved = resolveReason(reason, tpdu.class);
        const { userData } = resolveRefuse(options, tpdu.class);
        this.#checkOpen();
        this.#refuse(resolved, 'user', userData);
      },
    };
  }

  #checkOpen(): void {
    if (this.#isDecided) {
      throw new TypeError(
        'this connection request was already accepted or refused; call accept() or refuse() once',
      );
    }
  }

  #accept({ connectData: userData, context, ...choice }: AcceptOptions): void {
    this.context = context;
    this.#confirm({ ...choice, userData });
  }

  #confirm(acceptance: Acceptance): void {
    const { engine } = this.#parts;
    this.#answer((time) => engine.accept(acceptance, time));
  }

  #refuse(reason: number, cause: RefusalCause, userData?: Uint8Array): void {
    const { engine, onRefused } = this.#parts;
    this.#answer((time) => {
      engine.refuse(reason, time, userData);
      const localTsel = tselFromWire(this.request?.parameters.calledTsel);
      onRefused({ cause, reason, rejectCause: undefined, localTsel });
    });
  }

  /** Reports a CR that the engine itself has refused (X.224 6.6), unless the error is about something else. */
  #noteRefusalByRule(error: CotpError): void {
    if (this.#isDecided || this.request !== undefined) {
      return;
    }
    if (error instanceof ConnectionClosedError && error.reason !== undefined) {
      this.#refusedByRule('class', error.reason, undefined);
    } else if (error instanceof ProtocolError && isRequest(error)) {
      this.#refusedByRule('invalid', undefined, error.rejectCause);
    }
  }

  #refusedByRule(
    cause: RefusalCause,
    reason: number | undefined,
    rejectCause: number | undefined,
  ): void {
    const { trace, onRefused } = this.#parts;
    trace.requested({ localTsel: undefined, remoteTsel: undefined });
    onRefused({ cause, reason, rejectCause, localTsel: undefined });
  }

  /** Passes the answer to the engine. If the engine throws, the request is not decided and can still be answered. */
  #answer(answer: (time: number) => void): void {
    const { driver } = this.#parts;
    // A closing server drops its handshakes before their `disconnect` event.
    if (this.#isWithdrawn || driver.stream.destroyed) {
      this.#isDecided = true;
      return;
    }
    driver.command((time) => {
      answer(time);
      this.#isDecided = true;
    });
  }
}
