/** Compares the output of `--json` with docs/cli.md. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect, type ListenOptions } from '../../src/index.js';
import { Connection, pcap } from '../support/capture-file.js';
import { closeLater, rawClient, rawServer, rejection, serve } from '../support/life.js';
import { hex, type RawPeer, tpkt } from '../support/raw.js';
import { closedPort, cotpListen, Running, strangers } from './support.js';

type Json = Readonly<Record<string, unknown>>;

const page = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const [, section = ''] = page.split('\n## `--json`\n');
const [own = ''] = section.split('\n## ');
const [common = '', ...parts] = own.split('\n### ');

/** The names in backticks. */
function names(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
}

/** The documented fields by event. The messages of `decode` have no event and are under `none`. */
function eventsOf(text: string): Map<string, string[]> {
  const rows = [...text.matchAll(/^\| `?(\w+)`? \| [^|]+ \|(.*)\|$/gm)];
  const found = rows.map(([, event = '', fields = '']) => [event, names(fields)] as const);
  return new Map(found.filter(([event]) => event !== 'event'));
}

function documented(command: string): Map<string, string[]> {
  return eventsOf(parts.find((part) => part.startsWith(`\`cotp ${command} --json\`\n`)) ?? '');
}

/** Objects whose fields are not listed on the page: they are the fields of TPDUs. */
const NOT_LOOKED_INTO = ['tpdu'];

/** The fields of an object; `a.b` for nested fields. The fields of a list are those of its elements. */
function fieldsOf(value: Json): string[] {
  return Object.entries(value).flatMap(([name, within]) => {
    const [first] = Array.isArray(within) ? (within as unknown[]) : [within];
    const isObject = typeof first === 'object' && first !== null && !NOT_LOOKED_INTO.includes(name);
    return isObject ? fieldsOf(first as Json).map((field) => `${name}.${field}`) : [name];
  });
}

/** The fields by event that the runs have printed. */
function printed(events: readonly Json[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { event = 'none', ...rest } of events) {
    // The error at the end of a command is the same for all commands.
    const name = event === 'error' && 'exitCode' in rest ? 'failure' : String(event);
    const fields = found.get(name) ?? new Set();
    found.set(name, fields);
    for (const field of fieldsOf(rest)) {
      fields.add(field);
    }
  }
  return found;
}

/** Removes empty lists if another run has printed the list with fields. */
function withoutEmptyLists(fields: ReadonlySet<string>): string[] {
  return [...fields].filter((name) => ![...fields].some((other) => other.startsWith(`${name}.`)));
}

/** Checks that the printed events and fields are exactly those of the page. */
function expectDocumented(command: string, events: readonly Json[]): void {
  const seen = printed(events);
  seen.delete('failure');
  const said = documented(command);
  expect([...seen.keys()].sort()).toEqual([...said.keys()].sort());
  for (const [event, fields] of seen) {
    expect(withoutEmptyLists(fields).sort(), event).toEqual([...(said.get(event) ?? [])].sort());
  }
}

/** Runs a command that ends by itself; returns its events. */
async function eventsOfRun(args: readonly string[], input: string | Buffer = ''): Promise<Json[]> {
  const running = new Running([...args, '--json']);
  running.child.stdin.end(input);
  await running.end();
  return running.events;
}

async function echo(options: ListenOptions = {}): Promise<string> {
  const { address, accept } = await serve(options);
  void accept().then(async (conn) => {
    for await (const tsdu of conn) {
      conn.write(tsdu);
    }
  });
  return `${address.host}:${address.port}`;
}

const target = (text: string) => {
  const [host = '', port] = text.split(':');
  return { host, port: Number(port) };
};

/** A server that answers the CR of each client with these octets, its references filled in. */
async function answering(answer: string): Promise<string> {
  const { host, port } = (await answeringServer(answer)).address;
  return `${host}:${port}`;
}

