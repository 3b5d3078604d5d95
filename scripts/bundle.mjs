/**
 * Makes what the package has, of src and of the declarations that the compiler wrote:
 *
 * - dist/esm: the modules of the library for `import`, and dist/cli/main.js, the command, which has the packages it uses
 *   in it and shares the modules of the library. So the package needs no other, and starts without resolving a hundred
 *   modules one by one. The licences of the packages are put beside the command.
 * - dist/cjs: the library once more, for a `require` that cannot load ES modules, and the declarations.
 *
 * The reader of captures is made for the fuzzer too.
 */
import { existsSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { minifySync, parseSync, Visitor } from 'rolldown/utils';
import { writeDeclarations } from './declarations.mjs';
import { generatedModule } from './generated-module.mjs';
import { writeLicences } from './licences.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');

/** The entries of the library: their names in the package, and their modules below src. */
const ENTRIES = {
  index: 'index',
  tpkt: 'node/tpkt/index',
  tpdu: 'core/tpdu/index',
  browser: 'core/browser',
};

const LIBRARY = Object.fromEntries(
  Object.entries(ENTRIES).map(([name, path]) => [name, join(SOURCE, `${path}.ts`)]),
);

/**
 * Generated modules lie in dist, where the compiler puts the others. They are data, and large, so both kinds of modules
 * share one file of each, in CommonJS, which `import` takes too.
 */
const generated = new Map();

const withGenerated = generatedModule(SOURCE, (path) => {
  // From every folder of the package.
  const id = `../cjs/${basename(path)}.cjs`;
  generated.set(id, join(DIST, `${relative(SOURCE, path)}.js`));
  return id;
});

/** Makes the shared file of such a module, and puts the licences of what is in it beside it. */
async function share(id, built) {
  const path = relative(ROOT, built);
  if (!existsSync(built)) {
    throw new Error(`${path} is not there: the script that writes it must run before this one`);
  }
  await bundle(built, { file: join(DIST, 'esm', id), format: 'cjs' });
  const licences = join(dirname(built), 'THIRD-PARTY.txt');
  if (existsSync(licences)) {
    const text = await readFile(licences, 'utf8');
    await writeFile(
      join(DIST, 'cjs/THIRD-PARTY.txt'),
      text.replace(path, `dist/cjs/${basename(id)}`),
    );
  }
}

/** What cli-table3 and its packages require for colours and emoji; our tables have none. */
const UNUSED = {
  '@colors/colors/safe': '',
  'emoji-regex': 'module.exports = () => /(?!)/g;',
};

const withoutUnused = {
  name: 'without-unused',
  resolveId: (id) => (Object.hasOwn(UNUSED, id) ? `\0${id}` : null),
  load: (id) => UNUSED[id.slice(1)] ?? null,
};

// The package has no source maps; coverage needs them, of code that is not minified.
const sourcemap = process.env.COTP_SOURCE_MAP !== undefined;

/** Variables get short names. Names of functions and classes stay for stack traces. */
const SHORT_NAMES = {
  mangle: { keepNames: true },
  compress: false,
  codegen: { removeWhitespace: false },
};

/** What few people debug is smaller still. Names of classes stay: errors show them. */
const MINIFIED = {
  mangle: { keepNames: { class: true, function: false } },
  compress: true,
  codegen: { removeWhitespace: true },
};

/** The names of private members in a module, where they are, in order. */
function privateNames(fileName, code) {
  const found = [];
  const visitor = new Visitor({ PrivateIdentifier: (node) => found.push(node) });
  visitor.visit(parseSync(fileName, code).program);
  return found.sort((a, b) => a.start - b.start);
}

/** A module with short names of variables. Private members are functions too, so they get their names back. */
function shortened(fileName, code) {
  let short = minifySync(fileName, code, { ...SHORT_NAMES, module: true }).code;
  const names = privateNames(fileName, code);
  const places = privateNames(fileName, short);
  if (names.length !== places.length) {
    throw new Error(`${fileName}: ${names.length} private names became ${places.length}`);
  }
  for (const [index, { start, end }] of [...places.entries()].reverse()) {
    short = `${short.slice(0, start)}#${names[index].name}${short.slice(end)}`;
  }
  return short;
}

/** A module without indentation; template literals stay as they are. */
function withoutIndent(fileName, code) {
  const literals = [];
  const visitor = new Visitor({ TemplateLiteral: (node) => literals.push(node) });
  visitor.visit(parseSync(fileName, code).program);
  const isText = (at) => literals.some(({ start, end }) => start < at && at < end);
  return code.replace(/^\t+/gm, (tabs, at) => (isText(at) ? tabs : ''));
}

/** The command and the modules of the library come of one build, but only the command is minified. */
const smaller = {
  name: 'smaller',
  renderChunk(code, { fileName }) {
    if (sourcemap || !/^(?:esm|cli)[\\/]/.test(fileName)) {
      return null;
    }
    return fileName.startsWith('cli')
      ? minifySync(fileName, code, { ...MINIFIED, module: true })
      : shortened(fileName, code);
  },
};

const options = {
  platform: 'node',
  external: /^node:/,
  plugins: [withGenerated, withoutUnused, smaller],
};

const outputOptions = {
  sourcemap,
  // The declarations have the comments for users.
  comments: { jsdoc: false },
};

async function bundle(input, output) {
  const build = await rolldown({ ...options, input });
  const result = await build.write({ ...outputOptions, ...output });
  await build.close();
  return result.output;
}

for (const folder of ['esm', 'cjs', 'cli']) {
  await rm(join(DIST, folder), { recursive: true, force: true });
}

const cli = join(SOURCE, 'cli/main.ts');
const chunks = await bundle(
  { ...LIBRARY, cli },
  {
    dir: DIST,
    format: 'esm',
    entryFileNames: ({ name }) => (name === 'cli' ? 'cli/main.js' : 'esm/[name].js'),
    chunkFileNames: 'esm/[name]-[hash].js',
  },
);
await chmod(join(DIST, 'cli/main.js'), 0o755);
if (!sourcemap) {
  // Afterwards: the bundler indents what it writes.
  for (const { fileName, code } of chunks.filter((each) => /^esm[\\/]/.test(each.fileName))) {
    await writeFile(join(DIST, fileName), withoutIndent(fileName, code));
  }
}

await bundle(LIBRARY, {
  dir: join(DIST, 'cjs'),
  format: 'cjs',
  // A host that cannot load ES modules has no `import()` either.
  dynamicImportInCjs: false,
  minify: sourcemap ? false : MINIFIED,
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
});

for (const [id, built] of generated) {
  await share(id, built);
}

await writeDeclarations(
  Object.fromEntries(
    Object.entries(ENTRIES).map(([name, path]) => [name, join(DIST, `${path}.d.ts`)]),
  ),
  join(DIST, 'core'),
  { esm: join(DIST, 'esm'), cjs: join(DIST, 'cjs') },
);

// The fuzzer runs the reader of captures by itself. It is not in the package.
await bundle(join(SOURCE, 'cli/capture/capture-reader.ts'), {
  file: join(ROOT, 'build/cli/cli/capture/capture-reader.js'),
  format: 'esm',
});

await writeLicences(join(DIST, 'cli'), 'dist/cli/main.js', chunks);
