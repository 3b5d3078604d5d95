/**
 * The clients of the scaling benchmark: bare sockets that speak COTP in fixed octets, so that their own cost is small.
 */
import { connect, type Socket } from 'node:net';
import type { ClientTask, Exchange, ExchangeResult, OpenResult } from './messages.js';

/** CR of class 0 with a TPDU size of 65531 (0xF0) left out: 2048 octets. */
const CR = Buffer.from('0300000e09e00000000100c0010b', 'hex');
/** So many connections are opened at a time. */
const OPENING = 200;
const TPKT_AND_DT = 7;

/** One connection, with at most one request under way. */
class Client {
  readonly socket: Socket;
  #expected = 0;
  #onAnswer: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.#onData(chunk.length));
    socket.on('error', () => {});
  }

  /** Sends octets, and resolves when so many have come. */
  request(octets: Buffer, expected: number, onAnswer: () => void): void {
    this.#expected = expected;
    this.#onAnswer = onAnswer;
    this.socket.write(octets);
  }

  #onData(length: number): void {
    this.#expected -= length;
    if (this.#expected <= 0) {
      const onAnswer = this.#onAnswer;
      this.#onAnswer = undefined;
      onAnswer?.();
    }
  }
}

const clients: Client[] = [];

/** Our CC has the same length as the CR. */
function open({ kind, host, port, localAddresses }: ClientTask, index: number): Promise<void> {
  const localAddress = localAddresses[index % localAddresses.length];
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, localAddress, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      const client = new Client(socket);
      clients.push(client);
      if (kind === 'raw') {
        resolve();
      } else {
        client.request(CR, CR.length, resolve);
      }
    });
  });
}

async function openAll(task: ClientTask): Promise<OpenResult> {
  const start = performance.now();
  let index = 0;
  await Promise.all(
    Array.from({ length: OPENING }, async () => {
      while (index < task.connections) {
        index += 1;
        await open(task, index);
      }
    }),
  );
  return { seconds: (performance.now() - start) / 1_000 };
}

function packetOf(size: number): Buffer {
  const packet = Buffer.alloc(size + TPKT_AND_DT, 1);
  packet.set([3, 0, 0, 0, 2, 0xf0, 0x80]);
  packet.writeUInt16BE(packet.length, 2);
  return packet;
}

/** Requests go round all connections, `depth` of them at a time. */
function exchange({ count, size, depth }: Exchange): Promise<ExchangeResult> {
  const packet = packetOf(size);
  const times = new Float64Array(count);
  const idle = [...clients];
  let begun = 0;
  let done = 0;
  const start = performance.now();
  return new Promise((resolve) => {
    const next = () => {
      const client = idle.shift();
      if (begun === count || client === undefined) {
        return;
      }
      const index = begun;
      begun += 1;
      const since = performance.now();
      client.request(packet, packet.length, () => {
        times[index] = performance.now() - since;
        done += 1;
        idle.push(client);
        if (done === count) {
          times.sort();
          const at = (part: number) => times[Math.floor(part * (count - 1))] ?? 0;
          resolve({ seconds: (performance.now() - start) / 1_000, p50: at(0.5), p99: at(0.99) });
        }
        next();
      });
    };
    for (let i = 0; i < Math.min(depth, clients.length); i += 1) {
      next();
    }
  });
}

process.once('message', async (task: ClientTask) => {
  process.on('message', async (request: Exchange) => {
    process.send?.(await exchange(request));
  });
  process.send?.(await openAll(task));
});
process.once('disconnect', () => process.exit());
