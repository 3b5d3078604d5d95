/** Connections of remote desktop: the CR that is sent and answered, and peers that do not want it. */
import { describe, expect, test } from 'vitest';
import { type ConnectRequest, connect, type RemoteDesktopInit } from '../../src/index.js';
import { closeLater, rawClient, rejection, serve } from '../support/life.js';
import { dt, hex, tpkt } from '../support/raw.js';
import { calling } from '../support/wire.js';

const REQUEST = {
  cookie: 'Cookie: mstshash=alice',
  negotiation: { type: 'request', requestedProtocols: 3 },
} as const;
const COOKIE = Buffer.from('Cookie: mstshash=alice\r\n').toString('hex');
/** The CR of that request; its SRC-REF is 0, as clients of remote desktop send it. */
const CR = tpkt(`26 e0 0000 0000 00 ${COOKIE} 01 00 0800 03000000`);

/** Connects to a bare server that answers with this variable part; gives the CR and the promise. */
async function answered(variable: string, options = {}) {
  const { connecting, raw: peer } = await calling({ timeout: 2_000, ...options });
  const cr = await peer.packet();
  const li = (6 + hex(variable).length).toString(16).padStart(2, '0');
  peer.send(tpkt(`${li} d0 0000 1234 00 ${variable}`));
  return { connecting, cr: cr.toString('hex') };
}

describe('connect with remoteDesktop', () => {
  test('sends the cookie and the request, and no parameter', async () => {
    const { cr } = await answered('', { remoteDesktop: REQUEST });
    expect(cr).toMatch(new RegExp(`^26e00000[0-9a-f]{4}00${COOKIE}0100080003000000$`));
  });

  test('sends a correlation id', async () => {
    const correlationId = Buffer.alloc(16, 0x11);
    const remoteDesktop = { ...REQUEST, correlationId };
    const { cr } = await answered('', { remoteDesktop });
    expect(cr).toContain(`${COOKIE}0108080003000000 06002400 ${'11'.repeat(16)}`.replace(/ /g, ''));
  });

  test('is open by a response, which the info shows', async () => {
    const { connecting } = await answered('02 1f 0800 02000000', { remoteDesktop: REQUEST });
    expect((await connecting).info.remoteDesktop).toEqual({
      negotiation: { type: 'response', flags: 0x1f, selectedProtocol: 2 },
    });
  });

  test('is open by a plain CC', async () => {
    const { connecting } = await answered('', { remoteDesktop: REQUEST, maxTpduSize: 65_531 });
    const { info } = await connecting;
    expect([info.remoteDesktop, info.maxTpduSize]).toEqual([undefined, 65_531]);
  });

  test.each([
    [1, 'SSL_REQUIRED_BY_SERVER', /requestedProtocols 1/],
    [5, 'HYBRID_REQUIRED_BY_SERVER', /requestedProtocols 3/],
    [77, 'not defined', /failure code 77/],
  ])('is refused by the failure code %i', async (failureCode, reasonText, message) => {
    const variable = `03 00 0800 ${failureCode.toString(16).padStart(2, '0')}000000`;
    const { connecting } = await answered(variable, { remoteDesktop: REQUEST });
    const error = await rejection(connecting);
    expect(error).toMatchObject({
      code: 'ERR_COTP_REFUSED',
      phase: 'cr-sent',
      reason: undefined,
      failureCode,
      reasonText,
    });
    expect(error.message).toMatch(message);
  });

  const WRONG: readonly (readonly [string, object, RegExp])[] = [
    ['an object of another kind', { remoteDesktop: 'x' }, /options\.remoteDesktop must be an/],
    [
      'a cookie of another form',
      { remoteDesktop: { cookie: 'alice' } },
      /options\.remoteDesktop\.cookie: expected/,
    ],
    [
      'a T-selector beside it',
      { remoteDesktop: REQUEST, remoteTsel: 1 },
      /options\.remoteTsel cannot be combined with options\.remoteDesktop/,
    ],
    [
      'strict beside it',
      { remoteDesktop: REQUEST, strict: true },
      /options\.strict cannot be combined with options\.remoteDesktop/,
    ],
  ];

  test.each(WRONG)('refuses %s before it opens anything', async (_name, options, message) => {
    const error = await rejection(connect({ host: '127.0.0.1', port: 1 }, options));
    expect(error.message).toMatch(message);
  });
});

describe('connect without remoteDesktop', () => {
  test('is not open by a CC with a failure of remote desktop', async () => {
    const { connecting } = await answered('03 00 0800 02000000');
    const error = await rejection(connecting);
    expect(error).toMatchObject({ code: 'ERR_COTP_REFUSED', failureCode: 2 });
    expect(error.message).toMatch(/SSL_NOT_ALLOWED_BY_SERVER.*is it the right port/);
  });

  test('is not open by a response that it did not ask for, and the hint says whose it is', async () => {
    const { connecting } = await answered('02 00 0800 00000000');
    const error = await rejection(connecting);
    expect(error).toMatchObject({ code: 'ERR_COTP_PROTOCOL', fault: 'remote-desktop' });
    expect(error.message).toMatch(/the peer uses remote desktop \(RDP\)/);
  });
});

