/** Imports nothing itself, so that it runs, and fails, where the tables cannot be made. */
import { expect, it } from 'vitest';

it('the module makes its tables when it is loaded', async () => {
  const loaded = await import('../../../src/core/tpdu/index.js');
  expect(Object.keys(loaded)).toEqual(expect.arrayContaining(['decode', 'encode', 'explainTpdu']));
});
