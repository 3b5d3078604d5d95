/**
 * Opens many connections to `examples/cluster.ts` while its workers restart again and again, and fails if one is lost.
 *
 *     node test/rolling-restart/run.js [--count CONNECTIONS] [--policy rr|none]
 *
 * It needs `dist` and `build/examples`. `npm run test:restart` builds both and runs it for both ways in which
 * `node:cluster` hands out clients.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connect } from '../../dist/index.js';

/** Connections that are being opened at the same time; fewer than the system queues. */
const AT_ONCE = 100;

const PROGRAM = fileURLToPath(new URL('../../build/examples/cluster.js', import.meta.url));

/** One connection, from the CR to an echo; rejects if it is lost on the way. */
async function echo(address) {
  const conn = await connect(address);
  conn.write(Buffer.from('still there'));
  assert.equal(String(await conn.read()), 'still there');
  await conn.asyncClose();
}

/** The cluster: its address, and how often it has restarted. It restarts again and again until it is stopped. */
async function startCluster(policy) {
  const child = spawn(process.execPath, [PROGRAM, '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_CLUSTER_SCHED_POLICY: policy },
  });
  const cluster = { address: { host: '127.0.0.1', port: 0 }, restarts: 0, stop };
  let isStopping = false;
  const ready = new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the cluster ended with exit code ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const port = / listens on 127\.0\.0\.1:(\d+)$/.exec(line)?.[1];
      if (port !== undefined) {
        assert.ok([0, Number(port)].includes(cluster.address.port), 'every worker has one port');
        cluster.address.port = Number(port);
      } else if (line === 'ready') {
        resolve();
      } else if (line === 'restarted') {
        cluster.restarts += 1;
        if (!isStopping) {
          child.kill('SIGTERM');
        }
      }
    });
  });
  async function stop() {
    isStopping = true;
    child.kill('SIGINT');
    await once(child, 'exit');
  }
  await ready;
  child.kill('SIGTERM');
  return cluster;
}

async function run(count, policy) {
  const cluster = await startCluster(policy);
  const lost = new Map();
  let begun = 0;
  const openAll = async () => {
    while (begun < count || cluster.restarts === 0) {
      begun += 1;
      try {
        await echo(cluster.address);
      } catch (error) {
        lost.set(error.message, (lost.get(error.message) ?? 0) + 1);
      }
    }
  };
  const since = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, openAll));
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  await cluster.stop();
  console.log(`${policy}: ${begun} connections, ${cluster.restarts} restarts, ${seconds} s`);
  for (const [message, times] of lost) {
    console.log(`${policy}: lost ${times}: ${message}`);
  }
  return lost.size === 0;
}

const { values } = parseArgs({
  options: { count: { type: 'string', default: '5000' }, policy: { type: 'string' } },
});
const policies = values.policy === undefined ? ['rr', 'none'] : [values.policy];
for (const policy of policies) {
  if (!(await run(Number(values.count), policy))) {
    process.exitCode = 1;
  }
}
