import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { TransportEngine } from '../../src/core/connection/transport-engine.js';
import {
  type Connection,
  type ConnectRequest,
  type CotpError,
  connect,
  listen,
  type Server,
} from '../../src/index.js';
import { closeLater, rawClient, rejection, serve } from '../support/life.js';
import { CR, dt, hex, tpkt } from '../support/raw.js';
import { PATIENT } from '../support/until.js';

/** Sends octets to a server with these options; gives what it answers first. */
async function answer(octets: Buffer, options = {}) {
  const server = await serve(options);
  const raw = await rawClient(server.address.port);
  raw.send(octets);
  return { server, raw, packet: () => raw.packet().then((payload) => payload.toString('hex')) };
}

describe('the CC', () => {
  test('echoes both selectors as they came and states the size, in the order C1 C2 C0', async () => {
    const { packet } = await answer(CR);
    expect(await packet()).toMatch(/^11d01234(?!0000)[0-9a-f]{4}00c1020100c2020102c0010a$/);
  });

  test('to a CR of 22 octets has 22 octets', async () => {
    const { raw } = await answer(CR);
    await raw.packet();
    expect(raw.socket.bytesRead).toBe(22);
  });

  //= X.224 6.5.4 b test
  test('carries nothing that the CR did not, but the size', async () => {
    const { packet } = await answer(tpkt('06 e0 0000 0005 00'));
    expect(await packet()).toMatch(/^09d00005[0-9a-f]{4}00c0010b$/);
  });

  test('echoes an empty selector as an empty one', async () => {
    const { packet } = await answer(tpkt('08 e0 0000 0005 00 c200'));
    expect(await packet()).toMatch(/^0bd00005[0-9a-f]{4}00c200c0010b$/);
  });

  test('leaves out selectors that fill the header of the CR to its last octet', async () => {
    const tsel = (code: string) => `${code} 7a ${'41'.repeat(0x7a)}`;
    const { packet } = await answer(tpkt(`fe e0 0000 0005 00 ${tsel('c1')} ${tsel('c2')}`));
    expect(await packet()).toMatch(/^09d00005[0-9a-f]{4}00c0010b$/);
  });

  test('answers 0xF0 by 0xF0 when that gains something', async () => {
    const octets = tpkt('0d e0 0000 0005 00 c0010b f00201ff');
    const { packet } = await answer(octets, { maxTpduSize: 65_531 });
    expect(await packet()).toMatch(/^0ad00005[0-9a-f]{4}00f00201ff$/);
  });

  test('answers a CR that prefers class 2 and allows class 0 by class 0', async () => {
    const { packet } = await answer(tpkt('0c e0 0000 0005 21 c70100 c0010a'));
    expect(await packet()).toMatch(/^09d00005[0-9a-f]{4}00c0010a$/);
  });

  test('is followed by the data that came in the same octets as the CR', async () => {
    const { server } = await answer(Buffer.concat([CR, dt('0102', false), dt('03')]));
    const connection = await server.accept();
    expect(await connection.read()).toEqual(hex('010203'));
  });

  test('comes for a CR octet by octet', async () => {
    const { raw, packet } = await answer(Buffer.alloc(0));
    for (const octet of CR) {
      raw.send(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await packet()).toMatch(/^11d01234/);
  });
});

/** Deviations of deployed peers: the parameters of a CR, those of its CC, and the names of what was let pass. */
const DEPLOYED: readonly (readonly [string, string, string, readonly string[]])[] = [
  ['additional options of two octets', 'c0010a c6020001', 'c0010a', ['param-length']],
  ['additional options of no octets', 'c0010a c600', 'c0010a', ['param-length']],
  ['a size of two octets', 'c002000a', 'c0010b', ['param-length']],
  ['a size of no octets', 'c000', 'c0010b', ['param-length']],
  ['a preferred size of five octets', 'c0010a f0050000000001', 'c0010a', ['param-length']],
  ['a transit delay of three octets', 'c0010a 8803000001', 'c0010a', ['param-length']],
  ['alternative classes of no octets', 'c0010a c700', 'c0010a', ['param-length']],
  ['the size code 0x06', 'c00106', 'c00107', ['param-value']],
  ['the size code 0x00', 'c00100', 'c00107', ['param-value']],
];

describe('a CR with a deviation of deployed peers', () => {
  test.each(DEPLOYED)('is taken with %s', async (_name, parameters, answered, diagnostics) => {
    const li = (6 + hex(parameters).length).toString(16).padStart(2, '0');
    const { packet, server } = await answer(tpkt(`${li} e0 0000 0005 00 ${parameters}`));
    expect((await packet()).slice(14)).toBe(answered);
    expect((await server.accept()).info.diagnostics).toEqual(diagnostics);
  });

  test.each(DEPLOYED)('is refused by a strict server with %s', async (_name, parameters) => {
    const li = (6 + hex(parameters).length).toString(16).padStart(2, '0');
    const octets = tpkt(`${li} e0 0000 0005 00 ${parameters}`);
    const { packet } = await answer(octets, { strict: true });
    expect(await packet()).toMatch(/^..700005/);
  });

  test.each(['0001', 'ffff'])('is taken with the DST-REF %s', async (dstRef) => {
    const { packet, server } = await answer(tpkt(`06 e0 ${dstRef} 0005 00`));
    expect(await packet()).toMatch(/^09d00005/);
    expect((await server.accept()).info.diagnostics).toEqual(['dst-ref-nonzero']);
  });

  test.each([33, 100, 300])('is taken with %i octets of user data', async (length) => {
    const { server } = await answer(tpkt(`06 e0 0000 0005 00 ${'ab'.repeat(length)}`));
    const { info } = await server.accept();
    expect(info.connectData).toEqual(Buffer.alloc(length, 0xab));
    expect(info.diagnostics).toContain('user-data-too-long');
  });
});

describe('the context of a connection', () => {
  test.each([
    ['an object', { unit: 7 }],
    ['a number', 0],
    ['null', null],
  ])('is what accept was given: %s', async (_what, context) => {
    const { server } = await answer(CR, {
      onConnectRequest: (request: ConnectRequest) => request.accept({ context }),
    });
    expect((await server.accept()).context).toBe(context);
  });

  test('is the last one, where accept has thrown before', async () => {
    const { server } = await answer(CR, {
      onConnectRequest: (request: ConnectRequest) => {
        expect(() => request.accept({ context: 'first', tpClass: 2 })).toThrow(TypeError);
        request.accept({ context: 'second' });
      },
    });
    expect((await server.accept()).context).toBe('second');
  });

  test('is undefined where accept was given none', async () => {
    const { server } = await answer(CR, {
      onConnectRequest: (request: ConnectRequest) => request.accept(),
    });
    expect((await server.accept()).context).toBeUndefined();
  });

  test('is undefined without onConnectRequest, and on a client', async () => {
    const server = await serve();
    const client = await connect(server.address);
    closeLater(() => client.destroy());
    expect([client.context, (await server.accept()).context]).toEqual([undefined, undefined]);
  });
});

describe('a peer that goes without a CR', () => {
  test.each([
    ['by FIN', (scanner: Socket) => scanner.end()],
    ['by reset', (scanner: Socket) => scanner.resetAndDestroy()],
  ])('%s is no error of the server', async (_how, leave) => {
    const { raw, server } = await answer(hex('0300'));
    leave(raw.socket);
    await raw.ending();
    const next = await rawClient(server.address.port);
    next.send(CR);
    await next.packet();
    expect(server.errors).toEqual([]);
  });
});

describe('the info of a server connection', () => {
  test('has the called selector as the local one and the calling one as the remote one', async () => {
    const { server } = await answer(tpkt('0d e0 0000 0005 00 c10141 c2020102 aabb'));
    const { info } = await server.accept();
    expect(info).toMatchObject({
      localTsel: 0x0102,
      remoteTsel: Buffer.from('A'),
      remoteRef: 5,
      connectData: hex('aabb'),
      maxTpduSize: 2048,
    });
    expect(info.localAddr.port).toBe(server.address.port);
  });
});

describe('a CR that is refused', () => {
  test('of class 2 alone gets DR 130, then FIN', async () => {
    const { packet, raw, server } = await answer(tpkt('06 e0 0000 0005 21'));
    expect(await packet()).toBe('06800005000082');
    expect(await raw.ending()).toBe('fin');
    expect(server.errors).toMatchObject([{ code: 'ERR_COTP_CLOSED', reason: 130 }]);
  });

  test('for another selector than localTsel gets DR 3', async () => {
    const { packet } = await answer(CR, { localTsel: 0x0200 });
    expect(await packet()).toBe('06801234000003');
  });

  test('without a called selector where one is wanted gets DR 3', async () => {
    const { packet } = await answer(tpkt('06 e0 0000 0005 00'), { localTsel: 0x0200 });
    expect(await packet()).toBe('06800005000003');
  });

  test('that is invalid gets an ER with the octets up to the bad one, then FIN', async () => {
    const { packet, raw } = await answer(tpkt('08 e0 0000 0005 00 c105'));
    expect(await packet()).toBe('0f70000500c10908e00000000500c105');
    expect(await raw.ending()).toBe('fin');
  });

  test('and closed by the peer at once leaves nothing behind', async () => {
    const { raw, server } = await answer(tpkt('06 e0 0000 0005 21'));
    raw.reset();
    await server.server.asyncClose();
    expect(server.server.isClosed).toBe(true);
  });
});

describe('onConnectRequest', () => {
  //= RFC 1006 5 N-CONNECT indication test
  test('sees who calls whom, and accepts', async () => {
    const seen: ConnectRequest[] = [];
    const { server, packet } = await answer(
      tpkt('11 e0 0000 1234 00 c1020100 c2020102 c0010a aa'),
      {
        onConnectRequest: (request: ConnectRequest) => {
          seen.push(request);
          request.accept({ maxTpduSize: 512, connectData: hex('bb') });
        },
      },
    );
    expect(await packet()).toMatch(/c00109bb$/);
    expect(seen[0]).toMatchObject({
      localTsel: 0x0102,
      remoteTsel: 0x0100,
      connectData: hex('aa'),
      tpdu: { type: 'CR', srcRef: 0x1234 },
    });
    expect((await server.accept()).info.maxTpduSize).toBe(512);
  });

  test('may decide later', async () => {
    const { packet } = await answer(CR, {
      onConnectRequest: async (request: ConnectRequest) => {
        await new Promise((resolve) => setImmediate(resolve));
        request.accept();
      },
    });
    expect(await packet()).toMatch(/^11d01234/);
  });

  test('refuses with a reason', async () => {
    const onConnectRequest = (request: ConnectRequest) => request.refuse(2);
    const { packet, server } = await answer(CR, { onConnectRequest });
    expect(await packet()).toBe('06801234000002');
    expect(server.errors).toEqual([]);
  });

  //= X.224 13.5.3 d test
  test('may not refuse class 0 with a reason of other classes', async () => {
    const onConnectRequest = (request: ConnectRequest) => request.refuse(128);
    const { packet, server } = await answer(CR, { onConnectRequest });
    expect(await packet()).toBe('06801234000000');
    expect(server.errors).toMatchObject([{ message: expect.stringContaining('0 to 3') }]);
  });

  test.each([134, 137])(
    'may not refuse with reason %i, which X.224 does not use',
    async (reason) => {
      const refusals: unknown[] = [];
      const { packet } = await answer(tpkt('09 e0 0000 0005 21 c70100'), {
        onConnectRequest: (request: ConnectRequest) => {
          try {
            request.refuse(reason);
          } catch (error) {
            refusals.push(error);
          }
          // What could not be sent has decided nothing.
          request.refuse(136);
        },
      });
      expect(await packet()).toBe('06800005000088');
      expect(refusals).toMatchObject([{ message: expect.stringContaining(`not ${reason}`) }]);
    },
  );

  test.each([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
    ['rejects', () => Promise.reject(new Error('boom'))],
  ])('that %s has refused, and onError gets the error', async (_how, onConnectRequest) => {
    const { packet, server } = await answer(CR, { onConnectRequest });
    expect(await packet()).toBe('06801234000000');
    expect(server.errors.map(({ message }) => message)).toEqual(['boom']);
  });

  test('that decides nothing has refused, and onError says so', async () => {
    const { packet, server } = await answer(CR, { onConnectRequest: () => {} });
    expect(await packet()).toBe('06801234000000');
    expect(server.errors[0]?.message).toContain('must call request.accept() or request.refuse()');
  });

  test('that never decides is ended by handshakeTimeout', async () => {
    const onConnectRequest = () => new Promise<void>(() => {});
    const { packet, server } = await answer(CR, { onConnectRequest, handshakeTimeout: 60 });
    expect(await packet()).toBe('06801234000000');
    expect(server.errors).toMatchObject([{ timer: 'handshakeTimeout', phase: 'cr-received' }]);
  });

  test('has a signal that aborts when the peer goes away, and its decision has no effect', async () => {
    let withdrawn: Promise<void> | undefined;
    const callback = vi.fn();
    const server = await listen(
      callback,
      { host: '127.0.0.1', port: 0 },
      {
        onConnectRequest: (request) => {
          withdrawn = new Promise((resolve) =>
            request.signal.addEventListener('abort', () => {
              request.accept();
              resolve();
            }),
          );
          return withdrawn;
        },
      },
    );
    closeLater(() => server.asyncClose());
    const raw = await rawClient(server.addresses[0]!.port);
    raw.send(CR);
    await vi.waitUntil(() => withdrawn !== undefined, PATIENT);
    raw.socket.end();
    await withdrawn;
    expect(callback).not.toHaveBeenCalled();
  });
});

test('a request that is accepted after its server began to close opens nothing', async () => {
  const callback = vi.fn();
  const errors: Error[] = [];
  const server: Server = await listen(
    callback,
    { host: '127.0.0.1', port: 0 },
    {
      onConnectRequest: (request) => {
        server.close();
        request.accept();
      },
      onError: (error) => errors.push(error),
    },
  );
  const raw = await rawClient(server.addresses[0]!.port);
  raw.send(CR);
  await raw.ending();
  await server.waitClosed();
  expect([callback.mock.calls, errors]).toEqual([[], []]);
});

describe('a connection callback', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
    ['rejects', () => Promise.reject(new Error('boom'))],
  ])('that %s closes that connection, tells onError, and nothing else', async (_how, callback) => {
    const errors: Error[] = [];
    const server = await listen(
      callback,
      { host: '127.0.0.1', port: 0 },
      {
        onError: (error) => errors.push(error),
      },
    );
    closeLater(() => server.asyncClose());
    const client = await connect(server.addresses[0]!);
    expect(await rejection(client.read())).toMatchObject({ code: 'ERR_COTP_CLOSED' });
    expect(errors.map(({ message }) => message)).toEqual(['boom']);
    const again = await connect(server.addresses[0]!);
    await again.asyncClose();
  });

  test.each([
    ['a clean end is not reported', (client: Connection) => client.close(), []],
    ['a reset is reported once', (client: Connection) => client.destroy(), ['reset']],
  ])('that throws what its read rejected with: %s', async (_what, end, endings) => {
    const errors: CotpError[] = [];
    const closed: Promise<void>[] = [];
    const server = await listen(
      async (connection) => {
        closed.push(connection.waitClosed());
        for (;;) {
          connection.write(await connection.read());
        }
      },
      { host: '127.0.0.1', port: 0 },
      { onError: (error) => errors.push(error as CotpError) },
    );
    closeLater(() => server.asyncClose());
    const client = await connect(server.addresses[0]!);
    client.write(hex('01'));
    await client.read();
    end(client);
    await Promise.all([client.waitClosed(), ...closed]);
    expect(errors.map(({ ending }) => ending)).toEqual(endings);
  });

  test('and an onError that throws do not take the process down', async () => {
    const server = await listen(
      () => {
        throw new Error('boom');
      },
      { host: '127.0.0.1', port: 0 },
      {
        onError: () => {
          throw new Error('again');
        },
      },
    );
    closeLater(() => server.asyncClose());
    const client = await connect(server.addresses[0]!);
    expect(await rejection(client.read())).toMatchObject({ ending: 'fin' });
  });
});

