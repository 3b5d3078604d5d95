/** Tries the installed package by `require`, and holds what both ways have in common. */
'use strict';

const assert = require('node:assert/strict');

/** The reference example, on COTP and on TPKT, and one TPDU there and back. */
async function check({ cotp, tpkt, tpdu }) {
  await example(cotp, ['123', '321']);
  await example(tpkt, ['123', '321']);
  await sharedPort(cotp);

  const octets = Buffer.from('11e00000002a00c1020100c2020102c0010a', 'hex');
  const decoded = tpdu.decode(octets);
  assert.equal(decoded.type, 'CR');
  assert.deepEqual(Buffer.from(tpdu.encode(decoded)), octets);
}

async function example({ connect, listen }, [there, back]) {
  let resolve;
  const accepted = new Promise((onAccepted) => {
    resolve = onAccepted;
  });
  const srv = await listen(resolve, { host: '127.0.0.1', port: 0 });
  const conn1 = await connect(srv.addresses[0]);
  const conn2 = await accepted;

  conn1.write(Buffer.from(there));
  assert.deepEqual(await conn2.read(), Buffer.from(there));
  conn2.write(Buffer.from(back));
  assert.deepEqual(await conn1.read(), Buffer.from(back));

  await conn1.asyncClose();
  await conn2.asyncClose();
  await srv.asyncClose();
}

/** Two servers on one port, which an older Node refuses. */
async function sharedPort({ connect, listen }) {
  const both = (port) =>
    listen((conn) => conn.close(), { host: '127.0.0.1', port }, { reusePort: true });
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 12) || (major === 23 && minor < 1)) {
    await assert.rejects(both(0), /^TypeError: options\.reusePort requires Node/);
    return;
  }
  const first = await both(0);
  const [address] = first.addresses;
  const second = await both(address.port);
  await first.shutdown();
  const conn = await connect(address);
  await conn.waitClosed();
  await second.shutdown();
}

/** `import` and `require` give the same classes and functions. */
async function same(entry) {
  const required = require(entry);
  const imported = await import(entry);
  for (const name of Object.keys(imported)) {
    assert.equal(required[name], imported[name], `${name} of ${entry}`);
  }
}

async function main() {
  const [cotp, tpkt, tpdu] = ['cotp', 'cotp/tpkt', 'cotp/tpdu'].map((entry) => require(entry));
  await check({ cotp, tpkt, tpdu });
  for (const entry of ['cotp', 'cotp/tpkt', 'cotp/tpdu', 'cotp/browser']) {
    await same(entry);
  }
}

module.exports = { check };

if (require.main === module) {
  void main();
}
