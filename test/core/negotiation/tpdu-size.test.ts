import { describe, expect, it } from 'vitest';
import {
  answerSize,
  confirmSize,
  offerSize,
  type SizeLimits,
} from '../../../src/core/negotiation/tpdu-size.js';
import { sizeOfCode } from '../../../src/core/tpdu/codes.js';

const CODES = Array.from({ length: 256 }, (_, code) => code);
const SIZES = CODES.map(sizeOfCode).filter((size) => size !== undefined);

function limits(maxTpduSize: number, more: Partial<SizeLimits> = {}): SizeLimits {
  return { maxTpduSize, usePreferred: false, strict: false, class: 0, ...more };
}

/** 0xC0 alone, and 0xC0 with 0xF0 beside it. */
const c0 = (tpduSize: number) => ({ tpduSize });
const both = (tpduSize: number, preferredMaxTpduSize: number) => ({
  tpduSize,
  preferredMaxTpduSize,
});

describe('an offer', () => {
  it.each([
    [128, c0(128)],
    [1500, c0(1024)],
    [2048, c0(2048)],
    [2049, c0(2048)],
    [4095, c0(2048)],
    [4096, c0(4096)],
    [8191, c0(4096)],
    [8192, c0(8192)],
    [8193, both(8192, 8192)],
    [16_384, both(8192, 16_384)],
    [65_531, both(8192, 65_408)],
    [1e9, both(8192, 65_408)],
  ])('of %i is made for deployed peers as %j', (size, parameters) => {
    expect(offerSize(size, 'deployed')).toEqual(parameters);
  });

  it('is made for deployed peers unless told otherwise', () => {
    expect(offerSize(8192)).toEqual(c0(8192));
  });

  //= X.224 6.5.4 note 10 test
  it.each([
    [128, c0(128)],
    [1500, c0(1024)],
    [2048, c0(2048)],
    [2049, both(2048, 2048)],
    [8192, both(2048, 8192)],
    [65_531, both(2048, 65_408)],
    [1e9, both(2048, 65_408)],
  ])('of %i is made by the standard as %j', (size, parameters) => {
    expect(offerSize(size, 'standard')).toEqual(parameters);
  });

  //= RFC 2126 4.1.1 size test
  it.each([
    [128, c0(128)],
    [2048, c0(2048)],
    [4096, c0(4096)],
    [8192, c0(8192)],
    [16_384, c0(16_384)],
    [32_768, c0(32_768)],
    [65_530, c0(32_768)],
    [65_531, c0(32_768)],
    [1e9, c0(32_768)],
  ])('of %i is made by non-standard codes as %j', (size, parameters) => {
    expect(offerSize(size, 'nonstandard')).toEqual(parameters);
  });

  //= RFC 2126 4.1.1 size test
  it.each([128, 2048, 8192, 65_531])('of %i is made by silence', (size) => {
    expect(offerSize(size, 'absent')).toEqual({});
  });

  it.each(['deployed', 'standard', 'nonstandard', 'absent'] as const)(
    "never has the code 0x10 as '%s'",
    (form) => {
      const sizes = [128, 2048, 8192, 32_768, 65_408, 65_531].map(
        (size) => offerSize(size, form).tpduSize ?? 0,
      );
      expect(Math.max(...sizes)).toBeLessThanOrEqual(32_768);
    },
  );
});

describe('an answer by 0xC0', () => {
  //= X.224 6.5.4 j test
  it.each(SIZES)('to %i is neither above it nor above the own limit', (tpduSize) => {
    for (const own of [128, 129, 1500, 2048, 8192, 32_768, 65_531]) {
      const { tpduSize: answer = 0 } = answerSize({ tpduSize }, limits(own));
      // 0x10, which reads as 65531, is never sent: no TPKT holds the 65536 octets that it says.
      const coded = SIZES.filter((size) => size <= Math.min(tpduSize, own, 32_768));
      expect(answer).toBe(Math.max(...coded));
    }
  });

  //= X.224 6.5.4 absent parameters test
  //= RFC 1006 5 TPDU size test
  //= RFC 2126 4.2.1 size test
  //= RFC 2126 6.4 test
  it('to a CR that states no size is a size', () => {
    expect(answerSize({}, limits(2048))).toEqual({ tpduSize: 2048 });
    expect(answerSize({}, limits(65_531))).toEqual({ tpduSize: 8192 });
  });

  it('keeps to X.224 when strict', () => {
    expect(answerSize({}, limits(65_531, { strict: true }))).toEqual({ tpduSize: 2048 });
    expect(answerSize({}, limits(65_531, { strict: true, class: 2 }))).toEqual({ tpduSize: 8192 });
  });

  //= X.224 6.5.4 k para 2 test
  it('is what a preferred size gets from who does not use it', () => {
    const offer = { tpduSize: 2048, preferredMaxTpduSize: 65_408 };
    expect(answerSize(offer, limits(4096))).toEqual({ tpduSize: 2048 });
    expect(answerSize({ preferredMaxTpduSize: 256 }, limits(4096))).toEqual({ tpduSize: 4096 });
  });
});

describe('an answer by 0xF0', () => {
  //= X.224 6.5.4 k para 1 test
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

  //= X.224 6.5.4 k para 3 test
  it('is not given to who did not ask', () => {
    expect(answerSize({ tpduSize: 512 }, limits(4096, { usePreferred: true }))).toEqual({
      tpduSize: 512,
    });
  });
});

describe('the size in force', () => {
  const offered = both(2048, 65_408);

  //= X.224 6.5.4 absent parameters test
  //= RFC 1006 5 TPDU size test
  //= RFC 2126 4.1.1 size test
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
    ['the preferred size', offered, { preferredMaxTpduSize: 65_408 }, 65_408, false],
    ['the preferred size offered', offered, { preferredMaxTpduSize: 99_968 }, 65_408, true],
    ['the plain size, where the preferred was ignored', offered, { tpduSize: 1024 }, 1024, false],
    ['the plain size, where neither was answered', offered, {}, 2048, false],
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
      offered,
      { tpduSize: 128, preferredMaxTpduSize: 256 },
      256,
      false,
    ],
  ])('is %s', (_title, offer, answer, maxTpduSize, isBeyondOffer) => {
    expect(confirmSize(offer, answer)).toEqual({ maxTpduSize, isBeyondOffer });
  });
});
