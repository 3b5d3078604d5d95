import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Connection, ListenOptions } from '../../src/index.js';
import { type Certificates, certificates } from '../support/certificates.js';
import { closeOwn } from '../support/concurrent.js';
import { rawServer, serve } from '../support/life.js';
import { cc, dt, tpkt } from '../support/raw.js';
import { closedPort, cotp, listening, Running, strangers } from './support.js';

closeOwn();

/** Starts an echo server; returns its address. */
async function echoServer(options: ListenOptions = {}): Promise<string> {
  const { address, accept } = await serve(options);
  const echo = async (conn: Connection) => {
    for await (const tsdu of conn) {
      conn.write(tsdu);
    }
  };
  const next = async (): Promise<void> => {
    const conn = await accept();
    // The test decides how a connection ends.
    void echo(conn).catch(() => {});
    await next();
  };
  void next();
  return `${address.host}:${address.port}`;
}

const hexOf = (text: string) => Buffer.from(text).toString('hex');

let folder = '';
let made: Certificates;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cotp-cli-'));
  made = await certificates();
  await writeFile(join(folder, 'ca.pem'), made.ca);
  await writeFile(join(folder, 'cert.pem'), made.client.cert);
  await writeFile(join(folder, 'key.pem'), made.client.key);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('TSDUs through pipes', () => {
  test('a line each, empty ones left out, the last one without its newline', async () => {
    const outcome = await cotp(['connect', await echoServer()], 'one\n\ntwo\nthree');
    expect(outcome).toEqual({ code: 0, stdout: 'one\ntwo\nthree\n', stderr: '' });
  });

  test('hexadecimal, spaced or not', async () => {
    const args = ['connect', await echoServer(), '--hex'];
    const { code, stdout } = await cotp(args, '00 01:ff\n\nCAFE\n');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '0001ff\ncafe\n' });
  });

  test('octets as they come, a megabyte of them', async () => {
    const sent = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => (index * 7) % 256));
    const running = new Running(['connect', await echoServer(), '--raw', '--tsdu-size', '5000']);
    running.child.stdin.end(sent);
    expect((await running.end()).code).toBe(0);
    expect(running.octets.equals(sent)).toBe(true);
  });

  test('a length before each', async () => {
    const sent = Buffer.from('00000002616200000001630000000000000003646566', 'hex');
    const running = new Running(['connect', await echoServer(), '--length']);
    running.child.stdin.end(sent);
    expect((await running.end()).code).toBe(0);
    expect(running.octets.toString('hex')).toBe('000000026162000000016300000003646566');
  });

  test('a file as one TSDU, shown as events', async () => {
    const path = join(folder, 'tsdu.bin');
    await writeFile(path, 'line 1\nline 2\n');
    const running = new Running(['connect', await echoServer(), '--file', path, '--json']);
    expect((await running.end()).code).toBe(0);
    const hex = Buffer.from('line 1\nline 2\n').toString('hex');
    expect(running.events).toMatchObject([
      { event: 'open', maxTpduSize: 2048, class: 0 },
      { event: 'tsdu', direction: 'sent', octets: 14, hex },
      { event: 'tsdu', direction: 'received', octets: 14, hex },
      { event: 'close' },
    ]);
  });

  test('input that is not hexadecimal ends with code 2, after what came before it was sent', async () => {
    const { code, stdout, stderr } = await cotp(
      ['connect', await echoServer(), '--hex'],
      '00\nxy\n',
    );
    expect(code).toBe(2);
    expect(['', '00\n']).toContain(stdout);
    expect(stderr).toMatch(
      /^cotp connect: line 2 must be hexadecimal, two digits for each octet, not "xy"\n/,
    );
  });

  test('an incomplete length-prefixed TSDU is an error', async () => {
    const args = ['connect', await echoServer(), '--length'];
    const { code, stderr } = await cotp(args, Buffer.from([0, 0, 0, 9, 1]));
    expect(code).toBe(2);
    expect(stderr).toMatch(/the last TSDU is not complete: it lacks 8 octets/);
  });
});

