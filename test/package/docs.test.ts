import { readdir, readFile, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FAULTS } from '../../src/core/faults.js';
import { disconnectReason, isDisconnectReason } from '../../src/core/tpdu/codes.js';
import { ROOT, run } from './consumer.js';

const read = (path: string) => readFile(join(ROOT, path), 'utf8');

/** How the README links to files of the repository: it is read where they are not, in the package. */
const HERE = /\]\(https:\/\/github\.com\/[\w.-]+\/cotp\/blob\/main\//g;

const pages = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...(await readdir(join(ROOT, 'docs')))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

/** The text of a file that is linked to, the names in a folder, or `undefined` if it is not there. */
async function readLinked(path: string): Promise<string | undefined> {
  const isFolder = await stat(join(ROOT, path)).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder
    ? (await readdir(join(ROOT, path))).join('\n')
    : read(path).catch(() => undefined);
}

/** The first column of the table rows whose first cell is code, and the other cells. */
function rows(text: string): Map<string, string[]> {
  const found = [...text.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)];
  return new Map(found.map(([, name = '', rest = '']) => [name, rest.split(' | ')]));
}

/** The members of a union of string literals, read from the source that declares it. */
async function unionOf(path: string, name: string): Promise<string[]> {
  const [, union = ''] = new RegExp(`type ${name} =([^;]+);`).exec(await read(path)) ?? [];
  return [...union.matchAll(/'([^']+)'/g)].map(([, member = '']) => member);
}

