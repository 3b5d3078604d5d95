/** The licences of the bundled packages, as they lie beside the executable. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { thirdPartyTexts } from '../../scripts/sbom.mjs';

test('no bundled package has its licence there twice', async () => {
  const texts = (await thirdPartyTexts()).join('\n');
  const headings = [...texts.matchAll(/^-{72}\n\n(.+ \(.+\))$/gm)].map(([, heading]) => heading);
  assert.ok(headings.length > 0);
  assert.deepEqual([...new Set(headings)], headings);
});
