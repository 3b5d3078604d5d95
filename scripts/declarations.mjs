/**
 * Makes the declarations of the package of those that the compiler has written, one file for each source: of each
 * entry one file, with what it exports and all that this refers to. What several entries refer to is in
 * `core.d.cts`, which needs nothing of Node, and in `node.d.cts`.
 *
 * They are declarations of CommonJS, which a `require` needs before TypeScript 5.8. Those for `import` export them again, so
 * that a class has the same type both ways, as it is the same class in Node.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { parseSync } from 'rolldown/utils';

/** Keys of an AST node whose identifiers are names of members, labels and parts, and refer to nothing. */
const NAMES = {
  TSQualifiedName: 'right',
  TSNamedTupleMember: 'label',
  MemberExpression: 'property',
};

/** Calls `visit` with each identifier of the node that may refer to a declaration. */
function identifiers(node, visit) {
  if (node.type === 'Identifier') {
    visit(node);
  }
  if (node.type === 'TSImportType') {
    throw new Error('an import inside a type: import the type at the top of the source');
  }
  for (const [key, child] of Object.entries(node)) {
    const isMember = key === 'key' && !node.computed;
    if (isMember || NAMES[node.type] === key || child === null || typeof child !== 'object') {
      continue;
    }
    for (const each of Array.isArray(child) ? child : [child]) {
      if (typeof each?.type === 'string') {
        identifiers(each, visit);
      }
    }
  }
}

/** The TSDoc that ends right before a statement, with the statement. */
function documented(text, comments, { start, end }) {
  const doc = comments.findLast((each) => each.type === 'Block' && each.end <= start);
  const isBefore = doc?.value.startsWith('*') && !/[^\s]/.test(text.slice(doc.end, start));
  return { start: isBefore ? doc.start : start, end };
}

/** What one declaration file has: its declarations, and where the names that it imports and exports come from. */
class Declarations {
  /** Statements by the name that they declare; overloads are several. */
  own = new Map();
  /** Imported names: `{ from, name }`; `from` is a path, or the name of a module of Node. */
  imports = new Map();
  /** Exported names: `{ name }` of an own one, or `{ from, name }`; `isType` when the value is not exported. */
  exports = new Map();
  /** Files whose exports are exported too. */
  stars = [];

  constructor(path, text) {
    this.path = path;
    this.text = text;
    const { program, comments, errors } = parseSync(path, text, { lang: 'dts' });
    /** The comment that describes the file. */
    [this.header = ''] = /^\/\*\*[\s\S]*?\*\/\n/.exec(text) ?? [];
    if (errors.length > 0) {
      throw new Error(`${path}: ${errors[0].message}`);
    }
    for (const statement of program.body) {
      this.#read(statement, documented(text, comments, statement));
    }
  }

  #read(statement, range) {
    const { type, source, specifiers = [], exportKind } = statement;
    if (type === 'ImportDeclaration') {
      for (const each of specifiers) {
        const name = each.type === 'ImportSpecifier' ? each.imported.name : '*';
        this.imports.set(each.local.name, { from: this.#target(source.value), name });
      }
    } else if (type === 'ExportAllDeclaration') {
      this.stars.push({ from: this.#target(source.value), isType: exportKind === 'type' });
    } else if (type === 'ExportNamedDeclaration' && !statement.declaration) {
      for (const { local, exported, exportKind: kind } of specifiers) {
        const isType = exportKind === 'type' || kind === 'type';
        const from = source && this.#target(source.value);
        this.exports.set(exported.name, { from, name: local.name, isType });
      }
    } else {
      this.#declare(statement, range);
    }
  }

  #declare(statement, range) {
    const isExported = statement.type === 'ExportNamedDeclaration';
    const node = isExported ? statement.declaration : statement;
    const declared = node.type === 'VariableDeclaration' ? node.declarations : [node];
    for (const { id } of declared) {
      const isType = /^TS(?:Interface|TypeAlias)Declaration$/.test(node.type);
      this.own.set(id.name, [...(this.own.get(id.name) ?? []), { node, range }]);
      if (isExported) {
        this.exports.set(id.name, { from: undefined, name: id.name, isType });
      }
    }
  }

  #target(specifier) {
    return specifier.startsWith('.')
      ? join(dirname(this.path), specifier).replace(/\.js$/, '.d.ts')
      : specifier;
  }
}

/** All declaration files that were needed, and the ways through them. */
class Program {
  #files = new Map();

