import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { ListenOptions } from '../../src/index.js';
import { certificates } from '../support/certificates.js';
import { rawServer, serve } from '../support/life.js';
import { tpkt } from '../support/raw.js';
import { closedPort, cotp, listening, Running, strangers } from './support.js';

async function device(options: ListenOptions = {}): Promise<string> {
  const { address } = await serve(options);
  return `${address.host}:${address.port}`;
}

const quick = ['--delay', '0'];

/** The events of the attempts, without the verdict. */
function attempts({ events }: Running) {
  return events.filter(({ event }) => event === 'probe');
}

test('stops at the first selector that is accepted, and shows the CC', async () => {
  const address = await device({ localTsel: 0x0200, maxTpduSize: 512 });
  const { code, stdout, stderr } = await cotp(['probe', address, ...quick]);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(
    /^127\.0\.0\.1:\d+ {2}0x0102 \(PG, rack 0, slot 2\) {2}DR reason 3 \(address unknown\) {2}[\d.]+ ms$/,
  );
  expect(lines[1]).toMatch(
    /^127\.0\.0\.1:\d+ {2}0x0200 \(OP, rack 0, slot 0\) {2}CC {2}size 512 {2}class 0 {2}src-ref 0x[0-9a-f]{4} {2}dst-ref 0x[0-9a-f]{4} {2}calling 0x0100 {2}called 0x0200 {2}[\d.]+ ms$/,
  );
  expect(stderr).toBe('7 selectors, without delay; each try uses one connection\n');
});

test('--all continues in the order of the list', async () => {
  const address = await device();
  const running = new Running(['probe', address, '--all', '--json', ...quick]);
  expect((await running.end()).code).toBe(0);
  expect(attempts(running).map(({ called, result }) => `${called} ${result}`)).toEqual(
    ['0x0102', '0x0200', '0x0201', '0x0300', '0x0301', '0x0302', '0x0001'].map(
      (tsel) => `${tsel} confirmed`,
    ),
  );
  expect(running.events[0]).toMatchObject({
    target: address,
    milliseconds: expect.any(Number),
    confirm: { size: 1024, class: 0, callingTsel: '0x0100', calledTsel: '0x0102', diagnostics: [] },
  });
});

test.each([
  [[], 1024],
  [['--size', '512'], 512],
] as const)('offers the size that its help names, or the one given: %j', async (args, size) => {
  const offered: unknown[] = [];
  const address = await device({
    onConnectRequest(request) {
      offered.push(request.tpdu.parameters.tpduSize);
      request.accept();
    },
  });
  await cotp(['probe', address, ...args, ...quick]);
  expect(offered).toEqual([size]);
  expect((await cotp(['probe', '--help'])).stdout).toMatch(
    /--size <octets> +largest TPDU that is offered, 128 to 65531 \(default:\s+1024\)/,
  );
});

test('one connection at a time, a delay between', async () => {
  let open = 0;
  let most = 0;
  const begun: number[] = [];
  const address = await device({
    onConnectRequest(request) {
      open += 1;
      most = Math.max(most, open);
      begun.push(performance.now());
      request.socket.once('close', () => {
        open -= 1;
      });
      request.accept();
    },
  });
  await cotp(['probe', address, '--tsel', '1,2,3', '--all', '--delay', '150ms']);
  expect(most).toBe(1);
  const gaps = begun.slice(1).map((time, index) => time - (begun[index] ?? 0));
  expect(gaps).toHaveLength(2);
  for (const gap of gaps) {
    expect(gap).toBeGreaterThan(140);
  }
});

test('selectors of one’s own: a list, a range', async () => {
  const called: unknown[] = [];
  const address = await device({
    onConnectRequest(request) {
      called.push(request.localTsel);
      request.refuse(2);
    },
  });
  const list = await cotp(['probe', address, '--tsel', '"a,b",#010203,7', ...quick]);
  expect(list.code).toBe(3);
  const range = await cotp(['probe', address, '--range', '0x00fe-0x0101', ...quick]);
  expect(range.code).toBe(3);
  expect(called).toEqual([Buffer.from('a,b'), Buffer.from([1, 2, 3]), 7, 0xfe, 0xff, 0x100, 0x101]);
});

