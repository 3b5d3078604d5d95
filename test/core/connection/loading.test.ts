/** Imports nothing itself, so that it runs, and fails, where the tables cannot be made. */
import { expect, it } from 'vitest';

it('the tables are made when their modules are loaded', async () => {
  const { CLASS0_TABLE } = await import('../../../src/core/class0/procedure.js');
  const { CLASS2_TABLE } = await import('../../../src/core/class2/table.js');
  const { STATES } = await import('../../../src/core/connection/transition.js');
  const names = Object.keys(STATES);
  expect(names.length).toBeGreaterThan(10);
  expect([...CLASS0_TABLE.keys()]).toEqual(names);
  expect([...CLASS2_TABLE.keys()]).toEqual(names);
});
