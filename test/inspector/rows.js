/** Makes rows as the server of the inspector sends them. */
import { encode } from 'cotp/tpdu';

/** Counts rows and connections, and moves a clock of its own. */
export class Rows {
  /** @type {object[]} */
  all = [];
  #seq = 0;
  #connection = 0;
  #time;

  /** @param {number} time of the first row, in milliseconds since 1970 */
  constructor(time = Date.UTC(2026, 2, 9, 7, 42, 11, 308)) {
    this.#time = time;
  }

  /** Moves the clock. */
  wait(milliseconds) {
    this.#time += milliseconds;
  }

  /** @returns the connection, to pass to the other methods */
  connection({
    role = 'server',
    local = '10.20.0.5:1102',
    remote = '10.20.0.31:49152',
    pair,
    name,
  } = {}) {
    this.#connection += 1;
    const connection = { number: this.#connection, role };
    this.#add({
      kind: 'connection',
      connection: connection.number,
      role,
      local,
      remote,
      pair,
      name,
    });
    return connection;
  }

  /** A TPDU from the client, as fields for `encode`, as hexadecimal or as octets. */
  fromClient(connection, tpdu) {
    this.#tpdu(connection, tpdu, connection.role === 'server' ? 'received' : 'sent');
  }

  fromServer(connection, tpdu) {
    this.#tpdu(connection, tpdu, connection.role === 'server' ? 'sent' : 'received');
  }

  event(connection, event, more = {}) {
    this.#add({ kind: 'event', connection: connection.number, event, ...more });
  }

  note(text, more = {}) {
    this.#add({ kind: 'note', connection: 0, text, ...more });
  }

  /** Rows that the server has forgotten. */
  lost(count) {
    const from = this.#seq + 1;
    this.#seq += count;
    this.#add({ kind: 'lost', connection: 0, from });
  }

  /** The rows since the last call. */
  take() {
    const rows = this.all;
    this.all = [];
    return rows;
  }

  #tpdu(connection, tpdu, direction) {
    const octets = octetsOf(tpdu).toString('base64');
    this.#add({ kind: 'tpdu', connection: connection.number, direction, octets });
  }

  #add(row) {
    this.#seq += 1;
    this.#time += 0.137;
    this.all.push({ seq: this.#seq, time: this.#time, ...row });
  }
}

function octetsOf(tpdu) {
  if (typeof tpdu === 'string') {
    return Buffer.from(tpdu.replaceAll(' ', ''), 'hex');
  }
  return Buffer.from(tpdu instanceof Uint8Array ? tpdu : encode(tpdu));
}

/** A CR. `size` is that of 0xC0. */
export function cr({ calling = '0100', called = '0102', size = 1024, srcRef = 0x4a1c } = {}) {
  return {
    type: 'CR',
    srcRef,
    class: 0,
    parameters: {
      callingTsel: Buffer.from(calling, 'hex'),
      calledTsel: Buffer.from(called, 'hex'),
      tpduSize: size,
    },
  };
}

/** The CC that answers it. */
export function cc({ dstRef = 0x4a1c, srcRef = 0x0c01, ...offer } = {}) {
  return { ...cr(offer), type: 'CC', dstRef, srcRef };
}

/** A DT, the last of its TSDU by default. */
export function dt(userData, eot = true) {
  return {
    type: 'DT',
    eot,
    userData: Buffer.isBuffer(userData) ? userData : Buffer.from(userData, 'hex'),
  };
}
