/**
 * An application: performs the acts of its plan on a connection, of COTP or of TPKT, and reports the results.
 */
import type { Connection } from 'cotp';
import type { Connection as TpktConnection } from 'cotp/tpkt';
import type { Direction } from './ledger.js';
import type { Act } from './plan.js';

export type AnyConnection = Connection | TpktConnection;

/** TPKT alone knows no expedited data and no DR. */
export function isCotp(connection: AnyConnection): connection is Connection {
  return 'writeExpedited' in connection;
}

/** How reading ended. */
export interface ReadingEnd {
  /** The error of a read; absent if an iteration ended without an error. */
  readonly error?: unknown;
}

/** The functions of the world that an application uses. */
export interface ApplicationUser {
  readonly incoming: Direction;
  readonly outgoing: Direction;
  readonly readsWithSignal: boolean;
  wait(milliseconds: number): Promise<void>;
  block(milliseconds: number): void;
  /** Registers a promise of the library, which must settle before the world ends. */
  expect<T>(what: string, promise: Promise<T>): Promise<T>;
  onReadingEnd(end: ReadingEnd): void;
  /** A call of the library failed. */
  onFailure(act: string, error: unknown): void;
  /** This side begins to end the connection. */
  onClosing(): void;
  log(line: string): void;
}

/** Thrown on purpose. */
export const THROWN = new Error('the application throws on purpose');

const MOST_ECHOES = 300;

/** One application. */
export class Application {
  readonly #connection: AnyConnection;
  readonly #user: ApplicationUser;

  constructor(connection: AnyConnection, user: ApplicationUser) {
    this.#connection = connection;
    this.#user = user;
  }

  /** Performs all acts. Rejects only for the act `throw`. */
  async run(acts: readonly Act[]): Promise<void> {
    for (const act of acts) {
      this.#user.log(act.join(' '));
      try {
        const done = this.#do(act);
        if (done !== undefined) {
          await done;
        }
      } catch (error) {
        if (error === THROWN) {
          throw error;
        }
        this.#user.onFailure(act.join(' '), error);
      }
    }
  }

