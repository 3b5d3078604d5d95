import { expect, test } from 'vitest';
import { view } from '../../src/node/buffers.js';

test('a view is a Buffer over the memory that it is given', () => {
  const memory = Uint8Array.of(0, 1, 2, 3, 4, 5).buffer;
  const octets = view(memory, 2, 3);
  expect(Buffer.isBuffer(octets)).toBe(true);
  expect(octets).toEqual(Buffer.of(2, 3, 4));
  expect(octets.buffer).toBe(memory);
  expect(octets.byteOffset).toBe(2);
});
