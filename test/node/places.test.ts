/** Each place of a server is acquired once and released once, however its client goes. */
import { connect as connectTcp, type Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { connect, listen } from '../../src/index.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { closeLater } from '../support/life.js';
import { CR } from '../support/raw.js';
import { PATIENT } from '../support/until.js';

const HOST = '127.0.0.1';

function closeOf(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve));
}

const WAYS: [string, (socket: Socket) => void][] = [
  ['resets once TCP is connected', (socket) => socket.resetAndDestroy()],
  ['ends once TCP is connected', (socket) => socket.end()],
  ['resets with a CR in front', (socket) => void socket.write(CR, () => socket.resetAndDestroy())],
  ['ends with a CR in front', (socket) => socket.end(CR)],
  [
    'resets behind half a CR',
    (socket) => void socket.write(CR.subarray(0, 9), () => socket.resetAndDestroy()),
  ],
  ['ends behind half a CR', (socket) => socket.end(CR.subarray(0, 9))],
];

/** What nobody reads would keep its connection for who may still read it. */
async function readAll(connection: AsyncIterable<Buffer>): Promise<void> {
  for await (const message of connection) {
    expect(message.length).toBeGreaterThan(0);
  }
}

describe.each([
  ['cotp', listen, connect],
  ['cotp/tpkt', tpkt.listen, tpkt.connect],
] as const)('%s: a client that', (_entry, serve, open) => {
  test.each(WAYS)('%s gives its place back', async (_way, leave) => {
    // Also the longest time that a connection is kept for an answer, which here never comes.
    const closeTimeout = 50;
    const options = { maxConnections: 1, maxConnectionsPerAddress: 1, closeTimeout };
    const server = await serve(readAll, { host: HOST, port: 0 }, options);
    closeLater(() => server.asyncClose());
    const address = server.addresses[0]!;
    for (let i = 0; i < 10; i += 1) {
      const socket = connectTcp({ ...address, allowHalfOpen: true });
      socket.on('error', () => {}).on('end', () => socket.end());
      socket.resume();
      socket.once('connect', () => leave(socket));
      await closeOf(socket);
    }
    // The last one may still have its place.
    const connection = await vi.waitFor(async () => {
      const attempt = await open(address);
      await vi.waitUntil(() => server.connectionCount === 1, { timeout: 200 });
      return attempt;
    }, PATIENT);
    expect(connection.isOpen).toBe(true);
    connection.destroy();
    await vi.waitUntil(() => server.connectionCount === 0, PATIENT);
  });
});
