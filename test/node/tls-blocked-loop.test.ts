/**
 * TLS handshakes while the application blocks the event loop: whose octets arrive meanwhile is not blamed
 * for it. The other side is another thread, which goes on.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, test } from 'vitest';
import { listen } from '../../src/index.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater } from '../support/life.js';

const HOST = '127.0.0.1';
/** The time of the handshake, in milliseconds, and the longer one for which the loop is blocked. */
const TIMEOUT = 300;
const BLOCKED = 600;

let made: Certificates;

beforeAll(async () => {
  made = await certificates();
});

/** The other side: TCP at once, TLS once it may. */
const PEER = `
import { connect, createServer } from 'node:net';
import * as tls from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
const { flag, port, identity } = workerData;
const mayGoOn = () => { Atomics.wait(flag, 0, 0); };
if (port === undefined) {
  const tlsServer = tls.createServer(identity, (socket) => parentPort.postMessage('secured'));
  const server = createServer((socket) => {
    parentPort.postMessage('connected');
    mayGoOn();
    tlsServer.emit('connection', socket);
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
} else {
  const socket = connect(port, '127.0.0.1', () => {
    parentPort.postMessage('connected');
    mayGoOn();
    const secure = tls.connect({ socket, rejectUnauthorized: false });
    secure.once('secureConnect', () => parentPort.postMessage('secured'));
    secure.once('close', () => parentPort.postMessage('closed'));
    secure.on('error', () => {});
  });
}
`;

function startPeer(data: { port?: number; identity?: unknown }) {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(PEER)}`), {
    workerData: { ...data, flag },
  });
  closeLater(() => worker.terminate());
  return {
    next: async (): Promise<unknown> => (await once(worker, 'message'))[0],
    /** The peer goes on, and this thread does nothing else for longer than the timeout. */
    goOnWhileBlocked: () => {
      Atomics.store(flag, 0, 1);
      Atomics.notify(flag, 0);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED);
    },
  };
}

describe.each([
  ['cotp', listen],
  ['cotp/tpkt', tpkt.listen],
] as const)('%s: a server', (_entry, serve) => {
  test('finishes the handshake of a client whose octets came while it was blocked', async () => {
    const errors: Error[] = [];
    const server = await serve(
      () => {},
      { host: HOST, port: 0 },
      {
        tls: made.server,
        handshakeTimeout: TIMEOUT,
        onError: (error: Error) => errors.push(error),
      },
    );
    closeLater(() => server.asyncClose());
    const peer = startPeer({ port: server.addresses[0]!.port });
    expect(await peer.next()).toBe('connected');
    peer.goOnWhileBlocked();
    expect(await peer.next()).toBe('secured');
    expect(errors).toEqual([]);
  });
});

test('cotp/tpkt: connect() finishes a handshake whose octets came while it was blocked', async () => {
  const peer = startPeer({ identity: made.server });
  const port = (await peer.next()) as number;
  const tls = { ca: made.ca, servername: 'localhost' };
  const connecting = tpkt.connect({ host: HOST, port }, { tls, timeout: TIMEOUT });
  expect(await peer.next()).toBe('connected');
  peer.goOnWhileBlocked();
  const connection = await connecting;
  expect(connection.isOpen).toBe(true);
  connection.destroy();
});
