/** What the reassembly of TSDUs holds on to. */
import { expect, it } from 'vitest';
import { Reassembly, ReassemblyBudget } from '../../../src/core/class0/reassembly.js';
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

it('asks nothing of what all peers share for a TSDU that ends where it began', () => {
  const budget = new ReassemblyBudget(1_000);
  const limits = { maxTsduSize: 1_000_000, maxTsduSegments: 100, budget };
  const greedy = new Reassembly(limits, allocateZeroed, plainView);
  const source = new OctetSource(new Uint8Array(2_000));
  greedy.add(source, 0, 900, false);
  const other = new Reassembly(limits, allocateZeroed, plainView);
  expect(other.add(source, 0, 500, true)).toHaveLength(500);
  expect(() => other.add(source, 0, 500, false)).toThrow(/from all peers together/);
});

it('lets a TSDU end though others hold all the rest of what is shared', () => {
  const budget = new ReassemblyBudget(1_000);
  const limits = { maxTsduSize: 1_000_000, maxTsduSegments: 100, budget };
  const [one, other] = [0, 1].map(() => new Reassembly(limits, allocateZeroed, plainView)) as [
    Reassembly,
    Reassembly,
  ];
  const source = new OctetSource(new Uint8Array(2_000));
  one.add(source, 0, 500, false);
  other.add(source, 0, 500, false);
  expect(one.add(source, 0, 100, true)).toHaveLength(600);
  expect(budget.held).toBe(500);
});
