/** Class 2 and expedited data in every command that opens connections. */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { type ConnectOptions, connect, type ListenOptions } from '../../src/index.js';
import { closeLater, rawClient, rawServer, rejection, serve } from '../support/life.js';
import { hex, tpkt } from '../support/raw.js';
import { cotp, cotpListen, Running } from './support.js';

const CLASS_2 = ['--class', '2'];
const ALL = ['--class', '2,0', '--expedited', '--expedited-ack'];
const GRANTS_ALL = { tpClass: '2,0', expedited: true } as const;
const QUICK = ['--wait', '300ms'];

const target = (text: string) => {
  const [host = '', port] = text.split(':');
  return { host, port: Number(port) };
};

/** A server of the library that echoes TSDUs and expedited data. */
async function echo(options: ListenOptions = GRANTS_ALL): Promise<string> {
  const onExpedited: ListenOptions['onExpedited'] = (data, conn) => {
    conn.writeExpedited(data);
  };
  const { address, accept } = await serve({ ...options, onExpedited });
  const next = async (): Promise<void> => {
    const conn = await accept();
    void (async () => {
      for await (const tsdu of conn) {
        conn.write(tsdu);
      }
    })().catch(() => {});
    await next();
  };
  void next();
  return `${address.host}:${address.port}`;
}

async function open(address: string, options: ConnectOptions) {
  const conn = await connect(target(address), options);
  closeLater(() => conn.destroy());
  return conn;
}

/** A connection of class 2 between `cotp` and bare TCP; gives the peer and the reference of `cotp`. */
async function rawClass2(args: readonly string[], c6 = '00') {
  const server = await rawServer();
  const { host, port } = server.address;
  const running = new Running(['connect', `${host}:${port}`, ...args]);
  const peer = await server.accept();
  const ref = (await peer.packet()).toString('hex', 4, 6);
  peer.send(tpkt(`0c d0 ${ref} 0007 21 c0010b c601${c6}`));
  return { running, peer, ref };
}

describe('connect in class 2', () => {
  test('waits for the answers, then releases the connection, which the peer confirms', async () => {
    const { code, stdout, stderr } = await cotp(
      ['connect', await echo(), ...CLASS_2, ...QUICK, '-v'],
      'one\ntwo\n',
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'one\ntwo\n' });
    expect(stderr).toMatch(/^connected to \S+, TPDUs of 2048 octets, class 2$/m);
    expect(stderr).toMatch(/^> .* DR TPDU .* reason: 128 .* info: 80 \(non-disruptive\)$/m);
    expect(stderr).toMatch(/^< .* DC TPDU .*\nclosed: our DR was confirmed by a DC\n$/m);
  });

  test('a DR of the peer ends it; -v tells its reason and user data', async () => {
    const { running, peer, ref } = await rawClass2([...CLASS_2, '-v']);
    peer.send(tpkt(`09 80 ${ref} 0007 80 e00180 627965`));
    expect((await peer.packet()).toString('hex')).toBe(`05c00007${ref}`);
    peer.socket.end();
    const { code, stderr } = await running.end();
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /\nclosed: the peer sent a DR with reason 128 \(normal disconnect initiated by the session entity\), user data 627965 "bye"\n$/,
    );
  });

  test('a DR with another reason is an error, which the event describes', async () => {
    const { running, peer, ref } = await rawClass2([...CLASS_2, '--json']);
    peer.send(tpkt(`06 80 ${ref} 0007 85 01ff`));
    peer.socket.end();
    expect((await running.end()).code).toBe(1);
    expect(running.stderr).toMatch(/^cotp connect: .* reason 133 \(protocol error\)/);
    expect(running.events.at(-1)).toMatchObject({
      event: 'error',
      code: 'ERR_COTP_CLOSED',
      ending: 'dr',
      reason: 133,
      reasonText: 'protocol error',
      userData: '01ff',
    });
  });

  test('a peer that does not confirm is named', async () => {
    const { running, peer } = await rawClass2([...CLASS_2, '--wait', '0', '-v']);
    running.child.stdin.end();
    await peer.packet();
    peer.socket.end();
    expect((await running.end()).code).toBe(0);
    expect(running.stderr).toMatch(/\nclosed: our DR was not confirmed: TCP ended without a DC\n$/);
  });

  test('a FIN without a DR is an error', async () => {
    const { running, peer } = await rawClass2(CLASS_2);
    peer.socket.end();
    expect((await running.end()).code).toBe(1);
    expect(running.stderr).toMatch(/^cotp connect: the peer closed TCP/);
  });

  test('no answer within --wait is an error, as in class 0', async () => {
    const { address, accept } = await serve({ tpClass: 2 });
    void accept();
    const args = ['connect', `${address.host}:${address.port}`, ...CLASS_2, '--wait', '200ms'];
    const { code, stderr } = await cotp(args, 'question');
    expect(code).toBe(4);
    expect(stderr).toMatch(/^cotp connect: no answer came within 200 ms/);
  });

  test('SIGINT releases the connection', async () => {
    const { address, accept } = await serve({ tpClass: 2 });
    const running = new Running(['connect', `${address.host}:${address.port}`, ...CLASS_2]);
    const peer = await accept();
    running.child.stdin.write('first\n');
    await peer.read();
    running.child.kill('SIGINT');
    await peer.waitClosed();
    expect(peer.disconnection).toMatchObject({ ending: 'dr', reason: 128, nonDisruptive: true });
    expect(await running.end()).toEqual({ code: 130, stdout: '', stderr: '' });
  });

  test('2,0 is class 0 where the peer has no class 2', async () => {
    const running = new Running(['connect', await echo({}), ...ALL, '--json', ...QUICK]);
    running.child.stdin.end('x');
    await running.end();
    expect(running.events[0]).toMatchObject({ class: 0, expedited: false, expeditedAck: false });
  });
});

