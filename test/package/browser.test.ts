/** `cotp/browser` in a bundle. That it runs in a browser is tried by `npm run test:compat`. */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import { ROOT } from './consumer.js';

/** Octets of a minified bundle of a program, compressed by gzip. */
async function sizeOf(program: string): Promise<number> {
  const bundle = await rolldown({
    input: 'program',
    platform: 'browser',
    plugins: [
      {
        name: 'program',
        resolveId: (id) =>
          ({ program: id, 'cotp/browser': join(ROOT, 'dist/esm/browser.js') })[id] ?? null,
        load: (id) => (id === 'program' ? program : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  await bundle.close();
  return gzipSync(output[0].code).length;
}

test('decode alone takes at most 8 kB', async () => {
  const size = await sizeOf(`import { decode } from 'cotp/browser'; globalThis.decode = decode;`);
  expect(size).toBeGreaterThan(4_000);
  expect(size).toBeLessThanOrEqual(8_000);
});

test('parseTsel brings no codec with it', async () => {
  const size = await sizeOf(
    `import { parseTsel } from 'cotp/browser'; globalThis.parse = parseTsel;`,
  );
  expect(size).toBeLessThanOrEqual(4_000);
});
