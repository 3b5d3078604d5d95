/**
 * `node:net` over the simulated TCP: real sockets and servers of Node with a simulated handle. All that a
 * socket does above its handle (streams, FIN, destroy, close) is Node's own code.
 */
import net from 'node:net';
import { constants } from 'node:os';
import type { Loop, Pollable } from './loop.js';
import type { TcpEnd } from './tcp.js';

/** Most octets of one read of Node, and most reads of one socket in a poll phase. */
const READ_AT_ONCE = 65_536;
const READS_A_POLL = 32;

const { errno: ERRNO } = constants;

type WriteCallback = (error?: Error | null) => void;
type Piece = Buffer | { readonly chunk: Buffer };

/** The parts of a Node socket that its handle uses. */
interface Inside {
  connecting: boolean;
  _handle: Handle | null;
  _sockname: unknown;
  _server: unknown;
  server: unknown;
  _reset(): void;
  _write(chunk: Buffer, encoding: string, callback: WriteCallback): void;
  _writev(chunks: readonly Piece[], callback: WriteCallback): void;
}

/** Receives the events of all sockets of a world. */
export interface SocketWatcher {
  /** Octets are passed to the stream. */
  onRead(handle: Handle, octets: Buffer): void;
  /** Octets were handed to the socket, which the kernel may take later or never. */
  onWrite(handle: Handle, octets: Buffer): void;
  /** The FIN of the peer is passed to the stream. */
  onEof(handle: Handle): void;
  /** The socket has emitted `close`; all its resources are released. */
  onGone(handle: Handle): void;
}

function systemError(syscall: string, code: string, more: object = {}): Error {
  const errno = -(ERRNO[code as keyof typeof ERRNO] ?? 0);
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall, ...more });
}

/** An event that the kernel knows and the process has not read. */
export interface Overlooked {
  readonly what: string;
  readonly since: number;
  /** When this was checked. */
  readonly at: number;
}

/** The handle of a Node socket, in place of that of libuv. */
export class Handle implements Pollable {
  readonly end: TcpEnd;
  readonly socket: net.Socket & Inside;
  /** True while octets are requested. Node reads this property. */
  reading = false;
  bytesRead = 0;
  bytesWritten = 0;
  writeQueueSize = 0;
  isClosed = false;
  /** Result of connecting; on the side of the client only. */
  connectResult: 'connected' | 'ECONNREFUSED' | undefined;
  /** When the kernel knew {@link connectResult}. */
  connectedSince: number | undefined;
  readonly #loop: Loop;
  readonly #watcher: SocketWatcher;
  #sawEof = false;
  #sawConnect = false;
  #writing: { pieces: Buffer[]; callback: WriteCallback } | undefined;
  #shutdown: { oncomplete(status: number): void } | undefined;
  #overlookedAtClose: Overlooked | undefined;

