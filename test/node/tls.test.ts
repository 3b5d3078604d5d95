import { createConnection } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type ConnectRequest, connect } from '../../src/index.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { pair, rawClient, rawServer, rejection, serve } from '../support/life.js';
import { PATIENT } from '../support/until.js';

let made: Certificates;

beforeAll(async () => {
  made = await certificates();
});

/** Options of a server that shows its certificate, and of a client that trusts its authority. */
function oneWay() {
  const client = { tls: { ca: made.ca, servername: 'localhost' } };
  return { client, server: { tls: made.server } };
}

/** The same with a client that shows one too. */
function mutual() {
  const { client, server } = oneWay();
  return {
    client: { tls: { ...client.tls, ...made.client } },
    server: { tls: { ...server.tls, ca: made.ca, requestCert: true } },
  };
}

test('TLS carries TSDUs of any size both ways', async () => {
  const options = oneWay();
  const { client, peer } = await pair(options.client, options.server);
  const tsdu = Buffer.alloc(1_000_000, 'abc');
  client.write(tsdu);
  expect((await peer.read()).equals(tsdu)).toBe(true);
  peer.write(tsdu);
  expect((await client.read()).equals(tsdu)).toBe(true);
  await Promise.all([client.asyncClose(), peer.asyncClose()]);
});

test('a client sees the certificate of the server', async () => {
  const options = oneWay();
  const { client } = await pair(options.client, options.server);
  const socket = client.socket as TLSSocket;
  expect(socket.authorized).toBe(true);
  expect(socket.getPeerCertificate().subject.CN).toBe('localhost');
});

test('a server sees the certificate of the client, when deciding and after', async () => {
  const options = mutual();
  const seen: unknown[] = [];
  const onConnectRequest = (request: ConnectRequest) => {
    seen.push((request.socket as TLSSocket).getPeerCertificate().subject.CN);
    request.accept();
  };
  const { peer } = await pair(options.client, { ...options.server, onConnectRequest });
  seen.push((peer.socket as TLSSocket).getPeerCertificate().subject.CN);
  expect(seen).toEqual(['Test client', 'Test client']);
});

test('a client without a certificate where one is wanted is not let in', async () => {
  const options = mutual();
  const server = await serve(options.server);
  // TLS 1.3 lets the client go on before the server has looked, so it may be at its CR already.
  await rejection(connect(server.address, oneWay().client));
  await vi.waitUntil(() => server.errors.length > 0, PATIENT);
  expect(server.errors[0]?.message).toBe('TLS: peer did not return a certificate');
  expect(server.server.connectionCount).toBe(0);
});

test('a server that is not trusted is an error of TLS, as it is', async () => {
  const server = await serve(oneWay().server);
  const error = await rejection(connect(server.address, { tls: { servername: 'localhost' } }));
  expect(error).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
});

