import { once } from 'node:events';
import { link, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Connection, connect, type ListenOptions, listen } from '../../src/index.js';
import { certificates } from '../support/certificates.js';
import { closeLater, rawClient, rawServer, rejection } from '../support/life.js';
import { CR, cc, dt, hex, tpkt } from '../support/raw.js';
import { closedPort, cotp, Running } from './support.js';

/** A free port to connect from. */
async function freePort(): Promise<number> {
  return Number((await closedPort()).split(':')[1]);
}

/** Starts an echo server. */
async function echo(options: ListenOptions = {}): Promise<string> {
  const server = await listen(
    async (conn) => {
      for await (const tsdu of conn) {
        conn.write(tsdu);
      }
    },
    { host: '127.0.0.1', port: 0 },
    options,
  );
  closeLater(() => server.asyncClose());
  return `127.0.0.1:${server.addresses[0]?.port}`;
}

interface Proxied {
  readonly running: Running;
  readonly address: { readonly host: string; readonly port: number };
}

async function proxy(target: string, ...args: readonly string[]): Promise<Proxied> {
  const running = new Running(['proxy', '127.0.0.1:0', target, ...args]);
  const where = args.includes('--json') ? 'stdout' : 'stderr';
  const [, port] = await running.says(/127\.0\.0\.1:(\d+)/, where);
  return { running, address: { host: '127.0.0.1', port: Number(port) } };
}

async function open(...args: Parameters<typeof connect>): Promise<Connection> {
  const conn = await connect(...args);
  closeLater(() => conn.destroy());
  return conn;
}

/** A CR of class 0 with LI 252, of an unknown parameter, which calls nothing. */
const LONG_CR = tpkt(`fc e0 0000 0001 00 99 f4 ${'00'.repeat(244)}`);

async function stop({ child }: Running): Promise<void> {
  child.kill('SIGINT');
  await once(child, 'close');
}

const MODES = [
  ['TSDUs', []],
  ['TPDUs', ['--transparent']],
] as const;