describe('before a CR', () => {
  test.each([
    ['TLS', hex('16 03 01 02 00 01 00'), 'TLS'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'HTTP'],
  ])('%s is recognised and closed', async (_name, octets, word) => {
    const { raw, server } = await answer(octets);
    await raw.ending();
    expect(server.errors).toMatchObject([{ fault: 'tpkt-version', phase: 'wait-cr' }]);
    expect(server.errors[0]?.message).toContain(word);
  });

  test.each([
    ['a DT', dt('00')],
    ['a CC', tpkt('06 d0 0001 0002 00')],
    ['a DR', tpkt('06 80 0001 0002 00')],
    ['an ER', tpkt('04 70 0001 00')],
    ['a code that is none', tpkt('02 90 80 01')],
    ['a packet too long for any CR', hex('03 00 ff ff 11 e0')],
  ])('%s closes TCP without an answer', async (_name, octets) => {
    const { raw, server } = await answer(octets);
    await raw.ending();
    expect(raw.received.length).toBe(0);
    expect(server.errors.length).toBe(1);
  });

  test('silence ends at handshakeTimeout', async () => {
    const { raw, server } = await answer(Buffer.alloc(0), { handshakeTimeout: 50 });
    await raw.ending();
    expect(server.errors).toMatchObject([{ timer: 'handshakeTimeout', milliseconds: 50 }]);
  });

  test('octets that drip do not put handshakeTimeout off', async () => {
    const { raw, server } = await answer(Buffer.alloc(0), { handshakeTimeout: 80 });
    let sent = 0;
    const drip = setInterval(() => raw.send(CR.subarray(sent, ++sent)), 15);
    await raw.ending();
    clearInterval(drip);
    expect(sent).toBeLessThan(CR.length);
    expect(server.errors).toMatchObject([{ timer: 'handshakeTimeout' }]);
  });
});

