/** What a stream is, for those who rely on it. */
import { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { isPlainSocket, isSystemSocket } from '../../src/node/stream/streams.js';

class DerivedSocket extends Socket {}

test.each([
  ['a socket', new Socket(), { plain: true, system: true }],
  ['a socket of a class derived from it', new DerivedSocket(), { plain: false, system: true }],
  ['TLS', new TLSSocket(new Socket()), { plain: false, system: false }],
  ['a stream of the user', new PassThrough(), { plain: false, system: false }],
])('%s', (_name, stream, is) => {
  expect({ plain: isPlainSocket(stream), system: isSystemSocket(stream) }).toEqual(is);
});