  async file(path) {
    if (!this.#files.has(path)) {
      this.#files.set(path, new Declarations(path, await readFile(path, 'utf8')));
    }
    return this.#files.get(path);
  }

  /** The names that a file exports: `{ path, name, isType }`, where each is declared. */
  async exportsOf(path) {
    const file = await this.file(path);
    const found = new Map();
    for (const { from, isType } of file.stars) {
      for (const [name, each] of await this.exportsOf(from)) {
        found.set(name, { ...each, isType: isType || each.isType });
      }
    }
    for (const [exported, { from, name, isType }] of file.exports) {
      const each = from ? await this.#exported(from, name) : await this.declared(file, name);
      found.set(exported, { ...each, isType: isType || each.isType });
    }
    return found;
  }

  async #exported(path, name) {
    const found = (await this.exportsOf(path)).get(name);
    if (found === undefined) {
      throw new Error(`${path} does not export ${name}`);
    }
    return found;
  }

  /** Where a name in a file is declared; `isForeign` in a module of Node; `undefined` if it is a global name. */
  async declared(file, name) {
    if (file.own.has(name)) {
      return { path: file.path, name, isType: file.exports.get(name)?.isType ?? false };
    }
    const imported = file.imports.get(name);
    if (imported === undefined) {
      return undefined;
    }
    return imported.from.endsWith('.d.ts')
      ? this.#exported(imported.from, imported.name)
      : { path: imported.from, name: imported.name, isForeign: true };
  }

  /** Adds a declaration and all that it refers to. */
  async reach({ path, name }, reached) {
    const key = `${path}#${name}`;
    if (reached.has(key)) {
      return;
    }
    const file = await this.file(path);
    const references = new Map();
    reached.set(key, { file, name, references });
    for (const { node } of file.own.get(name)) {
      const names = new Set();
      identifiers(node, (each) => names.add(each.name));
      for (const each of names) {
        const found = await this.declared(file, each);
        if (found !== undefined) {
          references.set(each, found);
        }
        if (found !== undefined && !found.isForeign) {
          await this.reach(found, reached);
        }
      }
    }
  }
}

/**
 * The text of a declaration, as a statement that exports nothing. What is declared in the same output has its own name;
 * of what is imported the name in the source stays.
 */
function statement({ file, name, references }, isHere) {
  return file.own.get(name).map(({ node, range }) => {
    const text = file.text.slice(range.start, node.start).replace(/export\s+$/, '');
    let body = file.text.slice(node.start, node.end);
    const renamed = [];
    identifiers(node, (each) => {
      const found = references.get(each.name);
      if (found !== undefined && found.name !== each.name && isHere(found)) {
        renamed.push({ at: each.start - node.start, length: each.name.length, to: found.name });
      }
    });
    for (const { at, length, to } of renamed.sort((a, b) => b.at - a.at)) {
      body = body.slice(0, at) + to + body.slice(at + length);
    }
    const isType = /^(?:interface|type|declare)\b/.test(body);
    return `${text}${isType ? '' : 'declare '}${body}`;
  });
}

/** Names in braces, on lines of their own. */
function list(names) {
  return `{\n${[...names]
    .sort()
    .map((name) => `  ${name},\n`)
    .join('')}}`;
}

/** A file of the package: declarations, what they import, and what it exports. */
class Output {
  #declared = new Map();
  /** Import statements by local name. */
  #foreign = new Map();
  /** Names that are declared in another output, by its name. */
  #referred = new Map();
  #exports = new Map();

  constructor(name) {
    this.name = name;
  }

  add(declaration) {
    const { file, name, references } = declaration;
    const other = this.#declared.get(name);
    if (other !== undefined && other.file !== file) {
      throw new Error(`${name} of ${file.path} and of ${other.file.path} are both in ${this.name}`);
    }
    this.#declared.set(name, declaration);
    for (const [local, found] of references) {
      if (found.isForeign) {
        const form = { '*': `* as ${local}`, [local]: `{ ${local} }` }[found.name];
        this.#import(local, found.path, form ?? `{ ${found.name} as ${local} }`);
      }
    }
  }