describe('options', () => {
  test('S7 selectors and the size reach the peer, and -v shows every TPDU', async () => {
    const args = ['connect', await echoServer(), '--s7', 'op,1,3', '--size', '512', '-v'];
    const { code, stdout, stderr } = await cotp(args, 'x\n');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'x\n' });
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(
      /^> 127\.0\.0\.1:\d+ CR TPDU src-ref: 0x[0-9a-f]{4} dst-ref: 0x0000 class: 0 calling: 0x0100 called: 0x0223 size: 512$/,
    );
    expect(lines[1]).toMatch(/^< .* CC TPDU .* size: 512$/);
    expect(lines[2]).toMatch(
      /^connected to .*, local 0x0100 \(PG, rack 0, slot 0\), remote 0x0223 \(OP, rack 1, slot 3\), TPDUs of 512 octets$/,
    );
    expect(lines[3]).toMatch(/^> .* DT TPDU \(0\) EOT 1 octet$/);
    expect(lines[4]).toMatch(/^< .* DT TPDU \(0\) EOT 1 octet$/);
  });

  test('--json -v has TPDUs among the events', async () => {
    const running = new Running(['connect', await echoServer(), '--json', '-v']);
    running.child.stdin.end('x');
    await running.end();
    const kinds = running.events.map(({ event, direction }) =>
      `${event} ${direction ?? ''}`.trim(),
    );
    expect(kinds).toEqual([
      'tpdu sent',
      'tpdu received',
      'open',
      'tpdu sent',
      'tsdu sent',
      'tpdu received',
      'tsdu received',
      'close',
    ]);
  });

  test('TLS: the CA is checked, except with --tls-insecure', async () => {
    const address = await echoServer({ tls: made.server });
    const trusting = ['--tls-ca', join(folder, 'ca.pem'), '--tls-servername', 'localhost'];
    expect(await cotp(['connect', address, ...trusting], 'x')).toMatchObject({
      code: 0,
      stdout: 'x\n',
    });
    expect(await cotp(['connect', address, '--tls-insecure'], 'x')).toMatchObject({ code: 0 });
    const { code, stderr } = await cotp(['connect', address, '--tls'], 'x');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^cotp connect: .*certificate.*: --tls-ca trusts its CA, --tls-insecure accepts any certificate\n$/,
    );
  });

  test('TLS: the error for a key of another certificate names both options', async () => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'other-key.pem')];
    await writeFile(key, made.server.key);
    const { code, stderr } = await cotp(['connect', 'h', '--tls-cert', cert, '--tls-key', key]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `cotp connect: --tls-key ${key} does not match --tls-cert ${cert}: key values mismatch\ntry 'cotp connect --help'\n`,
    );
  });

  test('TLS: the error for an invalid file names its option', async () => {
    const cert = join(folder, 'broken.pem');
    await writeFile(cert, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const key = join(folder, 'key.pem');
    const { code, stderr } = await cotp(['listen', '--tls-cert', cert, '--tls-key', key]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^cotp listen: --tls-cert \S+broken\.pem cannot be used: [\w ]+\n/);
  });

  test('TLS: a certificate of our own', async () => {
    const address = await echoServer({ tls: { ...made.server, ca: made.ca, requestCert: true } });
    const own = ['--tls-cert', join(folder, 'cert.pem'), '--tls-key', join(folder, 'key.pem')];
    expect(await cotp(['connect', address, '--tls-insecure', ...own], 'x')).toMatchObject({
      code: 0,
      stdout: 'x\n',
    });
  });
});

