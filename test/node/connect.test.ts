import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  ConnectionClosedError,
  ConnectionRefusedError,
  connect,
  ProtocolError,
  TimeoutError,
} from '../../src/index.js';
import { pair, rawServer, rejection, serve } from '../support/life.js';
import { cc, dt, hex, tpkt } from '../support/raw.js';
import { calling } from '../support/wire.js';

/** Connects to a bare server and answers the CR; gives the promise of `connect` and the peer. */
async function answered(answer: (srcRef: string) => Buffer | undefined, options = {}) {
  const { connecting, raw: peer, address } = await calling({ timeout: 2_000, ...options });
  const cr = await peer.packet();
  const octets = answer(cr.subarray(4, 6).toString('hex'));
  if (octets !== undefined) {
    peer.send(octets);
  }
  return { connecting, peer, cr, address };
}

describe('the CR', () => {
  test('carries the selectors and the size in the order C1 C2 C0', async () => {
    const { cr } = await answered(() => undefined, { localTsel: 0x0100, remoteTsel: 0x0102 });
    expect(cr.toString('hex')).toMatch(/^11e00000[0-9a-f]{4}00c1020100c2020102c0010b$/);
  });

  //= X.224 6.5.4 b test
  //= X.224 8.2.2 1 test
  test('carries nothing but the size when nothing else is asked for', async () => {
    const { cr } = await answered(() => undefined);
    expect(cr.toString('hex')).toMatch(/^09e00000[0-9a-f]{4}00c0010b$/);
  });

  //= X.224 13.3.3 d test
  test('has a SRC-REF that is not 0', async () => {
    const { cr } = await answered(() => undefined);
    expect(cr.readUInt16BE(4)).not.toBe(0);
  });

  test.each([
    ['deployed', 2048, 'c0010b'],
    ['deployed', 4096, 'c0010c'],
    ['deployed', 8192, 'c0010d'],
    ['deployed', 65_531, 'c0010df00201ff'],
    ['standard', 2048, 'c0010b'],
    ['standard', 8192, 'c0010bf00140'],
    ['standard', 65_531, 'c0010bf00201ff'],
    ['nonstandard', 2048, 'c0010b'],
    ['nonstandard', 8192, 'c0010d'],
    ['nonstandard', 65_531, 'c0010f'],
    ['absent', 65_531, ''],
    [undefined, 8192, 'c0010d'],
    [undefined, 65_531, 'c0010df00201ff'],
  ] as const)('by sizeOffer %s offers %i as "%s"', async (sizeOffer, maxTpduSize, parameters) => {
    const { cr } = await answered(() => undefined, { maxTpduSize, sizeOffer });
    expect(cr.subarray(7).toString('hex')).toBe(parameters);
  });

  test('offers no size code above 2048 by default when strict, for it would refuse the answer', async () => {
    const { cr } = await answered(() => undefined, { maxTpduSize: 8192, strict: true });
    expect(cr.subarray(7).toString('hex')).toBe('c0010bf00140');
  });

  test('offers no size when told so', async () => {
    const { cr } = await answered(() => undefined, { sizeOffer: 'absent' });
    expect(cr.subarray(7).toString('hex')).toBe('');
  });

  test('carries selectors of any length, the empty one too', async () => {
    const options = { localTsel: new Uint8Array(0), remoteTsel: Buffer.from('SIMATIC-ROOT-HMI') };
    const { cr } = await answered(() => undefined, options);
    const called = Buffer.from('SIMATIC-ROOT-HMI').toString('hex');
    expect(cr.subarray(7).toString('hex')).toBe(`c100c210${called}c0010b`);
  });

  //= RFC 1006 5 initial user data test
  test('carries the connect data', async () => {
    const { cr } = await answered(() => undefined, { connectData: hex('010203') });
    expect(cr.subarray(10).toString('hex')).toBe('010203');
  });
});

