/**
 * Makes dist/cli/main.js of src/cli: one file, with the library and the packages it uses in it. So the
 * package needs no other, and the command starts without resolving the library's modules one by one. Only the page of
 * the inspector stays a module of its own, which the library uses too.
 * The licences of the packages are put beside it. The reader of captures is made for the fuzzer too.
 */
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { writeLicences } from './licences.mjs';
import { pageIsExternal } from './page-is-external.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'dist/cli');

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

await writeLicences(OUT, 'dist/cli/main.js', output);
