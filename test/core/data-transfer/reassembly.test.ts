/** What the reassembly of TSDUs gives, refuses and holds on to. */
import { describe, expect, it } from 'vitest';
import { Reassembly } from '../../../src/core/data-transfer/reassembly.js';
import { TsduTooLargeError } from '../../../src/core/errors.js';
import {
  allocateZeroed,
  OctetCollector,
  OctetSource,
  plainView,
} from '../../../src/core/octets/collector.js';
import { memoryHeld } from '../../support/growth.js';
import { pattern } from '../../support/splits.js';

/** The first DTs of a TSDU, whose chunk is forgotten here; all of them, if it is to end. */
function begin(reassembly: Reassembly, ends: boolean): WeakRef<ArrayBufferLike> {
  const source = new OctetSource(new Uint8Array(100_000), true);
  reassembly.add(source, 7, 1_007, false);
  const tsdu = reassembly.add(source, 1_014, 2_014, ends);
  expect(tsdu?.buffer).toBe(ends ? source.octets.buffer : undefined);
  return new WeakRef(source.octets.buffer);
}

function reassembly(maxTsduSize = 1_000_000, maxTsduSegments = 100): Reassembly {
  const limits = { maxTsduSize, maxTsduSegments };
  return new Reassembly(limits, allocateZeroed, plainView);
}

it('keeps no chunk in which a TSDU was joined', async () => {
  const subject = reassembly();
  const chunk = begin(subject, true);
  await memoryHeld();
  expect(chunk.deref()).toBeUndefined();
  expect(subject.segments).toBe(0);
});

