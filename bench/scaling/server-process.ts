/**
 * The server of the scaling benchmark: sends back each TSDU. In one process, or in workers that share its port.
 */
import cluster, { type Worker } from 'node:cluster';
import { createServer } from 'node:net';
import { connect, listen } from 'cotp';
import type { Kind, ServerTask, Usage } from './messages.js';

const HOST = '127.0.0.1';
/** As many clients open at the same time as the system allows to wait. */
const BACKLOG = 4_096;
const MOST_CONNECTIONS = 65_535;

let connections = 0;

async function serve(kind: Kind, port: number): Promise<number> {
  if (kind === 'raw') {
    return serveRaw(port);
  }
  const server = await listen(
    async (conn) => {
      connections += 1;
      for await (const tsdu of conn) {
        conn.write(tsdu);
      }
      connections -= 1;
    },
    { host: HOST, port },
    { maxConnections: MOST_CONNECTIONS, backlog: BACKLOG },
  );
  const bound = server.addresses[0]?.port ?? 0;
  await warmUp(bound);
  return bound;
}

/** The code of the library is compiled before memory is measured. */
async function warmUp(port: number): Promise<void> {
  if (cluster.isPrimary) {
    for (let i = 0; i < 200; i += 1) {
      const conn = await connect({ host: HOST, port });
      conn.write(Buffer.of(1));
      await conn.read();
      await conn.asyncClose();
    }
  }
}

function serveRaw(port: number): Promise<number> {
  const options = { allowHalfOpen: true, noDelay: true, keepAlive: true };
  const server = createServer(options, (socket) => {
    connections += 1;
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      connections -= 1;
    });
  });
  return new Promise((resolve) => {
    server.listen({ host: HOST, port, backlog: BACKLOG }, () => {
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : 0);
    });
  });
}

function usage(): Usage {
  // The time of the collections does not count.
  const { user, system } = process.cpuUsage();
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { connections, rss, heapUsed, cpu: user + system };
}

function sum(usages: readonly Usage[]): Usage {
  const of = (key: keyof Usage) => usages.reduce((total, each) => total + each[key], 0);
  return {
    connections: of('connections'),
    rss: of('rss'),
    heapUsed: of('heapUsed'),
    cpu: of('cpu'),
  };
}

/** Workers take turns, so each gets the same number of connections. */
async function startWorkers(kind: Kind, count: number): Promise<readonly Worker[]> {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const workers = Array.from({ length: count }, () => cluster.fork({ COTP_BENCH_KIND: kind }));
  await Promise.all(workers.map((worker) => answerOf(worker)));
  return workers;
}

function answerOf<T>(worker: Worker): Promise<T> {
  return new Promise((resolve) => {
    worker.once('message', (message: T) => resolve(message));
  });
}

async function startPrimary({ kind, workers: count }: ServerTask): Promise<void> {
  if (count === 0) {
    const port = await serve(kind, 0);
    process.on('message', () => process.send?.(usage()));
    process.send?.({ port });
    return;
  }
  const workers = await startWorkers(kind, count);
  process.on('message', async () => {
    const usages = workers.map((worker) => {
      const answer = answerOf<Usage>(worker);
      worker.send('usage');
      return answer;
    });
    // The primary passes on each connection, which is a part of the cost.
    process.send?.(sum([...(await Promise.all(usages)), { ...usage(), connections: 0 }]));
  });
  const [first] = workers;
  first?.send('port');
  process.send?.({ port: await (first && answerOf<number>(first)) });
}

if (cluster.isWorker) {
  // All workers ask for the same port, so the primary opens it once.
  const { COTP_BENCH_KIND: kind } = process.env;
  const port = await serve(kind as Kind, 0);
  process.on('message', (request) => process.send?.(request === 'port' ? port : usage()));
  process.send?.('ready');
} else {
  process.once('message', (task: ServerTask) => void startPrimary(task));
  process.once('disconnect', () => process.exit());
}
