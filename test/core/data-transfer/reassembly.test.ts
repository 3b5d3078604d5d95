/** What the reassembly of TSDUs holds on to. */
import { expect, it } from 'vitest';
import { Reassembly } from '../../../src/core/data-transfer/reassembly.js';
import { allocateZeroed, OctetSource, plainView } from '../../../src/core/octets/collector.js';
import { memoryHeld } from '../../support/growth.js';

/** The first DTs of a TSDU, whose chunk is forgotten here; all of them, if it is to end. */
function begin(reassembly: Reassembly, ends: boolean): WeakRef<ArrayBufferLike> {
  const source = new OctetSource(new Uint8Array(100_000), true);
  reassembly.add(source, 7, 1_007, false);
  const tsdu = reassembly.add(source, 1_014, 2_014, ends);
  expect(tsdu?.buffer).toBe(ends ? source.octets.buffer : undefined);
  return new WeakRef(source.octets.buffer);
}

function reassembly(): Reassembly {
  const limits = { maxTsduSize: 1_000_000, maxTsduSegments: 100 };
  return new Reassembly(limits, allocateZeroed, plainView);
}

it('keeps no chunk in which a TSDU was joined', async () => {
  const subject = reassembly();
  const chunk = begin(subject, true);
  await memoryHeld();
  expect(chunk.deref()).toBeUndefined();
  expect(subject.begun).toBe(false);
});

it('keeps no chunk of a TSDU that will not be finished', async () => {
  const subject = reassembly();
  const chunk = begin(subject, false);
  subject.clear();
  await memoryHeld();
  expect(chunk.deref()).toBeUndefined();
  expect(subject.begun).toBe(false);
});

/** Small first pieces of many large chunks; of each, all that is left is of no use to the TSDU. */
function fed(chunks: number, octets: number): Reassembly {
  const subject = reassembly();
  for (let i = 0; i < chunks; i += 1) {
    subject.add(new OctetSource(new Uint8Array(65_536)), 7, 7 + octets, false);
    subject.endChunk();
  }
  return subject;
}

it('keeps little more memory than it needs for small pieces of large chunks', () => {
  const { pinned, length } = fed(90, 512);
  expect(length).toBe(90 * 512);
  expect(pinned).toBeLessThanOrEqual(2 * length + 131_072);
});

it('copies nothing where most of each chunk is of the TSDU', () => {
  const subject = reassembly();
  const chunk = new Uint8Array(65_536);
  for (let at = 0; at + 2_052 <= chunk.length; at += 2_052) {
    subject.add(new OctetSource(chunk), at + 7, at + 2_052, false);
  }
  subject.endChunk();
  expect(subject.pinned).toBeGreaterThanOrEqual(chunk.length);
  expect(subject.pinned).toBeLessThan(1.1 * chunk.length);
});

it('gives the TSDU whose pieces were copied meanwhile', () => {
  const subject = fed(90, 1_000);
  const last = Uint8Array.from({ length: 1_000 }, (_, i) => i & 0xff);
  const tsdu = subject.add(new OctetSource(last), 0, last.length, true);
  expect(tsdu).toHaveLength(91_000);
  expect(tsdu?.subarray(-1_000)).toEqual(last);
});
