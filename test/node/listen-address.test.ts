/** Where a server can listen: a path, a file descriptor, a `net.Server`; and the options of binding. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect, type ListenAddress, type ListenOptions, listen } from '../../src/index.js';
import { hasReusePort } from '../../src/node/server/listen-address.js';
import * as tpkt from '../../src/node/tpkt/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeLater, rawClient, rejection } from '../support/life.js';

const LOCAL = { host: '127.0.0.1', port: 0 };

/** The entry points by name: what is written here holds for both. */
const ENTRIES = [
  ['cotp', { connect, listen }],
  ['cotp/tpkt', tpkt],
] as const;

type Entry = Pick<typeof tpkt, 'connect' | 'listen'>;

let directory: string;
let made: Certificates;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cotp-listen-'));
  made = await certificates();
  return () => rmSync(directory, { recursive: true });
});

let paths = 0;

function newPath(): string {
  paths += 1;
  return join(directory, `${paths}.sock`);
}

/** A server that sends back what comes. */
async function echoing(
  entry: Entry,
  addr: ListenAddress,
  options: tpkt.ListenOptions & ListenOptions = {},
) {
  const server = await entry.listen(
    async (connection) => {
      for await (const message of connection) {
        connection.write(message);
      }
    },
    addr,
    options,
  );
  closeLater(() => server.close());
  return server;
}

/** What comes back from a server for 'ping!'. */
async function echoOf(
  entry: Entry,
  addr: Parameters<Entry['connect']>[0],
  options: tpkt.ConnectOptions = {},
) {
  const connection = await entry.connect(addr, options);
  closeLater(() => connection.destroy());
  connection.write(Buffer.from('ping!'));
  return String(await connection.read());
}

async function listening(server: NetServer): Promise<NetServer> {
  server.listen(LOCAL);
  closeLater(() => server.close());
  await once(server, 'listening');
  return server;
}

function portOf(server: NetServer): number {
  return (server.address() as { port: number }).port;
}

/** The next socket that a server accepts, as the library sees it, after the listeners that were there before. */
async function acceptedBy(server: NetServer): Promise<Socket> {
  const [socket] = await once(server, 'connection');
  return socket;
}

describe.each(ENTRIES)('%s: a path', (_name, entry) => {
  test('is listened on and connected to', async () => {
    const path = newPath();
    await echoing(entry, { path });
    expect(await echoOf(entry, { path })).toBe('ping!');
  });

  test('is the address of the server, which connect takes as it is', async () => {
    const path = newPath();
    const server = await echoing(entry, { path });
    expect(server.addresses).toEqual([{ host: path, port: 0, path }]);
    const [address] = server.addresses;
    expect(await echoOf(entry, address ?? LOCAL)).toBe('ping!');
  });

  test('is both ends of a connection', async () => {
    const path = newPath();
    const infos: tpkt.ConnectionInfo[] = [];
    const server = await entry.listen(({ info }) => void infos.push(info), { path });
    closeLater(() => server.close());
    const connection = await entry.connect({ path });
    closeLater(() => connection.destroy());
    await expect.poll(() => infos.length).toBe(1);
    const both = { localAddr: { path }, remoteAddr: { path } };
    expect(connection.info).toMatchObject(both);
    expect(infos[0]).toMatchObject(both);
  });

  test('is gone when the server is closed', async () => {
    const path = newPath();
    const server = await echoing(entry, { path });
    await server.asyncClose();
    expect(existsSync(path)).toBe(false);
  });

  test('can be under TLS', async () => {
    const path = newPath();
    await echoing(entry, { path }, { tls: made.server });
    const tls = { ca: made.ca, servername: 'localhost' };
    expect(await echoOf(entry, { path }, { tls })).toBe('ping!');
  });

  test('that another server uses is the error of the system, and says what to do about a file that is left', async () => {
    const path = newPath();
    await echoing(entry, { path });
    const error = await rejection(entry.listen(() => {}, { path }));
    expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'listen', address: path });
    expect(error.message).toContain(`address already in use ${path}`);
    expect(error.message).toContain('remove it');
    expect(error.stack).toContain('remove it');
  });

  test('where nothing listens is the error of the system', async () => {
    expect(await rejection(entry.connect({ path: newPath() }))).toMatchObject({ code: 'ENOENT' });
  });

  test('has no limit of connections for each address, since all clients have one', async () => {
    const path = newPath();
    await echoing(entry, { path }, { maxConnectionsPerAddress: 1 });
    expect(await echoOf(entry, { path })).toBe('ping!');
    expect(await echoOf(entry, { path })).toBe('ping!');
  });

  test.each([
    ['empty', { path: '' }, TypeError, /addr\.path/],
    ['no string', { path: 7 }, TypeError, /addr\.path/],
    ['beside a host', { path: '/x', host: 'a' }, TypeError, /addr\.path cannot be combined/],
    ['beside a port', { path: '/x', port: 1 }, TypeError, /addr\.path cannot be combined/],
  ])('is refused: %s', async (_what, addr, type, message) => {
    for (const attempt of [entry.connect(addr as never), entry.listen(() => {}, addr as never)]) {
      const error = await rejection(attempt);
      expect(error).toBeInstanceOf(type);
      expect(error.message).toMatch(message);
    }
  });

  test.runIf(process.platform === 'linux')('is refused where the system would cut it', async () => {
    const path = `/tmp/${'é'.repeat(60)}`;
    for (const attempt of [entry.connect({ path }), entry.listen(() => {}, { path })]) {
      const error = await rejection(attempt);
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toBe('addr.path must be at most 107 octets on this system, not 125');
    }
  });

  test('is refused where NUL would end it', async () => {
    const path = '/tmp/cotp\0rest';
    for (const attempt of [entry.connect({ path }), entry.listen(() => {}, { path })]) {
      const error = await rejection(attempt);
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toBe('addr.path must not contain NUL, except in front');
    }
  });
});

