/** Every vector of a file in both modes: the one named by COTP_VECTORS, or those beside this. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { actual, expected, type Mode, type Vector } from './adapter.js';

const named = process.env.COTP_VECTORS;
const files = named === undefined ? ['vectors.json', 'captures.json'] : [named];
const vectors = files.flatMap((file) => {
  const path = named === undefined ? new URL(file, import.meta.url) : file;
  return (JSON.parse(readFileSync(path, 'utf8')) as { vectors: readonly Vector[] }).vectors;
});
const modes: readonly Mode[] = ['tolerant', 'strict'];

describe.each(modes)('%s', (mode) => {
  for (const vector of vectors) {
    it(`${vector.id} ${vector.title}`, () => {
      expect(actual(vector, mode)).toEqual(inAnyOrder(expected(vector, mode)));
    });
  }
});

/** Warnings are a set; the vectors list them in an order of their own. */
function inAnyOrder(result: ReturnType<typeof expected>): unknown {
  const ok = result.ok as { readonly warnings?: readonly string[] } | undefined;
  return ok?.warnings === undefined
    ? result
    : { ...result, ok: { ...ok, warnings: [...ok.warnings].sort() } };
}
