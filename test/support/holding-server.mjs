/**
 * A server in a process of its own that reads nothing: `node --expose-gc holding-server.mjs OPTIONS`. It sends
 * its port to the process that started it, and a measurement for each message of that.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { listen } from '../../dist/index.js';

const connections = [];
const server = await listen(
  (connection) => {
    connections.push(connection);
  },
  { host: '127.0.0.1', port: 0 },
  { onError: () => {}, ...JSON.parse(process.argv[2]) },
);

/** What is held of octets and objects, once nothing is left to collect. */
async function measure() {
  let memory = Number.POSITIVE_INFINITY;
  // Octets that were collected are released by another thread, a little later.
  for (let turn = 0; turn < 8; turn += 1) {
    await nextTurn();
    globalThis.gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    memory = Math.min(memory, heapUsed + arrayBuffers);
  }
  const open = connections.filter(({ isOpen }) => isOpen);
  return {
    memory,
    open: open.length,
    paused: open.filter(({ socket }) => socket.isPaused()).length,
    read: connections.reduce((sum, { socket }) => sum + socket.bytesRead, 0),
  };
}

process.on('message', async () => {
  process.send(await measure());
});
process.send({ port: server.addresses[0].port });