test('the name in the certificate is checked', async () => {
  const server = await serve(oneWay().server);
  const tls = { ca: made.ca, servername: 'elsewhere' };
  const error = await rejection(connect(server.address, { tls }));
  expect(error).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

describe('close() of the server', () => {
  test('leaves open connections as they are', async () => {
    const options = oneWay();
    const { client, peer, server } = await pair(options.client, options.server);
    await server.server.asyncClose();
    client.write(Buffer.from('still here'));
    expect((await peer.read()).toString()).toBe('still here');
  });

  test('ends those whose CR has yet to come', async () => {
    const options = oneWay();
    const server = await serve(options.server);
    const { port } = server.address;
    const socket = connectTls({ host: '127.0.0.1', port, ...options.client.tls });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {}).resume();
    await server.server.asyncClose();
    await closed;
    expect(server.server.connectionCount).toBe(0);
  });
});

describe('the options of Node are passed on', () => {
  test('minVersion and maxVersion', async () => {
    const { client: clientOptions, server } = oneWay();
    const { client } = await pair(clientOptions, {
      tls: { ...server.tls, maxVersion: 'TLSv1.2' },
    });
    expect((client.socket as TLSSocket).getProtocol()).toBe('TLSv1.2');
  });

  test('ALPN', async () => {
    const { client: clientOptions, server } = oneWay();
    const { client } = await pair(
      { tls: { ...clientOptions.tls, ALPNProtocols: ['mms', 'iccp'] } },
      { tls: { ...server.tls, ALPNProtocols: ['iccp'] } },
    );
    expect((client.socket as TLSSocket).alpnProtocol).toBe('iccp');
  });

  test('a socket, whose peer is then shown instead of the address', async () => {
    const { client: clientOptions, server } = oneWay();
    const { address } = await serve(server);
    const socket = createConnection(address.port, '127.0.0.1');
    const tls = { ...clientOptions.tls, socket };
    const client = await connect({ host: '192.0.2.1', port: 102 }, { tls });
    expect(client.info.remoteAddr).toEqual({ host: '127.0.0.1', port: address.port });
    await client.asyncClose();
  });

  test('groups and signature algorithms', async () => {
    const { client: clientOptions, server } = oneWay();
    const tls = { ecdhCurve: 'P-384', sigalgs: 'ecdsa_secp256r1_sha256' };
    const { client } = await pair(
      { tls: { ...clientOptions.tls, ...tls } },
      { tls: { ...server.tls, ecdhCurve: 'P-384:P-256' } },
    );
    expect((client.socket as TLSSocket).getEphemeralKeyInfo()).toMatchObject({ name: 'secp384r1' });
  });

  test('a revocation list', async () => {
    const { server } = oneWay();
    const listening = serve({ tls: { ...server.tls, crl: 'not a list' } });
    expect(await rejection(listening)).toMatchObject({ message: expect.stringMatching(/CRL/i) });
  });
});

describe('one side without TLS', () => {
  test('the error of a plain client on a TLS port says that this looks like TLS', async () => {
    const server = await serve(oneWay().server);
    const error = await rejection(connect(server.address));
    expect(error.message).toContain('TLS');
    await vi.waitUntil(() => server.errors.length > 0, PATIENT);
    expect(server.errors[0]?.message).toBe(
      'TLS: wrong version number: the client sent no TLS: is TLS enabled in it? This port requires TLS',
    );
  });

  test('a TLS client on a plain port is asked whether the peer uses TLS', async () => {
    const server = await serve();
    const error = await rejection(connect(server.address, oneWay().client));
    expect(error.message).toMatch(
      /^[^\n]+: TCP was connected, but closed before TLS was: does the peer use TLS on this port, .*full server.*\?$/,
    );
    expect(error.stack).toContain(error.message);
    expect(server.errors[0]?.message).toContain('this looks like TLS');
  });
});

test('a TLS handshake that never ends is ended by handshakeTimeout', async () => {
  const server = await serve({ ...oneWay().server, handshakeTimeout: 80 });
  const raw = await rawClient(server.address.port);
  await raw.ending();
  expect(server.errors).toMatchObject([{ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }]);
});

describe.each([
  ['cotp', connect],
  ['cotp/tpkt', tpkt.connect],
] as const)('%s: a server that takes TCP and is silent', (_entry, open) => {
  test('ends at the timeout of connect, and it is TLS that is missing', async () => {
    const server = await rawServer();
    const error = await rejection(open(server.address, { ...oneWay().client, timeout: 80 }));
    expect(error).toMatchObject({
      code: 'ERR_COTP_TIMEOUT',
      phase: 'tcp',
      timer: 'timeout',
      message: 'TCP connected, but no TLS within 80 ms: does the peer use TLS on this port?',
      hint: 'does the peer use TLS on this port?',
    });
  });
});

test('cotp/tpkt: a server without TLS is reported in one line', async () => {
  const server = await rawServer();
  const connecting = rejection(tpkt.connect(server.address, oneWay().client));
  const raw = await server.accept();
  raw.send(Buffer.from('SSH-2.0-test\r\n'));
  expect((await connecting).message).toMatch(
    /^TLS: wrong version number: TCP was connected, but .*\?$/,
  );
});
