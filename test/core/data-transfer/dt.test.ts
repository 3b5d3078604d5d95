/** Which DTs are plain, so that they are read without the codec, and how those that are sent are shown. */
import { describe, expect, it } from 'vitest';
import {
  copiesOfDts,
  normalDt,
  readEot,
  SHORT_DT,
  writeTsdu,
} from '../../../src/core/data-transfer/dt.js';
import { SendBuffer } from '../../../src/core/data-transfer/send-buffer.js';
import { SendPool } from '../../../src/core/data-transfer/send-pool.js';
import { allocateZeroed, plainView } from '../../../src/core/octets/collector.js';
import { takePieces } from '../../support/engine.js';
import { digits, join, pattern, tpkt } from '../../support/splits.js';

describe('EOT of a DT of class 0', () => {
  it.each([
    ['the last one', 2, 0xf0, 0x80, true],
    ['not the last one', 2, 0xf0, 0x00, false],
    ['one with another LI', 3, 0xf0, 0x80, undefined],
    ['another TPDU', 2, 0xe0, 0x80, undefined],
    ['one with a number', 2, 0xf0, 0x81, undefined],
    ['one that ends before EOT', 2, 0xf0, undefined, undefined],
  ] as const)('%s', (_, li, code, number, eot) => {
    expect(readEot(SHORT_DT, li, code, number)).toBe(eot);
  });
});

describe('EOT of a DT of class 2', () => {
  it.each([
    ['the last one', 4, 0x80, true],
    ['not the last one', 4, 0x00, false],
    ['the last one, with a number', 4, 0xff, true],
    ['not the last one, with a number', 4, 0x7f, false],
    ['one of class 0', 2, 0x80, undefined],
  ] as const)('%s', (_, li, number, eot) => {
    expect(readEot(normalDt(1, 2), li, 0xf0, number)).toBe(eot);
  });
});

describe('the DTs of a TSDU', () => {
  const MAX = 128;

  it.each([
    ['class 0', SHORT_DT, 1],
    ['class 0', SHORT_DT, MAX - 3],
    ['class 0', SHORT_DT, MAX - 2],
    ['class 0', SHORT_DT, 2 * (MAX - 3)],
    ['class 2', normalDt(1, 2), MAX - 5],
    ['class 2', normalDt(1, 2), 3 * MAX],
  ] as const)('are shown as they are sent, in %s', (_class, format, length) => {
    const tsdu = pattern(length);
    const sendBuffer = new SendBuffer(new SendPool(allocateZeroed));
    writeTsdu(sendBuffer, format, tsdu, MAX, plainView);
    const shown = [...copiesOfDts(format, tsdu, MAX)];
    expect(digits(join(...shown.map(tpkt)))).toBe(digits(...takePieces(sendBuffer)));
    expect(shown).toHaveLength(Math.ceil(length / (MAX - format.headerLength)));
    tsdu.fill(0xee);
    expect(shown[0]?.[format.headerLength]).toBe(pattern(1)[0]);
  });
});
