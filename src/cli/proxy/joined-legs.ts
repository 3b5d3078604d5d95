/**
 * Finds the same message on both connections of a client, so that the ladder shows it in one line. A TPDU waits a moment
 * for its counterpart; without one it is shown on its own connection.
 */
import { CotpError, type Tpdu } from '../../core/tpdu/index.js';
import { type TraceEntry, traceTime } from '../../node/trace/entry.js';

/** The path of a TPDU: over one of the two connections, or over both if it is relayed unchanged. */
export type Path =
  | 'client to proxy'
  | 'proxy to target'
  | 'target to proxy'
  | 'proxy to client'
  | 'client to target'
  | 'target to client';

/** Milliseconds that a TPDU waits for its counterpart. */
const WAIT_TIME = 100;

/** So many TPDUs that wait are compared; a relay passes on in order. */
const MOST_COMPARED = 64;

/** TPDUs, and octets of them, that wait in one direction. A peer can send DTs of a TSDU that it never ends. */
const MOST_WAITING = 1024;
const MOST_OCTETS = 1_048_576;

/** A TPDU that the proxy has received. After it was shown alone it stays here until its counterpart comes. */
interface Received {
  readonly path: Path;
  readonly entry: TraceEntry;
  isShown: boolean;
}

/** What came from one side. */
interface Direction {
  /** The path over both connections. */
  readonly whole: Path;
  readonly received: Received[];
  /** Octets of them. */
  octets: number;
}

/** Joins the TPDUs of one client. */
export class JoinedLegs {
  readonly #show: (path: Path, entry: TraceEntry) => void;
  readonly #toTarget: Direction = { whole: 'client to target', received: [], octets: 0 };
  readonly #toClient: Direction = { whole: 'target to client', received: [], octets: 0 };
  #timer: NodeJS.Timeout | undefined;

  constructor(show: (path: Path, entry: TraceEntry) => void) {
    this.#show = show;
  }

  /** Shows a TPDU now, or once its counterpart has come. */
  add(path: Path, entry: TraceEntry): void {
    if (!isPassedOn(entry.tpdu)) {
      this.#show(path, entry);
    } else if (path === 'client to proxy') {
      this.#wait(this.#toTarget, path, entry);
    } else if (path === 'target to proxy') {
      this.#wait(this.#toClient, path, entry);
    } else if (path === 'proxy to target') {
      this.#sent(this.#toTarget, path, entry);
    } else if (path === 'proxy to client') {
      this.#sent(this.#toClient, path, entry);
    } else {
      this.#show(path, entry);
    }
  }

  /** Shows what waits, and forgets it. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#showUntil(Number.POSITIVE_INFINITY);
    forget(this.#toTarget);
    forget(this.#toClient);
  }

  #wait(direction: Direction, path: Path, entry: TraceEntry): void {
    const { received } = direction;
    const { length } = entry.octets;
    if (received.length >= MOST_WAITING || direction.octets + length > MOST_OCTETS) {
      this.#showUntil(Number.POSITIVE_INFINITY);
      forget(direction);
    }
    received.push({ path, entry, isShown: false });
    direction.octets += length;
    this.#timer ??= setTimeout(() => this.#showLate(), WAIT_TIME).unref();
  }

  #sent(direction: Direction, path: Path, entry: TraceEntry): void {
    const { whole, received } = direction;
    const most = Math.min(received.length, MOST_COMPARED);
    let index = 0;
    while (index < most && !isSame((received[index] as Received).entry.tpdu, entry.tpdu)) {
      index += 1;
    }
    const found = index < most ? received[index] : undefined;
    if (found === undefined) {
      // The proxy has cut the TSDU in another way, or says something of its own.
      this.#showUntil(entry.time);
      forget(direction);
      this.#show(path, entry);
      return;
    }
    received.splice(index, 1);
    direction.octets -= found.entry.octets.length;
    if (found.isShown) {
      this.#show(path, entry);
    } else {
      this.#show(whole, whole === 'client to target' ? found.entry : entry);
    }
  }

  /** Shows what has waited for long enough. */
  #showLate(): void {
    this.#timer = undefined;
    const latest = traceTime() - WAIT_TIME;
    this.#showUntil(latest);
    const waiting = [this.#toTarget, this.#toClient].flatMap(({ received }) =>
      received.filter(({ isShown }) => !isShown),
    );
    if (waiting.length > 0) {
      const first = Math.min(...waiting.map(({ entry }) => entry.time));
      this.#timer = setTimeout(() => this.#showLate(), Math.max(1, first - latest)).unref();
    }
  }

  /** Shows what came up to this time and no line has shown, in the order in which it came. */
  #showUntil(time: number): void {
    const late = [...this.#toTarget.received, ...this.#toClient.received]
      .filter(({ isShown, entry }) => !isShown && entry.time <= time)
      .sort((one, other) => one.entry.time - other.entry.time);
    for (const each of late) {
      each.isShown = true;
      this.#show(each.path, each.entry);
    }
  }
}

function forget(direction: Direction): void {
  direction.received.length = 0;
  direction.octets = 0;
}

/**
 * False for acknowledgements, which each connection has of its own, for a DT that adds nothing to a TSDU, with which some
 * controllers acknowledge too, and for what cannot be decoded.
 */
function isPassedOn(tpdu: Tpdu | CotpError): boolean {
  if (tpdu instanceof CotpError) {
    return false;
  }
  return tpdu.type === 'DT'
    ? tpdu.eot || tpdu.userData.length > 0
    : !['AK', 'EA', 'RJ', 'DC'].includes(tpdu.type);
}

/** Whether two TPDUs are the same message to a user. Each connection has its own references and TPDU size. */
function isSame(one: Tpdu | CotpError, other: Tpdu | CotpError): boolean {
  if (one instanceof CotpError || other instanceof CotpError || one.type !== other.type) {
    return false;
  }
  return meaning(one) === meaning(other) && Buffer.compare(userData(one), userData(other)) === 0;
}

/** What both TPDUs must have alike beside their type and their user data, as text. */
function meaning(tpdu: Tpdu): string {
  switch (tpdu.type) {
    case 'CR': {
      const { callingTsel = NONE, calledTsel = NONE } = tpdu.parameters;
      return `${tpdu.class} ${callingTsel.join('.')} ${calledTsel.join('.')}`;
    }
    case 'CC':
      return `${tpdu.class}`;
    case 'DR':
      return `${tpdu.reason}`;
    case 'ER':
      return `${tpdu.rejectCause}`;
    case 'DT':
      return tpdu.eot ? 'EOT' : '';
    default:
      return '';
  }
}

function userData(tpdu: Tpdu): Uint8Array {
  return 'userData' in tpdu ? tpdu.userData : NONE;
}

const NONE = new Uint8Array();
