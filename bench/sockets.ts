/**
 * Opens and closes bare sockets on the loopback interface.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Server, type Socket } from 'node:net';

export const HOST = '127.0.0.1';

export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

export function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.end();
    socket.resume();
  });
}

/** Listens, and returns the port that the system chose. */
export async function listening(server: Server): Promise<number> {
  server.listen(0, HOST, 511);
  await once(server, 'listening');
  const address = server.address();
  assert(address !== null && typeof address === 'object');
  return address.port;
}