test('what cannot be answered is refused and told, where nobody decides', async () => {
  const fault = new RangeError('it does not fit');
  const accept = vi.spyOn(TransportEngine.prototype, 'accept').mockImplementationOnce(() => {
    throw fault;
  });
  const { server, packet } = await answer(CR);
  expect(await packet()).toBe('068012340000 00'.replace(' ', ''));
  expect(server.errors).toEqual([fault]);
  accept.mockRestore();
});

test('octets that carry nothing count while a TSDU beside them waits', async () => {
  const { server, raw } = await answer(CR, { readHighWaterMark: 200_000 });
  await raw.packet();
  const { socket } = await server.accept();
  const resting = once(socket, 'pause');
  const chunk = Buffer.concat([dt('01'), ...Array.from({ length: 8_000 }, () => dt(''))]);
  for (let i = 0; i < 40; i += 1) {
    raw.send(chunk);
  }
  await resting;
  expect((socket as Socket).bytesRead).toBeLessThan(20 * chunk.length);
});

describe('limits', () => {
  test('a connection too many is refused with DR 1, congestion', async () => {
    const { server, raw } = await answer(CR, { maxConnections: 1 });
    await raw.packet();
    const second = await rejection(connect(server.address));
    expect(second).toMatchObject({ code: 'ERR_COTP_REFUSED', reason: 1 });
  });

  test('a place is free again when its connection has ended', async () => {
    const { server, raw } = await answer(CR, { maxConnections: 1 });
    await raw.packet();
    const connection = await server.accept();
    raw.reset();
    await connection.waitClosed();
    const second = await connect(server.address);
    expect(second.isOpen).toBe(true);
    await second.asyncClose();
  });

  test('one address has no more than its share', async () => {
    const { server, raw } = await answer(CR, { maxConnectionsPerAddress: 1 });
    await raw.packet();
    expect(await rejection(connect(server.address))).toMatchObject({ reason: 1 });
  });

  test('a flood beyond the refusals that can be had at once is dropped', async () => {
    const { server, raw } = await answer(CR, { maxConnections: 1 });
    await raw.packet();
    const flood = await Promise.all(
      Array.from({ length: 100 }, () => rawClient(server.address.port)),
    );
    await vi.waitUntil(() => flood.filter(({ isOver }) => isOver).length === 100 - 64, PATIENT);
    expect(flood.filter(({ isOver }) => !isOver).length).toBe(64);
  });
});