describe.each(MODES)('handing on %s', (_name, mode) => {
  test('many connections talk at once, each with its number', async () => {
    const { running, address } = await proxy(await echo(), ...mode);
    const conns = await Promise.all(
      Array.from({ length: 10 }, (_, i) => open(address, { maxTpduSize: i < 5 ? 128 : 2048 })),
    );
    const tsdu = Buffer.alloc(100_000, 'many');
    await Promise.all(
      conns.map(async (conn) => {
        conn.write(tsdu);
        expect((await conn.read()).equals(tsdu)).toBe(true);
        await conn.asyncClose();
      }),
    );
    await running.says(/(?:#\d+ +close[\s\S]*){10}/, 'stdout');
    await stop(running);
    expect(running.child.exitCode).toBe(130);
    expect(running.stderr).toMatch(
      /\n10 connections, \d+ TPDUs of \d+ octets, 0 refusals, 0 errors\n$/,
    );
    for (const number of Array.from({ length: 10 }, (_, i) => i + 1)) {
      expect(running.stdout).toMatch(new RegExp(`#${number} .* CR class 0`));
    }
  });

  test('a refusal and its reason come through', async () => {
    const target = await echo({ localTsel: 0x0102 });
    const { running, address } = await proxy(target, ...mode);
    expect(await rejection(connect(address, { remoteTsel: 0x0103 }))).toMatchObject({
      code: 'ERR_COTP_REFUSED',
      reason: 3,
    });
    await running.says(/ DR reason/, 'stdout');
    await stop(running);
    const tpdus = mode.length === 0 ? 4 : 2;
    expect(running.stderr).toMatch(
      new RegExp(`1 connection, ${tpdus} TPDUs of \\d+ octets, 1 refusal, 0 errors\n$`),
    );
  });

  test.runIf(process.platform === 'linux')(
    '--local-address is where the target is called from',
    async () => {
      const target = await rawServer();
      const { host, port } = target.address;
      const { address } = await proxy(`${host}:${port}`, ...mode, '--local-address', '127.0.0.2');
      const client = await rawClient(address.port);
      client.send(tpkt('06 e0 0000 0001 00'));
      expect((await target.accept()).socket.remoteAddress).toBe('127.0.0.2');
    },
  );

  test('--rewrite-remote-tsel calls another selector', async () => {
    const target = await echo({ localTsel: 0x0102 });
    const { running, address } = await proxy(target, ...mode, '--rewrite-remote-tsel', '01.02');
    const conn = await open(address, { localTsel: 0x0100, remoteTsel: Buffer.from('other') });
    conn.write(hex('01'));
    expect(await conn.read()).toEqual(hex('01'));
    await conn.asyncClose();
    expect(running.stdout).toMatch(/client ──▶ · .+ 0x0100 > "other" /);
    expect(running.stdout).toMatch(/· ──▶ target {2}CR .+ 0x0100 > 0x0102 /);
  });

  test('a target that is not there', async () => {
    const { running, address } = await proxy(await closedPort(), ...mode);
    const call = open(address, { remoteTsel: 0x0102 });
    expect(await rejection(call)).toMatchObject({ code: expect.any(String) });
    await running.says(
      /#1 +error +.*ECONNREFUSED \S+: nothing listens there, or a firewall refuses\n/,
      'stdout',
    );
    // What the client has called is known all the same.
    expect(running.stdout).toMatch(/client ──▶ · .+CR .+ 0x0102 [\s\S]+#1 +error /);
    await stop(running);
    expect(running.stderr).toMatch(/1 error\n$/);
  });

  test('--json gives the code of what failed', async () => {
    const { running, address } = await proxy(await closedPort(), ...mode, '--json');
    await rejection(open(address, { remoteTsel: 0x0102 }));
    await running.says(/"event":"error".*\n/, 'stdout');
    await stop(running);
    expect(running.events.find(({ event }) => event === 'error')).toMatchObject({
      connection: 1,
      message: expect.stringContaining('ECONNREFUSED'),
      code: 'ECONNREFUSED',
    });
  });

  test('--quiet shows no TPDU and counts each', async () => {
    const target = await echo();
    const summaries: string[] = [];
    for (const args of [[], ['--quiet']]) {
      const { running, address } = await proxy(target, ...mode, ...args);
      const conn = await open(address);
      for (const octets of ['01', '0203', '040506']) {
        conn.write(hex(octets));
        await conn.read();
      }
      await conn.asyncClose();
      await stop(running);
      summaries.push(/^1 connection, .*/m.exec(running.stderr)?.[0] ?? '');
      expect(/ DT /.test(running.stdout)).toBe(args.length === 0);
    }
    const [shown = '', quiet] = summaries;
    expect(shown).toMatch(/^1 connection, \d+ TPDUs of \d+ octets, 0 refusals, 0 errors$/);
    expect(quiet).toBe(shown);
  });

  test('--json and --jsonl report every TPDU', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'trace.jsonl');
    const args = ['--json', '--jsonl', file, '--redact'];
    const { running, address } = await proxy(await echo(), ...mode, ...args);
    const conn = await open(address);
    conn.write(hex('beefbeef'));
    await conn.read();
    await conn.asyncClose();
    await running.says(/"close"/, 'stdout');
    await stop(running);
    const events = running.events.map(({ event }) => event);
    expect(new Set(events)).toEqual(new Set(['listening', 'open', 'tpdu', 'close', 'summary']));
    const shown = events.filter((event) => event === 'tpdu').length;
    expect(shown).toBe(mode.length === 0 ? 8 : 4);
    expect(running.events.at(-1)).toMatchObject({ connections: 1, tpdus: shown, errors: 0 });
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    // Two legs, each of which has a CR, a CC and two DT.
    expect(lines.length).toBe(8);
    const clients = lines.map((line) => (JSON.parse(line) as { name?: string }).name);
    expect(new Set(clients)).toEqual(new Set(['#1']));
    expect(running.events.at(-1)).toMatchObject({ files: [{ file, packets: 8 }] });
    expect(lines.join('')).not.toContain('beef');
  });

  test('Ctrl-C closes what is open', async () => {
    const { running, address } = await proxy(await echo(), ...mode);
    const conn = await open(address);
    await stop(running);
    await conn.waitClosed();
    expect(running.child.exitCode).toBe(130);
  });
});

describe('--transparent', () => {
  test('changes no octet, not even of what breaks the standard', async () => {
    const server = await rawServer();
    const { running, address } = await proxy(`127.0.0.1:${server.address.port}`, '--transparent');
    const client = await rawClient(address.port);
    // An unusual order, an unknown parameter twice, a reserved octet that is not zero.
    const cr = hex('0307001a 15e00000000100 c1020100 9900 9900 c2020102 c0010a');
    client.send(cr);
    const peer = await server.accept();
    await expect.poll(() => peer.received).toEqual(cr);
    const odd = tpkt('02 f5 81 aa');
    peer.send(odd);
    await expect.poll(() => client.received).toEqual(odd);
    await running.says(/client ◀──── target {2}DT .*code-nibble/, 'stdout');
  });

  test('a reset of the target right behind octets is one, although Node reports an end', async () => {
    const server = await rawServer();
    const { running, address } = await proxy(`127.0.0.1:${server.address.port}`, '--transparent');
    for (let round = 1; round <= 10; round += 1) {
      const client = await rawClient(address.port);
      client.send(CR);
      const peer = await server.accept();
      await peer.packet();
      peer.send(cc('1234'));
      peer.socket.resetAndDestroy();
      const resets = () => running.stdout.match(/target: read ECONNRESET/g)?.length;
      await expect.poll(resets).toBe(round);
    }
    await stop(running);
  });

  test('what is no TPKT from the first octet on passes through, and is said once', async () => {
    const server = await rawServer();
    const { running, address } = await proxy(`127.0.0.1:${server.address.port}`, '--transparent');
    const client = await rawClient(address.port);
    client.send(Buffer.from('GET / HTTP/1.1\r\n'));
    const peer = await server.accept();
    await expect.poll(() => String(peer.received)).toBe('GET / HTTP/1.1\r\n');
    peer.send(Buffer.from('HTTP/1.1 200 OK\r\n'));
    await expect.poll(() => String(client.received)).toBe('HTTP/1.1 200 OK\r\n');
    client.send(Buffer.from('\r\n'));
    await expect.poll(() => String(peer.received)).toBe('GET / HTTP/1.1\r\n\r\n');
    client.socket.end();
    await expect.poll(() => peer.isOver).toBe(true);
    peer.socket.end();
    await running.says(/ close /, 'stdout');
    expect(
      running.stdout.match(
        /#1 +through +the client sent octets that are no TPKT, it looks like HTTP/g,
      ),
    ).toHaveLength(1);
    await stop(running);
    expect(running.stderr).toMatch(/0 TPDUs of 0 octets, 0 refusals, 0 errors\n$/);
  });

  test.each([
    [
      'a CR that has no room for it',
      LONG_CR,
      'the CR would have LI 257, and at most 254 is possible',
    ],
    [
      'a CR of remote desktop',
      tpkt('0e e0 00000001 00 0100080001000000'),
      'a CR of remote desktop has none',
    ],
    ['a DT', dt('01'), 'the first TPDU of the client is no CR'],
    ['what is no TPDU', tpkt('02 00 80'), 'the first TPDU of the client cannot be decoded'],
  ])('says why --rewrite-remote-tsel does not change %s', async (_what, first, obstacle) => {
    const server = await rawServer();
    const target = `127.0.0.1:${server.address.port}`;
    const args = ['--transparent', '--rewrite-remote-tsel', '01.02.03'];
    const { running, address } = await proxy(target, ...args);
    const client = await rawClient(address.port);
    client.send(first);
    const peer = await server.accept();
    await expect.poll(() => peer.received).toEqual(first);
    await running.says(
      new RegExp(`#1 +error +the called T-selector is not rewritten: ${obstacle}\n`),
      'stdout',
    );
    client.send(dt('02'));
    await running.says(/DT EOT 1 +02/, 'stdout');
    await stop(running);
    expect(running.stdout.match(/is not rewritten/g)).toHaveLength(1);
  });

  test('says so as an event with --json too', async () => {
    const server = await rawServer();
    const target = `127.0.0.1:${server.address.port}`;
    const args = ['--transparent', '--json', '--rewrite-remote-tsel', '01.02.03'];
    const { running, address } = await proxy(target, ...args);
    (await rawClient(address.port)).send(LONG_CR);
    await running.says(/"event":"error".*\n/, 'stdout');
    expect(running.events.slice(-2)).toMatchObject([
      { event: 'tpdu', way: 'client to target', type: 'CR' },
      { event: 'error', connection: 1, message: expect.stringContaining('LI 257') },
    ]);
  });

  const SIDES = [['client'], ['target']] as const;

  test.each(SIDES)('what the %s sends behind the CC may be another protocol', async (side) => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'trace.jsonl');
    const server = await rawServer();
    const { running, address } = await proxy(
      ...[`127.0.0.1:${server.address.port}`, '--transparent', '--jsonl', file],
    );
    const client = await rawClient(address.port);
    client.send(tpkt('0e e0 00000001 00 0100080001000000'));
    const peer = await server.accept();
    await peer.packet();
    peer.send(tpkt('0e d0 00011234 00 0200080001000000'));
    await client.packet();
    const [from, to] = side === 'client' ? [client, peer] : [peer, client];
    // The other side has sent a part of a TPKT, which is relayed too.
    to.send(hex('03 00 00 20 02'));
    const tls = hex('16 03 01 00 05 01 00 00 01 00');
    from.send(tls.subarray(0, 1));
    from.send(tls.subarray(1));
    await expect.poll(() => to.received).toEqual(tls);
    await expect.poll(() => from.received).toEqual(hex('03 00 00 20 02'));
    to.send(hex('17 03 03'));
    await expect.poll(() => from.received).toEqual(hex('03 00 00 20 02 17 03 03'));
    await running.says(new RegExp(`through +the ${side} sent octets that are no TPKT`), 'stdout');
    await stop(running);
    expect(running.stderr).toMatch(/2 TPDUs of \d+ octets, 0 refusals, 0 errors\n.*\n$/);
    // A CR and a CC on either leg.
    expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(4);
  });

  test.each(SIDES)('the %s may end within a TPKT: what there is of it passes', async (side) => {
    const server = await rawServer();
    const { running, address } = await proxy(`127.0.0.1:${server.address.port}`, '--transparent');
    const client = await rawClient(address.port);
    const peer = await server.accept();
    const [from, to] = side === 'client' ? [client, peer] : [peer, client];
    from.send(hex('03 00 00 20 02 f0'));
    from.socket.end();
    await expect.poll(() => to.received).toEqual(hex('03 00 00 20 02 f0'));
    await running.says(new RegExp(`error +the ${side} ended within a TPKT, 6 octets`), 'stdout');
  });
});