it('keeps no chunk of a TSDU that will not be finished', async () => {
  const subject = reassembly();
  const chunk = begin(subject, false);
  subject.clear();
  await memoryHeld();
  expect(chunk.deref()).toBeUndefined();
  expect(subject.segments).toBe(0);
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

/** Adds user data behind a header of 7 octets, in a chunk of its own. */
function add(
  subject: Reassembly,
  userData: Uint8Array,
  eot: boolean,
  isOwn = false,
): Uint8Array | undefined {
  const chunk = new Uint8Array(7 + userData.length);
  chunk.set(userData, 7);
  return subject.add(new OctetSource(chunk, isOwn), 7, chunk.length, eot);
}

/** The same, where TCP has cut the DT in two. */
function addInPieces(
  subject: Reassembly,
  userData: Uint8Array,
  eot: boolean,
): Uint8Array | undefined {
  const pieces = new OctetCollector();
  pieces.append(new Uint8Array(7), 0, 7);
  pieces.append(userData, 0, userData.length);
  return subject.addPieces(pieces, 7, eot);
}

describe.each([
  ['whole', add],
  ['in pieces', addInPieces],
])('DTs that come %s', (_title, put) => {
  //= X.224 6.3.3 para 1 test
  it('give their user data in order when one has EOT', () => {
    const subject = reassembly();
    expect(put(subject, pattern(3), false)).toBeUndefined();
    expect([subject.segments, subject.length]).toEqual([1, 3]);
    expect(put(subject, pattern(600, 3), false)).toBeUndefined();
    expect(put(subject, pattern(5, 603), true)).toEqual(pattern(608));
    expect([subject.segments, subject.length]).toEqual([0, 0]);
  });

  it('give one TSDU after the other', () => {
    const subject = reassembly();
    put(subject, pattern(3), false);
    put(subject, pattern(3), true);
    expect(put(subject, pattern(4, 9), true)).toEqual(pattern(4, 9));
  });

  //= X.224 6.3.3 note 2 test
  it.each([true, false])('begin no TSDU while they have no user data, with EOT %s', (eot) => {
    const subject = reassembly(10, 1);
    for (let i = 0; i < 3; i += 1) {
      expect(put(subject, pattern(0), eot)).toBeUndefined();
    }
    expect(subject.segments).toBe(0);
    expect(put(subject, pattern(1), true)).toEqual(pattern(1));
  });

  it('end a TSDU without user data of their own', () => {
    const subject = reassembly();
    put(subject, pattern(3), false);
    expect(put(subject, pattern(0), true)).toEqual(pattern(3));
  });
});

describe('the octets copied', () => {
  it('are none of a TSDU that lies whole in a chunk', () => {
    const subject = reassembly();
    const source = new OctetSource(pattern(100));
    expect(subject.add(source, 7, 57, true)?.buffer).toBe(source.octets.buffer);
    expect(subject.copied).toBe(0);
  });

  it('are none of a TSDU that was joined in its chunk', () => {
    const subject = reassembly();
    const source = new OctetSource(pattern(3_000), true);
    subject.add(source, 7, 1_007, false);
    expect(subject.add(source, 1_014, 2_014, true)?.buffer).toBe(source.octets.buffer);
    expect(subject.copied).toBe(0);
  });

  it('are all of the TSDUs that were joined elsewhere', () => {
    const subject = reassembly();
    for (let i = 0; i < 2; i += 1) {
      add(subject, pattern(600), false);
      add(subject, pattern(30), true);
    }
    expect(subject.copied).toBe(2 * 630);
  });
});

it('keeps nothing when it is empty, compacted or not', () => {
  const subject = reassembly();
  subject.compact();
  expect([subject.pinned, subject.length]).toEqual([0, 0]);
});

it('keeps no more than its own octets once it is compacted', () => {
  const subject = reassembly();
  subject.add(new OctetSource(new Uint8Array(65_536)), 7, 1_007, false);
  expect(subject.pinned).toBeGreaterThan(65_536);
  subject.compact();
  expect(subject.pinned).toBeLessThan(1_200);
});

it('forgets a TSDU that will not be finished', () => {
  const subject = reassembly(10, 2);
  add(subject, pattern(9), false);
  subject.clear();
  expect([subject.segments, subject.length]).toEqual([0, 0]);
  expect(add(subject, pattern(9, 1), true)).toEqual(pattern(9, 1));
});

it('counts the octets of a whole TSDU that came in pieces as copied', () => {
  const subject = reassembly();
  addInPieces(subject, pattern(5), true);
  addInPieces(subject, pattern(600), true);
  expect(subject.copied).toBe(605);
});

describe('the limits of a TSDU', () => {
  const octetsPassed = new TsduTooLargeError(
    'a TSDU of at most 10 octets was expected, more than that came',
    { phase: 'open', hint: 'maxTsduSize sets the limit' },
  );
  const segmentsPassed = new TsduTooLargeError(
    'a TSDU of at most 3 DT TPDUs was expected, more than that came',
    { phase: 'open', hint: 'maxTsduSegments sets the limit' },
  );

  it('let it have as many octets in all as the limit, and not one more', () => {
    const subject = reassembly(10);
    add(subject, pattern(4), false);
    expect(subject.limitPassedBy(6)).toBeUndefined();
    expect(subject.limitPassedBy(7)).toEqual(octetsPassed);
    add(subject, pattern(6), true);
    expect(subject.limitPassedBy(10)).toBeUndefined();
    expect(subject.limitPassedBy(11)).toEqual(octetsPassed);
  });

  it('let it have as many DTs as the limit, the empty ones counted, and not one more', () => {
    const subject = reassembly(10, 3);
    for (const octets of [1, 0, 0]) {
      expect(subject.limitPassedBy(octets)).toBeUndefined();
      add(subject, pattern(octets), false);
    }
    expect(subject.limitPassedBy(0)).toEqual(segmentsPassed);
    subject.clear();
    expect(subject.limitPassedBy(1)).toBeUndefined();
  });

  it('say in which phase they were passed, and which option sets them', () => {
    const phase = 'open';
    expect(reassembly(10).limitPassedBy(11)).toMatchObject({
      phase,
      hint: 'maxTsduSize sets the limit',
    });
    expect(reassembly(10, 0).limitPassedBy(1)).toMatchObject({
      phase,
      hint: 'maxTsduSegments sets the limit',
    });
  });
});
