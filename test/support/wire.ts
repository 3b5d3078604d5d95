/**
 * One of our connections, in either role, with bare TCP as its peer; and a guard that sees to it that
 * a test leaves nothing behind.
 */
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { beforeEach, expect } from 'vitest';
import {
  type Connection,
  type ConnectOptions,
  connect,
  type ListenOptions,
} from '../../src/index.js';
import { closeLater, rawClient, rawServer, rejection, serve, type TestServer } from './life.js';
import { CR, cc, dt, hex, type RawPeer } from './raw.js';

/** What our side is. */
export const ROLES = ['server', 'client'] as const;
export type Role = (typeof ROLES)[number];

/** More octets than the buffers of the system take while nobody reads. */
export const TOO_MANY = 64_000_000;

/** Options that both roles take. */
export type SharedOptions = Omit<ConnectOptions & ListenOptions, 'tls'>;

/** Things that arrive one by one and are waited for one by one. */
export class Mailbox<T> {
  /** Everything that ever arrived. */
  readonly all: T[] = [];
  #taken = 0;
  #wake: () => void = () => {};

  readonly put = (item: T): void => {
    this.all.push(item);
    this.#wake();
  };

  async next(): Promise<T> {
    while (this.#taken === this.all.length) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#taken += 1;
    return this.all[this.#taken - 1] as T;
  }
}

/** An open connection of ours, and its peer. */
export interface Wire {
  readonly connection: Connection;
  readonly raw: RawPeer;
  /** The errors that `onError` got. */
  readonly reports: Mailbox<Error>;
  /** Our server, where our side is one. */
  readonly server: TestServer | undefined;
}

/** The SRC-REF of a CR or CC, given without its TPKT, as four digits. */
export function srcRefOf(payload: Buffer): string {
  return payload.subarray(4, 6).toString('hex');
}

/** Opens a connection of ours in that role with these options. */
export async function wire(role: Role, options: SharedOptions = {}): Promise<Wire> {
  const reports = new Mailbox<Error>();
  const withReports = { onError: reports.put, ...options };
  if (role === 'server') {
    const server = await serve(withReports);
    const raw = await rawClient(server.address.port);
    raw.send(CR);
    await raw.packet();
    return { connection: await server.accept(), raw, reports, server };
  }
  const peer = await rawServer();
  const connecting = connect(peer.address, withReports);
  const raw = await peer.accept();
  raw.send(cc(srcRefOf(await raw.packet())));
  const connection = await connecting;
  closeLater(() => connection.destroy());
  return { connection, raw, reports, server: undefined };
}

/** A `connect` of ours whose CR has arrived at bare TCP; the CR is not taken from it yet. */
export async function calling(options: ConnectOptions = {}) {
  const peer = await rawServer();
  const connecting = connect(peer.address, options);
  // Whoever looks at it later sees the rejection; nobody has to look at once.
  connecting.then(
    (connection) => closeLater(() => connection.destroy()),
    () => {},
  );
  return { connecting, raw: await peer.accept(), address: peer.address };
}

/** So many milliseconds long a condition is looked at after every turn, later every millisecond. */
const EVERY_TURN = 20;

/**
 * Resolves once a condition holds. It is looked at after every turn of the event loop; if it takes long,
 * less often, to leave the processor to other tests.
 */
export async function until(condition: () => boolean, milliseconds = 5_000): Promise<void> {
  const began = performance.now();
  while (!condition()) {
    const passed = performance.now() - began;
    if (passed > milliseconds) {
      throw new Error(`it did not come about within ${milliseconds} ms: ${condition}`);
    }
    await (passed < EVERY_TURN ? nextTurn() : wait(1));
  }
}

/** Sends octets and waits until our side has them, so that what is sent next comes apart. */
export async function sendAlone({ connection, raw }: Wire, octets: Buffer): Promise<void> {
  const { socket } = connection as { socket: { bytesRead?: number } };
  const had = socket.bytesRead ?? 0;
  raw.send(octets);
  await until(() => (socket.bytesRead ?? 0) >= had + octets.length);
}

/**
 * Resolves once timers of the library that begin now have run out: another connection has ended by one.
 * For tests in which a timer of so many milliseconds or fewer does not end a connection.
 */
export async function timersRun(milliseconds: number): Promise<void> {
  const { connection } = await wire('server', { idleTimeout: milliseconds });
  expect(await rejection(connection.read())).toMatchObject({ timer: 'idleTimeout' });
}

/** Both directions work. */
export async function expectAlive({ connection, raw }: Wire): Promise<void> {
  raw.send(dt('cafe'));
  expect(await connection.read()).toEqual(hex('cafe'));
  connection.write(hex('f00d'));
  expect((await raw.packet()).toString('hex')).toBe('02f080f00d');
}

/** A good client is served by this server. */
export async function expectServing({ address, accept }: TestServer): Promise<void> {
  const client = await connect(address);
  let peer = await accept();
  // Others may have been accepted that nobody has asked for.
  while (peer.info.remoteAddr.port !== client.info.localAddr.port) {
    peer = await accept();
  }
  client.write(hex('01'));
  expect(await peer.read()).toEqual(hex('01'));
  peer.write(hex('02'));
  expect(await client.read()).toEqual(hex('02'));
  await Promise.all([client.asyncClose(), peer.asyncClose()]);
}

/** Sends octets again and again until the end of the test, as a slow drip or a flood. */
export function drip(raw: RawPeer, octets: () => Buffer | undefined, milliseconds: number): void {
  const timer = setInterval(() => {
    const next = octets();
    if (next !== undefined && raw.socket.writable) {
      raw.send(next);
    }
  }, milliseconds);
  closeLater(() => clearInterval(timer));
}

/** What the event loop waits for, by kind. */
function handles(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {
    TCPSocketWrap: 0,
    TCPServerWrap: 0,
    TLSWrap: 0,
    Timeout: 0,
  };
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind in counts) {
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
  }
  return counts;
}

/**
 * Every test of the file fails when something throws or rejects with nobody to hear it, when Node
 * warns (of listeners that pile up, for instance), or when a socket or timer is left behind.
 */
export function guardProcess(): void {
  beforeEach(() => {
    const before = handles();
    const faults: unknown[] = [];
    const note = (fault: unknown) => {
      faults.push(fault);
    };
    process.on('uncaughtException', note);
    process.on('unhandledRejection', note);
    process.on('warning', note);
    // What a hook gives back runs after everything else of the test, closing included.
    return async () => {
      const isAsBefore = () => {
        const now = handles();
        return Object.keys(before).every((kind) => (now[kind] ?? 0) <= (before[kind] ?? 0));
      };
      await until(isAsBefore, 2_000).catch(() => expect(handles()).toEqual(before));
      process.off('uncaughtException', note);
      process.off('unhandledRejection', note);
      process.off('warning', note);
      expect(faults).toEqual([]);
    };
  });
}
