/** Writes man/cotp.1, the manual page of the command, from the table of commands in src/cli. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { pageIsExternal } from './page-is-external.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODULE = join(ROOT, 'build/man-page.js');

const bundle = await rolldown({
  input: join(ROOT, 'src/cli/man-page.ts'),
  platform: 'node',
  // The manual page is made without it.
  plugins: [pageIsExternal('./page.js')],
});
await bundle.write({ file: MODULE, format: 'esm', codeSplitting: false });
await bundle.close();
const { manPage } = await import(pathToFileURL(MODULE).href);
const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
await mkdir(join(ROOT, 'man'), { recursive: true });
await writeFile(join(ROOT, 'man/cotp.1'), manPage(version));
