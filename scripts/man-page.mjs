/** Writes man/cotp.1, the manual page of the command, from the table of commands in src/cli. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { generatedModule } from './generated-module.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'src');
const MODULE = join(ROOT, 'build/man-page.js');

const bundle = await rolldown({
  input: join(SOURCE, 'cli/command-line/man-page.ts'),
  platform: 'node',
  // The manual page is made without them.
  plugins: [generatedModule(SOURCE, (path) => `./${basename(path)}.js`)],
});
await bundle.write({ file: MODULE, format: 'esm', codeSplitting: false });
await bundle.close();
const { manPage } = await import(pathToFileURL(MODULE).href);
const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
await mkdir(join(ROOT, 'man'), { recursive: true });
await writeFile(join(ROOT, 'man/cotp.1'), manPage(version));
