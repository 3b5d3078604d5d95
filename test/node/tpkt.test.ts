import { describe, expect, test } from 'vitest';
import * as tpkt from '../../src/node/tpkt/index.js';
import { closeLater, rawServer, rejection } from '../support/life.js';
import { hex } from '../support/raw.js';

async function pair(options: tpkt.ListenOptions = {}) {
  let resolve: (connection: tpkt.Connection) => void = () => {};
  const accepted = new Promise<tpkt.Connection>((done) => {
    resolve = done;
  });
  const server = await tpkt.listen(resolve, { host: '127.0.0.1', port: 0 }, options);
  closeLater(() => server.asyncClose());
  const client = await tpkt.connect(server.addresses[0]!);
  const peer = await accepted;
  closeLater(() => Promise.all([client.asyncClose(), peer.asyncClose()]));
  return { client, peer, server };
}

test('one write is the payload of one packet', async () => {
  const server = await rawServer();
  const client = await tpkt.connect(server.address);
  closeLater(() => client.destroy());
  client.write(hex('0102030405'));
  const raw = await server.accept();
  await raw.until(() => raw.received.length === 9);
  expect(raw.received.toString('hex')).toBe('030000090102030405');
});

test.each([3, 4, 1000, 65_531])('a payload of %i octets arrives', async (length) => {
  const { client, peer } = await pair();
  const payload = Buffer.alloc(length, 'payload');
  client.write(payload);
  expect((await peer.read()).equals(payload)).toBe(true);
});

test.each([0, 2, 65_532])('a payload of %i octets is a RangeError', async (length) => {
  const { client } = await pair();
  expect(() => client.write(Buffer.alloc(length))).toThrow(RangeError);
});

test('the info has both addresses', async () => {
  const { client, peer } = await pair();
  expect(client.info.remoteAddr).toEqual(peer.info.localAddr);
  expect(client.info.localAddr).toEqual(peer.info.remoteAddr);
});

test('closes like a connection of COTP', async () => {
  const { client, peer } = await pair();
  client.write(Buffer.from('last'));
  client.close();
  const payloads: string[] = [];
  for await (const payload of peer) {
    payloads.push(String(payload));
  }
  expect(payloads).toEqual(['last']);
  await client.waitClosed();
});

describe('what is no TPKT', () => {
  test('ends the connection with a ProtocolError, what came before is read', async () => {
    const server = await rawServer();
    const client = await tpkt.connect(server.address);
    closeLater(() => client.destroy());
    const raw = await server.accept();
    raw.send(hex('03000007010203 02'));
    expect(await client.read()).toEqual(hex('010203'));
    expect(await rejection(client.read())).toMatchObject({ fault: 'tpkt-version', phase: 'open' });
  });

  test('a packet that drips ends at reassemblyTimeout', async () => {
    const server = await rawServer();
    const client = await tpkt.connect(server.address, { reassemblyTimeout: 60 });
    closeLater(() => client.destroy());
    const raw = await server.accept();
    raw.send(hex('0300'));
    expect(await rejection(client.read())).toMatchObject({ timer: 'reassemblyTimeout' });
  });
});

test('an error of the system arrives as it is', async () => {
  const server = await rawServer();
  const { address } = server;
  server.close();
  expect(await rejection(tpkt.connect(address))).toMatchObject({ code: 'ECONNREFUSED' });
});