describe.each(MODES)('handing on %s, it passes on', (_name, mode) => {
  /** A client and a target that are connected through the proxy. */
  async function connected(...more: readonly string[]) {
    const server = await rawServer();
    const { running, address } = await proxy(`127.0.0.1:${server.address.port}`, ...mode, ...more);
    const client = await rawClient(address.port);
    client.send(CR);
    const target = await server.accept();
    const cr = await target.packet();
    target.send(cc(cr.subarray(4, 6).toString('hex'), ''));
    await client.packet();
    return { running, client, target };
  }

  test('a reset of the target, behind the data before it', async () => {
    const { client, target } = await connected();
    target.send(dt('01'));
    expect(await client.packet()).toEqual(hex('02f08001'));
    target.reset();
    expect(await client.ending()).toBe('reset');
  });

  test('a reset of the client', async () => {
    const { client, target } = await connected();
    client.reset();
    expect(await target.ending()).toBe('reset');
  });

  test.each([['client'], ['target']] as const)(
    'a FIN of the %s, and answers after it',
    async (side) => {
      const { client, target } = await connected();
      const [first, second] = side === 'client' ? [client, target] : [target, client];
      first.socket.end();
      await expect.poll(() => second.isOver).toBe(true);
      second.send(dt('01'));
      expect(await first.packet()).toEqual(hex('02f08001'));
      second.socket.end();
      await expect.poll(() => first.isOver).toBe(true);
      expect([await first.ending(), await second.ending()]).toEqual(['fin', 'fin']);
    },
  );

  test.each(['reset', 'fin'] as const)('a %s in answer to the CR', async (how) => {
    const server = await rawServer();
    const { address } = await proxy(`127.0.0.1:${server.address.port}`, ...mode);
    const client = await rawClient(address.port);
    client.send(CR);
    const target = await server.accept();
    await target.packet();
    if (how === 'reset') {
      target.reset();
    } else {
      target.socket.end();
    }
    expect(await client.ending()).toBe(how);
    expect(client.received).toHaveLength(0);
  });

  test('a refusal, which is counted once', async () => {
    const { running, address } = await proxy(await echo({ localTsel: 9 }), ...mode);
    await rejection(connect(address));
    await running.says(/ DR reason/, 'stdout');
    await stop(running);
    expect(running.stderr).toMatch(/1 refusal, 0 errors\n$/);
  });

  test('an open that is no later than the CR below it', async () => {
    const { running } = await connected('--json');
    const [open, cr] = running.events.filter(({ event }) => event === 'open' || event === 'tpdu');
    expect([open, cr]).toMatchObject([{ event: 'open' }, { type: 'CR' }]);
    const [opened = Number.NaN, came] = [open, cr].map((each) => Date.parse(String(each?.time)));
    expect(opened).toBeLessThanOrEqual(came ?? Number.NaN);
  });

  test('a CR that cannot be decoded, which is one error', async () => {
    const { address: target } = await rawServer();
    const { running, address } = await proxy(`127.0.0.1:${target.port}`, ...mode);
    const client = await rawClient(address.port);
    client.send(tpkt('0a e0 0000 0001 00'));
    await running.says(mode.length === 0 ? / error .*li-exceeds/ : /li-exceeds/, 'stdout');
    await stop(running);
    // By TSDUs the proxy itself refuses it.
    expect(running.stderr).toMatch(
      mode.length === 0 ? /1 refusal, 1 error\n$/ : /0 refusals, 1 error\n$/,
    );
  });
});

