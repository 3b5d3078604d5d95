import { describe, expect, test } from 'vitest';
import { type Connection, connect, listen } from '../../src/index.js';
import { within } from '../support/ends.js';
import { closeLater, pair, rejection, serve } from '../support/life.js';

test('the example of the reference', async () => {
  let resolve: (connection: Connection) => void = () => {};
  const accepted = new Promise<Connection>((done) => {
    resolve = done;
  });
  const srv = await listen(resolve, { host: '127.0.0.1', port: 0 });
  const conn1 = await connect(srv.addresses[0]!);
  const peer = await accepted;

  conn1.write(Buffer.from('123'));
  expect(await peer.read()).toEqual(Buffer.from('123'));
  peer.write(Buffer.from('321'));
  expect(await conn1.read()).toEqual(Buffer.from('321'));

  await conn1.asyncClose();
  await peer.asyncClose();
  await srv.asyncClose();
  expect([conn1.isClosed, peer.isClosed, srv.isClosed]).toEqual([true, true, true]);
});

describe('the life of a connection', () => {
  test('begins open', async () => {
    const { client } = await pair();
    expect([client.isOpen, client.isClosing, client.isClosed]).toEqual([true, false, false]);
    expect(client.signal.aborted).toBe(false);
  });

  test('is closing from close() on and closed when TCP has ended', async () => {
    const { client } = await pair();
    const { signal } = client;
    const closing = client.waitClosing();
    client.close();
    expect([client.isOpen, client.isClosing, client.isClosed]).toEqual([false, true, false]);
    expect(signal.aborted).toBe(true);
    await closing;
    await client.waitClosed();
    expect([client.isOpen, client.isClosing, client.isClosed]).toEqual([false, true, true]);
  });

  test('ends on both sides when one closes', async () => {
    const { client, peer } = await pair();
    await client.asyncClose();
    await peer.waitClosed();
    expect(peer.isClosed).toBe(true);
  });

  test('ends once, however often and by whichever way it is closed', async () => {
    const { client } = await pair();
    await Promise.all([client.asyncClose(), client.asyncClose(), client.waitClosed()]);
    client.close();
    client.destroy();
    await client.asyncClose();
    await client[Symbol.asyncDispose]();
    expect(client.isClosed).toBe(true);
  });

  test('asked of its signal after the end, is over', async () => {
    const { client } = await pair();
    await client.asyncClose();
    expect(client.signal.aborted).toBe(true);
  });

  test('does not wait for a peer that never closes', async () => {
    const { client, peer } = await pair({ closeTimeout: 50 });
    peer.socket.pause();
    await within(4_000, client.asyncClose(), 'closing, for which a peer has 5 s by default');
  });
});

describe('the life of a server', () => {
  test('closing leaves open connections alone', async () => {
    const { client, peer, server } = await pair();
    await server.server.asyncClose();
    client.write(Buffer.from('still here'));
    expect(await peer.read()).toEqual(Buffer.from('still here'));
  });

  test('closing closes the connections too with bindConnections', async () => {
    const { client, peer, server } = await pair({}, { bindConnections: true });
    await server.server.asyncClose();
    expect(peer.isClosed).toBe(true);
    await client.waitClosed();
  });

  test('after its end the port is free', async () => {
    const { server, address } = await serve();
    await server.asyncClose();
    expect(await rejection(connect(address))).toMatchObject({ code: 'ECONNREFUSED' });
    const again = await listen(() => {}, address);
    closeLater(() => again.asyncClose());
    expect(again.addresses).toEqual([address]);
  });

  test('a port in use is an error of the system, as it is', async () => {
    const { address } = await serve();
    const error = await rejection(listen(() => {}, address));
    expect(error).toMatchObject({ code: 'EADDRINUSE' });
  });

  test('ends once, however often it is closed', async () => {
    const { server } = await serve();
    await Promise.all([server.asyncClose(), server.asyncClose()]);
    await server[Symbol.asyncDispose]();
    expect([server.isOpen, server.isClosing, server.isClosed]).toEqual([false, true, true]);
    expect(server.signal.aborted).toBe(true);
  });
});
