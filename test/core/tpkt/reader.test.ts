import { describe, expect, test } from 'vitest';
import { TpktReader } from '../../../src/core/tpkt/reader.js';

const FIRST = Uint8Array.of(3, 0, 0, 7, 2, 0xf0, 0x80);
const SECOND = Uint8Array.of(3, 0, 0, 9, 2, 0xf0, 0x80, 1, 2);
const STREAM = Uint8Array.of(...FIRST, ...SECOND);

/** A reader, and what it has passed on. */
function reading(): { reader: TpktReader; tpdus: number[][] } {
  const tpdus: number[][] = [];
  return { reader: new TpktReader((tpdu) => tpdus.push([...tpdu])), tpdus };
}

describe('a reader of TPKTs', () => {
  test.each([1, 2, 3, 5, 8, 16])(
    'passes on each TPDU without its header, in chunks of %i',
    (size) => {
      const { reader, tpdus } = reading();
      for (let at = 0; at < STREAM.length; at += size) {
        reader.push(STREAM.slice(at, at + size));
      }
      expect(tpdus).toEqual([[...FIRST.subarray(4)], [...SECOND.subarray(4)]]);
      expect(reader.held).toBe(0);
    },
  );

  test('says how many octets of a TPKT it holds', () => {
    const { reader, tpdus } = reading();
    reader.push(STREAM.subarray(0, FIRST.length + 6));
    expect(tpdus).toHaveLength(1);
    expect(reader.held).toBe(6);
  });

  test('passes on what comes before a fault, then throws it', () => {
    const { reader, tpdus } = reading();
    const fault = expect.objectContaining({ fault: 'tpkt-version', octet: FIRST.length + 1 });
    expect(() => reader.push(Uint8Array.of(...FIRST, 4, 0, 0, 7))).toThrow(fault);
    expect(tpdus).toHaveLength(1);
  });

  test('takes the octets of a Buffer as those of any other array', () => {
    const { reader, tpdus } = reading();
    reader.push(Buffer.from(STREAM));
    expect(tpdus).toHaveLength(2);
  });
});
