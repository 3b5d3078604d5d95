/**
 * Makes a script of the built command, because an executable of Node 20 runs no ES module: dist/cli/main.js is one, awaits
 * at its top level and reads its version from package.json. The script is a function that takes `require`.
 */
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { parseAst } from 'rolldown/parseAst';
import { MANIFEST, ROOT } from './paths.mjs';

const require = createRequire(import.meta.url);

const COMMAND = join(ROOT, 'dist/cli/main.js');

/** Modules of Node that are loaded when they are first used: most calls of the command do not use most of them. */
const LOADED_ON_USE = [
  'child_process',
  'crypto',
  'dns/promises',
  'fs',
  'fs/promises',
  'http',
  'perf_hooks',
  'readline',
  'stream/consumers',
  'tls',
  'zlib',
];

/** The names that these modules export. */
const EXPORTED = Object.fromEntries(
  LOADED_ON_USE.map((name) => [name, Object.keys(require(`node:${name}`))]),
);

/** The first lines of the file: what stands in for such a module, and a `require` that knows it. */
const HEAD = `const __exported = ${JSON.stringify(EXPORTED)};
function __require(id) {
  const name = id.replace(/^node:/, '');
  if (!Object.hasOwn(__exported, name)) {
    return require(name);
  }
  const module = {};
  for (const key of __exported[name]) {
    Object.defineProperty(module, key, { enumerable: true, get: () => require(name)[key] });
  }
  return module;
}
`;

/** Makes the bundle use that `require` for these modules, and where a package in it calls `require`. */
const loadOnUse = {
  name: 'load-on-use',
  resolveId(id) {
    const name = id.replace(/^node:/, '');
    return name === 'module' || LOADED_ON_USE.includes(name) ? `\0on-use:${name}` : null;
  },
  load(id) {
    const [, name] = /^\0on-use:(.+)$/.exec(id) ?? [];
    if (name === undefined) {
      return null;
    }
    return name === 'module'
      ? 'export const createRequire = () => __require;'
      : `module.exports = __require('${name}');`;
  },
};

/** What src/cli/main.ts reads its version with, also when it is minified. */
const READS_VERSION =
  /JSON\.parse\(\s*[\w$]+\(\s*new URL\(\s*(["'`])[./]+package\.json\1,\s*import\.meta\.url\s*\),\s*(["'`])utf8\2,?\s*\),?\s*\)/;

/** Puts the version in its place. */
const withVersion = {
  name: 'with-version',
  transform(code, id) {
    if (id !== COMMAND) {
      return null;
    }
    if (!READS_VERSION.test(code)) {
      throw new Error(
        'dist/cli/main.js does not read package.json as packaging/bundle.mjs expects it: change READS_VERSION to what src/cli/main.ts does now',
      );
    }
    return code.replace(READS_VERSION, JSON.stringify({ version: MANIFEST.version }));
  },
};

/** `const` and `require` in place of an `import` of a module of Node. */
function requirement({ source, specifiers }) {
  const loaded = `require(${JSON.stringify(source.value)})`;
  const bindings = specifiers.map(({ type, imported, local }) => {
    const binding =
      type === 'ImportSpecifier'
        ? `{ ${JSON.stringify(imported.name ?? imported.value)}: ${local.name} }`
        : local.name;
    return `const ${binding} = ${loaded};`;
  });
  return bindings.length === 0 ? `${loaded};` : bindings.join('\n');
}

/** What a syntax tree imports dynamically, which Node refuses in a script. */
function dynamicImports(node) {
  if (node === null || typeof node !== 'object') {
    return [];
  }
  const inner = Object.values(node).flatMap(dynamicImports);
  return node.type === 'ImportExpression' ? [node.source, ...inner] : inner;
}

/** The function of an ES module that imports only modules of Node. What it exports is left out. */
function asFunction(code) {
  const program = parseAst(code);
  const left = dynamicImports(program.body);
  if (left.length > 0) {
    const names = left.map(({ start, end }) => code.slice(start, end)).join(', ');
    throw new Error(
      `the command imports ${names} dynamically: add it to LOADED_ON_USE in packaging/bundle.mjs`,
    );
  }
  const head = [];
  let body = code;
  for (const node of program.body.toReversed()) {
    const isImport = node.type === 'ImportDeclaration';
    if (isImport) {
      head.unshift(requirement(node));
    }
    if (isImport || node.type === 'ExportNamedDeclaration') {
      body = body.slice(0, node.start) + body.slice(node.end);
    }
  }
  return `(async (require) => {\n${HEAD}${head.join('\n')}\n${body}\n})`;
}

/**
 * The same code in ASCII: a text with one octet for each character loads faster. Other characters are in strings and regular
 * expressions only, where their escapes mean the same.
 */
function inAscii(code) {
  return code.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The text of the script. */
export async function bundleCommand() {
  await access(COMMAND).catch(() => {
    throw new Error(`${COMMAND} does not exist: run npm run build first`);
  });
  const bundle = await rolldown({
    input: COMMAND,
    platform: 'node',
    plugins: [withVersion, loadOnUse],
    // The only `require` of an executable is that of modules of Node.
    transform: { define: { 'import.meta.url': '"file:///"' } },
  });
  const { output } = await bundle.generate({
    format: 'esm',
    codeSplitting: false,
    minify: true,
    // The licences are in files of their own.
    comments: { legal: false, jsdoc: false, annotation: false },
  });
  await bundle.close();
  const [{ code }] = output;
  return asFunction(inAscii(code.replace(/^#!.*\n/, '')));
}
