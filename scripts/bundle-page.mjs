/**
 * Makes dist/node/inspector/page.js of src/inspector-page: a module with the page, its script and its style as
 * strings, so that the server needs no other file. The licences of the packages in it are put beside it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { writeLicences } from './licences.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'src/inspector-page');
const OUT = join(ROOT, 'dist/node/inspector');

const bundle = await rolldown({ input: join(SOURCE, 'view/main.tsx'), platform: 'browser' });
const { output } = await bundle.generate({ format: 'esm', minify: true, comments: false });
await bundle.close();
const [{ code }] = output;

/** Without comments, and without white space that separates nothing. */
function minifiedCss(css) {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,>]) ?/g, '$1')
    .replace(/: /g, ':')
    .replaceAll(';}', '}')
    .trim();
}

const page = {
  html: await readFile(join(SOURCE, 'page.html'), 'utf8'),
  script: code,
  style: minifiedCss(await readFile(join(SOURCE, 'page.css'), 'utf8')),
};
await mkdir(OUT, { recursive: true });
await writeFile(join(OUT, 'page.js'), `export const PAGE = ${JSON.stringify(page)};\n`);
await writeLicences(OUT, 'dist/node/inspector/page.js', output);