describe('connect with expedited data', () => {
  test('sends and writes lines with ! in hexadecimal, ahead of TSDUs', async () => {
    const args = ['connect', await echo(), ...ALL, '--hex', ...QUICK];
    expect(await cotp(args, '0102\n! 03:04\n')).toEqual({
      code: 0,
      stdout: '!0304\n0102\n',
      stderr: '',
    });
  });

  test('the events name it apart from TSDUs', async () => {
    const running = new Running(['connect', await echo(), ...ALL, '--hex', '--json', ...QUICK]);
    running.child.stdin.end('!aa\n');
    expect((await running.end()).code).toBe(0);
    expect(running.events).toMatchObject([
      { event: 'open', class: 2, expedited: true, expeditedAck: true },
      { event: 'expedited', direction: 'sent', octets: 1, hex: 'aa' },
      { event: 'expedited', direction: 'received', octets: 1, hex: 'aa' },
      { event: 'close', disconnection: { ending: 'local', confirmed: true, unsent: 0 } },
    ]);
  });

  test('another format has no form for it, so stderr has it', async () => {
    const { running, peer, ref } = await rawClass2(['--class', '2', '--expedited', ...QUICK], '01');
    peer.send(tpkt(`04 10 ${ref} 80 6e6f77`));
    await running.says(/^expedited data: 6e6f77 "now"\n/);
    running.child.stdin.end();
    expect((await peer.packet()).subarray(1, 2)).toEqual(hex('80'));
    peer.socket.end();
    expect((await running.end()).stdout).toBe('');
  });

  test.each([
    ['without --expedited', [], '! 01', /line 1 is expedited data: that requires --expedited\n/],
    ['of no octets', ['--expedited'], '01\n!', /line 2 must be 1 to 16 octets .*, not 0\n/],
    ['of 17 octets', ['--expedited'], `!${'00'.repeat(17)}`, /1 to 16 octets .*, not 17\n/],
    ['that is not hexadecimal', ['--expedited'], '! xy', /line 1 must be hexadecimal/],
  ])('a line %s is wrong usage', async (_what, more, input, sentence) => {
    const { code, stderr } = await cotp(['connect', await echo(), '--hex', ...more], input);
    expect(code).toBe(2);
    expect(stderr).toMatch(sentence);
  });

  test('that the peer does not grant cannot be sent', async () => {
    const args = ['connect', await echo({}), '--hex', '--expedited'];
    const { code, stderr } = await cotp(args, '! 01');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^cotp connect: expedited data cannot be sent: the CC of the peer does not grant it\n$/,
    );
  });
});

