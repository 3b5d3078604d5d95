/**
 * The programs of docs/recipes.md and docs/migrating.md: their types are checked as they are printed, and they run against
 * stand-ins, so that what the pages say about them is seen.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Address,
  type Connection,
  ConnectionRefusedError,
  connect,
  type ListenOptions,
  listen,
  type PathAddress,
  type Server,
} from '../../src/index.js';
import { Consumer, type Outcome, ROOT } from '../package/consumer.js';
import { Program } from '../package/program.js';
import { certificates, type Identity } from '../support/certificates.js';
import { closeLater, rejection } from '../support/life.js';

const PAGES = ['docs/recipes.md', 'docs/migrating.md'];

/** The programs, by their heading and their number under it. */
async function programs(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const page of PAGES) {
    let heading = '';
    let number = 0;
    const text = await readFile(join(ROOT, page), 'utf8');
    for (const [, title, program] of text.matchAll(/^#+ (.+)$|^```ts\n([\s\S]*?)^```$/gm)) {
      heading = title ?? heading;
      number = title === undefined ? number + 1 : 0;
      if (program !== undefined) {
        found.set(`${heading} ${number}`, program);
      }
    }
  }
  return found;
}

const all = await programs();
const names = [...all.keys()];
const fileOf = (name: string) => name.toLowerCase().replace(/\W+/g, '-');

let consumer: Consumer;
let compiled: Outcome;
let started = 0;

beforeAll(async () => {
  consumer = await Consumer.copy();
  for (const [name, text] of all) {
    await consumer.write(`${fileOf(name)}.mts`, text);
  }
  compiled = await consumer.compile(
    names.map((name) => `${fileOf(name)}.mts`),
    '.',
  );
}, 60_000);

afterAll(() => consumer?.remove());

/** What a test replaces in a compiled program: texts by texts. */
type Changes = Readonly<Record<string, string>>;

/**
 * Starts a program. What is changed in it: devices get the addresses of the stand-ins, and servers take any free port of
 * the loopback.
 */