describe('the ladder', () => {
  /** What is shown of a TSDU and its answer. */
  async function shown(tsdu: Buffer, ...args: readonly string[]) {
    const { running, address } = await proxy(await echo(), ...args);
    const conn = await open(address, { maxTpduSize: 1024 });
    conn.write(tsdu);
    await conn.read();
    await conn.asyncClose();
    await running.says(/ close /, 'stdout');
    await stop(running);
    return running.stdout.split('\n').map((line) => line.slice('00:00:00.000 #1   '.length));
  }

  test('shows a TPDU in one line for both sides, with its octets', async () => {
    const lines = await shown(Buffer.from('Hi\x1b'));
    expect(lines.filter((line) => line.includes('──'))).toEqual([
      expect.stringMatching(/^client ────▶ target {2}CR class 0 size 1024 /),
      expect.stringMatching(/^client ◀──── target {2}CC class 0 size 1024 /),
      expect.stringMatching(/^client ────▶ target {2}DT EOT 3 {6}48 69 1b {41}Hi\.$/),
      expect.stringMatching(/^client ◀──── target {2}DT EOT 3 {6}48 69 1b {41}Hi\.$/),
    ]);
  });

  test('shows TPDUs that the proxy cuts in another way on both sides', async () => {
    const lines = await shown(Buffer.alloc(1500));
    const words = lines.flatMap((line) => /^.*──.*?DT (?:EOT )?\d+/.exec(line)?.[0] ?? []);
    expect(words).toEqual([
      'client ──▶ ·         DT 1021',
      'client ──▶ ·         DT EOT 479',
      '       · ──▶ target  DT EOT 1500',
      '       · ◀── target  DT EOT 1500',
      'client ◀── ·         DT 1021',
      'client ◀── ·         DT EOT 479',
    ]);
  });

  test('--legs shows both sides', async () => {
    const lines = await shown(hex('01'), '--legs');
    const arrows = lines.flatMap((line) => /^.*──.*? {2}(?=\w\w )/.exec(line)?.[0].trim() ?? []);
    const there = ['client ──▶ ·', '· ──▶ target'];
    const back = ['· ◀── target', 'client ◀── ·'];
    expect(arrows).toEqual([...there, ...back, ...there, ...back]);
  });

  test('-v shows each TPDU octet by octet, as decode does', async () => {
    const octets = Buffer.concat([hex('02f080'), Buffer.alloc(100, 'abc')]);
    const whole = await cotp(['decode', '--full', octets.toString('hex')]);
    const [, ...layout] = whole.stdout.trimEnd().split('\n');
    const { running, address } = await proxy(await echo(), '-v');
    const conn = await open(address);
    conn.write(octets.subarray(3));
    await conn.read();
    await stop(running);
    expect(running.stdout).toContain(`\n${layout.join('\n')}\n`);
  });

  test('-v with --json is refused', async () => {
    const { code, stderr } = await cotp(['proxy', '127.0.0.1:0', '127.0.0.1:102', '-v', '--json']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--verbose.*--json|--json.*--verbose/);
  });
});

