/**
 * Opens 2,000 connections while two processes take turns in listening on one port by `reusePort`, and fails if one is
 * lost. Needs a Node with `reusePort`, and `net.ipv4.tcp_migrate_req` of Linux: without it the system resets the
 * connections that wait in the queue of a socket when it is closed. `node restart-reuse-port.mjs`, beside an installed
 * package.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { connect, listen } from 'cotp';

const COUNT = 2_000;
/** Connections that are being opened at the same time. */
const AT_ONCE = 50;
const HOST = '127.0.0.1';

/** One of the processes: serves until it is to end, and then loses nothing. */
async function serve(port) {
  const server = await listen(
    async (conn) => {
      for await (const tsdu of conn) {
        conn.write(tsdu);
      }
    },
    { host: HOST, port },
    { reusePort: true, backlog: 4_096 },
  );
  process.once('message', async () => {
    await server.shutdown(10_000);
    process.exit();
  });
  process.send(server.addresses[0].port);
}

async function start(port) {
  const child = fork(fileURLToPath(import.meta.url), [String(port)]);
  const [bound] = await once(child, 'message');
  return { child, port: bound };
}

async function stop({ child }) {
  const ended = once(child, 'exit');
  child.send('end');
  await ended;
}

async function echo(port) {
  const conn = await connect({ host: HOST, port });
  conn.write(Buffer.from('still there'));
  assert.equal(String(await conn.read()), 'still there');
  await conn.asyncClose();
}

async function main() {
  let current = await start(0);
  const { port } = current;
  let isRunning = true;
  let restarts = 0;
  const restarting = (async () => {
    while (isRunning) {
      const next = await start(port);
      const last = current;
      current = next;
      await stop(last);
      restarts += 1;
    }
  })();
  let begun = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (begun < COUNT) {
        begun += 1;
        await echo(port);
      }
    }),
  );
  isRunning = false;
  await restarting;
  await stop(current);
  assert.ok(restarts > 1, 'there were several restarts');
  process.stdout.write(`ok: ${COUNT} connections, ${restarts} restarts by reusePort, none lost\n`);
}

const [port] = process.argv.slice(2);
await (port === undefined ? main() : serve(Number(port)));