  /** @param options options of `net.Socket`; `isClient` if the socket is not connected yet */
  constructor(
    end: TcpEnd,
    loop: Loop,
    watcher: SocketWatcher,
    { isClient, ...options }: net.SocketConstructorOpts & { isClient: boolean },
  ) {
    this.end = end;
    this.#loop = loop;
    this.#watcher = watcher;
    const given = { ...options, handle: this, manualStart: true, readable: true, writable: true };
    this.socket = new net.Socket(given) as net.Socket & Inside;
    this.socket.connecting = isClient;
    this.socket._write = (chunk, _encoding, callback) => this.#write([chunk], callback);
    this.socket._writev = (chunks, callback) => this.#write(chunks, callback);
    Object.assign(this.socket, { resetAndDestroy: () => this.#resetAndDestroy() });
    end.user = { onChange: () => loop.wake(this) };
    this.socket.once('close', () => watcher.onGone(this));
  }

  /**
   * Since when unread octets, or a completed TCP connection, have waited although the socket reads. For a
   * closed socket, the state when it was closed.
   */
  get overlookedSince(): Overlooked | undefined {
    return this.isClosed ? this.#overlookedAtClose : this.#overlooked();
  }

  /** Octets that were written to the socket and that the kernel has not accepted. */
  get waiting(): number {
    return this.#writing?.pieces.reduce((sum, { length }) => sum + length, 0) ?? 0;
  }

  readStart(): number {
    this.reading = true;
    this.#loop.wake(this);
    return 0;
  }

  readStop(): number {
    this.reading = false;
    return 0;
  }

  shutdown(request: { oncomplete(status: number): void }): number {
    this.#shutdown = request;
    this.#loop.wake(this);
    return 0;
  }

  close(callback?: () => void): void {
    this.#overlookedAtClose = this.#overlooked();
    this.end.close();
    this.#finish(callback);
  }

  reset(callback?: () => void): number {
    this.#overlookedAtClose = this.#overlooked();
    this.end.reset();
    this.#finish(callback);
    return 0;
  }

  getpeername(out: Record<string, unknown>): number {
    if (this.end.isOver) {
      return -ERRNO.ENOTCONN;
    }
    Object.assign(out, { address: '127.0.0.1', port: this.end.peer.port, family: 'IPv4' });
    return 0;
  }

  getsockname(out: Record<string, unknown>): number {
    Object.assign(out, { address: '127.0.0.1', port: this.end.port, family: 'IPv4' });
    return 0;
  }

  setNoDelay(): number {
    return 0;
  }

  setKeepAlive(): number {
    return 0;
  }

  ref(): void {}

  unref(): void {}

  get isReady(): boolean {
    const { end } = this;
    if (this.isClosed) {
      return false;
    }
    if (this.socket.connecting) {
      return this.connectResult !== undefined;
    }
    return this.#isReadable ||
      (this.#writing !== undefined && this.#isWritable) ||
      this.#mayShutdown
      ? true
      : this.#writing !== undefined && end.resetAt !== undefined;
  }

  *poll(): Generator<void, void, void> {
    if (this.isClosed) {
      return;
    }
    if (this.socket.connecting) {
      yield* this.#connected();
      return;
    }
    yield* this.#read();
    yield* this.#writeMore();
    if (this.#mayShutdown && !this.isClosed) {
      const request = this.#shutdown;
      this.#shutdown = undefined;
      this.end.shutdown();
      request?.oncomplete(0);
      yield;
    }
  }

  #overlooked(): Overlooked | undefined {
    const { end, connectedSince } = this;
    const at = this.#loop.clock.now;
    // Node sets `connecting` to false before it closes the handle, so `connecting` cannot be used here.
    if (!this.#sawConnect && connectedSince !== undefined && this.connectResult === 'connected') {
      return { what: 'TCP', since: connectedSince, at };
    }
    return this.reading && end.unreadSince !== undefined
      ? { what: `${end.unread} octets`, since: end.unreadSince, at }
      : undefined;
  }

  get #isReadable(): boolean {
    const { end } = this;
    const hasSome = end.unread > 0 || end.resetAt !== undefined || end.finArrived;
    return this.reading && !this.#sawEof && hasSome;
  }

  get #isWritable(): boolean {
    return this.end.isWritable || this.end.resetAt !== undefined;
  }