test('a refusal of the proxy itself counts as refusal', async () => {
  const { running, address } = await proxy(await closedPort());
  await rejection(connect(address));
  await running.says(/client ◀── · +DR /, 'stdout');
  await stop(running);
  expect(running.stderr).toMatch(/1 connection, 2 TPDUs of \d+ octets, 1 refusal, 1 error\n$/);
});

test('--transparent: a DR that answers a DR is no refusal', async () => {
  const server = await rawServer();
  const { running, address } = await proxy(`127.0.0.1:${server.address.port}`, '--transparent');
  const client = await rawClient(address.port);
  client.send(CR);
  const target = await server.accept();
  await target.packet();
  target.send(cc('1234', ''));
  await client.packet();
  client.send(tpkt('06 80 0007 1234 80'));
  await target.packet();
  target.send(tpkt('06 80 1234 0007 80'));
  await client.packet();
  await stop(running);
  expect(running.stderr).toMatch(/4 TPDUs of \d+ octets, 0 refusals, 0 errors\n$/);
});

test('a client whose first TPDU is no CR is forgotten: one from the same port is another', async () => {
  const { running, address } = await proxy(await echo());
  const localPort = await freePort();
  for (let count = 0; count < 3; count += 1) {
    const socket = connectTcp({ ...address, localPort });
    closeLater(() => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(count === 0 ? dt('01') : CR);
    await running.says(
      new RegExp(`#${count + 1} +error|#${count + 1} .*client ◀──── target +CC`),
      'stdout',
    );
    socket.resetAndDestroy();
    await once(socket, 'close');
    await running.says(new RegExp(`#${count + 1} +error`), 'stdout');
  }
  expect(running.stdout.match(/ open +from /g)).toHaveLength(3);
});

test('--transparent drops a client that sends nothing, if the target is not there', async () => {
  const { running, address } = await proxy(await closedPort(), '--transparent');
  const client = await rawClient(address.port);
  await expect.poll(() => client.socket.destroyed).toBe(true);
  await running.says(/#1 +close +/, 'stdout');
  await stop(running);
  expect(running.stdout).toMatch(/#1 +error +.*ECONNREFUSED/);
});

test('the README shows what it says', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, shown = ''] = /<!-- proxy -->\n```console\n\$ .+\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
  closeLater(() => rm(folder, { recursive: true, force: true }));
  const target = await echo({ maxTpduSize: 1024 });
  const args = ['--transparent', '--pcap', join(folder, 'plant.pcapng')];
  const { running, address } = await proxy(target, ...args);
  const conn = await open(address, { remoteTsel: 0x0102 });
  conn.write(hex('32010000000000080000f0000001000101e0'));
  await conn.read();
  await conn.asyncClose();
  await running.says(/ close /, 'stdout');
  await stop(running);
  const [where = '', ...rest] = running.stderr.split('\n');
  const said = [where, ...running.stdout.trimEnd().split('\n'), ...rest].join('\n');
  /** Addresses, times, references and the folder differ. */
  const steady = (text: string) =>
    text
      .replace(/[\d.]+:\d+(?= is relayed|$)/gm, 'ADDRESS')
      .replace(/^[\d:.]{12}/gm, 'TIME')
      .replace(/(?<=0d [ed]0 ).*/g, 'OCTETS')
      .replace(/(?<=written: ).*(?=plant)/, '');
  expect(steady(said)).toBe(steady(shown));
});

test('a listening port that is taken', async () => {
  const taken = await echo();
  const { code, stderr } = await cotp(['proxy', taken, '127.0.0.1:102']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^cotp proxy: listen EADDRINUSE/);
});

describe('files', () => {
  test.each([
    ['--pcap', '/no/such/folder/x.pcapng', 'there is no such file or folder (ENOENT)'],
    ['--jsonl', tmpdir(), 'it is a folder (EISDIR)'],
  ])('%s %s cannot be written: it does not begin', async (flag, path, reason) => {
    const outcome = await cotp(['proxy', '127.0.0.1:0', '127.0.0.1:102', flag, path]);
    expect(outcome).toEqual({
      code: 1,
      stdout: '',
      stderr: `cotp proxy: ${flag} ${path} cannot be written: ${reason}\n`,
    });
  });

  test('that are there stay as they are when it cannot listen', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'kept.jsonl');
    await writeFile(file, 'kept');
    const taken = await echo();
    const { code } = await cotp(['proxy', taken, '127.0.0.1:102', '--jsonl', file, '--force']);
    expect(code).toBe(1);
    expect(await readFile(file, 'utf8')).toBe('kept');
  });

  test('that were not there are not left behind when it cannot listen', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const args = ['--jsonl', join(folder, 'new.jsonl'), '--pcap', join(folder, 'new.pcapng')];
    const { code } = await cotp(['proxy', await echo(), '127.0.0.1:102', ...args]);
    expect(code).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test.each([
    ['--pcap', 'a.pcapng', 'a.pcapng', []],
    ['--jsonl', 'a.jsonl', 'a.jsonl', []],
    ['--pcap', 'a.pcapng', 'a.1.pcapng', ['--max-file-size', '4096']],
    ['--jsonl', 'a.jsonl', 'a.2.jsonl', ['--max-file-size', '4096', '--max-files', '3']],
  ])('%s %s: %s is not replaced without --force', async (flag, name, existing, more) => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, existing);
    await writeFile(file, 'kept');
    const args = [flag, join(folder, name), ...more];
    const { code, stderr } = await cotp(['proxy', '127.0.0.1:0', '127.0.0.1:102', ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(`cotp proxy: ${file} exists; --force replaces it\n`);
    expect(await readFile(file, 'utf8')).toBe('kept');
  });

  test.each([
    ['by a symbolic link', ['a', 'b'], async (a: string, b: string) => symlink(a, b), []],
    ['by a hard link', ['a', 'b'], async (a: string, b: string) => link(a, b), []],
    ['after a rotation', ['t', 't.1'], undefined, ['--max-file-size', '4096']],
  ])('that are one %s are refused', async (_how, names, relate, more) => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const [pcap = '', jsonl = ''] = names.map((name) => join(folder, name));
    await writeFile(pcap, 'kept');
    await relate?.(pcap, jsonl);
    const args = ['--pcap', pcap, '--jsonl', jsonl, '--force', ...more];
    const { code, stderr } = await cotp(['proxy', '127.0.0.1:0', '127.0.0.1:102', ...args]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('--pcap and --jsonl require different files'),
    ]);
    expect(await readFile(pcap, 'utf8')).toBe('kept');
  });

  test('are there, and new, as soon as it listens', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'new.jsonl');
    await writeFile(file, 'old');
    const { running } = await proxy(await echo(), '--jsonl', file, '--force');
    await stop(running);
    expect(await readFile(file, 'utf8')).toBe('');
  });

  test.runIf(process.platform === 'linux')('that take no more do not stop it', async () => {
    const { running, address } = await proxy(await echo(), '--pcap', '/dev/full');
    await running.says(
      /^cotp proxy: \/dev\/full: it cannot be written: the disk is full \(ENOSPC\)\n/m,
    );
    const conn = await open(address);
    conn.write(hex('01'));
    expect(await conn.read()).toEqual(hex('01'));
    await conn.asyncClose();
    await stop(running);
    expect(running.stderr).toMatch(/1 connection, 8 TPDUs/);
  });
});

describe('--pcap', () => {
  /** The address pairs of the packets with TCP payload in a capture, and the last line of the proxy. */
  async function captured(...args: readonly string[]) {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-'));
    closeLater(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'a.pcapng');
    const { running, address } = await proxy(await echo(), '--pcap', file, ...args);
    const conn = await open(address);
    const { port: localPort } = conn.info.localAddr;
    conn.write(hex('01'));
    await conn.read();
    await conn.asyncClose();
    await running.says(/ close /, 'stdout');
    await stop(running);
    const { stdout } = await cotp(['decode', '--summary', file]);
    return { file, localPort, tpdus: stdout, said: running.stderr };
  }

  test.each([[[]], [['--transparent']]])(
    'has one conversation for each client: %j',
    async (args) => {
      const { file, localPort, tpdus, said } = await captured(...args);
      expect(tpdus.match(/ (?:CR|CC|DT) TPDU /g)).toHaveLength(4);
      expect(tpdus).toMatch(new RegExp(`127\\.0\\.0\\.1:${localPort} > 127\\.0\\.0\\.1:102 `));
      // Three packets open and close the conversation each.
      expect(said.trimEnd().split('\n').at(-1)).toBe(`written: ${file} (10 packets)`);
    },
  );

  test('has both connections of a client with --legs', async () => {
    const { file, tpdus, said } = await captured('--legs');
    expect(tpdus.match(/ (?:CR|CC|DT) TPDU /g)).toHaveLength(8);
    expect(said.trimEnd().split('\n').at(-1)).toBe(`written: ${file} (20 packets)`);
  });
});

describe('TLS', () => {
  async function fileOf(pem: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'cotp-proxy-tls-'));
    closeLater(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'pem'), pem);
    return join(folder, 'pem');
  }

  async function listenArgs(): Promise<string[]> {
    const { server } = await certificates();
    const { cert, key } = server;
    return ['--listen-tls-cert', await fileOf(cert), '--listen-tls-key', await fileOf(key)];
  }

  async function answers(conn: Connection): Promise<void> {
    conn.write(hex('0102'));
    expect(await conn.read()).toEqual(hex('0102'));
    await conn.asyncClose();
  }

  test('to the target alone', async () => {
    const { server, ca } = await certificates();
    const target = await echo({ tls: server });
    const { address } = await proxy(target, '--tls-ca', await fileOf(ca));
    await answers(await open(address));
  });

  test('with clients alone', async () => {
    const { ca } = await certificates();
    const { address } = await proxy(await echo(), ...(await listenArgs()));
    await answers(await open(address, { tls: { ca } }));
  });

  test('on both sides, with a client certificate on each', async () => {
    const { server, client, ca } = await certificates();
    const target = await echo({ tls: { ...server, ca, requestCert: true } });
    const authority = await fileOf(ca);
    const { address, running } = await proxy(
      target,
      ...['--tls-ca', authority, '--tls-cert', await fileOf(client.cert)],
      ...['--tls-key', await fileOf(client.key), '--listen-tls-ca', authority],
      ...(await listenArgs()),
    );
    await answers(await open(address, { tls: { ca, ...client } }));
    expect(await rejection(connect(address, { tls: { ca } }))).toBeInstanceOf(Error);
    await stop(running);
    expect(running.child.exitCode).toBe(130);
  });

  test('a target that resets after the CR ends a client with TLS too', async () => {
    const { ca } = await certificates();
    const target = await rawServer();
    const { host, port } = target.address;
    const { address } = await proxy(`${host}:${port}`, ...(await listenArgs()));
    const refused = rejection(connect(address, { tls: { ca } }));
    const socket = await target.accept();
    await socket.packet();
    socket.reset();
    expect(await refused).toMatchObject({ code: expect.any(String), phase: 'cr-sent' });
  });
});
