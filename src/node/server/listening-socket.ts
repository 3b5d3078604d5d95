/**
 * The listening socket of a server, whatever it was made from: binds it, passes on what it accepts, closes it. Knows
 * no TLS and no protocol.
 */
import {
  createServer,
  isIPv4,
  type ListenOptions,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import { ConnectionClosedError } from '../../core/errors.js';
import { type FullAddress, formatAddress, pathAddress } from '../address.js';
import { KEEP_ALIVE_DELAY } from '../stream/client-stream.js';
import { whenAborted } from '../waiting.js';
import { type BindOptions, formatTarget, type ListenTarget } from './listen-address.js';

/** What of the options concerns the listening socket. */
export interface ListeningOptions extends BindOptions {
  readonly keepAlive: boolean;
  readonly noDelay: boolean;
  readonly backlog: number;
}

/** What is reported by the listening socket. */
export interface ListeningUser {
  onSocket(socket: Socket): void;
  /** For instance no file descriptor is free. The socket continues to listen. */
  onError(error: Error): void;
  /** Somebody else has closed the `net.Server`. */
  onClosed(): void;
}

/** The servers of users that are in use. */
const TAKEN = new WeakSet<NetServer>();

/** A listening socket. */
export class ListeningSocket {
  readonly #server: NetServer;
  readonly #target: ListenTarget;
  readonly #options: ListeningOptions;
  readonly #user: ListeningUser;
  /** Whether our half of a socket stays open after the FIN of the client. */
  readonly #allowHalfOpen: boolean;
  #addresses: readonly FullAddress[] = [];
  #localAddr: FullAddress | undefined;
  #accepted = 0;
  #drained: Promise<void> | undefined;

  /** @throws TypeError for a `net.Server` that another server uses */
  constructor(
    target: ListenTarget,
    options: ListeningOptions,
    allowHalfOpen: boolean,
    user: ListeningUser,
  ) {
    this.#target = target;
    this.#options = options;
    this.#allowHalfOpen = allowHalfOpen;
    this.#user = user;
    this.#server = target.kind === 'server' ? take(target.server) : this.#create();
    this.#server.on('connection', this.#onConnection);
  }

  /** The bound addresses, with their real ports; none if the system does not report them. */
  get addresses(): readonly FullAddress[] {
    return this.#addresses;
  }

  /** The local end of every socket, if that is certain: the system need not be asked for it. */
  get localAddr(): FullAddress | undefined {
    return this.#localAddr;
  }

  /** The address in words, for errors that concern no peer. */
  get name(): string {
    const [address] = this.#addresses;
    return address === undefined ? formatTarget(this.#target) : formatAddress(address);
  }

  /**
   * Listens; a `net.Server` of the user is waited for. Rejects with the error of the system, or with the reason of the
   * signal.
   */
  bind(signal: AbortSignal | undefined): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      const settle = () => {
        stopWaiting?.();
        server.off('listening', onListening).off('error', onError).off('close', onClose);
      };
      const fail = (reason: unknown) => {
        settle();
        server.off('connection', this.#onConnection);
        TAKEN.delete(server);
        reject(reason);
      };
      const abort = (reason: unknown) => {
        fail(reason);
        if (this.#target.kind !== 'server') {
          // It may still begin to listen: for instance a name is being looked up.
          server.once('listening', () => server.close()).on('error', () => {});
        }
      };
      const onListening = () => {
        settle();
        this.#bound();
        resolve();
      };
      const onError = (error: Error) => fail(withHint(error, this.#target));
      const onClose = () => fail(closedBefore());
      const stopWaiting = signal && whenAborted(signal, abort);
      server.once('listening', onListening).once('error', onError).once('close', onClose);
      if (this.#target.kind !== 'server') {
        server.listen(this.#listenOptions(this.#target));
      } else if (server.listening) {
        onListening();
      }
    });
  }

  /** Accepts nothing more. The port is free in the next turn of the event loop. */
  close(): void {
    this.#server.off('close', this.#onServerClosed);
    // A server of the user may listen again, for another one of ours.
    this.#server.off('connection', this.#onConnection);
    TAKEN.delete(this.#server);
    if (this.#server.listening) {
      this.#server.close();
    }
  }

  /**
   * Accepts the connections that the system has queued, then closes. It accepts at most as many as the queue holds, so
   * that it ends under load too. A second call waits for the first.
   */
  drain(): Promise<void> {
    this.#drained ??= this.#acceptQueued();
    return this.#drained;
  }

  #acceptQueued(): Promise<void> {
    const most = this.#accepted + this.#options.backlog;
    // Node accepts one connection in each turn. The first of two turns may have begun already.
    let quietTurns = 0;
    let seen = this.#accepted;
    return new Promise((resolve) => {
      const afterTurn = () => {
        quietTurns = this.#accepted === seen ? quietTurns + 1 : 0;
        seen = this.#accepted;
        if (quietTurns < 2 && seen < most && this.#server.listening) {
          setImmediate(afterTurn);
        } else {
          this.close();
          resolve();
        }
      };
      setImmediate(afterTurn);
    });
  }

  unref(): void {
    this.#server.unref();
  }

  ref(): void {
    this.#server.ref();
  }

  #create(): NetServer {
    return createServer({
      allowHalfOpen: this.#allowHalfOpen,
      noDelay: this.#options.noDelay,
      keepAlive: this.#options.keepAlive,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY,
    });
  }

  #listenOptions(target: Exclude<ListenTarget, { kind: 'server' }>): ListenOptions {
    const { backlog, ipv6Only, reusePort } = this.#options;
    if (target.kind === 'fd') {
      return { fd: target.fd, backlog } as ListenOptions;
    }
    const { host, port, path } = target.address;
    return path === undefined
      ? ({ host, port, backlog, ipv6Only, reusePort } as ListenOptions)
      : { path, backlog };
  }

  #bound(): void {
    this.#server.on('error', (error) => this.#user.onError(error));
    this.#server.once('close', this.#onServerClosed);
    const bound = this.#server.address();
    if (typeof bound === 'string') {
      this.#addresses = Object.freeze([pathAddress(bound)]);
    } else if (bound?.address !== undefined) {
      const own = Object.freeze({ host: bound.address, port: bound.port });
      this.#addresses = Object.freeze([own]);
      // A socket that somebody else has bound may be transparent: then its clients reach it at other addresses.
      const isBoundHere = this.#target.kind === 'tcp';
      this.#localAddr = isBoundHere && isOneIPv4(own.host) ? own : undefined;
    }
  }

  readonly #onServerClosed = (): void => this.#user.onClosed();

  readonly #onConnection = (socket: Socket): void => {
    this.#accepted += 1;
    if (this.#target.kind === 'server') {
      applyTo(socket, this.#options);
      socket.allowHalfOpen = this.#allowHalfOpen;
    }
    this.#user.onSocket(socket);
  };
}