describe('docs/states.md', () => {
  test('is what the transition table says; else run npm run docs:states', async () => {
    const outcome = await run(process.execPath, ['docs/states.js', '--check'], ROOT);
    expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('docs/options.md', () => {
  test('is what the rows and their TSDoc say; else run npm run docs:options', async () => {
    const outcome = await run(process.execPath, ['scripts/options-page.mjs', '--check'], ROOT);
    expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('docs/errors.md', () => {
  test.each(['CotpErrorCode', 'Phase', 'Ending', 'TimerName'])('has every %s', async (name) => {
    const members = await unionOf('src/core/errors.ts', name);
    const documented = rows(await read('docs/errors.md'));
    expect(members.length).toBeGreaterThan(3);
    expect(members.filter((member) => !documented.has(member))).toEqual([]);
  });

  test('has every field of every class', async () => {
    const source = await read('src/core/errors.ts');
    const text = await read('docs/errors.md');
    const fields = [...source.matchAll(/^ {2}(?:declare )?readonly (\w+):/gm)];
    const names = fields.map(([, name = '']) => name).filter((name) => name !== 'name');
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  test('has every fault with its sentence and its reject cause, and no other', async () => {
    const [, section = ''] = (await read('docs/errors.md')).split('## Faults');
    const [table = ''] = section.split('Diagnostics have');
    const real = Object.entries(FAULTS).map(([name, { sentence, rejectCause }]) => {
      return [name, [sentence, String(rejectCause ?? 'none')]] as const;
    });
    expect(rows(table)).toEqual(new Map(real));
  });

  test('has every diagnostic that is no fault', async () => {
    const documented = rows(await read('docs/errors.md'));
    for (const name of await unionOf('src/core/tpdu/types.ts', 'DiagnosticCode')) {
      expect(documented.has(name), name).toBe(true);
    }
  });

  test('has every reason with its text', async () => {
    const text = await read('docs/errors.md');
    for (let reason = 0; reason < 256; reason += 1) {
      const row = `| ${reason} | ${disconnectReason(reason)} |`;
      expect(text.includes(row), row).toBe(isDisconnectReason(reason));
    }
  });
});

describe('docs/conformance.md', () => {
  test('decides on each of the ambiguities A1 to A40', async () => {
    const text = await read('docs/conformance.md');
    for (let number = 1; number <= 40; number += 1) {
      expect(text, `A${number}`).toMatch(new RegExp(`^\\| A${number} \\|`, 'm'));
    }
  });

  test('names only wire vectors that are there', async () => {
    const vectors = await read('test/vectors/vectors.json');
    const named = (await read('docs/conformance.md')).matchAll(
      /\b(?:TPKT|C[RC]|D[RCT]|E[DAR]|AK|RJ|CODE|CONCAT|SEG|RESP|INIT|SPLIT|ERGEN|ENC|SUM)-\d\d\b/g,
    );
    for (const [id] of named) {
      expect(vectors, id).toContain(`"${id}"`);
    }
  });
});

describe('docs/architecture.md', () => {
  test('has every file of the source, or its folder', async () => {
    const text = await read('docs/architecture.md');
    const files = await readdir(join(ROOT, 'src'), { recursive: true });
    const missing = files
      .map((file) => `src/${file.replaceAll('\\', '/')}`)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('/index.ts'))
      .filter((file) => {
        const folder = file.slice(0, file.lastIndexOf('/') + 1);
        return !text.includes(`\`${file}\``) && !text.includes(`\`${folder}\``);
      });
    expect(missing).toEqual([]);
  });
});

/** The files that each file of a folder imports: paths from the root of the repository. */
async function importsIn(folder: string, keyword: RegExp): Promise<Map<string, string[]>> {
  const names = await readdir(join(ROOT, folder), { recursive: true });
  const files = names.map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
  const imports = new Map<string, string[]>();
  for (const file of files.filter((each) => /\.tsx?$/.test(each))) {
    const found = (await read(file)).matchAll(keyword);
    const targets = [...found].map(([, target = '']) => {
      const path = posix.join(posix.dirname(file), target.replace(/\.js$/, '.ts'));
      return files.includes(`${path}x`) ? `${path}x` : path;
    });
    imports.set(file, targets);
  }
  return imports;
}

/** Imports of values and types, and of values alone. */
const ANY_IMPORT = /^(?:import|export)\b[^;]*?from '(\.[^']+)';$/gm;
const VALUE_IMPORT = /^(?:import|export)\b(?! type\b)[^;]*?from '(\.[^']+)';$/gm;

/** A way from a file back to itself, along imports. */
function circleFrom(start: string, imports: Map<string, string[]>): string[] | undefined {
  const seen = new Set<string>();
  const walk = (path: string[]): string[] | undefined => {
    for (const next of imports.get(path.at(-1) ?? '') ?? []) {
      if (next === start) {
        return path;
      }
      const found = seen.has(next) ? undefined : walk([...path, seen.add(next) && next]);
      if (found !== undefined) {
        return found;
      }
    }
    return undefined;
  };
  return walk([start]);
}

describe('the layers of the source', () => {
  test.each([
    ['src/core', ANY_IMPORT],
    ['src/node', ANY_IMPORT],
    ['src/cli', ANY_IMPORT],
    // The entries, legs and conversations of the page refer to each other, as types.
    ['src/inspector-page', VALUE_IMPORT],
  ])('%s has no circle of imports', async (folder, keyword) => {
    const imports = await importsIn(folder, keyword);
    expect([...imports.values()].flat().length).toBeGreaterThan(imports.size);
    const circles = [...imports.keys()].map((file) => circleFrom(file, imports));
    expect(circles.filter((circle) => circle !== undefined)).toEqual([]);
  });

  test('each folder of node uses only those that docs/architecture.md lists below it', async () => {
    const text = await read('docs/architecture.md');
    const [, list = '', functions = '', helpers = ''] =
      /## Modules of node(.*?)The functions:(.*?)The helpers:(.*?)A server:/s.exec(text) ?? [];
    const rank = new Map<string, number>();
    for (const [place, row] of [...list.matchAll(/^\| `src.*$/gm)].entries()) {
      for (const [, folder = ''] of row[0].matchAll(/`(src\/node\/[\w-]+)\/`/g)) {
        rank.set(folder, place);
      }
      // The files of src/node itself stand at two places of the list.
      const table = { 'first table': functions, 'second table': helpers };
      for (const [name, files] of Object.entries(table)) {
        const named = row[0].includes(name) ? files.matchAll(/`(src\/node\/[\w-]+\.ts)`/g) : [];
        for (const [, file = ''] of named) {
          rank.set(file, place);
        }
      }
    }
    const rankOf = (file: string) =>
      rank.get(file) ?? rank.get(file.split('/').slice(0, 3).join('/')) ?? Number.NaN;
    const upward: string[] = [];
    for (const [file, targets] of await importsIn('src/node', VALUE_IMPORT)) {
      for (const target of targets.filter((each) => each.startsWith('src/node/'))) {
        if (!(rankOf(file) <= rankOf(target))) {
          upward.push(`${file} -> ${target}`);
        }
      }
    }
    expect(rank.size).toBeGreaterThan(15);
    expect(upward).toEqual([]);
  });
});

describe('the README', () => {
  test('has at most 350 lines, so that it is read', async () => {
    expect((await read('README.md')).split('\n').length).toBeLessThanOrEqual(350);
  });

  test('links to every page of docs, or a page that it links to does', async () => {
    const readme = await read('README.md');
    const linked = new Set<string>();
    for (const page of pages.filter((each) => each.startsWith('docs/'))) {
      const name = page.slice('docs/'.length);
      const texts = await Promise.all(pages.filter((other) => other !== page).map(read));
      if (
        readme.replace(HERE, '](').includes(`](${page}`) ||
        texts.some((text) => text.includes(`](${name}`))
      ) {
        linked.add(page);
      }
    }
    expect(pages.filter((each) => each.startsWith('docs/') && !linked.has(each))).toEqual([]);
  });
});

describe('every page', () => {
  test.each(pages)('%s links to files and headings that are there', async (page) => {
    const text = (await read(page)).replace(HERE, '](');
    const folder = page.split('/').slice(0, -1).join('/');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', anchor] = target.split('#');
      const linked = path === '' ? text : await readLinked(join(folder, path));
      expect(linked, `${page}: ${target}`).toBeDefined();
      if (anchor !== undefined) {
        const headings = [...(linked ?? '').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => {
          return title
            .toLowerCase()
            .replace(/[^\w\s-]/g, '')
            .replaceAll(' ', '-');
        });
        expect(headings, `${page}: ${target}`).toContain(anchor);
      }
    }
  });

  test.each(pages)('%s names only files that are there', async (page) => {
    const text = await read(page);
    const named = text.matchAll(/`((?:src|test|docs|bench|examples|interop)\/[\w./-]*\.\w+)`/g);
    for (const [, path = ''] of named) {
      await expect(read(path), `${page}: ${path}`).resolves.toBeDefined();
    }
  });
});