  #import(local, from, form) {
    const text = `import type ${form} from '${from}';`;
    if ((this.#foreign.get(local) ?? text) !== text) {
      throw new Error(`${local} has two meanings in ${this.name}`);
    }
    this.#foreign.set(local, text);
  }

  /** Imports a declaration of another output. */
  refer(local, name, output) {
    if (this.#declared.has(local)) {
      throw new Error(`${local} is declared in ${this.name} and in ${output.name}`);
    }
    const names = this.#referred.get(output.name) ?? new Set();
    this.#referred.set(output.name, names.add(local === name ? name : `${name} as ${local}`));
  }

  export(exported, { name, isType }) {
    const form = name === exported ? name : `${name} as ${exported}`;
    this.#exports.set(exported, `${isType ? 'type ' : ''}${form}`);
  }

  exportAll() {
    for (const name of this.#declared.keys()) {
      this.export(name, { name, isType: false });
    }
  }

  text() {
    const foreign = [...this.#foreign.values()].sort();
    const own = [...this.#referred].map(
      ([from, names]) => `import ${list(names)} from './${from}.cjs';`,
    );
    const isHere = ({ path, name }) => this.#declared.get(name)?.file.path === path;
    const body = [...this.#declared.values()].flatMap((each) => statement(each, isHere));
    const code = [...foreign, ...body].join('\n').replace(/\/\*[\s\S]*?\*\//g, '');
    const usesNode = /'node:|\b(?:Buffer|NodeJS)\b/.test(code);
    const reference = usesNode ? ['/// <reference types="node" />'] : [];
    const exported = `export ${list(this.#exports.values())};\n`;
    return [...reference, ...foreign, ...own.sort(), ...body, exported].join('\n');
  }
}

/** Which output a declaration belongs to: shared ones of core and of node, and what one entry alone needs. */
function placeOf(declaration, users, outputs, core) {
  if (!relative(core, declaration.file.path).startsWith('..')) {
    return outputs.get('core');
  }
  return users.length > 1 ? outputs.get('node') : outputs.get(users[0]);
}

/**
 * Writes the declarations.
 *
 * @param {Readonly<Record<string, string>>} entries the declaration file of each entry, by its name
 * @param {string} core the folder whose declarations need nothing of Node
 * @param {{ esm: string, cjs: string }} out the folders of the modules
 */
export async function writeDeclarations(entries, core, out) {
  const program = new Program();
  const outputs = new Map(['core', 'node', ...Object.keys(entries)].map((n) => [n, new Output(n)]));
  const all = new Map();
  const users = new Map();
  for (const [entry, path] of Object.entries(entries)) {
    const reached = new Map();
    for (const found of (await program.exportsOf(path)).values()) {
      await program.reach(found, reached);
    }
    for (const [key, declaration] of reached) {
      all.set(key, declaration);
      users.set(key, [...(users.get(key) ?? []), entry]);
    }
  }
  const places = new Map(
    [...all].map(([key, each]) => [key, placeOf(each, users.get(key), outputs, core)]),
  );
  for (const [key, declaration] of all) {
    places.get(key).add(declaration);
  }
  const refer = (output, local, { path, name }) => {
    const place = places.get(`${path}#${name}`);
    if (place !== undefined && place !== output) {
      output.refer(local, name, place);
    }
  };
  for (const [key, { references }] of all) {
    for (const [local, found] of references) {
      refer(places.get(key), local, found);
    }
  }
  for (const [entry, path] of Object.entries(entries)) {
    for (const [exported, found] of await program.exportsOf(path)) {
      refer(outputs.get(entry), found.name, found);
      outputs.get(entry).export(exported, found);
    }
  }
  outputs.get('core').exportAll();
  outputs.get('node').exportAll();
  await mkdir(out.cjs, { recursive: true });
  for (const [name, output] of outputs) {
    await writeFile(join(out.cjs, `${name}.d.cts`), output.text());
  }
  const common = relative(out.esm, out.cjs);
  for (const [entry, path] of Object.entries(entries)) {
    const { header } = await program.file(path);
    const text = `${header}export * from '${common}/${entry}.cjs';\n`;
    await writeFile(join(out.esm, `${entry}.d.ts`), text);
  }
}
