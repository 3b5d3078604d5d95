import { createServer } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { connect, listen } from '../../src/index.js';
import { rejection } from '../support/life.js';

const NOWHERE = { host: '127.0.0.1', port: 1 };

describe('an address', () => {
  test.each([
    [undefined, TypeError],
    ['127.0.0.1:102', TypeError],
    [{}, TypeError],
    [{ host: '' }, TypeError],
    [{ host: 7 }, TypeError],
    [{ host: 'a', port: '102' }, TypeError],
    [{ host: 'a', port: 0 }, RangeError],
    [{ host: 'a', port: 65_536 }, RangeError],
    [{ host: 'a', port: Number.NaN }, RangeError],
    [{ host: 'a', prot: 1 }, TypeError],
  ])('%o is refused', async (address, type) => {
    const error = await rejection(connect(address as never));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toContain('addr');
  });
});

describe('a bad option names itself and the value', () => {
  test.each([
    [
      { maxTpduSize: 127 },
      RangeError,
      /options\.maxTpduSize must be an integer 128 to 65531 .*, not 127/,
    ],
    [{ maxTpduSize: 65_532 }, RangeError, /65532/],
    [{ maxTpduSize: '2048' }, TypeError, /not '2048'/],
    [{ maxTpduSize: 1024.5 }, RangeError, /1024\.5/],
    [{ maxTsduSize: 0 }, RangeError, /maxTsduSize/],
    [{ maxTsduSize: Number.POSITIVE_INFINITY }, RangeError, /Infinity/],
    [{ maxTsduSegments: 0 }, RangeError, /maxTsduSegments/],
    [{ readHighWaterMark: 0 }, RangeError, /readHighWaterMark/],
    [{ writeHighWaterMark: -1 }, RangeError, /writeHighWaterMark/],
    [{ maxWriteBuffer: null }, TypeError, /maxWriteBuffer/],
    [{ timeout: 0 }, RangeError, /timeout/],
    [{ timeout: 2 ** 31 }, RangeError, /2147483648/],
    [{ closeTimeout: Number.NaN }, RangeError, /NaN/],
    [{ idleTimeout: '1k' }, TypeError, /'1k'/],
    [{ keepAlive: 1 }, TypeError, /keepAlive must be true or false, not 1/],
    [{ strict: 'yes' }, TypeError, /strict/],
    [{ sizeOffer: 'none' }, RangeError, /'standard' or 'nonstandard' or 'absent'/],
    [{ localTsel: 65_536 }, RangeError, /localTsel.*65536/],
    [{ remoteTsel: '0x0102' }, TypeError, /remoteTsel.*parseTsel/],
    [{ remoteTsel: new Uint8Array(255) }, RangeError, /255 octets/],
    [{ remoteTsel: new Uint8Array(120) }, RangeError, /128/],
    [{ connectData: new Uint8Array(33) }, RangeError, /connectData.*32.*33/],
    [{ signal: {} }, TypeError, /AbortSignal/],
    [{ socket: {} }, TypeError, /Duplex/],
    [{ tls: 'on' }, TypeError, /tls/],
    [{ trace: {} }, TypeError, /trace must be a function/],
    [{ onError: 'log' }, TypeError, /onError/],
    [{ name: '' }, TypeError, /name/],
    [{ maxTpdusize: 1024 }, TypeError, /maxTpdusize is not known; did you mean maxTpduSize\?/],
    [{ handshakeTimeout: 1 }, TypeError, /handshakeTimeout is not known; known options:/],
    [null, TypeError, /options must be an object/],
  ])('%o', async (options, type, message) => {
    const error = await rejection(connect(NOWHERE, options as never));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });

  test.each([
    [{ maxConnections: 0 }, RangeError, /maxConnections/],
    [{ backlog: 0 }, RangeError, /backlog/],
    [{ bindConnections: 'no' }, TypeError, /bindConnections/],
    [{ onConnectRequest: true }, TypeError, /onConnectRequest must be a function/],
    [{ timeout: 1 }, TypeError, /timeout is not known/],
    [{ localTsel: -1 }, RangeError, /localTsel/],
  ])('%o of listen', async (options, type, message) => {
    const error = await rejection(listen(() => {}, NOWHERE, options as never));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });
});

test('a bad option is refused before anything is opened', async () => {
  const onConnection = vi.fn();
  const server = createServer(onConnection).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await rejection(connect({ host: '127.0.0.1', port }, { maxTpduSize: 1 }));
  await new Promise((resolve) => setImmediate(resolve));
  expect(onConnection).not.toHaveBeenCalled();
  server.close();
});

test('an option that is undefined is one not given', async () => {
  const error = await rejection(connect(NOWHERE, { localTsel: undefined, timeout: undefined }));
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});

test('a callback that is none is a TypeError', async () => {
  expect(await rejection(listen(undefined as never))).toBeInstanceOf(TypeError);
});