test('an error and a trace name the path', async () => {
  const path = newPath();
  const peers: string[] = [];
  const lines: string[] = [];
  const server = await listen(
    () => {
      throw new Error('it fails');
    },
    { path },
    {
      onError: (_error, { peer }) => peers.push(peer),
      trace: (entry) => lines.push(String(entry)),
    },
  );
  closeLater(() => server.close());
  const connection = await connect({ path });
  await connection.waitClosed();
  expect(peers).toEqual([path]);
  expect(lines[0]).toContain(`< ${path} `);
});

describe.each(ENTRIES)('%s: a net.Server', (_name, entry) => {
  test('that listens is taken', async () => {
    const net = await listening(createServer());
    const server = await echoing(entry, net);
    expect(server.addresses).toEqual([{ host: '127.0.0.1', port: portOf(net) }]);
    expect(await echoOf(entry, server.addresses[0] ?? LOCAL)).toBe('ping!');
  });

  test('that will listen is waited for', async () => {
    const net = createServer();
    const opening = echoing(entry, net);
    net.listen(LOCAL);
    const server = await opening;
    expect(await echoOf(entry, server.addresses[0] ?? LOCAL)).toBe('ping!');
  });

  test('is closed by the server', async () => {
    const net = await listening(createServer());
    const server = await echoing(entry, net);
    await server.asyncClose();
    expect(net.listening).toBe(false);
  });

  test('that was closed can listen again, for another server', async () => {
    const net = await listening(createServer());
    await (await echoing(entry, net)).asyncClose();
    await listening(net);
    const server = await echoing(entry, net);
    expect(await echoOf(entry, server.addresses[0] ?? LOCAL)).toBe('ping!');
    expect(net.listenerCount('connection')).toBe(1);
  });

  test('that is closed by its owner closes the server', async () => {
    const net = await listening(createServer());
    const server = await echoing(entry, net);
    net.close();
    await server.waitClosed();
    expect(server.isClosed).toBe(true);
  });

  test('that cannot listen is the error of the system', async () => {
    const other = await listening(createServer());
    const net = createServer();
    const opening = entry.listen(() => {}, net);
    net.listen({ host: '127.0.0.1', port: portOf(other) });
    expect(await rejection(opening)).toMatchObject({ code: 'EADDRINUSE' });
  });

  test('can be tried again after an error', async () => {
    const other = await listening(createServer());
    const net = createServer();
    const opening = entry.listen(() => {}, net);
    net.listen({ host: '127.0.0.1', port: portOf(other) });
    await rejection(opening);
    net.listen(LOCAL);
    const server = await echoing(entry, net);
    expect(await echoOf(entry, server.addresses[0] ?? LOCAL)).toBe('ping!');
    expect(net.listenerCount('connection')).toBe(1);
  });

  test('that closes instead of listening is an error', async () => {
    const net = createServer();
    const opening = entry.listen(() => {}, net);
    net.close();
    expect(await rejection(opening)).toMatchObject({
      code: 'ERR_COTP_CLOSED',
      message: 'the net.Server was closed before it listened',
    });
  });

  test('that another server uses is refused', async () => {
    const net = await listening(createServer());
    await echoing(entry, net);
    const error = await rejection(entry.listen(() => {}, net));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain('no other listen() uses');
  });

  test('with TLS of its own is refused', async () => {
    const error = await rejection(entry.listen(() => {}, createTlsServer()));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain('options.tls');
  });

  test.each(['ipv6Only', 'reusePort'])('is refused with %s', async (name) => {
    const error = await rejection(entry.listen(() => {}, createServer(), { [name]: true }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(`options.${name} requires that addr is a host and port`);
  });

  test('has sockets whose half stays open after the FIN of the client, whatever it was made with', async () => {
    const net = await listening(createServer({ allowHalfOpen: false, noDelay: false }));
    await echoing(entry, net);
    const accepted = acceptedBy(net);
    await rawClient(portOf(net));
    expect((await accepted).allowHalfOpen).toBe(true);
  });

  test('whose sockets are paused is served', async () => {
    const net = await listening(createServer({ pauseOnConnect: true }));
    await echoing(entry, net);
    expect(await echoOf(entry, { host: '127.0.0.1', port: portOf(net) })).toBe('ping!');
  });

  test('whose sockets are paused is served under TLS', async () => {
    const net = await listening(createServer({ pauseOnConnect: true }));
    await echoing(entry, net, { tls: made.server });
    const tls = { ca: made.ca, servername: 'localhost' };
    const address = { host: '127.0.0.1', port: portOf(net) };
    expect(await echoOf(entry, address, { tls })).toBe('ping!');
  });
});

const LIBRARY = new URL('../../dist/', import.meta.url).href;

/** A process that listens on its file descriptor 3, and the lines that it writes. */
function activated(listening: NetServer, library: string) {
  const script = `import { listen } from '${LIBRARY}${library}';
    const server = await listen(async (connection) => {
      connection.write(await connection.read());
    }, { fd: 3 });
    console.log(JSON.stringify(server.addresses));`;
  const { fd } = (listening as unknown as { _handle: { fd: number } })._handle;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  });
  closeLater(() => child.kill('SIGKILL'));
  return once(child.stdout as NodeJS.ReadableStream, 'data').then(String);
}