test.each([
  ['closes', (socket: Socket) => socket.end()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
])(
  'a peer that %s TCP after a CR with 0xF0 gets the size offer blamed first',
  async (_how, drop) => {
    const { connecting, peer } = await answered(() => undefined, { maxTpduSize: 65_531 });
    drop(peer.socket);
    const error = await rejection<ConnectionClosedError>(connecting);
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', phase: 'cr-sent' });
    expect(error.hint).toMatch(
      /^the CR offered its size by parameter 0xF0.*maxTpduSize.*sizeOffer/,
    );
  },
);

describe('an acceptable answer', () => {
  //= X.224 14.2 test
  //= RFC 1006 5 N-CONNECT request test
  //= RFC 2126 3.2.3.1 open test
  //= RFC 2126 3.2.3.1 port test
  test('opens the connection with what was agreed on', async () => {
    const { connecting } = await answered((ref) => cc(ref, 'c00109'), {
      localTsel: 0x0100,
      remoteTsel: Buffer.from('MTA'),
    });
    const { info } = await connecting;
    expect(info).toMatchObject({
      localTsel: 0x0100,
      remoteTsel: Buffer.from('MTA'),
      maxTpduSize: 512,
      tpClass: 0,
      remoteRef: 7,
    });
    expect(Object.isFrozen(info)).toBe(true);
  });

  test('without a size leaves our own offer in force', async () => {
    const { connecting } = await answered((ref) => cc(ref, ''), { maxTpduSize: 1024 });
    expect((await connecting).info.maxTpduSize).toBe(1024);
  });

  test('with a larger size than offered leaves our offer in force', async () => {
    const { connecting } = await answered((ref) => cc(ref, 'c0010d'));
    expect((await connecting).info.maxTpduSize).toBe(2048);
  });

  test('with another called selector is taken and shown', async () => {
    const { connecting } = await answered((ref) => cc(ref, 'c2020001'), { remoteTsel: 0x0102 });
    const { info } = await connecting;
    expect([info.remoteTsel, info.respondingTsel]).toEqual([0x0102, 0x0001]);
  });

  test.each(['0000', 'ffff'])('with the wrong DST-REF %s is taken and noted', async (dstRef) => {
    const { connecting } = await answered(() => cc(dstRef));
    expect((await connecting).info.diagnostics).toEqual(['cc-ref-mismatch']);
  });

  test('with parameters of the wrong length is taken and noted', async () => {
    const { connecting } = await answered((ref) => cc(ref, 'c0020009 c6020001'));
    const { info } = await connecting;
    expect([info.maxTpduSize, info.diagnostics]).toEqual([2048, ['param-length', 'param-length']]);
  });

  test('without a fault has no diagnostics', async () => {
    const { connecting } = await answered((ref) => cc(ref));
    expect((await connecting).info.diagnostics).toEqual([]);
  });

  test('with more data than the standard allows shows all of it', async () => {
    const { connecting } = await answered((ref) =>
      tpkt(`06 d0 ${ref} 0007 00 ${'ab'.repeat(300)}`),
    );
    expect((await connecting).info.connectData).toEqual(Buffer.alloc(300, 0xab));
  });

  test('with data shows the data', async () => {
    const { connecting } = await answered((ref) => tpkt(`06 d0 ${ref} 0007 00 aabb`));
    expect((await connecting).info.connectData).toEqual(hex('aabb'));
  });

  test('octet by octet is taken as well', async () => {
    const { connecting, peer, cr } = await answered(() => undefined);
    for (const octet of cc(cr.subarray(4, 6).toString('hex'))) {
      peer.send(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await connecting).isOpen).toBe(true);
  });

  test('followed by data in the same octets loses nothing', async () => {
    const { connecting } = await answered((ref) =>
      Buffer.concat([cc(ref), dt('aa', false), dt('bb'), dt('cc')]),
    );
    const connection = await connecting;
    expect(await connection.read()).toEqual(hex('aabb'));
    expect(await connection.read()).toEqual(hex('cc'));
  });
});

describe('a refusal', () => {
  test('by DR has the reason, its text, the octets and what to try', async () => {
    const { connecting } = await answered((ref) => tpkt(`06 80 ${ref} 0000 03`));
    const error = await rejection<ConnectionRefusedError>(connecting);
    expect(error).toBeInstanceOf(ConnectionRefusedError);
    expect(error).toMatchObject({
      code: 'ERR_COTP_REFUSED',
      reason: 3,
      phase: 'cr-sent',
      ending: 'dr',
    });
    expect(error.reasonText.toLowerCase()).toContain('address unknown');
    expect(error.message).toContain(error.reasonText);
    expect(error.octets?.[1]).toBe(0x80);
    expect(error.hint).toContain('T-selector');
  });

  test('by a DR with a wrong DST-REF is a refusal too', async () => {
    const { connecting } = await answered(() => tpkt('06 80 0000 1234 00'));
    expect(await rejection(connecting)).toMatchObject({ code: 'ERR_COTP_REFUSED', reason: 0 });
  });

  test('by ER has the reject cause', async () => {
    const { connecting } = await answered((ref) => tpkt(`04 70 ${ref} 03`));
    expect(await rejection(connecting)).toMatchObject({
      code: 'ERR_COTP_REFUSED',
      rejectCause: 3,
      reason: undefined,
      ending: 'er',
    });
  });

  test('by a TCP reset says so, with the cause and what to try', async () => {
    const { connecting, peer } = await answered(() => undefined);
    peer.reset();
    const error = await rejection<ConnectionClosedError>(connecting);
    expect(error).toBeInstanceOf(ConnectionClosedError);
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', phase: 'cr-sent', ending: 'reset' });
    expect(error.cause).toMatchObject({ code: 'ECONNRESET' });
    expect(error.hint).toContain('rack and slot');
  });

  test('by FIN says so', async () => {
    const { connecting, peer } = await answered(() => undefined);
    peer.socket.end();
    expect(await rejection(connecting)).toMatchObject({
      code: 'ERR_COTP_CLOSED',
      phase: 'cr-sent',
      ending: 'fin',
    });
  });

  test('by silence ends with the timeout, naming the address', async () => {
    const { connecting, address } = await answered(() => undefined, { timeout: 60 });
    const error = await rejection<TimeoutError>(connecting);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'ERR_COTP_TIMEOUT', timer: 'timeout', milliseconds: 60 });
    expect(error.message).toBe(
      `no CC within 60 ms: is a COTP server listening on 127.0.0.1:${address.port}?`,
    );
  });

  test('by HTTP is recognised as what it is', async () => {
    const { connecting } = await answered(() => Buffer.from('HTTP/1.0 400 Bad Request\r\n\r\n'));
    const error = await rejection<ProtocolError>(connecting);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ fault: 'tpkt-version', ending: 'garbage' });
    expect(error.message).toContain('HTTP');
    expect(Buffer.from(error.octets ?? []).toString('latin1')).toContain('HTTP/1.0');
  });

  test.each([
    ['a DT', dt('00')],
    ['a CR', tpkt('06 e0 0000 0001 00')],
    ['a DC', tpkt('05 c0 0001 0001')],
  ])('%s instead of a CC is a protocol error that shows it', async (_name, octets) => {
    const { connecting } = await answered(() => octets);
    const error = await rejection<ProtocolError>(connecting);
    expect(error).toMatchObject({ code: 'ERR_COTP_PROTOCOL', phase: 'cr-sent' });
    expect(error.octets).toEqual(octets.subarray(4));
  });

  test('a CC for another CR is refused when strict', async () => {
    const answer = (ref: string) => cc(ref === '0001' ? '0002' : '0001');
    const { connecting } = await answered(answer, { strict: true });
    expect(await rejection(connecting)).toMatchObject({ fault: 'cc-ref-mismatch' });
  });

  test('a CC of class 2 is refused', async () => {
    const { connecting } = await answered((ref) => tpkt(`06 d0 ${ref} 0007 21`));
    expect(await rejection(connecting)).toMatchObject({ fault: 'cc-class' });
  });

  test('leaves no open socket behind', async () => {
    const { connecting, peer } = await answered((ref) => tpkt(`06 80 ${ref} 0000 03`));
    await rejection(connecting);
    expect(await peer.ending()).toBeDefined();
  });
});

