/** Makes rows as the server of the inspector sends them. */
import { encode } from '../../src/core/tpdu/encode.js';
import type { TpduInit, TpduInitOf } from '../../src/core/tpdu/types.js';
import type { ConnectionRow, EventRow, Row, TpduRow } from '../../src/node/inspector/rows.js';

/** Fields for `encode`, hexadecimal, or octets. */
export type AnyTpdu = TpduInit | string | Uint8Array;

/** A connection, to pass to the methods of `Rows`. */
export interface Made {
  readonly number: number;
  readonly role: 'client' | 'server';
}

type Fields<R> = R extends unknown ? Omit<R, 'seq' | 'time'> : never;

/** Counts rows and connections, and moves a clock of its own. */
export class Rows {
  #rows: Row[] = [];
  #seq = 0;
  #connection = 0;
  #time: number;

  /** @param time of the first row, in milliseconds since 1970 */
  constructor(time = Date.UTC(2026, 2, 9, 7, 42, 11, 308)) {
    this.#time = time;
  }

  /** Moves the clock. */
  wait(milliseconds: number): void {
    this.#time += milliseconds;
  }

  connection(
    more: Partial<Omit<ConnectionRow, 'kind' | 'seq' | 'time' | 'connection'>> = {},
  ): Made {
    this.#connection += 1;
    const { role = 'server', local = '10.20.0.5:1102', remote = '10.20.0.31:49152' } = more;
    const connection = this.#connection;
    this.add({ kind: 'connection', connection, ...more, role, local, remote });
    return { number: connection, role };
  }

  fromClient(connection: Made, tpdu: AnyTpdu): void {
    this.#tpdu(connection, tpdu, connection.role === 'server' ? 'received' : 'sent');
  }

  fromServer(connection: Made, tpdu: AnyTpdu): void {
    this.#tpdu(connection, tpdu, connection.role === 'server' ? 'sent' : 'received');
  }

  event(connection: Made, event: EventRow['event'], more: Partial<EventRow> = {}): void {
    this.add({ kind: 'event', connection: connection.number, event, ...more });
  }

  /** @param connection that it is about; absent for none */
  note(text: string, connection?: Made): void {
    this.add({ kind: 'note', connection: connection?.number ?? 0, text });
  }

  /** Rows that the server has forgotten. The row that follows has the number of this one. */
  lost(count: number): void {
    const from = this.#seq + 1;
    this.#seq += count;
    this.add({ kind: 'lost', connection: 0, from });
    this.#seq -= 1;
  }

  /** The rows since the last call. */
  take(): Row[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  add(fields: Fields<Row>): void {
    this.#seq += 1;
    this.#time += 0.137;
    this.#rows.push({ seq: this.#seq, time: this.#time, ...fields } as Row);
  }

  #tpdu(connection: Made, tpdu: AnyTpdu, direction: TpduRow['direction']): void {
    const octets = octetsOf(tpdu).toString('base64');
    this.add({ kind: 'tpdu', connection: connection.number, direction, octets });
  }
}

function octetsOf(tpdu: AnyTpdu): Buffer {
  if (typeof tpdu === 'string') {
    return Buffer.from(tpdu.replaceAll(' ', ''), 'hex');
  }
  return Buffer.from(tpdu instanceof Uint8Array ? tpdu : encode(tpdu));
}

/** What a CR offers; selectors in hexadecimal. */
export interface Offer {
  readonly calling?: string;
  readonly called?: string;
  readonly size?: number;
  readonly srcRef?: number;
}

export function cr({
  calling = '0100',
  called = '0102',
  size = 1024,
  srcRef = 0x4a1c,
}: Offer = {}): TpduInitOf<'CR'> {
  const parameters = {
    callingTsel: Buffer.from(calling, 'hex'),
    calledTsel: Buffer.from(called, 'hex'),
    tpduSize: size,
  };
  return { type: 'CR', srcRef, class: 0, parameters };
}

/** A CC that answers such a CR. */
export function cc({
  dstRef = 0x4a1c,
  srcRef = 0x0c01,
  ...offer
}: Offer & { readonly dstRef?: number } = {}): TpduInitOf<'CC'> {
  const { parameters = {} } = cr(offer);
  return { type: 'CC', dstRef, srcRef, class: 0, parameters };
}

/** A DT, the last of its TSDU by default. */
export function dt(userData: string | Uint8Array, eot = true): TpduInitOf<'DT'> {
  const octets = typeof userData === 'string' ? Buffer.from(userData, 'hex') : userData;
  return { type: 'DT', eot, userData: octets };
}