  #do(act: Act): Promise<unknown> | undefined {
    const connection = this.#connection;
    const user = this.#user;
    switch (act[0]) {
      case 'wait':
        return user.wait(act[1]);
      case 'block':
        user.block(act[1]);
        return undefined;
      case 'write':
        for (let count = 0; count < act[2]; count += 1) {
          this.#write(act[1]);
        }
        return undefined;
      case 'writeHeeding':
        return this.#writeHeeding(act[1], act[2]);
      case 'drain':
        return user.expect('drain', connection.drain());
      case 'read':
        return this.#read(act[1]);
      case 'readAtOnce':
        this.#readAtOnce(act[1]);
        return undefined;
      case 'readAll':
        return this.#read(Number.POSITIVE_INFINITY);
      case 'iterate':
        return this.#iterate(act[1], act[2]);
      case 'echo':
        return this.#echo();
      case 'giveUp':
        return this.#giveUp(act[1]);
      case 'duplex':
        return this.#duplex();
      case 'expedited':
        this.#writeExpedited(act[1]);
        return undefined;
      case 'readExpedited':
        return this.#readExpedited(act[1]);
      case 'disconnect':
        return this.#disconnect(act[1]);
      case 'end':
        connection.end();
        return undefined;
      case 'close':
        user.onClosing();
        connection.close();
        return undefined;
      case 'asyncClose':
        user.onClosing();
        return user.expect('asyncClose', connection.asyncClose());
      case 'destroy':
        user.onClosing();
        connection.destroy();
        return undefined;
      case 'waitClosed':
        return user.expect('waitClosed', connection.waitClosed());
      case 'throw':
        user.onClosing();
        throw THROWN;
    }
  }

  #write(size: number): boolean {
    const { outgoing } = this.#user;
    const hasRoom = this.#connection.write(outgoing.next(size));
    outgoing.wrote(size);
    return hasRoom;
  }

  #writeExpedited(count: number): void {
    const connection = this.#connection;
    const { outgoing } = this.#user;
    for (let written = 0; written < count && isCotp(connection); written += 1) {
      const data = outgoing.nextExpedited();
      connection.writeExpedited(data);
      outgoing.wroteExpedited(data.length);
    }
  }

  async #readExpedited(count: number): Promise<void> {
    const connection = this.#connection;
    const user = this.#user;
    for (let read = 0; read < count && isCotp(connection); read += 1) {
      const data = await user.expect('readExpedited', connection.readExpedited());
      user.incoming.deliverExpedited(data, true);
    }
  }

  async #disconnect(isDisruptive: boolean): Promise<void> {
    const connection = this.#connection;
    const user = this.#user;
    if (!isCotp(connection)) {
      return;
    }
    user.onClosing();
    user.outgoing.isDropped ||= isDisruptive;
    const how = { disruptive: isDisruptive };
    const end = await user.expect('disconnect', connection.disconnect(how));
    user.log(`disconnected: ${JSON.stringify(end)}`);
  }

  async #writeHeeding(size: number, count: number): Promise<void> {
    for (let written = 0; written < count; written += 1) {
      if (!this.#write(size)) {
        await this.#user.expect('drain', this.#connection.drain());
      }
    }
  }

  async #read(count: number): Promise<void> {
    for (let read = 0; read < count; read += 1) {
      if (!(await this.#readOne(this.#connection.read()))) {
        return;
      }
    }
  }

  /** Resolves to `false` when reading has ended. */
  async #readOne(reading: Promise<Buffer>): Promise<boolean> {
    const { incoming } = this.#user;
    try {
      incoming.deliver(await this.#user.expect('read', reading));
      return true;
    } catch (error) {
      this.#user.onReadingEnd({ error });
      return false;
    }
  }

  #readAtOnce(count: number): void {
    for (let read = 0; read < count; read += 1) {
      void this.#readOne(this.#connection.read());
    }
  }

  async #iterate(count: number, pause: number): Promise<void> {
    const user = this.#user;
    const iterator = this.#connection[Symbol.asyncIterator]();
    for (let read = 0; read < count; read += 1) {
      try {
        const { done, value } = await user.expect('next', iterator.next());
        if (done === true) {
          user.onReadingEnd({});
          return;
        }
        user.incoming.deliver(value);
      } catch (error) {
        user.onReadingEnd({ error });
        return;
      }
      if (pause > 0) {
        await user.wait(pause);
      }
    }
  }

  async #echo(): Promise<void> {
    const user = this.#user;
    for (let count = 0; ; count += 1) {
      let message: Buffer;
      try {
        message = await user.expect('read', this.#connection.read());
      } catch (error) {
        user.onReadingEnd({ error });
        return;
      }
      user.incoming.deliver(message);
      // Without a limit, two applications that echo would never end.
      if (count < MOST_ECHOES && !this.#write(message.length)) {
        await user.expect('drain', this.#connection.drain());
      }
    }
  }

  async #giveUp(milliseconds: number): Promise<void> {
    const user = this.#user;
    if (!user.readsWithSignal) {
      this.#readAtOnce(1);
      await user.wait(milliseconds);
      return;
    }
    const controller = new AbortController();
    const { signal } = controller;
    const read = this.#connection.read as (options: object) => Promise<Buffer>;
    void user.wait(milliseconds).then(() => controller.abort());
    try {
      const reading = read.call(this.#connection, { signal });
      user.incoming.deliver(await user.expect('read with a signal', reading));
    } catch (error) {
      if (error !== signal.reason) {
        user.onReadingEnd({ error });
      }
    }
  }

  async #duplex(): Promise<void> {
    const user = this.#user;
    const stream = this.#connection.toDuplex();
    await user.expect(
      'the end of a stream',
      new Promise<void>((resolve) => {
        stream.on('data', (message: Buffer) => user.incoming.deliver(message));
        stream.on('end', () => {
          user.onReadingEnd({});
          stream.end();
        });
        stream.on('error', (error) => user.onReadingEnd({ error }));
        stream.on('close', resolve);
      }),
    );
  }
}
