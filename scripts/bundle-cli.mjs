/**
 * Makes dist/cli/main.js of src/cli: one file, with the library and the packages it uses in it. So the
 * package needs no other, and the command starts without resolving the library's modules one by one. Only the page of
 * the inspector stays a module of its own, which the library uses too.
 * The licences of the packages are put beside it. The reader of captures is made for the fuzzer too.
 */
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { pageIsExternal } from './page-is-external.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'dist/cli');

/** The folder of the package that a module came from. */
function packageOf(id) {
  const [, folder] = /^\0?(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id) ?? [];
  return folder;
}

async function licenceOf(folder) {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
  if (file === undefined) {
    throw new Error(`${name} has no licence text in ${basename(folder)}`);
  }
  const text = await readFile(join(folder, file), 'utf8');
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}

await rm(OUT, { recursive: true, force: true });
const bundle = await rolldown({
  input: join(ROOT, 'src/cli/main.ts'),
  platform: 'node',
  plugins: [pageIsExternal('../node/inspector/page.js')],
});
// The package has no map of it; coverage needs one.
const sourcemap = process.env.COTP_SOURCE_MAP !== undefined;
const { output } = await bundle.write({
  file: join(OUT, 'main.js'),
  format: 'esm',
  // Modules that are imported when they are needed are in the same file.
  codeSplitting: false,
  sourcemap,
  // The sources are in the package, with their comments.
  comments: { jsdoc: false },
});
await bundle.close();
await chmod(join(OUT, 'main.js'), 0o755);

// The fuzzer runs the reader of captures by itself. It is not in the package.
const reader = await rolldown({
  input: join(ROOT, 'src/cli/capture/capture-reader.ts'),
  platform: 'node',
});
await reader.write({ file: join(ROOT, 'build/cli/cli/capture/capture-reader.js'), format: 'esm' });
await reader.close();

const folders = new Set(output.flatMap((chunk) => chunk.moduleIds ?? []).map(packageOf));
folders.delete(undefined);
const licences = await Promise.all([...folders].sort().map(licenceOf));
const intro = 'dist/cli/main.js has these packages in it.\n';
await writeFile(join(OUT, 'THIRD-PARTY.txt'), [intro, ...licences].join(`\n${'-'.repeat(72)}\n\n`));