/** An IPv4 address of this machine, which has one spelling; 0.0.0.0 stands for all. */
function isOneIPv4(host: string): boolean {
  return isIPv4(host) && host !== '0.0.0.0';
}

/** Sets the options of the system for a socket that was made without them. */
export function applyTo(socket: Socket, options: Pick<ListeningOptions, 'noDelay' | 'keepAlive'>) {
  socket.setNoDelay(options.noDelay);
  socket.setKeepAlive(options.keepAlive, KEEP_ALIVE_DELAY);
}

function take(server: NetServer): NetServer {
  if (TAKEN.has(server)) {
    throw new TypeError('addr must be a net.Server that no other listen() uses');
  }
  TAKEN.add(server);
  return server;
}

function closedBefore(): ConnectionClosedError {
  return new ConnectionClosedError('the net.Server was closed before it listened', {
    phase: 'tcp',
  });
}

const HINTS: Readonly<Record<string, string>> = {
  'path EADDRINUSE':
    'if no process listens there, the file is left from one that was killed: remove it',
  'fd EINVAL': 'is it a listening socket? systemd passes the first one as 3',
};

/** The error of the system, with a hint in its message where one is known. */
function withHint(error: NodeJS.ErrnoException, target: ListenTarget): Error {
  const hint = HINTS[`${target.kind} ${error.code}`];
  if (hint !== undefined) {
    const { message } = error;
    error.message = `${message}: ${hint}`;
    // A console prints the stack, which contains the message.
    error.stack = `${error.stack}`.replace(message, () => error.message);
  }
  return error;
}