async function start(
  name: string,
  devices: Readonly<Record<string, Address | PathAddress>> = {},
  changes: Changes = {},
): Promise<Program> {
  let text = await readFile(join(consumer.folder, `${fileOf(name)}.mjs`), 'utf8');
  text = text
    .replace(/\{ host: '(10\.0\.0\.\d)'(?:, port: \d+)? \}/g, (_all, host: string) =>
      JSON.stringify(devices[host]),
    )
    .replace(
      /\{ host: '(?:0\.0\.0\.0|127\.0\.0\.1)', port: \d+ \}/,
      "{ host: '127.0.0.1', port: 0 }",
    )
    .replace(/(?<=\.listen\()\d{4}/, "0, '127.0.0.1'");
  for (const [from, to] of Object.entries(changes)) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  started += 1;
  const file = `started-${started}.mjs`;
  await consumer.write(file, text);
  return new Program(file, consumer.folder);
}

/** A stand-in for a device; it closes after the test, with its connections. */
async function device(
  onConnection: (conn: Connection) => void | Promise<void>,
  options: ListenOptions = {},
  addr: Address | PathAddress = { host: '127.0.0.1', port: 0 },
): Promise<{ server: Server; addr: Address | PathAddress }> {
  const server = await listen(onConnection, addr, { bindConnections: true, ...options });
  closeLater(() => server.asyncClose());
  return { server, addr: server.addresses[0] ?? addr };
}

async function echo(conn: Connection): Promise<void> {
  for await (const tsdu of conn) {
    conn.write(tsdu);
  }
}

/** An address that only one test uses, so that nothing else can take it while the device is away. */
function ownPath(): PathAddress {
  started += 1;
  const pipe = `cotp-recipe-${process.pid}-${started}`;
  return {
    path:
      process.platform === 'win32' ? `\\\\.\\pipe\\${pipe}` : join(consumer.folder, `${started}`),
  };
}

/** The reason with which a call is refused. */
async function refusal(addr: Address, remoteTsel: number): Promise<number | undefined> {
  const error = await rejection(connect(addr, { localTsel: 0x0100, remoteTsel }));
  expect(error).toBeInstanceOf(ConnectionRefusedError);
  return (error as ConnectionRefusedError).reason;
}

describe('the programs of docs/recipes.md and docs/migrating.md', () => {
  test('are found', () => {
    expect(names).toEqual([
      'Reconnect with back-off 1',
      'Requests, responses and time-outs 1',
      'Drain on SIGTERM 1',
      'Gateway by selector 1',
      'Mutual TLS 1',
      'Mutual TLS 2',
      'Metrics of a client 1',
      'From iso-on-tcp 1',
      'From the transport of nodes7 1',
      'From hat.drivers.cotp 1',
      'From python-snap7 and snap7 1',
    ]);
  });

  test('have correct types', () => {
    expect(compiled).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test.each(names)('%s has at most 60 lines of at most 100 characters', (name) => {
    const lines = (all.get(name) ?? '').trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(60);
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
  });

  test.each(names)('%s imports cotp and modules of Node alone', (name) => {
    const from = [...(all.get(name) ?? '').matchAll(/from '([^']+)'/g)].map(([, module]) => module);
    expect(from).toContain('cotp');
    expect(from.filter((module) => module !== 'cotp' && !module?.startsWith('node:'))).toEqual([]);
  });
});

describe('Reconnect with back-off', () => {
  const recipe = (addr: Address | PathAddress) =>
    start('Reconnect with back-off 1', { '10.0.0.5': addr });

  test('connects again when the device has come back, and ends by SIGTERM', async () => {
    const addr = ownPath();
    const { server } = await device(echo, {}, addr);
    const program = await recipe(addr);
    await program.prints(/^connected$/m);
    await program.prints(/^received: subscribe$/m);
    await server.asyncClose();
    await program.prints(/ENOENT|ECONNREFUSED/);
    await device(echo, {}, addr);
    await program.prints(/^connected$/m);
    await program.prints(/^received: subscribe$/m);
    program.signal('SIGTERM');
    expect(await program.exit()).toBe(0);
  });

  test('connects again after a connection that has failed', async () => {
    let calls = 0;
    const { addr } = await device((conn) => {
      calls += 1;
      if (calls > 1) {
        return echo(conn);
      }
      conn.socket.write('not a TPKT');
      return conn.waitClosed();
    });
    const program = await recipe(addr);
    await program.prints(/^ProtocolError/m);
    await program.prints(/^received: subscribe$/m);
  });

  test('tries again after a refusal that may change', async () => {
    let calls = 0;
    const { addr } = await device(echo, {
      onConnectRequest: (request) => {
        calls += 1;
        return calls === 1 ? request.refuse(1) : request.accept();
      },
    });
    const program = await recipe(addr);
    await program.prints(/congestion/);
    await program.prints(/^connected$/m);
  });

  test('gives up after a refusal that will not change', async () => {
    const { addr } = await device(echo, { onConnectRequest: (request) => request.refuse(3) });
    const program = await recipe(addr);
    expect(await program.exit()).toBe(1);
    expect(program.output.match(/address unknown/g)).toHaveLength(1);
  });

  test('ends by SIGTERM while there is no device', async () => {
    const program = await recipe(ownPath());
    await program.prints(/ENOENT/);
    program.signal('SIGTERM');
    expect(await program.exit()).toBe(0);
  });
});

/** The answer of a controller to setup communication or to the reading of a REAL, with its reference. */
function s7Answer(job: Buffer): Buffer {
  const isSetup = job[10] === 0xf0;
  const parameters = isSetup ? job.subarray(10) : Buffer.from('0401', 'hex');
  const data = isSetup ? '' : 'ff04002041480000';
  const header = Buffer.from('320300000000000000000000', 'hex');
  job.copy(header, 4, 4, 6);
  header.writeUInt16BE(parameters.length, 6);
  header.writeUInt16BE(data.length / 2, 8);
  return Buffer.concat([header, parameters, Buffer.from(data, 'hex')]);
}

/** The data block that a job reads; 0 if it is setup communication. */
const blockOf = (job: Buffer) => (job[10] === 0xf0 ? 0 : job.readUInt16BE(18));

async function controller(conn: Connection): Promise<void> {
  for await (const job of conn) {
    conn.write(s7Answer(job));
  }
}

describe('Requests, responses and time-outs', () => {
  const recipe = (addr: Address | PathAddress) =>
    start('Requests, responses and time-outs 1', { '10.0.0.5': addr });

  test('matches answers in any order, and only the request without an answer fails', async () => {
    const { addr } = await device(async (conn) => {
      conn.write(s7Answer(await conn.read()));
      const jobs = [await conn.read(), await conn.read(), await conn.read()];
      expect(jobs.map(blockOf)).toEqual([1, 2, 3]);
      for (const job of jobs.reverse().filter((each) => blockOf(each) !== 2)) {
        const answer = s7Answer(job);
        answer[answer.length - 1] = blockOf(job);
        conn.write(answer);
      }
      await conn.waitClosed();
    });
    const program = await recipe(addr);
    expect(await program.exit()).toBe(0);
    expect(program.output).toBe('41480001\nError: no answer to request 2 in 1000 ms\n41480003\n');
  });

  test('drops an answer to a request that nobody waits for', async () => {
    const { addr } = await device(async (conn) => {
      conn.write(s7Answer(await conn.read()));
      const jobs = [await conn.read(), await conn.read(), await conn.read()];
      for (const job of jobs) {
        const late = Buffer.from(job);
        late.writeUInt16BE(0x7777, 4);
        conn.write(s7Answer(late));
        conn.write(s7Answer(job));
      }
      await conn.waitClosed();
    });
    const program = await recipe(addr);
    expect(await program.exit()).toBe(0);
    expect(program.output).toBe('41480000\n41480000\n41480000\n');
  });

  test('fails all requests when the connection ends', async () => {
    const { addr } = await device(async (conn) => {
      conn.write(s7Answer(await conn.read()));
      await conn.read();
      conn.close();
    });
    const program = await recipe(addr);
    expect(await program.exit()).toBe(0);
    expect(program.output).toBe('Error: the connection has ended\n'.repeat(3));
  });

  test('does not wait for ever for the answer to the setup', async () => {
    const { addr } = await device((conn) => conn.waitClosed());
    const program = await recipe(addr);
    expect(await program.exit()).toBe(1);
    expect(program.output).toContain('TimeoutError');
  });
});

describe('Drain on SIGTERM', () => {
  test('is not ready, then closes the port, answers an open connection and ends', async () => {
    const program = await start('Drain on SIGTERM 1');
    await program.prints(/^ready/m);
    const addr = { host: '127.0.0.1', port: await program.port() };
    const health = `http://127.0.0.1:${await program.port()}/`;
    const readiness = async () => (await fetch(health)).status;
    const conn = await connect(addr);
    closeLater(() => conn.destroy());
    conn.write(Buffer.from('one'));
    expect(String(await conn.read())).toBe('answer to one');
    expect(await readiness()).toBe(200);

    program.signal('SIGTERM');
    await expect.poll(readiness).toBe(503);
    await (await connect(addr)).asyncClose();
    await program.prints(/^closing the port$/m);
    // A client that comes in the moment of closing may be accepted or reset.
    const late = () =>
      connect(addr).then(
        (other) => other.destroy(),
        (error) => error.code,
      );
    await expect.poll(late).toBe('ECONNREFUSED');

    conn.write(Buffer.from('two'));
    conn.write(Buffer.from('three'));
    expect(String(await conn.read())).toBe('answer to two');
    expect(String(await conn.read())).toBe('answer to three');
    await conn.waitClosed();
    expect(await program.exit()).toBe(0);
    expect(program.output).toMatch(/drained\n$/);
  });

  test('closes a connection that sends nothing when the time is over', async () => {
    const times = { 'NOTICE = 2_000': 'NOTICE = 1', 'GRACE = 30_000': 'GRACE = 100' };
    const program = await start('Drain on SIGTERM 1', {}, times);
    await program.prints(/^ready/m);
    const conn = await connect({ host: '127.0.0.1', port: await program.port() });
    closeLater(() => conn.destroy());
    program.signal('SIGTERM');
    await conn.waitClosed();
    expect(await program.exit()).toBe(0);
  });
});

describe('Gateway by selector', () => {
  test('passes each selector to its device, and on to the client what the device says', async () => {
    const called: unknown[] = [];
    const line = await device(async (conn) => {
      called.push([conn.info.remoteTsel, conn.info.localTsel]);
      await echo(conn);
    });
    const busy = await device(echo, { onConnectRequest: (request) => request.refuse(2) });
    const program = await start('Gateway by selector 1', {
      '10.0.0.5': line.addr,
      '10.0.0.6': busy.addr,
    });
    const addr = { host: '127.0.0.1', port: await program.port() };

    const conn = await connect(addr, { localTsel: 0x0100, remoteTsel: 0x0102, maxTpduSize: 512 });
    closeLater(() => conn.destroy());
    expect(called).toEqual([[0x0100, 0x0102]]);
    const long = Buffer.alloc(10_000, 'a');
    conn.write(long);
    expect(await conn.read()).toEqual(long);
    await conn.asyncClose();
    await program.prints(/^the client has left$/m);

    expect(await refusal(addr, 0x0103)).toBe(2);
    expect(await refusal(addr, 0x0104)).toBe(3);
    await busy.server.asyncClose();
    expect(await refusal(addr, 0x0103)).toBe(0);
    await program.prints(/ECONNREFUSED/);
  });

  test('ends the connection of the client when the device leaves', async () => {
    const line = await device(async (conn) => {
      conn.write(await conn.read());
      conn.close();
    });
    const program = await start('Gateway by selector 1', {
      '10.0.0.5': line.addr,
      '10.0.0.6': line.addr,
    });
    const addr = { host: '127.0.0.1', port: await program.port() };
    const conn = await connect(addr, { localTsel: 0x0100, remoteTsel: 0x0103 });
    closeLater(() => conn.destroy());
    conn.write(Buffer.from('last'));
    expect(String(await conn.read())).toBe('last');
    expect((await conn.disconnect()).ending).toBeDefined();
    await program.prints(/^the device has left$/m);
  });
});

describe('Mutual TLS', () => {
  /** The server with the certificate of a test; its list names the client of the tests. */
  async function secureServer(): Promise<{ program: Program; addr: Address; ca: string }> {
    const { ca, server } = await certificates();
    await consumer.write('ca.pem', ca);
    await consumer.write('server.pem', server.cert);
    await consumer.write('server-key.pem', server.key);
    const program = await start('Mutual TLS 1', {}, { "'scada-1'": "'Test client'" });
    return { program, addr: { host: '127.0.0.1', port: await program.port() }, ca };
  }

  async function client(identity: Identity, addr: Address): Promise<Program> {
    await consumer.write('client.pem', identity.cert);
    await consumer.write('client-key.pem', identity.key);
    return start('Mutual TLS 2', { '10.0.0.5': addr });
  }

  test('lets in the client of the list, with its role', async () => {
    const { addr } = await secureServer();
    const program = await client((await certificates()).client, addr);
    expect(await program.exit()).toBe(0);
    expect(program.output).toBe('operator: hello\n');
  });

  test('refuses a client without a certificate', async () => {
    const { program, addr, ca } = await secureServer();
    const error = await rejection(connect(addr, { tls: { ca } }));
    expect(error).not.toBeInstanceOf(ConnectionRefusedError);
    await program.prints(/certificate/);
  });

  test('refuses a certificate that its authority has not signed', async () => {
    const { program, addr } = await secureServer();
    const caller = await client((await certificates()).stranger, addr);
    expect(await caller.exit()).toBe(1);
    await program.prints(/DEPTH_ZERO_SELF_SIGNED_CERT/);
  });

  test('refuses a subject that the list does not have with reason 3', async () => {
    const { addr } = await secureServer();
    const caller = await client((await certificates()).server, addr);
    expect(await caller.exit()).toBe(1);
    expect(caller.output).toContain('address unknown');
  });
});

describe('Metrics of a client', () => {
  test('counts attempts by outcome, open connections and octets', async () => {
    const good = await device(echo);
    const bad = await device(echo, { onConnectRequest: (request) => request.refuse(3) });
    const devices = { '10.0.0.5': good.addr, '10.0.0.6': bad.addr };
    // A clock that goes on by a quarter of a second each time that it is read: so an attempt takes that long.
    const clock = { 'performance.now()': '(globalThis.clock = (globalThis.clock ?? 0) + 250)' };
    const program = await start('Metrics of a client 1', devices, clock);
    const url = `http://127.0.0.1:${await program.port()}/metrics`;
    const values = async () => {
      const lines = (await (await fetch(url)).text()).split('\n');
      return Object.fromEntries(
        lines
          .filter((line) => line !== '' && !line.startsWith('#'))
          .map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]),
      );
    };
    await program.prints(/address unknown/);
    const [conn] = good.server.connections;
    await expect.poll(values).toEqual({
      'cotp_connect_attempts_total{outcome="ok"}': 1,
      'cotp_connect_attempts_total{outcome="ERR_COTP_REFUSED"}': 1,
      cotp_connect_seconds_sum: 0.5,
      cotp_connect_seconds_count: 2,
      cotp_client_connections_open: 1,
      cotp_client_received_octets_total: conn?.bytesWritten,
      cotp_client_sent_octets_total: conn?.bytesRead,
    });
    await good.server.asyncClose();
    await expect.poll(values).toMatchObject({
      cotp_client_connections_open: 0,
      cotp_client_received_octets_total: conn?.bytesWritten,
    });
  });
});

describe('docs/migrating.md', () => {
  test('iso-on-tcp: sends, gets data and closes', async () => {
    const { addr } = await device(echo);
    const program = await start('From iso-on-tcp 1', { '10.0.0.5': addr });
    expect(await program.exit()).toBe(0);
    expect(program.output).toBe('hello\nclosed\n');
  });

  test('nodes7: sets the connection up and reads a REAL', async () => {
    const selectors: unknown[] = [];
    const { addr } = await device((conn) => {
      selectors.push(conn.info.remoteTsel, conn.info.localTsel);
      return controller(conn);
    });
    const program = await start('From the transport of nodes7 1', { '10.0.0.5': addr });
    expect(await program.exit()).toBe(0);
    expect(program.output).toBe('PDU length 960\nDB1,REAL0 is 12.5\n');
    expect(selectors).toEqual([0x0100, 0x0102]);
  });

  test('hat.drivers.cotp: a server and a client', async () => {
    const program = await start('From hat.drivers.cotp 1');
    expect(await program.exit()).toBe(0);
    expect(program.output).toBe('echo hello\n');
  });

  test('python-snap7: sends an S7 job and receives its answer', async () => {
    const { addr } = await device(controller);
    const program = await start('From python-snap7 and snap7 1', { '10.0.0.5': addr });
    expect(await program.exit()).toBe(0);
    expect(program.output).toMatch(/^32030000000100080000/);
  });

  test('python-snap7: says why it was refused', async () => {
    const { addr } = await device(echo, { onConnectRequest: (request) => request.refuse(3) });
    const program = await start('From python-snap7 and snap7 1', { '10.0.0.5': addr });
    expect(await program.exit()).toBe(0);
    expect(program.output).toMatch(/^ERR_COTP_REFUSED: .*address unknown/);
  });
});