describe('what else there may be', () => {
  test.each([
    ['HTTP', async () => listening(createHttpServer())],
    ['SSH', () => strangers(() => 'SSH-2.0-OpenSSH_9.6\r\n')],
    ['VNC', () => strangers(() => 'RFB 003.008\n')],
    ['SMTP or FTP', () => strangers(() => '220 mail.example ESMTP\r\n')],
    ['telnet', () => strangers(() => Buffer.from('fffd18fffd20', 'hex'))],
    ['TLS', () => strangers(() => Buffer.from('15030100020246', 'hex'))],
  ])('%s', async (name, open) => {
    const running = new Running(['probe', await open(), '--json', ...quick]);
    expect((await running.end()).code).toBe(5);
    expect(attempts(running)).toMatchObject([{ result: 'not-cotp', looksLike: name }]);
  });

  test('a real TLS server', async () => {
    const { server } = await certificates();
    const tls = createTlsServer(server);
    tls.on('tlsClientError', () => {});
    const { code, stdout } = await cotp(['probe', await listening(tls), '--tsel', '1', ...quick]);
    expect([3, 5]).toContain(code);
    expect(stdout).toMatch(/it requires TLS$|it looks like TLS$/m);
  });

  test('a server that asks for a certificate', async () => {
    const { server, ca } = await certificates();
    const address = await device({ tls: { ...server, ca, requestCert: true } });
    const { code, stdout } = await cotp(['probe', address, '--tls-insecure', ...quick]);
    expect(code).toBe(3);
    expect(stdout).toMatch(
      / TLS failed \(ERR_SSL_\w+\) .*require a client certificate, or another one\?$/m,
    );
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  test('TCP without TLS, where TLS was wanted', async () => {
    const { address } = await rawServer();
    const to = `${address.host}:${address.port}`;
    const args = ['probe', to, '--tls-insecure', '--timeout', '300ms', ...quick];
    const { code, stdout } = await cotp(args);
    expect(code).toBe(4);
    expect(stdout).toMatch(/ TCP connected, but no TLS within 300 ms: does the peer use TLS/);
  });

  test('remote desktop', async () => {
    const answer = (octets: Buffer) =>
      Buffer.concat([
        Buffer.from('030000130ed0', 'hex'),
        octets.subarray(8, 10),
        Buffer.from('1234000200080000000000', 'hex').subarray(0, 11),
      ]);
    const address = await strangers(answer);
    const { stdout, code } = await cotp(['probe', address, '--tsel', '1', ...quick]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/CC .*looks like remote desktop \(RDP\)/);
  });

  test.each([
    ['a CC that cannot be decoded', '0a d0 RR RR 0007 00', 'li-exceeds'],
    ['a CC of another class', '06 d0 RR RR 0007 40', 'cc-class'],
    ['a DT instead of a CC', '02 f0 80 01', 'tpdu-not-expected'],
  ])('COTP with a fault: %s', async (_what, octets, fault) => {
    const address = await strangers((cr) =>
      tpkt(octets.replace('RR RR', cr.subarray(8, 10).toString('hex'))),
    );
    const running = new Running(['probe', address, '--tsel', '1', '--json', ...quick]);
    expect((await running.end()).code).toBe(5);
    expect(attempts(running)).toMatchObject([{ result: 'faulty', hex: expect.any(String) }]);
    const { stdout } = await cotp(['probe', address, '--tsel', '1', ...quick]);
    expect(stdout).toMatch(new RegExp(` COTP, but with a fault: .*${fault}`));
    expect(stdout).not.toContain('not COTP');
  });

  test('nothing that listens', async () => {
    const { code, stdout } = await cotp(['probe', await closedPort(), ...quick]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^\S+ {2}0x0102 \(PG, rack 0, slot 2\) {2}connect ECONNREFUSED .*\n/);
  });

  test('a silent port', async () => {
    const address = await strangers(() => undefined);
    const args = ['probe', address, '--tsel', '1,2', '--timeout', '150ms', ...quick];
    const { code, stdout } = await cotp(args);
    expect(code).toBe(4);
    expect(stdout.match(/nothing within 150 ms after the CR/g)).toHaveLength(2);
  });

  test.each([
    ['a part of a TPKT', '0300', '2 octets of a TPKT came \\(03 00\\)'],
    ['all of a CC but its end', '0300000b06d0', '6 octets of a TPKT came \\(03 00 00 0b 06 d0\\)'],
  ])('a device that sends %s and then nothing', async (_what, octets, said) => {
    const address = await strangers(() => Buffer.from(octets, 'hex'));
    const args = ['probe', address, '--tsel', '1,2', '--timeout', '150ms', ...quick];
    const { code, stdout } = await cotp(args);
    expect(code).toBe(4);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(new RegExp(`no CC within 150 ms; only ${said}: if the peer is slow`));
    expect(lines.at(-1)).toMatch(
      /verdict: something answers, but too slowly or not completely; try a longer --timeout$/,
    );
    const running = new Running([...args, '--json']);
    await running.end();
    const result = { result: 'timeout', hex: octets };
    expect(attempts(running)).toMatchObject([result, result]);
  });

  test('a device that answers one attempt in part only, and another not at all', async () => {
    let calls = 0;
    const address = await strangers(() => {
      calls += 1;
      return calls === 1 ? Buffer.from('03', 'hex') : undefined;
    });
    const args = ['probe', address, '--tsel', '1,2', '--timeout', '150ms', ...quick];
    const lines = (await cotp(args)).stdout.trimEnd().split('\n');
    expect(lines[1]).toMatch(/nothing within 150 ms after the CR$/);
    expect(lines[2]).toMatch(/verdict: something answers, but too slowly or not completely/);
  });

  test('a device that closes within its answer', async () => {
    const server = await rawServer();
    const { host, port } = server.address;
    const running = new Running(['probe', `${host}:${port}`, '--tsel', '1', '--json', ...quick]);
    const peer = await server.accept();
    await peer.packet();
    peer.socket.end(Buffer.from('0300', 'hex'));
    expect((await running.end()).code).toBe(3);
    expect(running.events).toMatchObject([
      { event: 'probe', result: 'closed', hex: '0300' },
      { event: 'verdict', text: expect.stringMatching(/^something answers, but ends TCP before /) },
    ]);
  });

  test('a device that resets or closes instead of answering', async () => {
    const server = await rawServer();
    const { host, port } = server.address;
    const running = new Running(['probe', `${host}:${port}`, '--tsel', '1,2', '--json', ...quick]);
    const first = await server.accept();
    await first.packet();
    first.reset();
    const second = await server.accept();
    await second.packet();
    second.socket.end();
    expect((await running.end()).code).toBe(3);
    expect(attempts(running).map(({ result }) => result)).toEqual(['reset', 'closed']);
  });
});

test('the exit code of several hosts is that of the first host without a confirmed selector', async () => {
  const good = await device();
  const refusing = await device({ localTsel: 9 });
  const closed = await closedPort();
  expect((await cotp(['probe', good, refusing, closed, ...quick])).code).toBe(3);
  expect((await cotp(['probe', closed, good, ...quick])).code).toBe(1);
});

test('Ctrl-C between two tries', async () => {
  const address = await device({ localTsel: 9 });
  const running = new Running(['probe', address, '--delay', '60s']);
  await running.says(/DR reason 3/, 'stdout');
  running.child.kill('SIGINT');
  expect((await running.end()).code).toBe(130);
});

describe('the verdict is one sentence for each host', () => {
  /** The text of the verdict of one host, and how many attempts it took. */
  const verdict = async (address: string, ...args: readonly string[]) => {
    const running = new Running(['probe', address, '--json', ...quick, ...args]);
    const { code } = await running.end();
    const last = running.events.at(-1);
    expect(last).toMatchObject({ event: 'verdict', target: address, exitCode: code });
    return last;
  };
  const timeout = ['--timeout', '100ms'];

  test('a selector is accepted', async () => {
    const address = await device({ localTsel: 0x0200 });
    expect(await verdict(address)).toMatchObject({
      result: 'confirmed',
      accepted: ['0x0200'],
      attempts: 2,
      text: 'it uses COTP and accepts 0x0200 (OP, rack 0, slot 0)',
    });
  });

  test('it names every accepted selector with --all', async () => {
    const { accepted } = (await verdict(await device(), '--all', '--tsel', '1,2')) ?? {};
    expect(accepted).toEqual(['0x0001', '0x0002']);
  });

  test('every selector is refused', async () => {
    const { text } = (await verdict(await device({ localTsel: 9 }))) ?? {};
    expect(text).toMatch(/^it uses COTP, but refuses 7 T-selectors; try others with /);
  });

  test('another protocol answers', async () => {
    const { text } = (await verdict(await strangers(() => 'SSH-2.0-x\r\n'))) ?? {};
    expect(text).toBe('it does not use COTP: it looks like SSH');
  });

  test('every selector is refused for the class', async () => {
    const { text } = (await verdict(await device(), '--class', '2')) ?? {};
    expect(text).toBe(
      'it uses COTP, but refuses what the CR offers; try --class 0, without --expedited',
    );
  });

  test('the certificate of the host is not trusted', async () => {
    const { server } = await certificates();
    const { text } = (await verdict(await device({ tls: server }), '--tls')) ?? {};
    expect(text).toMatch(
      /^TCP connects, but TLS fails: .*certificate.*: --tls-ca trusts its CA, --tls-insecure accepts any certificate$/,
    );
  });

  test('the host closes TCP in the handshake of TLS', async () => {
    const { text } = (await verdict(await device(), '--tls')) ?? {};
    expect(text).toMatch(/^TCP connects, but TLS fails: .*does the peer use TLS on this port/);
  });

  test('nothing listens', async () => {
    const { text } = (await verdict(await closedPort())) ?? {};
    expect(text).toMatch(/^it cannot be reached: connect ECONNREFUSED /);
  });

  test('the answer has a fault', async () => {
    const { text } = (await verdict(await strangers(() => tpkt('02 f0 80 01')))) ?? {};
    expect(text).toBe('it uses COTP, but its answer violates the protocol');
  });

  test('a silent host costs two tries', async () => {
    const last = await verdict(await strangers(() => undefined), ...timeout);
    expect(last).toMatchObject({ result: 'timeout', attempts: 2 });
    expect(last?.text).toMatch(/nothing answers 2 T-selectors: .*; --all tries the whole list$/);
  });

  test('a silent host costs two tries with --classes too', async () => {
    const address = await strangers(() => undefined);
    expect(await verdict(address, '--classes', ...timeout)).toMatchObject({ attempts: 2 });
  });

  test('a silent host is tried with the whole list if the user asks for --all', async () => {
    const args = ['--tsel', '1,2,3', '--all', ...timeout];
    expect(await verdict(await strangers(() => undefined), ...args)).toMatchObject({ attempts: 3 });
  });

  test('as text it is the last line of its host', async () => {
    const { stdout } = await cotp(['probe', await device(), await closedPort(), ...quick]);
    const isVerdict = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.includes('  verdict: it '));
    expect(isVerdict).toEqual([false, true, false, true]);
  });
});

test('--s7 calls one selector by rack and slot', async () => {
  const address = await device({ localTsel: 0x0222 });
  const { code, stdout } = await cotp(['probe', address, '--s7', 'op,1,2', ...quick]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/accepts 0x0222 \(OP, rack 1, slot 2\)$/m);
});

test.runIf(process.platform === 'linux')('--local-address is where it calls from', async () => {
  const server = await rawServer();
  const { host, port } = server.address;
  const args = ['--local-address', '127.0.0.3', '--tsel', '1', ...quick];
  const running = new Running(['probe', `${host}:${port}`, ...args]);
  const first = await server.accept();
  expect(first.socket.remoteAddress).toBe('127.0.0.3');
  await first.packet();
  first.reset();
  expect((await running.end()).code).toBe(3);
});

test('--local-address that this machine does not have', async () => {
  const args = ['--local-address', '192.0.2.1', ...quick];
  const { code, stdout } = await cotp(['probe', await closedPort(), ...args]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/EADDRNOTAVAIL .*this machine does not have this address/);
});