describe.skipIf(process.platform === 'win32').each([
  ['cotp', { connect, listen }, 'index.js'],
  ['cotp/tpkt', tpkt, 'node/tpkt/index.js'],
] as const)('%s: a file descriptor', (_name, entry, library) => {
  test('of a TCP port is listened on', async () => {
    const net = await listening(createServer());
    const address = { host: '127.0.0.1', port: portOf(net) };
    const written = await activated(net, library);
    net.close();
    expect(JSON.parse(written)).toEqual([address]);
    expect(await echoOf(entry, address)).toBe('ping!');
  });

  test('of a Unix socket is listened on, and has no address', async () => {
    const path = newPath();
    const net = createServer().listen(path);
    closeLater(() => net.close());
    await once(net, 'listening');
    expect(JSON.parse(await activated(net, library))).toEqual([]);
    // Closing it here removes its own name.
    const other = newPath();
    linkSync(path, other);
    net.close();
    expect(await echoOf(entry, { path: other })).toBe('ping!');
  });

  test('that is no listening socket is the error of the system, with a hint', async () => {
    const error = await rejection(entry.listen(() => {}, { fd: 2 ** 31 - 1 }));
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'listen' });
    expect(error.message).toContain('systemd passes the first one as 3');
  });

  test.each([
    [{ fd: -1 }, RangeError, /addr\.fd must be an integer 0 to 2147483647, not -1/],
    [{ fd: '3' }, TypeError, /addr\.fd/],
    [{ fd: undefined }, TypeError, /addr\.fd/],
    [{ fd: 3, port: 102 }, TypeError, /addr\.port is not known; there are fd/],
  ])('%o is refused', async (addr, type, message) => {
    const error = await rejection(entry.listen(() => {}, addr as never));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });
});