async function answeringServer(answer: string) {
  const server = await rawServer();
  void (async () => {
    for (;;) {
      const peer = await server.accept();
      const cr = await peer.packet();
      peer.send(tpkt(answer.replace('RR RR', cr.subarray(4, 6).toString('hex'))));
    }
  })().catch(() => {});
  return server;
}

/** A CC of another selector than the one called, and with user data. */
const CC_WITH_EVERYTHING = '0e d0 RR RR 00 07 00 c1 02 01 00 c2 02 01 03 aabb';

/** Options for class 2 with expedited data that is acknowledged: a peer that sends no EA holds back what follows. */
const EXPEDITED = ['--class', '2', '--expedited', '--expedited-ack', '--hex'];

/** DRs of the peer, with additional information and user data; RR RR is the reference of `cotp`. */
const ORDERLY_DR = '09 80 RR RR 0007 80 e00180 aa';
const ABORT_DR = '09 80 RR RR 0007 80 e001c0 aa';

/**
 * A server of class 2 that answers the first expedited data by an ED, and ends the connection by this DR. It sends
 * an EA only before an orderly end; without it, the second expedited data of the client cannot be sent.
 */
async function releasing(dr: string): Promise<string> {
  const server = await rawServer();
  void (async () => {
    const peer = await server.accept();
    const cr = await peer.packet();
    const ref = cr.toString('hex', 4, 6);
    peer.send(tpkt(`0c d0 ${ref} 0007 21 c0010b c60121`));
    await peer.packet();
    const ea = dr === ORDERLY_DR ? [tpkt(`04 20 ${ref} 00`)] : [];
    const answers = [...ea, tpkt(`04 10 ${ref} 80 0a`), tpkt(dr.replace('RR RR', ref))];
    peer.send(Buffer.concat(answers));
    await peer.until(() => peer.isOver, true);
    peer.socket.end();
  })().catch(() => {});
  const { host, port } = server.address;
  return `${host}:${port}`;
}

/** The events of a server whose clients send expedited data, and end by a DR, one of them by an abort. */
async function eventsOfReleases(): Promise<Json[]> {
  const { running, address } = await cotpListen('--json', '--echo', ...EXPEDITED.slice(0, 4));
  for (const dr of [ORDERLY_DR, ABORT_DR]) {
    const client = await rawClient(target(address).port);
    client.send(tpkt('0c e0 0000 0007 21 c0010b c60121'));
    const ref = (await client.packet()).toString('hex', 4, 6);
    // Its echo is sent and waits for its EA, so the second one cannot be.
    client.send(Buffer.concat([tpkt(`04 10 ${ref} 80 01`), tpkt(`04 10 ${ref} 81 02`)]));
    await client.packet();
    await running.says(/"hex":"02"/, 'stdout');
    client.send(tpkt(dr.replace('RR RR', ref)));
    client.socket.end();
    await running.says(new RegExp(`"connection":${dr === ORDERLY_DR ? 1 : 2},"disc`), 'stdout');
  }
  return running.events;
}

/** Answers the DR of class 2 by a DC. Rejects if TCP ends without one. */
async function confirmDr(peer: RawPeer): Promise<void> {
  let tpdu = await peer.packet();
  while (tpdu[1] !== 0x80) {
    tpdu = await peer.packet();
  }
  peer.send(tpkt(`06 c0 ${tpdu.toString('hex', 4, 6)} 0007`));
}

/** The errors of a proxy between the target and a client that sends a CR, then the rest with the reference of the CC. */
async function errorsOfProxy(
  where: string,
  cr: string,
  rest: readonly string[],
  ...options: readonly string[]
): Promise<Json[]> {
  const running = new Running(['proxy', '127.0.0.1:0', where, '--json', ...options]);
  const [, address = ''] = await running.says(/"address":"([^"]+)"/, 'stdout');
  const client = await rawClient(target(address).port);
  client.send(tpkt(cr));
  const ref = (await client.packet()).toString('hex', 4, 6);
  client.send(Buffer.concat(rest.map((each) => tpkt(each.replace('RR RR', ref)))));
  // The proxy waits for it, but not for ever.
  void confirmDr(client).catch(() => {});
  await running.says(/"event":"error"/, 'stdout');
  running.child.kill('SIGINT');
  await running.end();
  return running.events.filter(({ event }) => event === 'error');
}

