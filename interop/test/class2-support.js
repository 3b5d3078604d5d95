/** Our two roles with the reference peers of class 2, and what our side has seen when a connection is over. */
import assert from 'node:assert/strict';
import { connect, listen } from '../../dist/esm/index.js';
import { deferred, HOST } from './support.js';

/** What both roles take, and ask for. */
export const ALL = { tpClass: '2,0', expedited: true };

export const octets = (length) =>
  Buffer.from(Array.from({ length }, (_, index) => (index * 5) & 0xff));

/** How a connection ended, its octets as hexadecimal. */
export function readable(disconnection) {
  return Object.fromEntries(
    Object.entries(disconnection).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    ]),
  );
}

/** An error by its code, and by what was wrong or else by what ended the connection. */
export function named({ code, fault, ending }) {
  return `${code} ${fault ?? ending}`;
}

/**
 * Our server, which echoes TSDUs and expedited data. `seen` is what our side has seen of its one connection, once that
 * is closed; `close` resolves with the names of all errors that were reported.
 */
export async function echoServer(t, options, onTsdu = () => {}) {
  const opened = deferred();
  const errors = [];
  const record = { tsdus: [], expedited: [] };
  const echo = async (connection) => {
    for await (const tsdu of connection) {
      record.tsdus.push(tsdu.length);
      // What came before the peer's DR is read after it.
      if (connection.isOpen) {
        connection.write(tsdu);
      }
      onTsdu(connection, record.tsdus.length);
    }
  };
  const server = await listen(
    (connection) => {
      // The end is in `disconnection` and in what onError gets.
      const done = echo(connection).catch(() => {});
      opened.resolve({ connection, done });
    },
    { host: HOST, port: 0 },
    {
      ...options,
      onExpedited: (data, connection) => {
        record.expedited.push(data.length);
        connection.writeExpedited(data);
      },
      onError: (error) => errors.push(named(error)),
    },
  );
  t.after(() => server.asyncClose());
  const seen = async () => {
    const { connection, done } = await opened.promise;
    await connection.waitClosed();
    await done;
    const { tpClass, expedited, expeditedAck } = connection.info;
    const agreed = [tpClass, expedited, expeditedAck];
    return { agreed, ...record, disconnection: readable(connection.disconnection), errors };
  };
  const close = async () => {
    await server.asyncClose();
    return errors;
  };
  return { port: server.addresses[0].port, seen, close };
}

/** Our client on a port of a peer. The errors that are reported go to `errors`. */
export async function openClient(t, port, options = {}) {
  const errors = [];
  const connection = await connect(
    { host: HOST, port },
    { ...ALL, ...options, onError: (error) => errors.push(named(error)) },
  );
  t.after(() => connection.destroy());
  return { connection, errors };
}

/** Writes all of it in one go, and checks the echoes. */
export async function exchange(connection, { tsdus = [], expedited = [] }) {
  for (const length of expedited) {
    connection.writeExpedited(octets(length));
  }
  for (const length of tsdus) {
    connection.write(octets(length));
  }
  for (const length of tsdus) {
    assert.deepEqual(await connection.read(), octets(length));
  }
  for (const length of expedited) {
    assert.deepEqual(await connection.readExpedited(), octets(length));
  }
}
