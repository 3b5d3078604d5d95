/**
 * An open connection of ours in any of its forms: either role, COTP or bare TPKT, with TLS or without.
 * The peer is bare TCP in the hands of the test.
 */
import { once } from 'node:events';
import {
  connect as connectTcp,
  createServer,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import {
  type Connection,
  type ConnectOptions,
  connect,
  type ListenOptions,
  listen,
} from '../../src/index.js';
import type { Server } from '../../src/node/server/server.js';
import * as tpktService from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from './certificates.js';
import { closeLater } from './life.js';
import { CR, cc, dt, RawPeer, tpkt } from './raw.js';

/** What our side is. */
export interface Form {
  readonly role: 'server' | 'client';
  readonly service: 'cotp' | 'tpkt';
  readonly tls: boolean;
}

/** All of them, as rows of a table of tests. */
export const FORMS: readonly Form[] = (['server', 'client'] as const).flatMap((role) =>
  (['cotp', 'tpkt'] as const).flatMap((service) =>
    [false, true].map((tls) => ({ role, service, tls })),
  ),
);

/** The title of a test for each form, for `test.each`. */
export const FORM_TITLE = '$role, $service, tls $tls';

/** Either connection: what the tests need of it is the same. */
export type AnyConnection = Connection | tpktService.Connection;

/** Options that all forms take. */
export type EndOptions = Omit<ConnectOptions & ListenOptions & tpktService.ListenOptions, 'tls'>;

export interface Ends {
  readonly connection: AnyConnection;
  /** The peer; with TLS it is what is within. */
  readonly raw: RawPeer;
  /** TCP of the peer, beneath TLS where there is any: only here it can be reset. */
  readonly tcp: Socket;
  /** Our server, where our side is one. */
  readonly server: Server | tpktService.Server | undefined;
  /** One message of ours on the wire, of the octets given in hexadecimal (three or more of them). */
  readonly message: (text: string) => Buffer;
  /** What `onError` was called with. */
  readonly errors: Error[];
}

/** Opens a connection of that form. */
export async function open(form: Form, options: EndOptions = {}): Promise<Ends> {
  const errors: Error[] = [];
  const all: EndOptions = { onError: (error) => errors.push(error), ...options };
  const made = form.tls ? await certificates() : undefined;
  const ends = await (form.role === 'server' ? openServer : openClient)(form, all, made);
  const message = form.service === 'cotp' ? (text: string) => dt(text) : tpkt;
  closeLater(() => {
    ends.connection.destroy();
    ends.tcp.destroy();
  });
  return { ...ends, message, errors };
}

type Opened = Omit<Ends, 'message' | 'errors'>;

async function openServer(form: Form, options: EndOptions, made?: Certificates): Promise<Opened> {
  let arrive: (connection: AnyConnection) => void = () => {};
  const arrived = new Promise<AnyConnection>((resolve) => {
    arrive = resolve;
  });
  const tls = made?.server;
  const address = { host: '127.0.0.1', port: 0 };
  const server =
    form.service === 'cotp'
      ? await listen(arrive, address, { ...options, tls })
      : await tpktService.listen(arrive, address, { ...options, tls });
  closeLater(() => server.asyncClose());
  const { port = 0 } = server.addresses[0] ?? {};
  const tcp = connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  tcp.on('error', () => {});
  await once(tcp, 'connect');
  const raw = new RawPeer(made === undefined ? tcp : await securedClient(tcp, made));
  if (form.service === 'cotp') {
    raw.send(CR);
    await raw.packet();
  }
  return { connection: await arrived, raw, tcp, server };
}

async function openClient(form: Form, options: EndOptions, made?: Certificates): Promise<Opened> {
  let arriveTcp: (tcp: Socket) => void = () => {};
  const tcpArrived = new Promise<Socket>((resolve) => {
    arriveTcp = resolve;
  });
  const { net, accepted } = serverOf(made);
  net.on('connection', (socket: Socket) => {
    socket.on('error', () => {});
    arriveTcp(socket);
  });
  net.listen(0, '127.0.0.1');
  await once(net, 'listening');
  closeLater(() => net.close());
  const { port } = net.address() as { port: number };
  const address = { host: '127.0.0.1', port };
  const tls = made === undefined ? undefined : { ca: made.ca, servername: 'localhost' };
  if (form.service === 'tpkt') {
    const [connection, raw] = await Promise.all([
      tpktService.connect(address, { ...options, tls }),
      accepted.then((socket) => new RawPeer(socket)),
    ]);
    return { connection, raw, tcp: await tcpArrived, server: undefined };
  }
  const connecting = connect(address, { ...options, tls });
  const raw = new RawPeer(await accepted);
  raw.send(cc((await raw.packet()).subarray(4, 6).toString('hex')));
  return { connection: await connecting, raw, tcp: await tcpArrived, server: undefined };
}

function serverOf(made?: Certificates): { net: NetServer; accepted: Promise<Socket> } {
  const options = { allowHalfOpen: true };
  const net =
    made === undefined ? createServer(options) : createTlsServer({ ...made.server, ...options });
  const accepted = new Promise<Socket>((resolve) => {
    net.once(made === undefined ? 'connection' : 'secureConnection', resolve);
  });
  return { net, accepted };
}

async function securedClient(tcp: Socket, made: Certificates): Promise<TLSSocket> {
  const socket = connectTls({ socket: tcp, ca: made.ca, servername: 'localhost' });
  await once(socket, 'secureConnect');
  return socket;
}

/** Sends octets again and again, as fast as they are taken, until the connection has ended. */
export async function flood(raw: RawPeer, octets: Buffer): Promise<void> {
  const { socket } = raw;
  const over = once(socket, 'close').catch(() => {});
  while (socket.writable) {
    const isTaken = socket.write(octets);
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    if (!isTaken) {
      await Promise.race([over, once(socket, 'drain').catch(() => {})]);
    }
  }
}

/** How long a promise takes to settle, in milliseconds; fails when it takes longer than that. */
export async function within<T>(
  milliseconds: number,
  promise: Promise<T>,
  what: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: not within ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