describe('the page names what is printed, and no more', () => {
  test('connect', async () => {
    const selectors = ['--local-tsel', '0x0100', '--remote-tsel', '0x0102'];
    const answer = await answering(CC_WITH_EVERYTHING);
    expectDocumented('connect', [
      ...(await eventsOfRun(['connect', await echo(), ...selectors, '-v'], 'x')),
      ...(await eventsOfRun(['connect', answer, ...selectors, '--wait', '0'])),
      ...(await eventsOfRun(['connect', await releasing(ORDERLY_DR), ...EXPEDITED], '!01')),
    ]);
  });

  test('listen', async () => {
    const server = await cotpListen('--json', '-v', '--accept', '0x0102', '--max-tsdu-size', '10');
    const options = { localTsel: 0x0100, remoteTsel: 0x0102, connectData: hex('aa') };
    const conn = await connect(target(server.address), options);
    closeLater(() => conn.destroy());
    conn.write(hex('01'));
    await server.running.says(/"tsdu"/, 'stdout');
    conn.write(Buffer.alloc(11));
    await server.running.says(/"error"[\s\S]*"close"/, 'stdout');
    await rejection(connect(target(server.address), { remoteTsel: 1 }));
    const stranger = await rawClient(target(server.address).port);
    stranger.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await server.running.says(/"fault"/, 'stdout');
    const program = await cotpListen('--json', '--once', '--hex', '--exec', 'echo zz; exit 7');
    await eventsOfRun(['connect', program.address]);
    await program.running.end();
    const releases = await eventsOfReleases();
    const all = [...server.running.events, ...program.running.events, ...releases];
    expectDocumented('listen', all);
  });

  test('probe', async () => {
    const refusing = await echo({ localTsel: 9 });
    const quick = ['--delay', '0', '--tsel', '0x0102'];
    const rdp = await answering('0e d0 RR RR 00 07 00 02 00 08 00 00 00 00 00');
    const events = await Promise.all([
      eventsOfRun(['probe', await echo(), refusing, rdp, '-v', ...quick]),
      eventsOfRun(['probe', await strangers(() => 'SSH-2.0-x\r\n'), ...quick]),
      eventsOfRun(['probe', await closedPort(), ...quick]),
      eventsOfRun(['probe', await echo(), '--classes', ...quick]),
    ]);
    expectDocumented('probe', events.flat());
  });

  test.runIf(process.platform === 'linux')('proxy', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-json-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const server = await answeringServer('06 d0 RR RR 00 07 00');
    const { host, port } = server.address;
    const running = new Running([
      ...['proxy', '127.0.0.1:0', `${host}:${port}`, '--transparent', '--json'],
      ...['--jsonl', '/dev/full', '--pcap', join(folder, 'trace.pcapng'), '--ui'],
    ]);
    const [, where = ''] = await running.says(/"address":"([^"]+)"/, 'stdout');
    const client = await rawClient(target(where).port);
    client.send(tpkt('06 e0 00 00 00 01 00'));
    await running.says(/"CC"/, 'stdout');
    // Bits that must be 0, then a code that no TPDU has.
    client.send(Buffer.concat([tpkt('02 f5 80 aa'), tpkt('02 00 80')]));
    await running.says(/"fault"/, 'stdout');
    client.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await running.says(/"event":"through"/, 'stdout');
    client.reset();
    await running.says(/"event":"error","time"[\s\S]*"close"/, 'stdout');
    running.child.kill('SIGINT');
    await running.end();
    const errors = [
      ...(await errorsOfProxy(`${host}:${port}`, '06 e0 00 00 00 01 00', ['02 00 80'])),
      ...(await errorsOfProxy(
        await releasing(ABORT_DR),
        '0c e0 0000 0007 21 c0010b c60121',
        ['04 10 RR RR 80 01', '04 10 RR RR 81 02'],
        ...EXPEDITED.slice(0, 4),
      )),
    ];
    expectDocumented('proxy', [...running.events, ...errors]);
  });

  test('inspect', async () => {
    const running = new Running(['inspect', '-', '--json']);
    await running.says(/"url"/, 'stdout');
    running.child.kill('SIGINT');
    await running.end();
    expectDocumented('inspect', running.events);
  });

  test('bench', async () => {
    const { address } = await cotpListen('--echo');
    expectDocumented(
      'bench',
      await eventsOfRun(['bench', address, '--duration', '50ms', '--tsdu', '16']),
    );
  });

  test('decode', async () => {
    const messages = ['0300000702f080', '03000009 0470 0001 09', '03000007020080'];
    const events = await eventsOfRun(['decode', ...messages]);
    const folder = await mkdtemp(join(tmpdir(), 'cotp-json-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'capture.pcap');
    const packets = new Connection().client('0300000702f080').client('0300').packets;
    await writeFile(path, pcap(packets));
    const captured = await eventsOfRun(['decode', path]);
    expectDocumented('decode', [...events, ...captured]);
  });
});

