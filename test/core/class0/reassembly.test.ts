/** What the reassembly of TSDUs holds on to. */
import { expect, it } from 'vitest';
import { Reassembly } from '../../../src/core/class0/reassembly.js';
import { allocateZeroed } from '../../../src/core/octet-collector.js';
import { OctetSource, plainView } from '../../../src/core/octet-source.js';
import { memoryHeld } from '../../support/growth.js';

/** Joins a TSDU of two DTs in their chunk, and forgets it. */
function joinOne(reassembly: Reassembly): WeakRef<ArrayBufferLike> {
  const source = new OctetSource(new Uint8Array(100_000), true);
  reassembly.add(source, 7, 1_007, false);
  const tsdu = reassembly.add(source, 1_014, 2_014, true);
  expect(tsdu?.buffer).toBe(source.octets.buffer);
  return new WeakRef(source.octets.buffer);
}

it('keeps no chunk in which a TSDU was joined', async () => {
  const limits = { maxTsduSize: 1_000_000, maxTsduSegments: 100 };
  const reassembly = new Reassembly(limits, allocateZeroed, plainView);
  const chunk = joinOne(reassembly);
  await memoryHeld();
  expect(chunk.deref()).toBeUndefined();
  expect(reassembly.begun).toBe(false);
});
