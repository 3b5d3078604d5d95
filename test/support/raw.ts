/** A peer made of bare TCP: it sends the octets of the test and keeps those it gets. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Octets of hexadecimal text; white space separates fields. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s+/g, ''), 'hex');
}

/** A TPKT around octets given in hexadecimal. */
export function tpkt(text: string): Buffer {
  const payload = hex(text);
  const header = Buffer.from([3, 0, 0, 0]);
  header.writeUInt16BE(payload.length + 4, 2);
  return Buffer.concat([header, payload]);
}

/** A CR of class 0 with size 1024 and the selectors 0x0100 and 0x0102; its SRC-REF is 0x1234. */
export const CR: Buffer = tpkt('11 e0 0000 1234 00 c1020100 c2020102 c0010a');

/** A CC that answers a CR of that SRC-REF, given as four digits. */
export function cc(dstRef: string, parameters = 'c0010a'): Buffer {
  const li = (6 + hex(parameters).length).toString(16).padStart(2, '0');
  return tpkt(`${li} d0 ${dstRef} 0007 00 ${parameters}`);
}

/** A DT of class 0. */
export function dt(text: string, eot = true): Buffer {
  return tpkt(`02 f0 ${eot ? '80' : '00'} ${text}`);
}

/** The same octets so many times. */
export function times(count: number, octets: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => octets));
}

/** One end of a bare TCP connection. */
export class RawPeer {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #closed = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    const change = () => this.#wake();
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      change();
    });
    socket.on('end', () => {
      this.#ended = true;
      change();
    });
    socket.on('error', (error) => {
      this.#error = error;
      change();
    });
    socket.on('close', () => {
      this.#closed = true;
      change();
    });
  }

  static async connect(port: number): Promise<RawPeer> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    await once(socket, 'connect');
    return new RawPeer(socket);
  }

  /** Everything received and not taken yet. */
  get received(): Buffer {
    return this.#received;
  }

  /** True once the other side has sent FIN or a reset. */
  get isOver(): boolean {
    return this.#ended || this.#closed;
  }

  send(octets: Buffer): void {
    this.socket.write(octets);
  }

  /** The payload of the next TPKT; rejects when the connection ends first. */
  async packet(): Promise<Buffer> {
    await this.until(
      () => this.#received.length >= 4 && this.#received.length >= this.#received.readUInt16BE(2),
    );
    const length = this.#received.readUInt16BE(2);
    const payload = this.#received.subarray(4, length);
    this.#received = this.#received.subarray(length);
    return payload;
  }

  /** Resolves with the way in which the connection ended. */
  async ending(): Promise<'fin' | 'reset'> {
    await this.until(() => this.#ended || this.#closed, true);
    if (this.#error !== undefined) {
      return 'reset';
    }
    return this.#ended ? 'fin' : 'reset';
  }

  /** Sends a TCP reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Waits for something to become true of what was received. */
  async until(condition: () => boolean, orEnd = false): Promise<void> {
    while (!condition()) {
      if (this.#closed || (this.#ended && !orEnd)) {
        if (orEnd) {
          return;
        }
        throw new Error(`the connection ended; received ${this.#received.toString('hex')}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A bare TCP server that hands over each connection, and closes what is left at the end. */
export class RawServer {
  readonly #server: Server;
  readonly #peers: RawPeer[] = [];
  readonly #waiting: ((peer: RawPeer) => void)[] = [];
  readonly #arrived: RawPeer[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(): Promise<RawServer> {
    const server = createServer({ allowHalfOpen: true });
    const raw = new RawServer(server);
    server.on('connection', (socket) => {
      const peer = new RawPeer(socket);
      raw.#peers.push(peer);
      const waiting = raw.#waiting.shift();
      if (waiting === undefined) {
        raw.#arrived.push(peer);
      } else {
        waiting(peer);
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return raw;
  }

  get address(): { host: string; port: number } {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') {
      throw new Error('not listening');
    }
    return { host: '127.0.0.1', port: address.port };
  }

  /** The next connection. */
  accept(): Promise<RawPeer> {
    const peer = this.#arrived.shift();
    return peer === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(peer);
  }

  close(): void {
    this.#server.close();
    for (const peer of this.#peers) {
      peer.socket.destroy();
    }
  }
}
