import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Connection, connect } from '../../src/index.js';
import { certificates } from '../support/certificates.js';
import { closeOwn } from '../support/concurrent.js';
import { closeLater, rawClient } from '../support/life.js';
import { proxyV1 } from '../support/proxy-header.js';
import { CR, dt, type RawPeer } from '../support/raw.js';
import { COTP, cotp, cotpListen, Running } from './support.js';

closeOwn();

function addressOf(text: string): { host: string; port: number } {
  const [host = '', port] = text.split(':');
  return { host, port: Number(port) };
}

test('--echo sends every TSDU back', async () => {
  const { address, running } = await cotpListen('--echo');
  const conn = await connect(addressOf(address), { remoteTsel: 0x0102 });
  const tsdu = Buffer.alloc(100_000, 'echo');
  conn.write(tsdu);
  expect((await conn.read()).equals(tsdu)).toBe(true);
  await conn.asyncClose();
  await running.says(/#1 closed/);
  expect(running.stderr).toMatch(
    /^listening on 127\.0\.0\.1:\d+\n#1 open: 127\.0\.0\.1:\d+, local 0x0102 \(PG, rack 0, slot 2\), TPDUs of 2048 octets\n#1 closed\n$/,
  );
});

test('--print writes what comes, --once ends after the first', async () => {
  const { address, running } = await cotpListen('--once', '--hex');
  expect(await cotp(['connect', address, '--hex'], '0102\nff\n')).toMatchObject({ code: 0 });
  expect(await running.end()).toMatchObject({ code: 0, stdout: '0102\nff\n' });
});

test('--json reports every event', async () => {
  const { address, running } = await cotpListen('--json', '--echo', '--once', '--accept', '0x0102');
  await cotp(['connect', address, '--remote-tsel', '1'], 'x');
  await cotp(['connect', address, '--remote-tsel', '0x0102'], 'x');
  await running.end();
  expect(running.events).toMatchObject([
    { event: 'listening', address },
    { event: 'refused', reason: 3, localTsel: '0x0001' },
    { event: 'open', connection: 1, localTsel: '0x0102' },
    { event: 'tsdu', connection: 1, octets: 1, hex: '78' },
    { event: 'close', connection: 1 },
  ]);
});

test('--accept accepts any of several selectors and refuses the others', async () => {
  const { address, running } = await cotpListen(
    '--echo',
    '--accept',
    '0x0102',
    '--accept',
    '"MTA"',
  );
  for (const [tsel, code] of [
    ['01.02', 0],
    ['"MTA"', 0],
    ['0x0103', 3],
  ] as const) {
    expect(await cotp(['connect', address, '--remote-tsel', tsel], 'x'), tsel).toMatchObject({
      code,
    });
  }
  expect((await cotp(['connect', address], 'x')).code).toBe(3);
  await running.says(/refused, reason 3: called 0x0103 \(PG, rack 0, slot 3\)/);
  await running.says(/refused, reason 3: called no selector/);
});

test('--refuse refuses all with that reason', async () => {
  const { address } = await cotpListen('--refuse', '1');
  const { code, stderr } = await cotp(['connect', address]);
  expect(code).toBe(3);
  expect(stderr).toMatch(/reason 1 \(congestion at the TSAP\)/);
});

/** Sends these octets to a `cotp listen` from a proxy, and waits for the answer to the CR. */
async function throughProxy(address: string, ...octets: readonly Uint8Array[]): Promise<RawPeer> {
  const raw = await rawClient(addressOf(address).port);
  raw.send(Buffer.concat(octets));
  return raw;
}

test('--proxy-protocol shows the client behind a proxy', async () => {
  const from = ['--proxy-protocol', '10.0.0.0/8,127.0.0.1', '--proxy-protocol', '::1'];
  const { address, running } = await cotpListen(...from, '-v');
  const header = proxyV1('TCP4 192.0.2.1 198.51.100.2 54321 102');
  const raw = await throughProxy(address, header, CR, dt('68690a'));
  await raw.packet();
  raw.socket.end();
  await running.says(/^#1 open: 192\.0\.2\.1:54321, /m);
  await running.says(/#1 closed/);
  expect(running.stderr).toMatch(/192\.0\.2\.1:54321.*CR/);
});

test('--proxy-protocol shows the client in --json, IPv6 too', async () => {
  const { address, running } = await cotpListen('--proxy-protocol', '127.0.0.1', '--json');
  const raw = await throughProxy(address, proxyV1('TCP6 2001:DB8::1 2001:db8::2 54321 102'), CR);
  await raw.packet();
  await running.says(/"open"/, 'stdout');
  expect(running.events[1]).toMatchObject({
    event: 'open',
    remote: '[2001:db8::1]:54321',
    local: '[2001:db8::2]:102',
  });
});

test('--proxy-protocol reports a proxy that sends no header', async () => {
  const { address, running } = await cotpListen('--proxy-protocol', '127.0.0.1');
  const raw = await throughProxy(address, CR);
  expect(await raw.ending()).toBe('reset');
  await running.says(
    /^127\.0\.0\.1:\d+: the connection does not begin with a PROXY header: proxy-missing at octet 1, in 03 .*: --proxy-protocol lists the address; does the proxy there send the header/m,
  );
});

test('a PROXY header from an address that --proxy-protocol does not list is reported', async () => {
  const { address, running } = await cotpListen('--proxy-protocol', '192.0.2.7');
  await throughProxy(address, proxyV1('TCP4 192.0.2.1 198.51.100.2 54321 102'), CR);
  await running.says(
    /^127\.0\.0\.1:\d+: a PROXY header came from an address that must not send one.*: --proxy-protocol does not list the address; add it if it is that of your proxy$/m,
  );
});

test.each(['', '10.0.0.0/33', '127.0.0.1,,::1', 'lb.example'])(
  '--proxy-protocol refuses %j',
  async (from) => {
    const { code, stderr } = await cotp(['listen', '127.0.0.1:0', '--proxy-protocol', from]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /--proxy-protocol .*must be IP addresses, networks such as 10\.0\.0\.0\/8, or unix, separated by commas, not "/,
    );
  },
);

test('--size, --max-tsdu-size and --max-connections are limits', async () => {
  const limits = ['--size', '128', '--max-tsdu-size', '100', '--max-connections', '1'];
  const { address, running } = await cotpListen('--echo', ...limits);
  const conn = await connect(addressOf(address));
  closeLater(() => conn.destroy());
  expect(conn.info.maxTpduSize).toBe(128);
  const { code, stderr } = await cotp(['connect', address], 'x');
  expect(code).toBe(3);
  expect(stderr).toMatch(/reason 1 /);
  conn.write(Buffer.alloc(200));
  await expect(conn.read()).rejects.toMatchObject({ code: 'ERR_COTP_CLOSED' });
  await running.says(
    /127\.0\.0\.1:\d+: a TSDU of at most 100 octets was expected, .*: --max-tsdu-size sets the limit\n/,
  );
});

test('--exec runs a program for each connection', async () => {
  const program = `${process.execPath} -e "process.stdout.write(process.env.COTP_LOCAL_TSEL+'\\n');process.stdin.on('data',(d)=>process.stdout.write(String(d).toUpperCase()))"`;
  const { address, running } = await cotpListen('--exec', program);
  const call = (tsel: string) => cotp(['connect', address, '--remote-tsel', tsel], 'one\ntwo\n');
  const [first, second] = await Promise.all([call('0x0102'), call('0x0200')]);
  expect(first).toEqual({ code: 0, stdout: '0x0102\nONE\nTWO\n', stderr: '' });
  expect(second).toEqual({ code: 0, stdout: '0x0200\nONE\nTWO\n', stderr: '' });
  await running.says(/#1 program ended: code 0/);
  await running.says(/#2 program ended: code 0/);
});

test('the connection closes when its program ends; the exit code is reported', async () => {
  const { address, running } = await cotpListen('--exec', 'echo hello; exit 7');
  expect(await cotp(['connect', address, '--hold', '--wait', '9s'])).toEqual({
    code: 0,
    stdout: 'hello\n',
    stderr: '',
  });
  await running.says(/#1 program ended: code 7/);
});

describe('a program whose output does not have the format', () => {
  test.each([
    ['--hex', 'echo zz', 'line 1 must be hexadecimal, two digits for each octet, not "zz"'],
    ['--hex', 'echo ! 01', 'line 1 is expedited data: that requires --expedited'],
    [
      '--length',
      "printf '\\000\\000\\000\\004x'",
      'the last TSDU is not complete: it lacks 3 octets',
    ],
  ])('is named, not the peer, and its end is reported: %s %s', async (form, program, fault) => {
    const { address, running } = await cotpListen(form, '--once', '--exec', program);
    await cotp(['connect', address]);
    expect((await running.end()).code).toBe(0);
    const [, , ...said] = running.stderr.trimEnd().split('\n');
    expect(said).toEqual([
      `the output of the program of #1: ${fault}`,
      '#1 program ended: code 0',
      '#1 closed',
    ]);
  });

  test('has the number of its connection in JSON', async () => {
    const { address, running } = await cotpListen(
      ...['--hex', '--once', '--json', '--exec', 'echo zz; exit 3'],
    );
    await cotp(['connect', address]);
    expect((await running.end()).code).toBe(0);
    expect(running.events.slice(2)).toMatchObject([
      {
        event: 'error',
        connection: 1,
        message: expect.stringMatching(/^the output of the program of #1: line 1 must be /),
      },
      { event: 'exit', connection: 1, code: 3, signal: null },
      { event: 'close', connection: 1 },
    ]);
  });
});

test('Ctrl-C twice ends it at once', async () => {
  const { address, running } = await cotpListen('--exec', "trap '' TERM; sleep 4");
  const conn = await connect(addressOf(address));
  closeLater(() => conn.destroy());
  await running.says(/#1 open/);
  const exited = once(running.child, 'exit');
  running.child.kill('SIGINT');
  await conn.waitClosed();
  running.child.kill('SIGINT');
  expect(await exited).toEqual([130, null]);
});

test('TLS with a certificate of the client', async () => {
  const { ca, server, client } = await certificates();
  const folder = await mkdtemp(join(tmpdir(), 'cotp-cli-'));
  closeLater(() => rm(folder, { recursive: true }));
  const path = (name: string) => join(folder, name);
  await writeFile(path('ca.pem'), ca);
  await writeFile(path('cert.pem'), server.cert);
  await writeFile(path('key.pem'), server.key);
  const files = [
    '--tls-cert',
    path('cert.pem'),
    '--tls-key',
    path('key.pem'),
    '--tls-ca',
    path('ca.pem'),
  ];
  const { address } = await cotpListen('--echo', ...files);
  const conn = await connect(addressOf(address), {
    tls: { ca, servername: 'localhost', ...client },
  });
  conn.write(Buffer.from('x'));
  expect(String(await conn.read())).toBe('x');
  await conn.asyncClose();
});

test('a port in use is an error of one sentence', async () => {
  const { address } = await cotpListen();
  const { code, stderr } = await cotp(['listen', address]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^cotp listen: listen EADDRINUSE.*: another program listens there; try another port\n$/,
  );
});

test.runIf(process.platform === 'linux')('a full disk is an error of one sentence', async () => {
  const shell = spawn('/bin/sh', [
    '-c',
    `exec "${process.execPath}" "${COTP}" listen 127.0.0.1:0 >/dev/full`,
  ]);
  const closed = once(shell, 'close');
  let said = '';
  shell.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  while (!said.includes('listening')) {
    await once(shell.stderr, 'data');
  }
  const [, address = ''] = /listening on (.+)/.exec(said) ?? [];
  await cotp(['connect', address], 'x');
  const [code] = await closed;
  expect(code).toBe(1);
  expect(said).toMatch(/cotp: cannot write: ENOSPC: no space left on device, write\n$/);
});

test('a bare port is one on all addresses', async () => {
  const running = new Running(['listen', ':0']);
  await running.says(/^listening on 0\.0\.0\.0:\d+\n/);
  running.child.kill('SIGTERM');
  expect((await running.end()).code).toBe(143);
});

describe.runIf(process.platform === 'linux')('a program that cannot be started', () => {
  test.each([['72'], ['64']])(
    'for want of file descriptors (%s) costs its connection only',
    async (most) => {
      const shell = spawn('/bin/bash', [
        '-c',
        `ulimit -n ${most}; exec "${process.execPath}" "${COTP}" listen 127.0.0.1:0 --json --exec cat`,
      ]);
      closeLater(() => shell.kill('SIGKILL'));
      let said = '';
      shell.stdout.on('data', (chunk) => {
        said += String(chunk);
      });
      await expect.poll(() => said).toMatch(/"listening"/);
      const address = addressOf(/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? '');
      const conns: Connection[] = [];
      // The connection whose program fails closes before what is said about it may have come.
      for (let count = 0; count < 60 && !conns.some((conn) => conn.isClosing); count += 1) {
        const conn = await connect(address);
        conns.push(conn);
        closeLater(() => conn.destroy());
        conn.write(Buffer.from('x'));
        await Promise.race([conn.read().catch(() => {}), conn.waitClosed()]);
      }
      await expect
        .poll(() => said)
        .toMatch(/"error","connection":\d+,.*"#\d+: the program cannot be started: .*EMFILE/);
      const closed = conns.filter((conn) => conn.isClosing);
      expect(closed).toHaveLength(1);
      expect(said.match(/"error"/g)).toHaveLength(1);
      await Promise.all(conns.map((conn) => conn.asyncClose()));
      await expect.poll(() => said.match(/"close"/g)?.length).toBe(conns.length);
      const again = await connect(address);
      closeLater(() => again.destroy());
      again.write(Buffer.from('still there\n'));
      expect(String(await again.read())).toBe('still there');
      expect(shell.exitCode).toBe(null);
    },
  );
});

// Each waits for the grace of the command, so all of them wait at the same time.
describe.concurrent('a stubborn program', () => {
  /** The processes of the program that still run. */
  const runs = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  test.for([
    ['ignores its stdin', 'sleep 60'],
    ['ignores SIGTERM', "trap '' TERM; while :; do sleep 60; done"],
    ['leaves others that hold its output', 'sleep 60 & sleep 60 & exit 0'],
    ['leaves others that ignore SIGTERM', `(trap '' TERM; sleep 60) & exit 0`],
  ] as const)('that %s ends soon after its connection', async ([_what, line], { expect }) => {
    const { address, running } = await cotpListen('--exec', `echo $$; ${line}`);
    const conn = await connect(addressOf(address));
    const pid = Number(await conn.read());
    conn.destroy();
    await running.says(/#1 program ended/);
    await running.says(/#1 closed/);
    await expect.poll(() => runs(-pid), { timeout: 10_000 }).toBe(false);
  });

  test('that ignores its stdin does not keep the slot of a peer that is gone', async ({
    expect,
  }) => {
    const { address } = await cotpListen('--max-connections', '1', '--exec', 'sleep 60');
    const { port } = addressOf(address);
    const gone = await rawClient(port);
    gone.send(CR);
    await gone.packet();
    gone.send(dt('aa'));
    gone.socket.end();
    await once(gone.socket, 'finish');
    gone.reset();
    const isTaken = () =>
      connect(addressOf(address)).then(
        (conn) => conn.asyncClose().then(() => true),
        () => false,
      );
    await expect.poll(isTaken, { interval: 200 }).toBe(true);
  });

  test('that ends ends its connection, though what it has left holds its output', async () => {
    const { address, running } = await cotpListen('--exec', 'echo hello; sleep 60 & exit 3');
    const conn = await connect(addressOf(address));
    expect(String(await conn.read())).toBe('hello');
    await expect(conn.read()).rejects.toMatchObject({ ending: 'fin' });
    await running.says(/#1 program ended: code 3\n#1 closed/);
  });

  test.runIf(process.platform === 'linux')(
    'that has left its process group holds its connection no longer either',
    async () => {
      const { address, running } = await cotpListen('--exec', 'setsid sleep 8 & echo hello');
      const conn = await connect(addressOf(address));
      expect(String(await conn.read())).toBe('hello');
      await expect(conn.read()).rejects.toMatchObject({ ending: 'fin' });
      await running.says(/#1 program ended: code 0\n#1 closed/);
    },
  );

  test('that ignores its input does not keep the slot of a peer that is gone', async () => {
    const { address, running } = await cotpListen('--exec', "trap '' TERM; sleep 60", '--json');
    const conn = await connect(addressOf(address));
    conn.write(Buffer.alloc(1000, 'x'));
    conn.destroy();
    await running.says(/"exit".*"SIGKILL"[\s\S]*"close"/, 'stdout');
    expect(running.events.at(-1)).toMatchObject({ event: 'close', connection: 1 });
  });

  test.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('does not outlive %s', async ([signal, exitCode], { expect }) => {
    const line = "echo $$; trap '' TERM; while :; do sleep 60; done";
    const { address, running } = await cotpListen('--exec', line);
    const conn = await connect(addressOf(address));
    closeLater(() => conn.destroy());
    const pid = Number(await conn.read());
    running.child.kill(signal);
    expect((await running.end()).code).toBe(exitCode);
    await expect.poll(() => runs(-pid)).toBe(false);
  });
});

test.concurrent('Ctrl-C closes the server, its connections and their programs', async () => {
  const { address, running } = await cotpListen('--exec', 'sleep 60');
  const conn = await connect(addressOf(address));
  const reading = expect(conn.read()).rejects.toMatchObject({ ending: 'fin' });
  await running.says(/#1 open/);
  running.child.kill('SIGINT');
  await reading;
  const { code, stderr } = await running.end();
  expect(code).toBe(130);
  expect(stderr).toMatch(/#1 program ended: SIGTERM\n#1 closed\n$/);
});

test.concurrent('--max-programs bounds the programs, also of connections that are gone', async () => {
  const { address, running } = await cotpListen(
    ...['--json', '--max-programs', '2', '--exec', "trap '' TERM; echo hello; sleep 60"],
  );
  const conns = [await connect(addressOf(address)), await connect(addressOf(address))];
  await Promise.all(conns.map((conn) => conn.read()));
  await expect(connect(addressOf(address))).rejects.toMatchObject({ reason: 1 });
  for (const conn of conns) {
    conn.destroy();
  }
  await Promise.all(conns.map((conn) => conn.waitClosed()));
  await expect(connect(addressOf(address))).rejects.toMatchObject({ reason: 1 });
  await running.says(/"close"[\s\S]*"close"/, 'stdout');
  const conn = await connect(addressOf(address));
  closeLater(() => conn.destroy());
  expect(String(await conn.read())).toBe('hello');
  expect(running.events.filter(({ event }) => event === 'refused')).toMatchObject([
    { reason: 1, cause: 'limit' },
    { reason: 1, cause: 'limit' },
  ]);
});

test('what --max-connections refuses is an event too', async () => {
  const { address, running } = await cotpListen('--json', '--max-connections', '1');
  const conn = await connect(addressOf(address));
  closeLater(() => conn.destroy());
  const excess = connect(addressOf(address), { remoteTsel: 0x0102 });
  await expect(excess).rejects.toMatchObject({ reason: 1 });
  await running.says(/"refused"/, 'stdout');
  const { localAddr } = conn.info;
  expect(running.events.at(-1)).toMatchObject({
    event: 'refused',
    peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    reason: 1,
    cause: 'limit',
    localTsel: '0x0102',
  });
  expect(running.events.at(-1)).not.toMatchObject({ peer: `127.0.0.1:${localAddr.port}` });
});

test.each([[[]], [['--exec', 'cat']]])('many connections bring no warning: %j', async (args) => {
  const { address, running } = await cotpListen(...args);
  const conns = await Promise.all(Array.from({ length: 15 }, () => connect(addressOf(address))));
  await running.says(/#15 open/);
  await Promise.all(conns.map((conn) => conn.asyncClose()));
  running.child.kill('SIGINT');
  expect((await running.end()).stderr).not.toContain('Warning');
});