test('an address of another form is refused with what there is', async () => {
  const error = await rejection(listen(() => {}, '127.0.0.1:102' as never));
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toMatch(/addr must be a net\.Server or an object such as .*, not '127/);
});

describe.each(ENTRIES)('%s: the signal of listen', (_name, entry) => {
  test('that is aborted already rejects, before anything is opened', async () => {
    const path = newPath();
    const reason = new Error('too late');
    const signal = AbortSignal.abort(reason);
    expect(await rejection(entry.listen(() => {}, { path }, { signal }))).toBe(reason);
    expect(existsSync(path)).toBe(false);
  });

  test('rejects while a net.Server does not listen yet, and leaves it to its owner', async () => {
    const net = createServer();
    const abort = new AbortController();
    const opening = entry.listen(() => {}, net, { signal: abort.signal });
    const reason = new Error('no longer');
    abort.abort(reason);
    expect(await rejection(opening)).toBe(reason);
    const again = entry.listen(() => {}, net);
    net.listen(LOCAL);
    const server = await again;
    closeLater(() => server.asyncClose());
    await nextTurn();
    expect([net.listening, server.isOpen, net.listenerCount('error')]).toEqual([true, true, 1]);
  });

  test('rejects while a name is looked up, and nothing listens after that', async () => {
    const abort = new AbortController();
    const opening = entry.listen(
      () => {},
      { host: 'localhost', port: 0 },
      { signal: abort.signal },
    );
    abort.abort(new Error('no longer'));
    expect((await rejection(opening)).message).toBe('no longer');
  });

  test('rejects too where it aborts as soon as the port is bound', async () => {
    const net = createServer();
    const abort = new AbortController();
    const opening = entry.listen(() => {}, net, { signal: abort.signal });
    net.once('listening', () => abort.abort(new Error('no longer')));
    net.listen(LOCAL);
    expect((await rejection(opening)).message).toBe('no longer');
    expect(net.listening).toBe(false);
  });

  test('closes the server later', async () => {
    const abort = new AbortController();
    const server = await entry.listen(() => {}, LOCAL, { signal: abort.signal });
    abort.abort();
    await server.waitClosed();
    const [address = LOCAL] = server.addresses;
    expect(await rejection(entry.connect(address))).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('is left alone once the server is closed', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const server = await entry.listen(() => {}, LOCAL, { signal });
    expect(listeners).toBe(1);
    await server.asyncClose();
    expect(listeners).toBe(0);
  });

  test('must be an AbortSignal', async () => {
    const error = await rejection(entry.listen(() => {}, LOCAL, { signal: {} as never }));
    expect(error.message).toContain('options.signal must be an AbortSignal');
  });
});

describe.each(ENTRIES)('%s: ipv6Only', (_name, entry) => {
  test('leaves IPv4 to another server on the same port', async () => {
    const [{ port } = LOCAL] = (await echoing(entry, { host: '0.0.0.0', port: 0 })).addresses;
    expect(await rejection(entry.listen(() => {}, { host: '::', port }))).toMatchObject({
      code: 'EADDRINUSE',
    });
    await echoing(entry, { host: '::', port }, { ipv6Only: true });
    expect(await echoOf(entry, { host: '::1', port })).toBe('ping!');
    expect(await echoOf(entry, { host: '127.0.0.1', port })).toBe('ping!');
  });

  test('must be true or false', async () => {
    const error = await rejection(entry.listen(() => {}, LOCAL, { ipv6Only: 1 as never }));
    expect(error.message).toContain('options.ipv6Only must be true or false');
  });
});

describe.each(ENTRIES)('%s: the local end of an accepted connection', (_name, entry) => {
  test.each([
    ['the bound address', '127.0.0.2', '127.0.0.2'],
    ['the one that the client has reached, if the server listens on all', '0.0.0.0', '127.0.0.3'],
    ['that of IPv6', '::1', '::1'],
  ])('is %s', async (_what, bound, reached) => {
    const ends: unknown[] = [];
    const server = await entry.listen(
      (connection) => {
        ends.push(connection.info.localAddr);
        connection.close();
      },
      { host: bound, port: 0 },
    );
    closeLater(() => server.close());
    const [{ port } = LOCAL] = server.addresses;
    const client = await entry.connect({ host: reached, port });
    await client.waitClosed();
    expect(ends).toEqual([{ host: reached, port }]);
    expect(client.info.remoteAddr).toEqual(ends[0]);
  });
});

describe('reusePort', () => {
  test.each([
    ['20.20.2', false],
    ['22.11.0', false],
    ['22.12.0', true],
    ['23.0.0', false],
    ['23.1.0', true],
    ['24.0.0', true],
  ])('is known to Node %s: %s', (version, has) => {
    expect(hasReusePort(version)).toBe(has);
  });

  // An older Node would ignore the option, and the second server would fail only with EADDRINUSE.
  test.each(ENTRIES)('%s: lets two servers share a port, or is refused', async (_name, entry) => {
    const first = entry.listen(() => {}, LOCAL, { reusePort: true });
    if (!hasReusePort(process.versions.node)) {
      const error = await rejection(first);
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain('options.reusePort requires Node 22.12 or 23.1, not');
      return;
    }
    const server = await first;
    closeLater(() => server.close());
    const [address = LOCAL] = server.addresses;
    const second = await entry.listen(() => {}, address, { reusePort: true });
    closeLater(() => second.close());
    expect(second.addresses).toEqual([address]);
  });
});
