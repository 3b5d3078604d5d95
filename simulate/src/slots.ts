/**
 * The rule `slot`: once all connections have ended, every slot of a small server can be used again.
 */
import type { Context, RunningServer } from './context.js';
import { maxConnections } from './library-options.js';
import { PROBE_PORT } from './ports.js';
import { request } from './raw-tpdus.js';
import type { TcpEnd } from './tcp.js';
import { CC, TPKT_HEADER } from './tpdu-codes.js';

/** Slots are probed only on servers with at most this many. */
const PROBED_SLOTS = 8;
/** A CR that every server takes, whatever its classes. */
const PROBE_CR = request(0);
/** Where the code of a TPDU is, behind the TPKT header and LI. */
const CODE_AT = TPKT_HEADER + 1;

interface Probe {
  readonly server: number;
  readonly end: TcpEnd;
  answer: Buffer;
}

export class Slots {
  readonly #context: Context;
  readonly #probes: Probe[] = [];

  constructor(context: Context) {
    this.#context = context;
  }

  /** Connects to every slot of each small server. */
  probe(): void {
    this.#context.servers.forEach((server, number) => {
      this.#probeServer(server, number);
    });
  }

  #probeServer({ plan, port, server }: RunningServer, number: number): void {
    const { events, network } = this.#context;
    if (server.isClosing) {
      return;
    }
    if (server.connectionCount > 0) {
      events.fail(
        'slot',
        `server ${number} counts ${server.connectionCount} connections at the end`,
      );
    }
    const slots = maxConnections(plan.options);
    for (let slot = 0; slot < slots && slots <= PROBED_SLOTS; slot += 1) {
      network.dial(port, PROBE_PORT + number * PROBED_SLOTS + slot, (end) => {
        if (end !== undefined) {
          this.#ask(number, end);
        }
      });
    }
  }

  #ask(server: number, end: TcpEnd): void {
    const probe: Probe = { server, end, answer: Buffer.alloc(0) };
    this.#probes.push(probe);
    end.user = {
      onChange: () => {
        probe.answer = Buffer.concat([probe.answer, end.read(1_024)]);
      },
    };
    end.write(PROBE_CR);
  }

  /** Every probe must have been taken. Ends the probes. */
  check(): void {
    const { events, servers } = this.#context;
    for (const { server, end, answer } of this.#probes) {
      const isTpkt = servers[server]?.plan.service === 'tpkt';
      if (isTpkt ? end.resetAt !== undefined || end.finArrived : answer[CODE_AT] !== CC) {
        const got = answer.length === 0 ? 'nothing' : answer.toString('hex');
        events.fail('slot', `server ${server} has no connection, but answers a CR by ${got}`);
      }
      end.reset();
    }
  }
}
