/** What the reassembly of TSDUs holds on to. */
import { expect, it } from 'vitest';
import { Reassembly } from '../../../src/core/class0/reassembly.js';
import { allocateZeroed } from '../../../src/core/octet-collector.js';
import { OctetSource, plainView } from '../../../src/core/octet-source.js';
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
