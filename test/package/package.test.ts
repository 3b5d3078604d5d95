import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Consumer, ROOT } from './consumer.js';

let consumer: Consumer;

beforeAll(async () => {
  consumer = await Consumer.install();
}, 30_000);

afterAll(() => consumer?.remove());

/** The service of the reference, line for line. `load` stands before it. */
const REFERENCE = `
const assert = require('node:assert/strict');
async function reference({ connect, listen }) {
  let opened;
  const incoming = new Promise((resolve) => { opened = resolve; });
  const srv = await listen(opened, { host: '127.0.0.1', port: 0 });
  const conn1 = await connect(srv.addresses[0]);
  const conn2 = await incoming;
  conn1.write(Buffer.from('123'));
  assert.deepEqual(await conn2.read(), Buffer.from('123'));
  conn2.write(Buffer.from('321'));
  assert.deepEqual(await conn1.read(), Buffer.from('321'));
  await conn1.asyncClose();
  await conn2.asyncClose();
  await srv.asyncClose();
  console.log('done');
}
`;

async function manifest(): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>;
}

describe('the tarball', () => {
  const allowed = [
    /^dist\/(?:core|node|cli)\/.+\.(?:js|d\.ts)(?:\.map)?$/,
    /^dist\/index\.(?:js|d\.ts)(?:\.map)?$/,
    /^dist\/(?:cli|node\/inspector)\/THIRD-PARTY\.txt$/,
    /^src\/.+\.tsx?$/,
    /^src\/inspector-page\/page\.(?:css|html)$/,
    /^man\/cotp\.1$/,
    /^docs\/[\w-]+\.(?:md|svg)$/,
    /^(?:README|CHANGELOG|SECURITY)\.md$/,
    /^LICENSE$/,
    /^package\.json$/,
  ];

  test('holds what it is to hold and nothing else', () => {
    const strangers = consumer.packed.filter((path) => !allowed.some((form) => form.test(path)));
    expect(strangers).toEqual([]);
    for (const form of allowed) {
      expect(
        consumer.packed.some((path) => form.test(path)),
        String(form),
      ).toBe(true);
    }
  });

  test('holds the source that its source maps point at', () => {
    const bundled = new Map([['dist/node/inspector/page.js', 'src/inspector-page/view/main.tsx']]);
    for (const path of consumer.packed.filter((each) => /^dist\/.+\.js$/.test(each))) {
      const source = bundled.get(path) ?? path.replace(/^dist\/(.+)\.js$/, 'src/$1.ts');
      expect(consumer.packed).toContain(source);
    }
  });

  test('brings no other package and runs no script', async () => {
    const { dependencies, peerDependencies, optionalDependencies, scripts } = await manifest();
    expect([dependencies, peerDependencies, optionalDependencies]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(Object.keys(scripts as object).filter((name) => /install|prepare/.test(name))).toEqual(
      [],
    );
  });

  test('imports nothing but its own files and Node', async () => {
    for (const path of consumer.packed.filter((each) => /^dist\/.+\.js$/.test(each))) {
      const text = await readFile(join(consumer.folder, 'node_modules/cotp', path), 'utf8');
      const core = path.startsWith('dist/core/');
      for (const [, specifier = ''] of text.matchAll(/^(?:im|ex)port .*from ['"](.+)['"];$/gm)) {
        expect(specifier, path).toMatch(core ? /^\.{1,2}\// : /^(?:\.{1,2}\/|node:)/);
      }
    }
  });
});

describe('an installed package', () => {
  test('runs the example of the reference by import', async () => {
    const text = `import { createRequire } from 'node:module';
import * as cotp from 'cotp';
const require = createRequire(import.meta.url);
${REFERENCE}
await reference(cotp);`;
    await consumer.write('reference.mjs', text);
    expect(await consumer.node(['reference.mjs'])).toEqual({
      code: 0,
      stdout: 'done\n',
      stderr: '',
    });
  });

  test('runs it by require', async () => {
    await consumer.write('reference.cjs', `${REFERENCE}\nreference(require('cotp'));`);
    expect(await consumer.node(['reference.cjs'])).toEqual({
      code: 0,
      stdout: 'done\n',
      stderr: '',
    });
  });

  test.each(['cotp', 'cotp/tpkt', 'cotp/tpdu', 'cotp/package.json'])(
    '%s can be had both ways and is the same module',
    async (entry) => {
      const attributes = entry.endsWith('.json') ? ", { with: { type: 'json' } }" : '';
      const text = `const required = require('${entry}');
import('${entry}'${attributes}).then((imported) => {
  const one = imported.default ?? imported;
  console.log(Object.keys(required).length > 0 && Object.keys(one).every((key) => one[key] === required[key] || '${entry}'.endsWith('.json')));
});`;
      await consumer.write('entry.cjs', text);
      const { stdout, code } = await consumer.node(['--no-warnings', 'entry.cjs']);
      expect({ stdout, code }).toEqual({ stdout: 'true\n', code: 0 });
    },
  );

  test('has the command', async () => {
    const { stdout, code } = await consumer.node(['node_modules/.bin/cotp', '--version']);
    const { version } = await manifest();
    expect({ stdout, code }).toEqual({ stdout: `${version}\n`, code: 0 });
  });

  test('keeps its inner modules to itself', async () => {
    const text = `import('cotp/dist/core/octets/octets.js').catch((error) => console.log(error.code));`;
    await consumer.write('inner.mjs', text);
    const { stdout } = await consumer.node(['inner.mjs']);
    expect(stdout).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n');
  });
});

describe('the types', () => {
  /** Names that an index.d.ts exports, those of `export *` from a neighbour included. */
  async function exported(path: string): Promise<string[]> {
    const folder = join(consumer.folder, 'node_modules/cotp/dist');
    const text = await readFile(join(folder, path), 'utf8');
    const lists = [...text.matchAll(/^export (?:type )?\{([^}]+)\}/gm)];
    const names = lists
      .flatMap(([, list = '']) => list.split(','))
      .map((name) => {
        return name.replace(/^\s*(?:type )?\s*(?:.+ as )?/, '').trim();
      });
    if (text.includes('export type * from')) {
      const types = await readFile(join(folder, path, '../types.d.ts'), 'utf8');
      const declared = types.matchAll(/^export (?:declare )?(?:type|interface) (\w+)/gm);
      names.push(...[...declared].map(([, name = '']) => name));
    }
    return names.filter((name) => name !== '');
  }

  test('compile for a strict project that uses every export', async () => {
    const text = await readFile(new URL('every-export.mts', import.meta.url), 'utf8');
    for (const path of ['index.d.ts', 'node/tpkt/index.d.ts', 'core/tpdu/index.d.ts']) {
      const names = await exported(path);
      expect(names.length, path).toBeGreaterThan(5);
      expect(
        names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)),
        path,
      ).toEqual([]);
    }
    await consumer.write('every-export.mts', text);
    expect(await consumer.compile(['every-export.mts'], 'types')).toMatchObject({
      code: 0,
      stdout: '',
    });
  });

  test('compile for CommonJS', async () => {
    const text = `import cotp = require('cotp');
import tpdu = require('cotp/tpdu');
export const octets: Uint8Array = tpdu.encode({ type: 'DC', dstRef: 1, srcRef: 2 });
export const opening: Promise<cotp.Connection> = cotp.connect({ host: 'localhost' });
`;
    await consumer.write('common.cts', text);
    expect(await consumer.compile(['common.cts'], 'types')).toMatchObject({ code: 0, stdout: '' });
  });

  test('show nothing that is internal', async () => {
    for (const path of consumer.packed.filter((each) => each.endsWith('.d.ts'))) {
      const text = await readFile(join(consumer.folder, 'node_modules/cotp', path), 'utf8');
      expect(text, path).not.toContain('@internal');
    }
  });

  test.each(['cotp', 'cotp/tpkt'])('of %s refuse what is internal', async (entry) => {
    const text = `import { Connection, Server } from '${entry}';
export const tried: readonly unknown[] = [
  new Connection(),
  new Server(),
  Connection.of,
  Server.listen,
  Connection.prototype.hasEndedBy,
  Server.prototype.opened,
];
`;
    await consumer.write('internal.mts', text);
    const { stdout } = await consumer.compile(['internal.mts'], 'types');
    const lines = [...stdout.matchAll(/^internal\.mts\((\d+),/gm)].map(([, line]) => Number(line));
    expect(lines).toEqual([3, 4, 5, 6, 7, 8]);
    expect(stdout.match(/is private/g)).toHaveLength(2);
  });

  test('refuse an unknown option and a selector in text', async () => {
    const text = `import { connect } from 'cotp';
void connect({ host: 'localhost' }, { remoteTSel: 1 });
void connect({ host: 'localhost' }, { remoteTsel: '0102' });
`;
    await consumer.write('wrong.mts', text);
    const { code, stdout } = await consumer.compile(['wrong.mts'], 'types');
    expect(code).not.toBe(0);
    expect(stdout).toMatch(/wrong\.mts\(2,/);
    expect(stdout).toMatch(/wrong\.mts\(3,/);
  });
});
