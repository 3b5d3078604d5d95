import { describe, expect, it } from 'vitest';
import {
  answerSize,
  confirmSize,
  offerSize,
  type SizeLimits,
} from '../../../src/core/negotiation/tpdu-size.js';
import { sizeOfCode } from '../../../src/core/tpdu/size-codes.js';

const CODES = Array.from({ length: 256 }, (_, code) => code);
const SIZES = CODES.map(sizeOfCode).filter((size) => size !== undefined);

function limits(maxTpduSize: number, more: Partial<SizeLimits> = {}): SizeLimits {
  return { maxTpduSize, usePreferred: false, strict: false, class: 0, ...more };
}

describe('an offer', () => {
  it.each([
    [128, { tpduSize: 128 }],
    [1500, { tpduSize: 1024 }],
    [2048, { tpduSize: 2048 }],
    [2049, { tpduSize: 2048, preferredMaxTpduSize: 2048 }],
    [8192, { tpduSize: 2048, preferredMaxTpduSize: 8192 }],
    [65_531, { tpduSize: 2048, preferredMaxTpduSize: 65_408 }],
    [1e9, { tpduSize: 2048, preferredMaxTpduSize: 65_408 }],
  ])('of %i is made by the standard as %j', (size, parameters) => {
    expect(offerSize(size)).toEqual(parameters);
  });

  it.each([
    [2048, { tpduSize: 2048 }],
    [4096, { tpduSize: 4096 }],
    [32_768, { tpduSize: 32_768 }],
    [65_530, { tpduSize: 32_768 }],
    [65_531, { tpduSize: 65_531 }],
    [1e9, { tpduSize: 65_531 }],
  ])('of %i is made by non-standard codes as %j', (size, parameters) => {
    expect(offerSize(size, 'nonstandard')).toEqual(parameters);
  });

  it('is made by silence', () => {
    expect(offerSize(65_531, 'absent')).toEqual({});
  });
});

describe('an answer by 0xC0', () => {
  it.each(SIZES)('to %i is neither above it nor above the own limit', (tpduSize) => {
    for (const own of [128, 129, 1500, 2048, 8192, 32_768, 65_531]) {
      const { tpduSize: answer = 0 } = answerSize({ tpduSize }, limits(own));
      const coded = SIZES.filter((size) => size <= Math.min(tpduSize, own));
      expect(answer).toBe(Math.max(...coded));
    }
  });

  it('to a CR that states no size is a size', () => {
    expect(answerSize({}, limits(2048))).toEqual({ tpduSize: 2048 });
    expect(answerSize({}, limits(65_531))).toEqual({ tpduSize: 8192 });
  });

  it('keeps to X.224 when strict', () => {
    expect(answerSize({}, limits(65_531, { strict: true }))).toEqual({ tpduSize: 2048 });
    expect(answerSize({}, limits(65_531, { strict: true, class: 2 }))).toEqual({ tpduSize: 8192 });
  });

  it('is what a preferred size gets from who does not use it', () => {
    const offer = { tpduSize: 2048, preferredMaxTpduSize: 65_408 };
    expect(answerSize(offer, limits(4096))).toEqual({ tpduSize: 2048 });
    expect(answerSize({ preferredMaxTpduSize: 256 }, limits(4096))).toEqual({ tpduSize: 4096 });
  });
});

describe('an answer by 0xF0', () => {
  it.each([
    [65_408, 4096, 4096],
    [65_408, 5000, 4992],
    [65_408, 65_531, 65_408],
    [1024, 65_531, 1024],
    [0xffff_ffff * 128, 65_531, 65_408],
  ])('to %i within %i is %i', (preferredMaxTpduSize, own, answer) => {
    const offer = { tpduSize: 2048, preferredMaxTpduSize };
    expect(answerSize(offer, limits(own, { usePreferred: true }))).toEqual({
      preferredMaxTpduSize: answer,
    });
  });

  it('is not given to who did not ask', () => {
    expect(answerSize({ tpduSize: 512 }, limits(4096, { usePreferred: true }))).toEqual({
      tpduSize: 512,
    });
  });
});

describe('the size in force', () => {
  const both = { tpduSize: 2048, preferredMaxTpduSize: 65_408 };

  it.each([
    ['what was answered', { tpduSize: 2048 }, { tpduSize: 512 }, 512, false],
    [
      'what was offered, where more was answered',
      { tpduSize: 2048 },
      { tpduSize: 8192 },
      2048,
      true,
    ],
    ['what was offered, where nothing was answered', { tpduSize: 2048 }, {}, 2048, false],
    ['65531, where nothing was said', {}, {}, 65_531, false],
    ['any answer, where nothing was offered', {}, { tpduSize: 8192 }, 8192, false],
    ['the preferred size', both, { preferredMaxTpduSize: 65_408 }, 65_408, false],
    ['the preferred size offered', both, { preferredMaxTpduSize: 99_968 }, 65_408, true],
    ['the plain size, where the preferred was ignored', both, { tpduSize: 1024 }, 1024, false],
    ['the plain size, where neither was answered', both, {}, 2048, false],
    [
      'a preferred size not asked for',
      { tpduSize: 2048 },
      { preferredMaxTpduSize: 1024 },
      1024,
      true,
    ],
    [
      'the offer, where that is larger',
      { tpduSize: 2048 },
      { preferredMaxTpduSize: 4096 },
      2048,
      true,
    ],
    ['65531, where a larger one was answered', {}, { preferredMaxTpduSize: 99_968 }, 65_531, true],
    [
      'the preferred size, where both were answered',
      both,
      { tpduSize: 128, preferredMaxTpduSize: 256 },
      256,
      false,
    ],
  ])('is %s', (_title, offer, answer, maxTpduSize, isBeyondOffer) => {
    expect(confirmSize(offer, answer)).toEqual({ maxTpduSize, isBeyondOffer });
  });
});
