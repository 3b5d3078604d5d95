/**
 * Just enough S7 to ask a server for octets of a data block, by hand-built octets: the tests are to
 * see what goes through COTP, not another S7 library.
 */
import assert from 'node:assert/strict';

const JOB = 0x01;
const ACK_DATA = 0x03;
const READ = 0x04;
const WRITE = 0x05;
const SETUP = 0xf0;

/** The selectors of S7: connection type PG, rack 0, slot 0 of whom is called. */
export const S7_TSELS = { localTsel: 0x0100, remoteTsel: 0x0100 };

/** One S7 connection over a COTP connection, its TPDU reference counted. */
export class S7 {
  #connection;
  #reference = 0;

  /** @param {import('../../dist/esm/index.js').Connection} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  /** Setup communication: gives the PDU length that the server grants. */
  async setup(pduLength = 960) {
    const parameter = Buffer.from([SETUP, 0, 0, 1, 0, 1, pduLength >> 8, pduLength & 0xff]);
    const answer = await this.#ask(parameter, Buffer.alloc(0));
    assert.equal(answer.parameter.length, 8);
    assert.equal(answer.parameter[0], SETUP);
    return answer.parameter.readUInt16BE(6);
  }

  /** Reads octets of a data block. */
  async read(db, start, length) {
    const { parameter, data } = await this.#ask(item(READ, db, start, length), Buffer.alloc(0));
    assert.deepEqual([...parameter], [READ, 1]);
    assert.equal(data[0], 0xff, 'return code of the item');
    assert.equal(data[1], 0x04, 'transport size: octets, counted in bits');
    assert.equal(data.readUInt16BE(2), length * 8);
    return data.subarray(4, 4 + length);
  }

  /** Writes octets of a data block. */
  async write(db, start, octets) {
    const head = Buffer.from([0, 0x04, 0, 0]);
    head.writeUInt16BE(octets.length * 8, 2);
    const value = Buffer.concat([head, octets]);
    const { parameter, data } = await this.#ask(item(WRITE, db, start, octets.length), value);
    assert.deepEqual([...parameter], [WRITE, 1]);
    assert.deepEqual([...data], [0xff], 'return code of the item');
  }

  async #ask(parameter, data) {
    this.#reference += 1;
    const head = Buffer.from([0x32, JOB, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt16BE(this.#reference, 4);
    head.writeUInt16BE(parameter.length, 6);
    head.writeUInt16BE(data.length, 8);
    this.#connection.write(Buffer.concat([head, parameter, data]));

    const answer = await this.#connection.read();
    assert.deepEqual([answer[0], answer[1]], [0x32, ACK_DATA]);
    assert.equal(answer.readUInt16BE(4), this.#reference, 'PDU reference');
    assert.deepEqual([answer[10], answer[11]], [0, 0], 'error class and code');
    const end = 12 + answer.readUInt16BE(6);
    assert.equal(answer.length, end + answer.readUInt16BE(8), 'lengths add up');
    return { parameter: answer.subarray(12, end), data: answer.subarray(end) };
  }
}

/** A request's parameter with one item: octets of a data block. */
function item(job, db, start, length) {
  const parameter = Buffer.from([job, 1, 0x12, 0x0a, 0x10, 0x02, 0, 0, 0, 0, 0x84, 0, 0, 0]);
  parameter.writeUInt16BE(length, 6);
  parameter.writeUInt16BE(db, 8);
  parameter.writeUIntBE(start * 8, 11, 3);
  return parameter;
}
