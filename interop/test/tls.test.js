/** TLS with OpenSSL on the other side: its client and our `listen`, its server and our `connect`. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect, listen } from '../../dist/esm/index.js';
import { makeIdentities, OpensslPeer, whenListening } from './openssl.js';
import { deferred, freePort, HOST, LIMIT } from './support.js';

const VERSIONS = { 'TLS 1.2': '-tls1_2', 'TLS 1.3': '-tls1_3' };

const tpkt = (hex) => {
  const payload = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const header = Buffer.from([3, 0, 0, 0]);
  header.writeUInt16BE(payload.length + 4, 2);
  return Buffer.concat([header, payload]);
};
const CR = tpkt('11 e0 0000 1234 00 c1020100 c2020102 c0010a');
const cc = (reference) => tpkt(`09 d0 ${reference} 0007 00 c0010a`);
const dt = (hex) => tpkt(`02 f0 80 ${hex}`);

let server;
let client;
let stranger;
let remove;

before(async () => {
  const made = await makeIdentities('localhost', 'client', 'stranger');
  [server, client, stranger] = made.identities;
  remove = made.remove;
});
after(() => remove());

for (const [version, flag] of Object.entries(VERSIONS)) {
  describe(`OpenSSL by ${version}`, () => {
    /** Our server, and what it reports. */
    async function serve(t, tls) {
      const peer = deferred();
      const reports = [];
      const listening = await listen(
        peer.resolve,
        { host: HOST, port: 0 },
        {
          bindConnections: true,
          maxConnections: 1,
          tls: { key: server.key, cert: server.cert, ...tls },
          onError: (error, { peer: from }) => reports.push({ code: error.code, from }),
        },
      );
      t.after(() => listening.asyncClose());
      return { port: listening.addresses[0].port, reports, connected: peer.promise };
    }

    function clientOf(t, port, ...args) {
      const base = ['s_client', '-quiet', '-no_ign_eof', flag, '-connect', `${HOST}:${port}`];
      const peer = new OpensslPeer(...base, '-CAfile', server.certFile, ...args);
      t.after(() => peer.kill());
      return peer;
    }

    for (const [what, tls, args] of [
      ['as client of listen()', () => ({}), () => []],
      [
        'as client of listen(), with a certificate that is required',
        () => ({ ca: client.cert, requestCert: true, rejectUnauthorized: true }),
        () => ['-cert', client.certFile, '-key', client.keyFile],
      ],
    ]) {
      test(what, LIMIT, async (t) => {
        const { port, reports, connected } = await serve(t, tls());
        const openssl = clientOf(t, port, ...args());
        openssl.send(CR);
        assert.equal((await openssl.packet())[1], 0xd0);
        const connection = await connected;
        openssl.send(dt('010203'));
        assert.deepEqual(await connection.read(), Buffer.from([1, 2, 3]));
        connection.write(Buffer.alloc(100_000, 'x'));
        for (let octets = 0; octets < 100_000; ) {
          octets += (await openssl.packet()).length - 3;
        }
        openssl.end();
        await connection.waitClosed();
        assert.deepEqual(reports, []);
      });
    }

    for (const [what, args] of [
      ['of a stranger', () => ['-cert', stranger.certFile, '-key', stranger.keyFile]],
      ['that is missing', () => []],
    ]) {
      test(
        `as client of listen(), a certificate ${what} is reported with its peer`,
        LIMIT,
        async (t) => {
          const { port, reports } = await serve(t, {
            ca: client.cert,
            requestCert: true,
            rejectUnauthorized: true,
          });
          const openssl = clientOf(t, port, ...args());
          await openssl.closed();
          assert.equal(reports.length, 1);
          assert.match(
            reports[0].code,
            /^(DEPTH_ZERO_SELF_SIGNED_CERT|ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE)$/,
          );
          assert.match(reports[0].from, /^127\.0\.0\.1:[1-9]\d*$/);

          const again = clientOf(t, port, '-cert', client.certFile, '-key', client.keyFile);
          again.send(CR);
          assert.equal((await again.packet())[1], 0xd0, 'its place is free again');
        },
      );
    }

    test(
      'as client that trusts no such server is reported, and its place is free',
      LIMIT,
      async (t) => {
        const { port, reports } = await serve(t, {});
        const base = ['s_client', '-quiet', '-no_ign_eof', flag, '-connect', `${HOST}:${port}`];
        const wary = ['-verify_return_error', '-CAfile', stranger.certFile];
        const openssl = new OpensslPeer(...base, ...wary);
        t.after(() => openssl.kill());
        await openssl.closed();
        const next = clientOf(t, port);
        next.send(CR);
        assert.equal((await next.packet())[1], 0xd0);
        assert.equal(reports.length, 1);
        assert.match(reports[0].code, /^ERR_SSL_TLSV1_ALERT_UNKNOWN_CA$/);
      },
    );

    for (const [what, tls, args] of [
      ['as server of connect()', () => ({}), () => []],
      [
        'as server of connect(), which shows a certificate',
        () => ({ key: client.key, cert: client.cert }),
        () => ['-Verify', '1', '-verify_return_error', '-CAfile', client.certFile],
      ],
    ]) {
      test(what, LIMIT, async (t) => {
        const port = await freePort();
        const identity = ['-cert', server.certFile, '-key', server.keyFile];
        const listening = [
          's_server',
          '-quiet',
          flag,
          '-accept',
          `${HOST}:${port}`,
          '-naccept',
          '1',
        ];
        const openssl = new OpensslPeer(...listening, ...identity, ...args());
        t.after(() => openssl.kill());
        const errors = [];
        const connecting = whenListening(() =>
          connect(
            { host: HOST, port },
            {
              tls: { ca: server.cert, servername: 'localhost', ...tls() },
              onError: (error) => errors.push(error),
            },
          ),
        );
        const cr = await openssl.packet();
        assert.equal(cr[1], 0xe0);
        openssl.send(cc(cr.subarray(4, 6).toString('hex')));
        const connection = await connecting;
        t.after(() => connection.destroy());
        connection.write(Buffer.from([1, 2, 3]));
        assert.deepEqual((await openssl.packet()).subarray(3), Buffer.from([1, 2, 3]));
        openssl.send(dt('040506'));
        assert.deepEqual(await connection.read(), Buffer.from([4, 5, 6]));
        await connection.asyncClose();
        assert.deepEqual(errors, []);
      });
    }

    test('as server of connect() that does not trust it', LIMIT, async (t) => {
      const port = await freePort();
      const identity = ['-cert', server.certFile, '-key', server.keyFile];
      const listening = ['s_server', '-quiet', flag, '-accept', `${HOST}:${port}`];
      const openssl = new OpensslPeer(...listening, ...identity);
      t.after(() => openssl.kill());
      const tls = { ca: stranger.cert, servername: 'localhost' };
      await assert.rejects(
        whenListening(() => connect({ host: HOST, port }, { tls })),
        { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
      );
    });
  });
}
