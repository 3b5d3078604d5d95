/** Things that a test opens and that are closed after it, whatever became of it. */
import {
  type Connection,
  type ConnectOptions,
  connect,
  type ListenOptions,
  listen,
  type Server,
} from '../../src/index.js';
import { RawPeer, RawServer } from './raw.js';

/** What is to be closed after a test. */
export class Closers {
  readonly #closers: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#closers.splice(0).map((close) => close()));
  }
}

/** Of the one test that runs. */
const closers = new Closers();
let ownClosers: () => Closers | undefined = () => undefined;

/** From now on these closers are used, where there are any: for tests that run at the same time. */
export function closersBy(own: () => Closers | undefined): void {
  ownClosers = own;
}

/** Closes what the test has opened: `closing.ts` calls it. */
export function closeAll(): Promise<void> {
  return closers.closeAll();
}

/** The closers of the test that asks; a callback of a socket does not know its test. */
function closersOfTest(): Closers {
  return ownClosers() ?? closers;
}

/** Closes it after the test. */
export function closeLater(close: () => unknown): void {
  closersOfTest().add(close);
}

/** A server with a queue of its connections. */
export interface TestServer {
  readonly server: Server;
  readonly address: { readonly host: string; readonly port: number };
  /** The next connection that it opens. */
  accept(): Promise<Connection>;
  /** Errors that it reported. */
  readonly errors: Error[];
}

export async function serve(options: ListenOptions = {}): Promise<TestServer> {
  const arrived: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  const errors: Error[] = [];
  const ours = closersOfTest();
  const server = await listen(
    (connection) => {
      ours.add(() => connection.destroy());
      const next = waiting.shift();
      if (next === undefined) {
        arrived.push(connection);
      } else {
        next(connection);
      }
    },
    { host: '127.0.0.1', port: 0 },
    { onError: (error) => errors.push(error), ...options },
  );
  closeLater(() => server.asyncClose());
  return {
    server,
    address: server.addresses[0] as { host: string; port: number },
    errors,
    accept: () => {
      const connection = arrived.shift();
      return connection === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(connection);
    },
  };
}

/** Two ends of one connection. */
export async function pair(
  clientOptions: ConnectOptions = {},
  serverOptions: ListenOptions = {},
): Promise<{ client: Connection; peer: Connection; server: TestServer }> {
  const server = await serve(serverOptions);
  const client = await connect(server.address, clientOptions);
  closeLater(() => client.destroy());
  return { client, peer: await server.accept(), server };
}

/** A bare TCP client of one of our servers. */
export async function rawClient(port: number): Promise<RawPeer> {
  const peer = await RawPeer.connect(port);
  closeLater(() => peer.socket.destroy());
  return peer;
}

/** A bare TCP server. */
export async function rawServer(): Promise<RawServer> {
  const server = await RawServer.listen();
  closeLater(() => server.close());
  return server;
}

/** What a promise rejects with; fails when it does not. */
export async function rejection<T = Error>(promise: Promise<unknown>): Promise<T> {
  try {
    await promise;
  } catch (error) {
    return error as T;
  }
  throw new Error('it did not reject');
}
