/** A snap7 S7 server on loopback. */
import assert from 'node:assert/strict';
import snap7 from 'node-snap7';
import { freePort } from './support.js';

/** Number and size of the data block that the server has. */
export const DB = 1;
export const DB_SIZE = 2048;

/** Octet i of the data block before anybody writes. */
export const initially = (index) => (index * 7 + 3) & 0xff;

/** Starts the server; `stop` ends it. */
export async function startSnap7() {
  const server = new snap7.S7Server();
  const port = await freePort();
  assert.ok(server.SetParam(server.LocalPort, port), 'snap7 takes its port');
  const db = Buffer.from(Array.from({ length: DB_SIZE }, (_, index) => initially(index)));
  assert.ok(server.RegisterArea(server.srvAreaDB, DB, db), 'snap7 takes its data block');
  assert.ok(server.StartTo('127.0.0.1'), `snap7 starts: ${server.ErrorText(server.LastError())}`);
  return {
    address: { host: '127.0.0.1', port },
    /** What the data block holds, seen from inside. */
    peek: (start, length) => server.GetArea(server.srvAreaDB, DB).subarray(start, start + length),
    stop: () => server.Stop(),
  };
}
