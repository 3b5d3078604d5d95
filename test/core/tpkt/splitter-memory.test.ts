/** What a splitter keeps alive. */
import { expect, it } from 'vitest';
import { TpktSplitter } from '../../../src/core/tpkt/splitter.js';
import { memoryHeld } from '../../support/growth.js';
import { cutAt, join, pattern, tpkt } from '../../support/splits.js';

const DT = tpkt(join(Uint8Array.of(2, 0xf0, 0x80), pattern(2_000)));

function splitter(): TpktSplitter {
  return new TpktSplitter({ packet: () => true, packetInPieces: () => true });
}

/** Pushes a chunk that is forgotten here. */
function push(subject: TpktSplitter, octets: Uint8Array): WeakRef<ArrayBufferLike> {
  const chunk = Uint8Array.from(octets);
  subject.push(chunk, true);
  return new WeakRef(chunk.buffer);
}

it('keeps a chunk with the beginning of a packet until the packet is whole', async () => {
  const subject = splitter();
  const [beginning, end] = cutAt(DT, [1_000]) as [Uint8Array, Uint8Array];
  const chunk = push(subject, beginning);
  await memoryHeld();
  expect(chunk.deref()).toBeDefined();
  push(subject, end);
  await memoryHeld();
  expect(chunk.deref()).toBeUndefined();
  expect(subject.atBoundary).toBe(true);
});

it('keeps no chunk for fewer than 512 octets of a packet', async () => {
  const subject = splitter();
  const chunk = push(subject, DT.subarray(0, 511));
  await memoryHeld();
  expect(chunk.deref()).toBeUndefined();
  expect(subject.held).toBe(511);
});
