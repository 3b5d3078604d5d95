/**
 * Citations of the standards, as a machine reads them. A tag is a comment line of its own, directly above
 * the function, table row or statement that it is about; the clause is named as in
 * docs/conformance/clauses.json:
 *
 *     //= X.224 6.6.3 para 1                   the code below does this
 *     //= X.224 13.3 deviation: the reason     the code below does it otherwise, on purpose
 *     //= X.224 13.2.1 para 2 test             the test below checks it
 *     //= X.224 13.2.1 para 2 test CR-40       so do these vectors of test/vectors
 *
 * Several tags may precede one place, one a line. This module reads files; conformance.mjs judges what it finds.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * One tag.
 *
 * @typedef {object} Tag
 * @property {string} file relative to the root
 * @property {number} line counted from 1
 * @property {string} clause standard and clause
 * @property {'code' | 'deviation' | 'test'} kind
 * @property {string} name what encloses or follows the tag: a function, a table row, the title of a test
 * @property {string} reason of a deviation; else empty
 * @property {readonly string[]} vectors of a test; else empty
 */

const TAG = /^\s*\/\/=\s*(.*?)\s*$/;
const DEVIATION = /^(.+?) deviation:\s*(.*)$/;
const TEST = /^(.+?) test((?: [A-Z][A-Z\d]*-\d+)*)$/;

/** Every tag below `src` and `test`, in the order of files and lines. */
export function readTags(root) {
  return ['src', 'test'].flatMap((folder) =>
    sourceFiles(root, folder).flatMap((file) => tagsOf(file, linesOf(root, file))),
  );
}

/** The files of TypeScript in a folder, sorted, with paths relative to the root. */
export function sourceFiles(root, folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts'))
    .sort();
}

/** The lines of a file. */
export function linesOf(root, file) {
  return readFileSync(join(root, file), 'utf8').split('\n');
}

function tagsOf(file, lines) {
  const tags = [];
  for (const [index, line] of lines.entries()) {
    const text = TAG.exec(line)?.[1];
    if (text !== undefined) {
      const name = file.startsWith('test/') ? testName(lines, index) : codeName(lines, index);
      tags.push({ file, line: index + 1, name, ...parseTag(text) });
    }
  }
  return tags;
}

function parseTag(text) {
  const deviation = DEVIATION.exec(text);
  if (deviation !== null) {
    return { clause: deviation[1], kind: 'deviation', reason: deviation[2], vectors: [] };
  }
  const test = TEST.exec(text);
  if (test !== null) {
    const vectors = test[2].split(' ').filter((id) => id !== '');
    return { clause: test[1], kind: 'test', reason: '', vectors };
  }
  return { clause: text, kind: 'code', reason: '', vectors: [] };
}

const indentOf = (line) => line.length - line.trimStart().length;
const isComment = (line) => /^\s*(?:\/\/|\/\*|\*)/.test(line);

/** The index of the first line of code after a tag. */
function codeBelow(lines, index) {
  let at = index + 1;
  while (at < lines.length && (lines[at].trim() === '' || isComment(lines[at]))) {
    at += 1;
  }
  return at;
}

const DECLARATIONS = [
  /^\s*(?:export )?(?:abstract )?(?:async )?(?:function|class|const|type|interface) ([\w$]+)/,
  // A member: a method, a getter, a field, a key of an object.
  /^\s+(?:(?:static|private|readonly|get|set|async) )*(#?[\w$]+)\??(?:<[^>]*>)?\(.*\{$/,
  /^\s+(?:(?:static|private|readonly) )*'?(#?[\w$][\w$ -]*?)'?\??: /,
  /^\s+(?:(?:static|private|readonly) )*(#[\w$]+|(?<=(?:static|private|readonly) )[\w$]+) = /,
];
const KEYWORDS = new Set(['if', 'for', 'while', 'switch', 'catch', 'return', 'case', 'default']);

function declaredIn(line) {
  for (const pattern of DECLARATIONS) {
    const name = pattern.exec(line)?.[1];
    if (name !== undefined && !KEYWORDS.has(name) && !/^(?:const|let|return) /.test(name)) {
      return name;
    }
  }
  return undefined;
}

/** `outer.inner`: the named things around the tag, from the top-level declaration inwards. */
function codeName(lines, index) {
  const start = codeBelow(lines, index);
  const names = [];
  let limit = Number.POSITIVE_INFINITY;
  for (let at = start; at >= 0 && limit > 0; at -= 1) {
    const line = lines[at];
    const indent = indentOf(line);
    if (line.trim() === '' || isComment(line) || indent >= limit) {
      continue;
    }
    // The end of a list of parameters or of a type: what it belongs to begins on a line of the same indentation.
    limit = /^\s*[)>]/.test(line) ? indent + 1 : indent;
    const isLocal = indent > 0 && /^\s*(?:const|let) /.test(line);
    const name = isLocal ? undefined : declaredIn(line);
    if (name !== undefined) {
      names.push(name);
    }
  }
  return names.reverse().join('.');
}

const TITLE = /^\s*(?:\]\)|.*\))?\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/;
const QUOTED = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`([^`]*)`/;

function quoted(line, pattern = QUOTED) {
  const found = pattern.exec(line);
  return found === null ? undefined : (found[1] ?? found[2] ?? found[3])?.replaceAll("\\'", "'");
}

/** The title of the test, or the first string of the table row, that follows the tag. */
function testName(lines, index) {
  const start = codeBelow(lines, index);
  const first = lines[start] ?? '';
  if (!/^\s*(?:it|test|describe)\b/.test(first)) {
    return (
      lines
        .slice(start, start + 3)
        .map((line) => quoted(line))
        .find(Boolean) ?? ''
    );
  }
  const own = quoted(first, /\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`([^`]*)`), /);
  if (own !== undefined && !/^\s*(?:it|test|describe)\.each(?:<.*>)?\([^)]*$/.test(first)) {
    return own;
  }
  // A table whose title stands behind it.
  const indent = indentOf(first);
  for (const [offset, line] of lines.slice(start + 1).entries()) {
    const behind = lines[start + 2 + offset] ?? '';
    if (indentOf(line) === indent && /^\s*(?:\]|\S.*)?\)\($/.test(line)) {
      return quoted(behind) ?? '';
    }
    if (indentOf(line) === indent && TITLE.test(line)) {
      return quoted(line) ?? '';
    }
    if (/\($/.test(first) && offset === 0 && quoted(line) !== undefined) {
      return quoted(line) ?? '';
    }
    if (indentOf(line) < indent && line.trim() !== '') {
      break;
    }
  }
  return own ?? quoted(first) ?? '';
}

/** A number of a clause behind the name of a standard, in a comment in prose. */
const PROSE =
  /(X\.224|RFC 1006|RFC 2126)((?:,? (?:and )?(?:§|clause )?\d+(?:\.\d+)*(?: [a-z](?=[ ,.;:)]))?)+)/g;

/**
 * What comments cite in prose: standard and number, such as `X.224 13.2.1`.
 *
 * @returns {{ file: string, line: number, standard: string, number: string }[]}
 */
export function readProse(root) {
  const found = [];
  for (const folder of ['src', 'test']) {
    for (const file of sourceFiles(root, folder)) {
      for (const [index, line] of linesOf(root, file).entries()) {
        if (!isComment(line) || TAG.test(line)) {
          continue;
        }
        for (const [, standard, numbers] of line.matchAll(PROSE)) {
          for (const [number] of numbers.matchAll(/\d+(?:\.\d+)*/g)) {
            found.push({ file, line: index + 1, standard, number });
          }
        }
      }
    }
  }
  return found;
}
