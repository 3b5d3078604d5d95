/** One AbortSignal for many attempts to connect. */
import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { connect } from '../../src/index.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { closeLater, rawServer, rejection, serve } from '../support/life.js';

const MANY = 50;

describe.each([
  ['cotp', connect],
  ['cotp/tpkt', tpkt.connect],
] as const)('%s: one signal for many attempts', (_entry, open) => {
  const openMany = async (signal: AbortSignal, port: number) =>
    Promise.all(Array.from({ length: MANY }, () => open({ host: '127.0.0.1', port }, { signal })));

  test('gives no warning of many listeners', async () => {
    const onWarning = vi.fn();
    process.on('warning', onWarning);
    closeLater(() => process.off('warning', onWarning));
    const server = await serve();
    const connections = await openMany(new AbortController().signal, server.address.port);
    await new Promise((resolve) => setImmediate(resolve));
    for (const connection of connections) {
      connection.destroy();
    }
    expect(onWarning).not.toHaveBeenCalled();
  });

  test('keeps no listener once they are open, nor after one that failed', async () => {
    const server = await serve();
    const { signal } = new AbortController();
    for (const connection of await openMany(signal, server.address.port)) {
      connection.destroy();
    }
    const closed = await rawServer();
    const { address } = closed;
    closed.close();
    await rejection(open(address, { signal }));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('gives all of them up that still wait, and no connection that is open', async () => {
    const server = await serve();
    const silent = await rawServer();
    const control = new AbortController();
    const { signal } = control;
    const connected = await open(server.address, { signal });
    closeLater(() => connected.destroy());
    // The CR gets no answer; TPKT alone waits for no answer, so its TLS gets none.
    const options = { signal, ...(open === tpkt.connect ? { tls: true as const } : {}) };
    const attempts = Array.from({ length: MANY }, () => rejection(open(silent.address, options)));
    const peers = await Promise.all(attempts.map(() => silent.accept()));
    const reason = new Error('enough');
    control.abort(reason);
    expect(await Promise.all(attempts)).toEqual(Array(MANY).fill(reason));
    await Promise.all(peers.map((peer) => peer.ending()));
    expect(connected.isOpen).toBe(true);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