// Each waits for --wait and then for the close of a peer that does not close.
describe.concurrent('an answer that does not come within --wait', () => {
  /** A peer that reads everything, answers only TSDUs that ask for it, and never closes. */
  async function silentPeer(): Promise<string> {
    const { address, accept } = await serve({ allowHalfOpen: true });
    void accept().then(async (conn) => {
      for await (const tsdu of conn) {
        if (String(tsdu) === 'question') {
          conn.write(Buffer.from('answer'));
        }
      }
    });
    return `${address.host}:${address.port}`;
  }

  test.each([[[]], [['--hold']]])('is an error with exit code 4: %j', async (more) => {
    const args = ['connect', await silentPeer(), '--wait', '200ms', ...more];
    const { code, stdout, stderr } = await cotp(args, 'statement');
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(/^cotp connect: no answer came within 200 ms: .*\n$/);
  });

  test('is none of several that came: exit code 0', async () => {
    const args = ['connect', await silentPeer(), '--wait', '200ms'];
    expect(await cotp(args, 'question\nstatement')).toEqual({
      code: 0,
      stdout: 'answer\n',
      stderr: '',
    });
  });

  test.each([
    ['nothing was asked', [], ''],
    ['--hold, and nothing was asked', ['--hold'], ''],
  ])('is not missed when %s', async (_when, more, input) => {
    const args = ['connect', await silentPeer(), '--wait', '200ms', ...more];
    expect(await cotp(args, input)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('is not awaited with --wait 0, but everything leaves', async () => {
    const { address, accept } = await serve({ allowHalfOpen: true });
    const running = new Running([
      ...['connect', `${address.host}:${address.port}`],
      ...['--raw', '--tsdu-size', '10000000', '--wait', '0'],
    ]);
    running.child.stdin.end(Buffer.alloc(3_000_000));
    const peer = await accept();
    let octets = 0;
    for await (const tsdu of peer) {
      octets += tsdu.length;
    }
    expect(octets).toBe(3_000_000);
    expect(await running.end()).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('is no error when the peer closes cleanly instead', async () => {
    const { address, accept } = await serve();
    void accept().then((peer) => peer.read());
    const args = ['connect', `${address.host}:${address.port}`, '--wait', '9s'];
    expect(await cotp(args, 'statement')).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

test.concurrent('--hold keeps our half open and --wait says how long', async () => {
  const server = await rawServer();
  const { host, port } = server.address;
  const running = new Running(['connect', `${host}:${port}`, '--hold', '--wait', '700ms']);
  running.child.stdin.end('question');
  const peer = await server.accept();
  peer.send(cc((await peer.packet()).toString('hex', 4, 6)));
  expect((await peer.packet()).toString('hex')).toBe(`02f080${hexOf('question')}`);
  let from = 0;
  for (const answer of ['late', 'later', 'last']) {
    from = performance.now();
    peer.send(dt(hexOf(answer)));
    await running.says(new RegExp(`^${answer}\n`, 'm'), 'stdout');
    expect(peer.isOver).toBe(false);
  }
  expect(await peer.ending()).toBe('fin');
  expect(performance.now() - from).toBeGreaterThan(690);
  peer.socket.end();
  expect(await running.end()).toEqual({ code: 0, stdout: 'late\nlater\nlast\n', stderr: '' });
});

// It waits for --wait and then for the close of the peer.
test.concurrent('a peer that never closes is left after --wait', async () => {
  const { address, accept } = await serve({ allowHalfOpen: true });
  void accept();
  const started = performance.now();
  const args = ['connect', `${address.host}:${address.port}`, '--wait', '200ms'];
  expect(await cotp(args)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(performance.now() - started).toBeLessThan(9_000);
});

describe('what can go wrong', () => {
  test('nothing listens', async () => {
    const { code, stderr } = await cotp(['connect', await closedPort()]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^cotp connect: connect ECONNREFUSED .*: nothing listens there, or a firewall refuses\n$/,
    );
  });

  test('no such host', async () => {
    const { code, stderr } = await cotp(['connect', 'no-such-host.invalid']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^cotp connect: getaddrinfo .*: .*host name.*\n$/);
  });

  test('a refusal', async () => {
    const address = await echoServer({ localTsel: 0x0102 });
    const { code, stderr } = await cotp(['connect', address, '--remote-tsel', '01.03']);
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /^cotp connect: the peer refused .* reason 3 \(address unknown\): check the remote T-selector\n$/,
    );
  });

  test('a refusal by ER, whose hint names options that there are', async () => {
    const server = await rawServer();
    const { host, port } = server.address;
    const running = new Running(['connect', `${host}:${port}`]);
    const peer = await server.accept();
    const cr = await peer.packet();
    peer.send(tpkt(`04 70 ${cr.toString('hex', 4, 6)} 02`));
    expect((await running.end()).code).toBe(3);
    expect(running.stderr).toMatch(
      /^cotp connect: the peer rejected the CR by an ER .*: try another --size-offer or --size\n$/,
    );
  });

  test('a silent port', async () => {
    const address = await strangers(() => undefined);
    const { code, stderr } = await cotp(['connect', address, '--timeout', '300ms']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^cotp connect: no CC within 300 ms: is a COTP server listening/);
  });

  test('a peer that sends a part of a TPKT', async () => {
    const address = await strangers(() => Buffer.from('0300', 'hex'));
    const running = new Running(['connect', address, '--timeout', '300ms', '--json']);
    const { code, stderr } = await running.end();
    expect(code).toBe(4);
    expect(stderr).toMatch(
      /^cotp connect: no CC within 300 ms; only 2 octets of a TPKT came \(03 00\): if the peer is slow, try a longer timeout\n$/,
    );
    expect(running.events).toMatchObject([{ event: 'error', phase: 'cr-sent', hex: '0300' }]);
  });

  test('a web server', async () => {
    const address = await listening(createHttpServer());
    const { code, stderr } = await cotp(['connect', address]);
    expect(code).toBe(5);
    expect(stderr).toMatch(/^cotp connect: the TPKT version is not 3 .*\n$/);
  });

  test.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n', 'is it the right port?'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n', 'is it the right port?'],
    ['VNC', 'RFB 003.008\n', 'is it the right port?'],
    ['TLS', '\x15\x03\x01\x00\x02\x02\x46', 'does only one side use TLS?'],
  ])('a peer that speaks %s', async (name, answer, advice) => {
    const address = await strangers(() => answer);
    const { code, stderr } = await cotp(['connect', address], 'x');
    expect(code).toBe(5);
    expect(stderr.endsWith(`: it looks like ${name}; ${advice}\n`)).toBe(true);
  });

  test('remote desktop', async () => {
    const address = await strangers((cr) =>
      cr[5] === 0xe0
        ? tpkt(`0e d0 ${cr.toString('hex', 8, 10)} 1234 00 0200080001000000`)
        : undefined,
    );
    const { stderr } = await cotp(['connect', address, '--wait', '0']);
    expect(stderr).toMatch(/form of remote desktop/);
  });

  test('TLS where there is none', async () => {
    const address = await strangers(() => 'SSH-2.0-test\r\n');
    const { code, stderr } = await cotp(['connect', address, '--tls-insecure']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^cotp connect: TLS: wrong version number.*does the peer use TLS on this port\?\n$/,
    );
  });

  test('a peer that resets', async () => {
    const { address, accept } = await serve();
    const running = new Running(['connect', `${address.host}:${address.port}`, '-v']);
    const peer = await accept();
    await running.says(/connected to/);
    peer.destroy();
    expect((await running.end()).code).toBe(1);
    expect(running.stderr).toMatch(/\ncotp connect: TCP was reset .*\n$/);
  });

  test('ends when the peer closes, while stdin is still open', async () => {
    const { address, accept } = await serve();
    const running = new Running(['connect', `${address.host}:${address.port}`]);
    const peer = await accept();
    peer.write(Buffer.from('bye'));
    await peer.asyncClose();
    expect(await running.end()).toEqual({ code: 0, stdout: 'bye\n', stderr: '' });
  });
});

describe('stopping', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s closes the connection cleanly', async (signal, code) => {
    const { address, accept } = await serve();
    const running = new Running(['connect', `${address.host}:${address.port}`]);
    const peer = await accept();
    running.child.stdin.write('first\n');
    expect(String(await peer.read())).toBe('first');
    running.child.kill(signal);
    await expect(peer.read()).rejects.toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'fin' });
    expect(await running.end()).toEqual({ code, stdout: '', stderr: '' });
  });

  test('SIGINT while it connects', async () => {
    const running = new Running(['connect', await strangers(() => undefined), '-v']);
    await running.says(/CR TPDU/);
    running.child.kill('SIGINT');
    expect((await running.end()).code).toBe(130);
  });

  test('a closed pipe ends it quietly', async () => {
    const { address, accept } = await serve();
    const running = new Running(['connect', `${address.host}:${address.port}`]);
    const peer = await accept();
    running.child.stdout.destroy();
    const write = setInterval(() => peer.isOpen && peer.write(Buffer.alloc(10_000)), 20);
    const { code, stderr } = await running.end();
    clearInterval(write);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
