/**
 * Writes a small module for each entry of the package, which exports what the entry exports. TypeDoc and API Extractor
 * start from them, so that they see what users see: the built declarations, by the `exports` of package.json.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Where the modules are written. */
const FOLDER = join(ROOT, 'build/reference-entries');

/** What the compiler options of these modules are; the library itself is not compiled. */
export const TSCONFIG = join(FOLDER, 'tsconfig.json');

const OPTIONS = {
  compilerOptions: {
    target: 'es2022',
    module: 'nodenext',
    lib: ['es2022', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  },
  include: ['**/*.ts'],
};

/** The path of the declarations among the conditions of an entry. */
function declarationsOf(conditions) {
  if (typeof conditions === 'string') {
    return /\.d\.[cm]?ts$/.test(conditions) ? conditions : undefined;
  }
  for (const value of Object.values(conditions ?? {})) {
    const found = declarationsOf(value);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** The comment at the beginning of the declarations, which describes the entry, as one of a module. */
async function description(name, path) {
  const text = await readFile(join(ROOT, path), 'utf8').catch(() => {
    throw new Error(`${path} does not exist: run npm run build first`);
  });
  const [, comment = ''] = /^\/\*\*([\s\S]*?)\*\//.exec(text) ?? [];
  return `/**${comment.trimEnd()}\n *\n * @module ${name}\n * @packageDocumentation\n */\n`;
}

/** Writes the modules; resolves with the name and the file of each, such as `cotp/tpkt`. */
export async function writeEntries() {
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  await rm(FOLDER, { recursive: true, force: true });
  const entries = [];
  for (const [path, conditions] of Object.entries(manifest.exports)) {
    const declarations = declarationsOf(conditions);
    if (declarations === undefined) {
      continue; // package.json
    }
    const name = manifest.name + path.slice(1);
    const file = join(FOLDER, `${name}.ts`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${await description(name, declarations)}export * from '${name}';\n`);
    entries.push({ name, file, declarations: join(ROOT, declarations) });
  }
  await writeFile(TSCONFIG, JSON.stringify(OPTIONS));
  return entries;
}