describe('a command that fails says so on stdout too', () => {
  const [said = []] = [eventsOf(common).get('error')];

  /** The last event. */
  async function failure(args: readonly string[], input = ''): Promise<Json | undefined> {
    const events = await eventsOfRun(args, input);
    const last = events.at(-1);
    expect(fieldsOf(last ?? {}).filter((name) => name !== 'event' && !said.includes(name))).toEqual(
      [],
    );
    return last;
  }

  test('and every field of it is on the page', async () => {
    const er = await answering('04 70 RR RR 02');
    const ssh = await strangers(() => 'SSH-2.0-x\r\n');
    const aborting = await releasing(ABORT_DR);
    const failures = [
      await failure(['connect', await closedPort()]),
      await failure(['connect', await echo({ localTsel: 9 }), '--remote-tsel', '1']),
      await failure(['connect', er]),
      await failure(['connect', ssh]),
      await failure(['connect', aborting, ...EXPEDITED], '!01\n!02'),
    ];
    expect(failures).toMatchObject([
      { event: 'error', code: 'ECONNREFUSED', exitCode: 1 },
      { code: 'ERR_COTP_REFUSED', exitCode: 3, reason: 3, phase: 'cr-sent', ending: 'dr' },
      { code: 'ERR_COTP_REFUSED', exitCode: 3, rejectCause: 2 },
      { code: 'ERR_COTP_PROTOCOL', exitCode: 5, fault: 'tpkt-version', octet: 1 },
      { code: 'ERR_COTP_CLOSED', exitCode: 1, reason: 128, userData: 'aa', nonDisruptive: false },
    ]);
    const fields = failures.flatMap((event) => Object.keys(event ?? {}));
    expect(said.filter((name) => !fields.includes(name))).toEqual([]);
  });

  test.each([
    [['connect', 'h:0'], 2],
    [['connect', 'h', '--size', '1'], 2],
    [['connect', 'h', '--file', '/no/such'], 1],
    [['bench', 'h:0'], 2],
    [['proxy', '0', 'h', '--pcap', '/no/such/x.pcapng'], 1],
    [['decode', 'hello'], 2],
  ] as const)('%j', async (args, exitCode) => {
    expect(await failure(args)).toMatchObject({
      event: 'error',
      exitCode,
      message: expect.any(String),
    });
  });
});

test('every field has its row, and every row its field', () => {
  const used = [common, ...parts.slice(0, -1)].flatMap((part) => [...eventsOf(part).values()]);
  const wanted = new Set(used.flat().flatMap((field) => field.split('.')));
  const rows = [...(parts.at(-1) ?? '').matchAll(/^\| (`[^|]+) \| /gm)];
  const explained = rows.flatMap(([, cell = '']) => names(cell));
  expect([...explained].sort()).toEqual([...wanted].sort());
});