  get #mayShutdown(): boolean {
    return this.#shutdown !== undefined && this.#writing === undefined;
  }

  *#connected(): Generator<void, void, void> {
    const { socket, connectResult } = this;
    if (connectResult === undefined) {
      return;
    }
    if (connectResult === 'connected') {
      this.#sawConnect = true;
      socket.connecting = false;
      socket._sockname = null;
      socket.emit('connect');
      socket.emit('ready');
      if (socket.readable && !socket.isPaused()) {
        socket.read(0);
      }
    } else {
      const { port } = this.end.peer;
      const where = { address: '127.0.0.1', port };
      socket.destroy(systemError('connect', connectResult, where));
    }
    yield;
  }

  *#read(): Generator<void, void, void> {
    const { end, socket } = this;
    for (let count = READS_A_POLL; count > 0 && this.#isReadable && !this.isClosed; count -= 1) {
      const isFull = end.unread >= READ_AT_ONCE;
      if (end.unread > 0) {
        // Each chunk has its own memory, as in Node.
        const octets = Buffer.allocUnsafeSlow(Math.min(end.unread, READ_AT_ONCE));
        end.read(octets.length).copy(octets);
        this.bytesRead += octets.length;
        this.#watcher.onRead(this, octets);
        if (!socket.destroyed && !socket.push(octets)) {
          this.reading = false;
        }
      } else if (end.finArrived) {
        this.#sawEof = true;
        this.#watcher.onEof(this);
        socket.push(null);
        socket.read(0);
      } else {
        this.#sawEof = true;
        socket.destroy(systemError('read', end.takeError() ?? 'ECONNRESET'));
      }
      yield;
      if (!isFull) {
        return;
      }
    }
  }

  *#writeMore(): Generator<void, void, void> {
    const writing = this.#writing;
    if (writing === undefined || this.isClosed) {
      return;
    }
    const code = this.end.takeError();
    if (code !== undefined) {
      this.#endWrite();
      writing.callback(systemError('write', code));
      yield;
    } else if (this.#isWritable && this.#hasTaken(writing.pieces)) {
      this.#endWrite();
      writing.callback(null);
      yield;
    }
  }

  #write(chunks: readonly Piece[], callback: WriteCallback): void {
    const { socket } = this;
    if (socket.connecting) {
      socket.once('connect', () => this.#write(chunks, callback));
      return;
    }
    if (socket._handle !== this) {
      callback(Object.assign(new Error('Socket is closed'), { code: 'ERR_SOCKET_CLOSED' }));
      return;
    }
    const pieces = chunks.map((piece) => ('chunk' in piece ? piece.chunk : piece));
    for (const piece of pieces) {
      this.#watcher.onWrite(this, piece);
    }
    const code = this.end.takeError();
    if (code !== undefined) {
      callback(systemError('write', code));
      return;
    }
    if (this.#hasTaken(pieces)) {
      callback();
    } else {
      this.#writing = { pieces, callback };
      this.writeQueueSize = this.waiting;
    }
  }

  /** Writes what the kernel has room for; returns true if that is everything. */
  #hasTaken(pieces: Buffer[]): boolean {
    for (let first = pieces[0]; first !== undefined; first = pieces[0]) {
      const count = this.end.write(first);
      this.bytesWritten += count;
      if (count < first.length) {
        pieces[0] = first.subarray(count);
        return false;
      }
      pieces.shift();
    }
    return true;
  }

  #endWrite(): void {
    this.#writing = undefined;
    this.writeQueueSize = 0;
  }

  #resetAndDestroy(): net.Socket {
    const { socket } = this;
    if (socket._handle === null) {
      const error = Object.assign(new Error('Socket is closed'), { code: 'ERR_SOCKET_CLOSED' });
      return socket.destroy(error);
    }
    if (socket.connecting) {
      socket.once('connect', () => socket._reset());
    } else {
      socket._reset();
    }
    return socket;
  }

  /** Pending requests are cancelled in the close phase, as in libuv; then `close` is emitted. */
  #finish(callback?: () => void): void {
    this.isClosed = true;
    this.reading = false;
    const writing = this.#writing;
    const shutdown = this.#shutdown;
    this.#endWrite();
    this.#shutdown = undefined;
    this.#loop.whenClosing(() => {
      writing?.callback(null);
      shutdown?.oncomplete(-ERRNO.ECANCELED);
      callback?.();
    });
  }
}

/** The handle of a listening server. */
class ListenHandle implements Pollable {
  readonly #network: Network;
  readonly #server: net.Server;
  readonly port: number;
  readonly backlog: TcpEnd[] = [];
  #isClosed = false;

  constructor(network: Network, server: net.Server, port: number) {
    this.#network = network;
    this.#server = server;
    this.port = port;
  }

  get isReady(): boolean {
    return this.backlog.length > 0 && !this.#isClosed;
  }

  *poll(): Generator<void, void, void> {
    for (let end = this.backlog.shift(); end !== undefined; end = this.backlog.shift()) {
      this.#network.accepted(end, this.#server);
      yield;
      if (this.#isClosed) {
        return;
      }
    }
  }

  getsockname(out: Record<string, unknown>): number {
    Object.assign(out, { address: '127.0.0.1', port: this.port, family: 'IPv4' });
    return 0;
  }

