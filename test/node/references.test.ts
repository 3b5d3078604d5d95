import { Duplex } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { takeReference } from '../../src/node/references.js';

afterEach(() => {
  vi.restoreAllMocks();
});

test('a stream that closes twice gives its reference back once', () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  const [first, second, third] = [new Duplex(), new Duplex(), new Duplex()];
  const reference = takeReference(first);
  first.emit('close');
  expect(takeReference(second)).toBe(reference);
  first.emit('close');
  expect(takeReference(third)).not.toBe(reference);
  second.emit('close');
  third.emit('close');
});