describe('before TCP stands', () => {
  //= RFC 1006 5 N-CONNECT request test
  //= RFC 2126 3.2.3.1 open test
  test('an error of the system arrives as it is', async () => {
    const server = await rawServer();
    const { address } = server;
    server.close();
    const error = await rejection(connect(address));
    expect(error).toMatchObject({ code: 'ECONNREFUSED', port: address.port });
  });

  test('a signal that has aborted opens nothing', async () => {
    const server = await serve();
    const reason = new Error('never mind');
    const error = await rejection(connect(server.address, { signal: AbortSignal.abort(reason) }));
    expect(error).toBe(reason);
    expect(server.server.connectionCount).toBe(0);
  });
});

describe('a signal', () => {
  test('that aborts while the CC is awaited rejects with its reason and resets TCP', async () => {
    const abort = new AbortController();
    const { connecting, peer } = await answered(() => undefined, { signal: abort.signal });
    abort.abort();
    expect(await rejection(connecting)).toMatchObject({ name: 'AbortError' });
    expect(await peer.ending()).toBe('reset');
  });

  test('that aborts later has no effect', async () => {
    const abort = new AbortController();
    const { client, peer } = await pair({ signal: abort.signal });
    abort.abort();
    client.write(hex('01'));
    expect(await peer.read()).toEqual(hex('01'));
  });
});

test('a DR with a reason that X.224 does not know is a refusal, even when strict', async () => {
  const { connecting } = await answered((ref) => tpkt(`06 80 ${ref} 0000 86`), { strict: true });
  expect(await rejection(connecting)).toMatchObject({ code: 'ERR_COTP_REFUSED', reason: 0x86 });
});

describe('the addresses of a client', () => {
  test.each(['127.0.0.1', 'localhost'])('are those of TCP when it connects to %s', async (host) => {
    const { server, address, accept } = await serve();
    const client = await connect({ host, port: address.port });
    const { info } = await accept();
    expect(client.info).toMatchObject({ localAddr: info.remoteAddr, remoteAddr: info.localAddr });
    expect(Object.isFrozen(client.info.remoteAddr)).toBe(true);
    await client.asyncClose();
    await server.asyncClose();
  });
});
