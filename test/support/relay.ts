/**
 * A byte stream to a TCP server with a relay in between that can be set to misbehave as networks
 * do: to cut, to be late, to stand still, to reset. Knows no protocol.
 */
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Delivers octets, or `null` for FIN; resolves when there may be more. */
type Deliver = (octets: Buffer | null) => Promise<void>;

/** One direction of the relay: octets in order, FIN behind them. */
export class Lane {
  /** Octets of one delivery, at the most. */
  chunk: number = Number.POSITIVE_INFINITY;
  /** Turns of the event loop before each delivery. */
  delay = 0;
  readonly #deliver: Deliver;
  #last: Promise<void> = Promise.resolve();
  #isPaused = false;
  #onResume: () => void = () => {};

  constructor(deliver: Deliver) {
    this.#deliver = deliver;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#onResume();
  }

  /** Resolves when everything up to here has been delivered. */
  put(octets: Buffer | null): Promise<void> {
    this.#last = this.#last.then(() => this.#forward(octets));
    return this.#last;
  }

  async #forward(octets: Buffer | null): Promise<void> {
    const length = octets?.length ?? 1;
    for (let at = 0; at < length; ) {
      const end = Math.min(length, at + this.chunk);
      for (let turns = this.delay; turns > 0; turns -= 1) {
        await nextTurn();
      }
      while (this.#isPaused) {
        await new Promise<void>((resolve) => {
          this.#onResume = resolve;
        });
      }
      await this.#deliver(octets === null ? null : octets.subarray(at, end));
      at = end;
    }
  }
}

/** The near end of the relay; the far end is a TCP connection to the server. */
export class RelayedStream extends Duplex {
  /** To the server, and from it. */
  readonly up: Lane;
  readonly down: Lane;
  readonly #socket: Socket;
  #onRead: () => void = () => {};

  private constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.up = new Lane((octets) => this.#toServer(octets));
    this.down = new Lane((octets) => this.#fromServer(octets));
    socket.on('data', (octets) => {
      socket.pause();
      void this.down.put(octets).then(() => socket.resume());
    });
    socket.on('end', () => void this.down.put(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.#socketClosed());
  }

  static connect(port: number): Promise<RelayedStream> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RelayedStream(socket));
      });
    });
  }

  /** A network that drops the connection, in both directions. */
  reset(): void {
    drop(this.#socket);
    this.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  }

  /** From now on it does nothing wrong. */
  behave(): void {
    for (const lane of [this.up, this.down]) {
      lane.chunk = Number.POSITIVE_INFINITY;
      lane.delay = 0;
      lane.resume();
    }
  }

  override _read(): void {
    this.#onRead();
  }

  override _write(octets: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    void this.up.put(octets).then(callback);
  }

  override _final(callback: () => void): void {
    void this.up.put(null).then(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (error === null && this.writableFinished && this.readableEnded) {
      this.#socket.end();
    } else {
      drop(this.#socket);
    }
    this.behave();
    this.#onRead();
    callback(error);
  }

  /** A FIN in both directions is passed on in order; anything else at once. */
  #socketClosed(): void {
    if (!this.#socket.readableEnded) {
      this.destroy();
    }
  }

  #toServer(octets: Buffer | null): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) {
        resolve();
      } else if (octets === null) {
        this.#socket.end(() => resolve());
      } else {
        this.#socket.write(octets, () => resolve());
      }
    });
  }

  #fromServer(octets: Buffer | null): Promise<void> {
    return new Promise((resolve) => {
      if (this.destroyed || this.push(octets) || octets === null) {
        resolve();
      } else {
        this.#onRead = resolve;
      }
    });
  }
}

/** By a reset; but a socket whose FIN is on its way takes none, and would never close. */
function drop(socket: Socket): void {
  if (socket.writableEnded === socket.writableFinished) {
    socket.resetAndDestroy();
  } else {
    socket.destroy();
  }
}