/** A server that keeps its requests and decides on them as told. */
async function deciding(decide: (request: ConnectRequest) => void) {
  const requests: ConnectRequest[] = [];
  const server = await serve({
    onConnectRequest: (request: ConnectRequest) => {
      requests.push(request);
      decide(request);
    },
  });
  const raw = await rawClient(server.address.port);
  return { server, raw, requests };
}

describe('a server that a CR of remote desktop reaches', () => {
  test('sees its parts in onConnectRequest', async () => {
    const { raw, requests } = await deciding((request) => request.accept());
    raw.send(CR);
    await raw.packet();
    expect(requests[0]?.tpdu.remoteDesktop).toEqual({
      cookie: 'Cookie: mstshash=alice',
      negotiation: { type: 'request', flags: 0, requestedProtocols: 3 },
    });
  });

  test('answers by a plain CC unless told otherwise', async () => {
    const { raw } = await deciding((request) => request.accept());
    raw.send(CR);
    expect((await raw.packet()).toString('hex')).toMatch(/^06d00000[0-9a-f]{4}00$/);
  });

  test('answers by a response when told so', async () => {
    const { raw } = await deciding((request) =>
      request.accept({
        remoteDesktop: { negotiation: { type: 'response', selectedProtocol: 1 } },
      }),
    );
    raw.send(CR);
    expect((await raw.packet()).toString('hex')).toMatch(/^0ed00000[0-9a-f]{4}000200080001000000$/);
  });

  test('has an open connection with the parts in its info', async () => {
    const { raw, server } = await deciding((request) => request.accept());
    raw.send(Buffer.concat([CR, dt('0102')]));
    const connection = await server.accept();
    expect(connection.info.remoteDesktop?.cookie).toBe('Cookie: mstshash=alice');
    expect(connection.info.diagnostics).toEqual(['ref-zero', 'remote-desktop']);
    expect(await connection.read()).toEqual(hex('0102'));
  });

  test('refuses by a DR', async () => {
    const { raw } = await deciding((request) => request.refuse(1));
    raw.send(CR);
    expect((await raw.packet()).toString('hex')).toBe('06800000000001');
  });

  test('refuses it by an ER when strict, and reports what it is', async () => {
    const server = await serve({ strict: true });
    const raw = await rawClient(server.address.port);
    raw.send(tpkt(`26 e0 0000 0001 00 ${COOKIE} 01 00 0800 03000000`));
    expect((await raw.packet()).toString('hex')).toMatch(/^..70000100c1/);
    expect(server.errors).toMatchObject([{ fault: 'remote-desktop' }]);
    expect(server.errors[0]?.message).toMatch(/the peer uses remote desktop \(RDP\)/);
  });

  test('refuses it by an ER when nothing decides on requests, and reports what it is', async () => {
    const server = await serve();
    const raw = await rawClient(server.address.port);
    raw.send(CR);
    expect((await raw.packet()).toString('hex')).toMatch(/^..70000000c1/);
    expect(server.errors).toMatchObject([{ fault: 'remote-desktop', phase: 'wait-cr' }]);
    expect(server.errors[0]?.message).toMatch(/the peer uses remote desktop .*onConnectRequest/);
  });

  const ACCEPTS: readonly (readonly [string, RemoteDesktopInit, RegExp])[] = [
    [
      'a failure',
      { negotiation: { type: 'failure', failureCode: 1 } },
      /options\.remoteDesktop\.negotiation\.type must be 'response'/,
    ],
    ['a cookie', { cookie: 'Cookie: a' }, /options\.remoteDesktop\.cookie: expected none in a CC/],
  ];

  test.each(ACCEPTS)('takes no %s in accept', async (_name, remoteDesktop, message) => {
    const errors: unknown[] = [];
    const { raw } = await deciding((request) => {
      try {
        request.accept({ remoteDesktop });
      } catch (error) {
        errors.push(error);
        request.refuse();
      }
    });
    raw.send(CR);
    await raw.packet();
    expect(String(errors[0])).toMatch(message);
  });
});

test('a response to a CR of another form is a mistake of who accepts', async () => {
  const errors: unknown[] = [];
  const { raw } = await deciding((request) => {
    try {
      request.accept({ remoteDesktop: { negotiation: { type: 'response', selectedProtocol: 1 } } });
    } catch (error) {
      errors.push(error);
      request.refuse();
    }
  });
  raw.send(tpkt('06 e0 0000 0005 00'));
  expect((await raw.packet()).toString('hex')).toBe('06800005000000');
  expect(String(errors[0])).toMatch(/TypeError: options\.remoteDesktop must be left out/);
});

test('both sides of this library agree by request and response', async () => {
  const server = await serve({
    maxTpduSize: 65_531,
    onConnectRequest: (request: ConnectRequest) =>
      request.accept({
        remoteDesktop: { negotiation: { type: 'response', selectedProtocol: 2 } },
      }),
  });
  const client = await connect(server.address, { remoteDesktop: REQUEST, maxTpduSize: 65_531 });
  closeLater(() => client.destroy());
  const connection = await server.accept();
  client.write(Buffer.alloc(60_000, 7));
  expect(await connection.read()).toEqual(Buffer.alloc(60_000, 7));
  expect([client.info.maxTpduSize, connection.info.maxTpduSize]).toEqual([65_531, 65_531]);
});
