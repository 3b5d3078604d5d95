/** What the tests share. */
import { once } from 'node:events';
import { createServer } from 'node:net';

export const HOST = '127.0.0.1';

/** Each test is over within this time, in milliseconds, or has failed. */
export const LIMIT = { timeout: 30_000 };

/** A TCP port that was free a moment ago, for peers that cannot ask for any free one. */
export async function freePort() {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A promise and the function that fulfils it. */
export function deferred() {
  let resolve;
  let reject;
  const promise = new Promise((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