describe('listen', () => {
  test('echoes expedited data as expedited data, and tells how each connection ended', async () => {
    const { address, running } = await cotpListen('--echo', ...ALL);
    const conn = await open(address, { ...GRANTS_ALL, expeditedAck: true });
    expect(conn.info).toMatchObject({ tpClass: 2, expedited: true, expeditedAck: true });
    conn.writeExpedited(hex('01'));
    expect(await conn.readExpedited()).toEqual(hex('01'));
    conn.write(hex('02'));
    expect(await conn.read()).toEqual(hex('02'));
    const { confirmed } = await conn.disconnect({ userData: Buffer.from('bye') });
    expect(confirmed).toBe(true);
    await running.says(/#1 closed: the peer sent a DR with reason 128 .*, user data 627965 "bye"/);
  });

  test('prints expedited data with ! in hexadecimal, and on stderr in other formats', async () => {
    const lines = await cotpListen('--hex', ...ALL);
    const first = await open(lines.address, GRANTS_ALL);
    first.writeExpedited(hex('0102'));
    await lines.running.says(/^!0102\n/, 'stdout');
    const text = await cotpListen(...ALL);
    const second = await open(text.address, GRANTS_ALL);
    second.writeExpedited(Buffer.from('now'));
    await text.running.says(/^#1 expedited data: 6e6f77 "now"$/m);
  });

  test('grants only what its options name', async () => {
    const asked = { tpClass: '2,0', expedited: true, expeditedAck: true } as const;
    const granted = async (...args: readonly string[]) => {
      const { tpClass, expedited, expeditedAck } = (
        await open((await cotpListen('--echo', ...args)).address, asked)
      ).info;
      return { tpClass, expedited, expeditedAck };
    };
    expect(await granted()).toEqual({ tpClass: 0, expedited: false, expeditedAck: false });
    expect(await granted('--class', '2,0', '--expedited')).toEqual({
      tpClass: 2,
      expedited: true,
      expeditedAck: false,
    });
    expect(await granted('--expedited')).toEqual({
      tpClass: 0,
      expedited: true,
      expeditedAck: false,
    });
  });

  test('--exec: the program reads and writes expedited data as lines with !', async () => {
    const { address } = await cotpListen('--hex', ...ALL, '--exec', 'cat');
    const conn = await open(address, GRANTS_ALL);
    conn.writeExpedited(hex('0a'));
    expect(await conn.readExpedited()).toEqual(hex('0a'));
    conn.write(hex('0b'));
    expect(await conn.read()).toEqual(hex('0b'));
  });
});

describe('probe', () => {
  const probe = async (options: ListenOptions, ...args: readonly string[]) => {
    const { address, server } = await serve(options);
    const where = `${address.host}:${address.port}`;
    const running = new Running(['probe', where, '--tsel', '1', '--delay', '0', ...args]);
    const { code, stdout } = await running.end();
    return { code, stdout, running, server };
  };

  test('--class and --expedited show what the CC grants', async () => {
    const { code, stdout } = await probe(GRANTS_ALL, ...ALL);
    expect(code).toBe(0);
    expect(stdout).toMatch(/ CC {2}size 1024 {2}class 2 {2}expedited data with EA {2}src-ref /);
  });

  test.each([
    ['both', { ...GRANTS_ALL }, [0, 2], [0, 2], true],
    ['class 0 alone', {}, [0], [], false],
    ['class 2 alone', { tpClass: 2 }, [2], [], false],
    ['no EA', { ...GRANTS_ALL, expeditedAck: false }, [0, 2], [0, 2], false],
  ] as const)(
    '--classes finds out what a host accepts: %s',
    async (_what, options, classes, expeditedClasses, expeditedAck) => {
      const { code, running, server } = await probe(options, '--classes', '--json');
      expect(code).toBe(0);
      expect(running.events.at(-2)).toMatchObject({
        event: 'classes',
        called: '0x0001',
        classes,
        expeditedClasses,
        expeditedAck,
      });
      expect(server.connectionCount).toBe(0);
    },
  );

  test('--classes says it in words', async () => {
    const { stdout } = await probe({}, '--classes');
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[2]).toMatch(/ {2}offered class 2 with expedited data and EA: DR reason 130/);
    expect(lines[4]).toMatch(/ {2}accepts class 0, not class 2; grants no expedited data$/);
  });

  test('--classes asks no more where the selector is unknown', async () => {
    const { code, stdout } = await probe({ localTsel: 9 }, '--classes');
    expect(code).toBe(3);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  });
});

describe('bench', () => {
  test('measures class 2, and with --expedited expedited data too', async () => {
    const { address } = await cotpListen('--echo', ...ALL);
    const running = new Running([
      ...['bench', address, ...ALL, '--tsdu', '16', '--duration', '50ms', '--json'],
    ]);
    expect((await running.end()).code).toBe(0);
    expect(running.events).toMatchObject([
      { event: 'bench', class: 2, octets: 16, expedited: false },
      { event: 'bench', class: 2, octets: 16, expedited: true },
    ]);
    expect(running.stderr).toMatch(
      /^connected to .*, class 2, expedited data acknowledged by EA\n/,
    );
  });

  test('a peer without expedited data is named', async () => {
    const { address } = await cotpListen('--echo');
    const { code, stderr } = await cotp(['bench', address, '--expedited', '--duration', '50ms']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/\ncotp bench: the peer does not grant expedited data; /);
  });
});

describe('proxy', () => {
  async function proxy(to: string, ...args: readonly string[]) {
    const running = new Running(['proxy', '127.0.0.1:0', to, ...args]);
    const where = args.includes('--json') ? 'stdout' : 'stderr';
    const [, address = ''] = await running.says(/(127\.0\.0\.1:\d+)/, where);
    return { running, address };
  }

  test('relays TSDUs, expedited data, and the DR with its user data', async () => {
    const { address: to, accept } = await serve(GRANTS_ALL);
    const { running, address } = await proxy(`${to.host}:${to.port}`, ...ALL);
    const client = await open(address, { ...GRANTS_ALL, expeditedAck: true });
    const peer = await accept();
    expect([client.info, peer.info]).toMatchObject(
      [1, 2].map(() => ({ tpClass: 2, expedited: true, expeditedAck: true })),
    );
    client.writeExpedited(hex('01'));
    expect(await peer.readExpedited()).toEqual(hex('01'));
    peer.writeExpedited(hex('02'));
    expect(await client.readExpedited()).toEqual(hex('02'));
    client.write(hex('03'));
    expect(await peer.read()).toEqual(hex('03'));
    await client.disconnect({ userData: Buffer.from('bye') });
    await peer.waitClosed();
    expect(peer.disconnection).toMatchObject({ reason: 128, nonDisruptive: true });
    expect(Buffer.from(peer.disconnection?.userData ?? [])).toEqual(Buffer.from('bye'));
    await running.says(/ close /, 'stdout');
    expect(running.stdout).toMatch(
      /client ────▶ target {2}ED 1 [\s\S]*client ◀──── target {2}ED 1 /,
    );
    expect(running.stdout).toMatch(/client ────▶ target {2}DR reason 128: normal .*bye/);
    // Each side confirms what it has received.
    expect(running.stdout).toMatch(/client ──▶ · +EA /);
    expect(running.stdout).toMatch(/· ──▶ target {2}EA /);
    expect(running.stdout).toMatch(/client ◀── · +DC [\s\S]*· ◀── target {2}DC /);
  });

  test('the ladder has them as JSON', async () => {
    const { running, address } = await proxy(await echo(), ...ALL, '--json');
    const conn = await open(address, GRANTS_ALL);
    conn.writeExpedited(hex('01'));
    await conn.readExpedited();
    await conn.asyncClose();
    await running.says(/"close"/, 'stdout');
    const types = running.events.map(({ type }) => type).filter((type) => type !== undefined);
    expect(new Set(types)).toEqual(new Set(['CR', 'CC', 'ED', 'DR', 'DC']));
  });

  test('grants no expedited data that the target does not grant', async () => {
    const { address } = await proxy(await echo({ tpClass: '2,0' }), ...ALL);
    const conn = await open(address, GRANTS_ALL);
    expect(conn.info).toMatchObject({ tpClass: 2, expedited: false });
  });

  test('asks for no expedited data that the client does not ask for', async () => {
    const { address } = await proxy(await echo(), ...ALL);
    expect((await open(address, { tpClass: 2 })).info.expedited).toBe(false);
  });

  test('uses the class of the target on both sides', async () => {
    const { address } = await proxy(await echo({}), ...ALL);
    const conn = await open(address, { tpClass: '2,0' });
    expect(conn.info.tpClass).toBe(0);
    conn.write(hex('01'));
    expect(await conn.read()).toEqual(hex('01'));
  });

  test('is of class 0 by default', async () => {
    const { address } = await proxy(await echo());
    expect((await open(address, { tpClass: '2,0' })).info.tpClass).toBe(0);
    expect(await rejection(connect(target(address), { tpClass: 2 }))).toMatchObject({
      reason: 130,
    });
  });

  /** A client and a target of bare TCP, which have class 2 through the proxy. */
  async function rawPair() {
    const server = await rawServer();
    const { host, port } = server.address;
    const { address } = await proxy(`${host}:${port}`, ...CLASS_2);
    const client = await rawClient(target(address).port);
    client.send(tpkt('09 e0 0000 1234 21 c0010b'));
    const peer = await server.accept();
    const ref = (await peer.packet()).toString('hex', 4, 6);
    peer.send(tpkt(`0c d0 ${ref} 0007 21 c0010b c60100`));
    const clientRef = (await client.packet()).toString('hex', 4, 6);
    return { client, peer, ref, clientRef };
  }

  test.each([
    ['client', 77],
    ['client', 255],
    ['target', 77],
    ['target', 255],
  ] as const)(
    'relays a DR of the %s with the undefined reason %i as reason 0',
    async (by, reason) => {
      const { client, peer, ref, clientRef } = await rawPair();
      const code = reason.toString(16);
      if (by === 'client') {
        client.send(tpkt(`06 80 ${clientRef} 1234 ${code}`));
        expect((await peer.packet()).toString('hex')).toBe(`06800007${ref}00`);
      } else {
        peer.send(tpkt(`06 80 ${ref} 0007 ${code}`));
        expect((await client.packet()).toString('hex')).toBe(`06801234${clientRef}00`);
      }
    },
  );

  test('relays the reason and the additional information of a DR', async () => {
    const { client, peer, ref } = await rawPair();
    peer.send(tpkt(`09 80 ${ref} 0007 81 e0012a 0102`));
    const dr = await client.packet();
    expect(dr.toString('hex')).toMatch(/^09801234....81e0012a0102$/);
  });

  test('relays what a target sends before the client has its CC, and its DR', async () => {
    const server = await rawServer();
    const { host, port } = server.address;
    const { address } = await proxy(`${host}:${port}`, ...CLASS_2);
    const client = await rawClient(target(address).port);
    client.send(tpkt('09 e0 0000 1234 21 c0010b'));
    const peer = await server.accept();
    const ref = (await peer.packet()).toString('hex', 4, 6);
    const early = [`0c d0 ${ref} 0007 21 c0010b c60100`, `04 f0 ${ref} 80 cafe`];
    peer.send(Buffer.concat([...early, `06 80 ${ref} 0007 80`].map(tpkt)));
    await client.packet();
    expect((await client.packet()).toString('hex')).toBe('04f0123480cafe');
    expect((await client.packet()).toString('hex')).toMatch(/^\d\d801234....80/);
  });

  test('relays a FIN without a DR as a reset, for it is no clean end', async () => {
    const { client, peer } = await rawPair();
    peer.socket.end();
    expect(await client.ending()).toBe('reset');
  });

  test('relays the reason and the user data of a refusal', async () => {
    const refusing = await serve({
      tpClass: 2,
      onConnectRequest: (request) => request.refuse(129, { userData: hex('0a') }),
    });
    const { host, port } = refusing.address;
    const { address } = await proxy(`${host}:${port}`, ...CLASS_2);
    const error = await rejection(connect(target(address), { tpClass: 2 }));
    expect(error).toMatchObject({ reason: 129, userData: hex('0a') });
  });

  test('--transparent relays class 2 without an option', async () => {
    const { running, address } = await proxy(await echo(), '--transparent');
    const conn = await open(address, { ...GRANTS_ALL, expeditedAck: true });
    conn.writeExpedited(hex('01'));
    expect(await conn.readExpedited()).toEqual(hex('01'));
    expect(await conn.disconnect()).toMatchObject({ confirmed: true });
    running.child.kill('SIGINT');
    await once(running.child, 'close');
    for (const type of ['ED', 'EA', 'DR']) {
      expect(running.stdout).toMatch(new RegExp(`client ────▶ target {2}${type} `));
    }
    expect(running.stdout).toMatch(/client ◀──── target {2}DC /);
  });
});
