/**
 * Two processes serve one port, and are restarted one by one without losing a client.
 *
 *     node build/examples/cluster.js [PORT]
 *
 * SIGTERM restarts the workers, SIGINT stops them. The port is 102 by default; with 0 the system chooses one.
 * `NODE_CLUSTER_SCHED_POLICY=none` lets the workers accept clients themselves; by default the primary hands them out.
 */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import process from 'node:process';
import { listen } from 'cotp';

const WORKERS = 2;
/** Milliseconds that the connections of an old worker have to end by themselves. */
const GRACE = 10_000;

async function runPrimary(): Promise<void> {
  const workers: Worker[] = [];
  for (let index = 0; index < WORKERS; index += 1) {
    workers.push(await start());
  }
  let lastAct = Promise.resolve();
  /** One after the other, so that two signals do not stop the same worker. */
  const inTurn = (act: () => Promise<void>) => {
    lastAct = lastAct.then(act).catch((error) => console.error(String(error)));
  };
  cluster.on('exit', (worker) =>
    inTurn(async () => {
      const index = workers.indexOf(worker);
      // A worker that was replaced is not in the list any more.
      if (index !== -1) {
        console.error(`worker ${worker.id} has ended, another one takes its place`);
        workers[index] = await start();
      }
    }),
  );
  process.on('SIGTERM', () =>
    inTurn(async () => {
      for (const [index, old] of workers.entries()) {
        // The new one serves the port before the old one leaves it.
        workers[index] = await start();
        await stop(old);
      }
      console.log('restarted');
    }),
  );
  process.on('SIGINT', () =>
    inTurn(async () => {
      await Promise.all(workers.splice(0).map(stop));
      process.exit();
    }),
  );
  console.log('ready');
}

/** Resolves when the worker listens. */
async function start(): Promise<Worker> {
  const worker = cluster.fork();
  const exited = once(worker, 'exit').then(([code]) => {
    throw new Error(`a worker ended before it listened, with exit code ${code}`);
  });
  const [address] = await Promise.race([once(worker, 'listening'), exited]);
  exited.catch(() => {});
  console.log(`worker ${worker.id} listens on ${address.address}:${address.port}`);
  return worker;
}

/** Resolves when the worker has ended. */
async function stop(worker: Worker): Promise<void> {
  if (worker.isDead()) {
    return;
  }
  const exited = once(worker, 'exit');
  worker.send('stop');
  await exited;
}

async function runWorker(port: number): Promise<void> {
  // A terminal sends signals to every process; the primary decides.
  process.on('SIGINT', () => {}).on('SIGTERM', () => {});
  const server = await listen(
    async (conn) => {
      for await (const tsdu of conn) {
        if (!conn.write(tsdu)) {
          await conn.drain();
        }
      }
    },
    { host: '127.0.0.1', port },
    { onError: (error, { peer }) => console.error(`${peer}: ${error.message}`) },
  );
  process.once('message', async () => {
    await server.shutdown(GRACE);
    // Unlike `process.exit` it returns to the primary the clients that are on their way to this worker.
    cluster.worker?.disconnect();
  });
}

if (cluster.isPrimary) {
  await runPrimary();
} else {
  await runWorker(Number(process.argv[2] ?? 102));
}