  close(callback?: () => void): void {
    this.#isClosed = true;
    this.#network.unlisten(this.port);
    for (const end of this.backlog.splice(0)) {
      end.reset();
    }
    if (callback !== undefined) {
      this.#network.loop.whenClosing(callback);
    }
  }

  ref(): void {}

  unref(): void {}
}

/** Accepts connections at a port: a server of Node, or a peer that does not use the library. */
export interface Listener {
  onConnection(end: TcpEnd): void;
}

/** All ports and sockets of one world. */
export class Network {
  readonly loop: Loop;
  /** Sockets that have not emitted `close`. */
  readonly open = new Set<Handle>();
  readonly #watcher: SocketWatcher;
  readonly #listeners = new Map<number, Listener>();
  readonly #makePair: (
    localPort: number | undefined,
    port: number,
  ) => readonly [client: TcpEnd, server: TcpEnd, latency: number];

  constructor(
    loop: Loop,
    watcher: SocketWatcher,
    makePair: (
      localPort: number | undefined,
      port: number,
    ) => readonly [client: TcpEnd, server: TcpEnd, latency: number],
  ) {
    this.loop = loop;
    this.#makePair = makePair;
    this.#watcher = {
      onRead: (handle, octets) => watcher.onRead(handle, octets),
      onWrite: (handle, octets) => watcher.onWrite(handle, octets),
      onEof: (handle) => watcher.onEof(handle),
      onGone: (handle) => {
        this.open.delete(handle);
        watcher.onGone(handle);
      },
    };
  }

  listen(port: number, listener: Listener): void {
    this.#listeners.set(port, listener);
  }

  unlisten(port: number): void {
    this.#listeners.delete(port);
  }

  /** Connects a client outside the process. `done` is called when TCP is connected or refused. */
  dial(port: number, localPort: number, done: (end: TcpEnd | undefined) => void): void {
    const [client, server, latency] = this.#makePair(localPort, port);
    this.#dial(server, port, latency, (isConnected) => done(isConnected ? client : undefined));
  }

  /** Replaces `net.connect`. */
  readonly connect = (options: net.TcpNetConnectOpts): net.Socket => {
    const [client, server, latency] = this.#makePair(options.localPort, options.port);
    const handle = new Handle(client, this.loop, this.#watcher, { ...options, isClient: true });
    this.open.add(handle);
    this.#dial(server, options.port, latency, (isConnected) => {
      handle.connectResult = isConnected ? 'connected' : 'ECONNREFUSED';
      handle.connectedSince = this.loop.clock.now;
      this.loop.wake(handle);
    });
    return handle.socket;
  };

  /** Replaces `net.createServer`. */
  readonly createServer = (options: net.ServerOpts, onSocket: (s: net.Socket) => void) => {
    const server = new net.Server(options, onSocket);
    const listen = ({ port = 0 }: net.ListenOptions, callback?: () => void): net.Server => {
      const handle = new ListenHandle(this, server, port);
      (server as unknown as { _handle: ListenHandle })._handle = handle;
      const { loop } = this;
      const onConnection = (end: TcpEnd) => {
        handle.backlog.push(end);
        loop.wake(handle);
      };
      this.listen(port, { onConnection });
      if (callback !== undefined) {
        server.once('listening', callback);
      }
      process.nextTick(() => server.emit('listening'));
      return server;
    };
    server.listen = listen as net.Server['listen'];
    return server;
  };

  /** Does what Node does with an accepted connection. */
  accepted(end: TcpEnd, server: net.Server): void {
    const inside = server as unknown as { allowHalfOpen: boolean; _connections: number };
    const options = { allowHalfOpen: inside.allowHalfOpen, isClient: false };
    const handle = new Handle(end, this.loop, this.#watcher, options);
    this.open.add(handle);
    inside._connections += 1;
    handle.socket.server = server;
    handle.socket._server = server;
    handle.socket.read(0);
    server.emit('connection', handle.socket);
  }

  #dial(server: TcpEnd, port: number, latency: number, done: (isConnected: boolean) => void): void {
    const { clock } = this.loop;
    clock.at(clock.now + latency, () => {
      const listener = this.#listeners.get(port);
      listener?.onConnection(server);
      clock.at(clock.now + latency, () => done(listener !== undefined));
    });
  }
}
