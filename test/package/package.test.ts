import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSync } from 'rolldown/utils';
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
    /^dist\/esm\/[\w-]+\.(?:js|d\.ts)$/,
    /^dist\/cjs\/[\w-]+\.(?:cjs|d\.cts)$/,
    /^dist\/cli\/main\.js$/,
    /^dist\/(?:cli|cjs)\/THIRD-PARTY\.txt$/,
    /^man\/cotp\.1$/,
    /^README\.md$/,
    /^LICENSE$/,
    /^package\.json$/,
  ];

  test('has the expected files and no others', () => {
    const strangers = consumer.packed.filter((path) => !allowed.some((form) => form.test(path)));
    expect(strangers).toEqual([]);
    for (const form of allowed) {
      expect(
        consumer.packed.some((path) => form.test(path)),
        String(form),
      ).toBe(true);
    }
  });

  test('has at most 350 kB', () => {
    expect(consumer.size).toBeGreaterThan(0);
    expect(consumer.size).toBeLessThanOrEqual(350_000);
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
    const kinds = new Set<string | undefined>();
    for (const path of consumer.packed.filter((each) => /^dist\/.+\.c?js$/.test(each))) {
      for (const specifier of await imported(path)) {
        const [kind] = /^(?:\.{1,2}\/|node:)/.exec(specifier) ?? [];
        expect(kind, `${path}: ${specifier}`).toBeDefined();
        kinds.add(kind);
      }
    }
    expect(kinds).toEqual(new Set(['./', '../', 'node:']));
  });

  test.each([
    'dist/esm/browser.js',
    'dist/cjs/browser.cjs',
    'dist/esm/tpdu.js',
    'dist/cjs/tpdu.cjs',
  ])('%s imports nothing of Node, nor does what it imports', async (entry) => {
    const reached = new Set([entry]);
    for (const path of reached) {
      for (const specifier of await imported(path)) {
        expect(specifier, path).toMatch(/^\.\//);
        reached.add(join(path, '..', specifier));
      }
    }
    expect(reached.size).toBeGreaterThan(1);
  });

  /** What a module imports or requires. */
  async function imported(path: string): Promise<string[]> {
    const text = await readFile(join(consumer.folder, 'node_modules/cotp', path), 'utf8');
    const { staticImports, staticExports } = parseSync(path, text).module;
    const exported = staticExports.flatMap(({ entries }) => entries.map((it) => it.moduleRequest));
    const required = text.matchAll(/\b(?:require|import)\((["'`])([^"'`]+)\1\)/g);
    return [
      ...staticImports.map(({ moduleRequest }) => moduleRequest.value),
      ...exported.flatMap((each) => each?.value ?? []),
      ...[...required].map(([, , specifier = '']) => specifier),
    ];
  }
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

  test.each(['cotp', 'cotp/tpkt', 'cotp/tpdu', 'cotp/browser', 'cotp/package.json'])(
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

  test.each([
    ['esm', "import('cotp').then(show);"],
    ['cjs', "show(require('./node_modules/cotp'));"],
  ])('has classes with the names that they are exported by: %s', async (kind, load) => {
    const text = `function show(cotp) {
  const classes = Object.entries(cotp).filter(([, it]) => String(it).startsWith('class'));
  console.log(classes.length, ...classes.filter(([name, it]) => it.name !== name).flat());
}
${load}`;
    await consumer.write(`names-${kind}.cjs`, text);
    const { stdout } = await consumer.node([`names-${kind}.cjs`]);
    expect(stdout).toBe('8\n');
  });

  test('has the command', async () => {
    const { stdout, code } = await consumer.node(['node_modules/.bin/cotp', '--version']);
    const { version } = await manifest();
    expect({ stdout, code }).toEqual({ stdout: `${version}\n`, code: 0 });
  });

  test('keeps its inner modules to itself', async () => {
    const text = `import('cotp/dist/esm/index.js').catch((error) => console.log(error.code));`;
    await consumer.write('inner.mjs', text);
    const { stdout } = await consumer.node(['inner.mjs']);
    expect(stdout).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n');
  });
});

describe('the types', () => {
  /** Names that the declarations of an entry export. */
  async function exported(entry: string): Promise<string[]> {
    const path = join(consumer.folder, `node_modules/cotp/dist/cjs/${entry}.d.cts`);
    const [, list = ''] = /^export \{([^}]+)\}/m.exec(await readFile(path, 'utf8')) ?? [];
    return [...list.matchAll(/(\w+),$/gm)].map(([, name = '']) => name);
  }

  test('compile for a strict project that uses every export', async () => {
    const text = await readFile(new URL('every-export.mts', import.meta.url), 'utf8');
    for (const path of ['index', 'tpkt', 'tpdu', 'browser']) {
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
    for (const path of consumer.packed.filter((each) => /\.d\.c?ts$/.test(each))) {
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
