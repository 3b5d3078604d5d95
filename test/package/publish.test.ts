/** What the registry and the people who come from it see: the fields of package.json, links, bundled packages. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { closeLater } from '../support/life.js';
import { ROOT, run } from './consumer.js';

interface Manifest {
  readonly author: string;
  readonly homepage: string;
  readonly bugs: { readonly url: string };
  readonly repository: { readonly url: string };
  readonly bin: Readonly<Record<string, string>>;
}

const read = (path: string) => readFile(join(ROOT, path), 'utf8');

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await read(path)) as T;
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cotp-publish-'));
  closeLater(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const manifest = await readJson<Manifest>('package.json');

/** `https://github.com/OWNER/cotp`, without what npm puts around it. */
const repository = manifest.repository.url.replace(/^git\+/, '').replace(/\.git$/, '');

/** Files of the repository in which addresses can stand. */
function textFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' });
  return listed.split('\0').filter((path) => /\.(?:md|json|ya?ml|m?[jt]s)$/.test(path));
}

describe('package.json', () => {
  test('has nothing that npm corrects when it publishes', async () => {
    const folder = await temporaryFolder();
    const command = join(folder, manifest.bin.cotp ?? '');
    await mkdir(dirname(command), { recursive: true });
    await writeFile(command, '');
    await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
    expect(await run('npm', ['pkg', 'fix'], folder)).toMatchObject({ code: 0 });
    const fixed = await readFile(join(folder, 'package.json'), 'utf8');
    expect(JSON.parse(fixed)).toEqual(manifest);
  });

  test('names the repository in the same way everywhere', () => {
    expect(repository).toMatch(/^https:\/\/github\.com\/[\w.-]+\/cotp$/);
    expect(manifest.bugs.url).toBe(`${repository}/issues`);
    expect(manifest.homepage).toBe(`${repository}#readme`);
    expect(manifest.author).toMatch(/^[^<>]+ <[^<>@ ]+@[^<>@ ]+>$/);
  });

  test('is what all files follow that name the repository; npm run organisation writes them', async () => {
    const named = new Set<string>();
    for (const path of textFiles()) {
      for (const [address] of (await read(path)).matchAll(
        /https:\/\/github\.com\/[\w.-]+\/cotp\b/g,
      )) {
        named.add(address);
      }
    }
    expect([...named]).toEqual([repository]);
  });
});

describe('npm run organisation', () => {
  test('writes another owner and author into a copy of the repository', async () => {
    const folder = await temporaryFolder();
    const files = ['package.json', 'README.md', 'scripts/organisation.mjs'];
    for (const path of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await copyFile(join(ROOT, path), join(folder, path));
    }
    execFileSync('git', ['init', '-q'], { cwd: folder });
    execFileSync('git', ['add', '.'], { cwd: folder });
    const args = ['scripts/organisation.mjs', 'somebody', 'Some Body <some@body.example>'];
    const outcome = await run(process.execPath, args, folder);
    expect(outcome).toEqual({ code: 0, stdout: 'README.md\npackage.json\n', stderr: '' });
    const changed = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
    expect(changed).toMatchObject({
      author: 'Some Body <some@body.example>',
      bugs: { url: `${repository.replace(/[^/]+\/cotp$/, 'somebody/cotp')}/issues` },
    });
    expect(await readFile(join(folder, 'README.md'), 'utf8')).not.toContain(`${repository}/`);
  });

  test('says what it expects', async () => {
    const outcome = await run(process.execPath, ['scripts/organisation.mjs', 'somebody'], ROOT);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain('expected the owner on GitHub and the author');
  });
});

describe('the README in the tarball', () => {
  let packed: readonly string[];
  let links: readonly string[];

  beforeAll(async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], ROOT);
    const [tarball] = JSON.parse(stdout) as { files: { path: string }[] }[];
    packed = tarball?.files.map(({ path }) => path) ?? [];
    const text = await read('README.md');
    links = [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(5);
  }, 30_000);

  test('links to pages beside it only if they are in the tarball, else to the repository', () => {
    const beside = links.filter((link) => !link.startsWith('https:'));
    expect(beside).toContain('LICENSE');
    expect([...new Set(beside.filter((path) => !packed.includes(path)))]).toEqual([]);
  });

  test('links to files of the repository that exist', () => {
    const files = links
      .filter((link) => link.startsWith(`${repository}/blob/main/`))
      .map((link) => link.slice(`${repository}/blob/main/`.length));
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

/** The part of CycloneDX that the tests read. */
interface Sbom {
  readonly components: readonly {
    readonly group?: string;
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly licenses: readonly {
      readonly license?: { readonly id: string };
      readonly expression?: string;
    }[];
  }[];
}

describe('the list of bundled packages in CycloneDX', () => {
  let listed: Map<string, string>;

  beforeAll(async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'cotp-sbom-')), 'cotp.cdx.json');
    const outcome = await run(process.execPath, ['scripts/sbom.mjs', file], ROOT);
    expect(outcome.stderr).toBe('');
    const { components } = JSON.parse(await readFile(file, 'utf8')) as Sbom;
    await rm(dirname(file), { recursive: true });
    listed = new Map(
      components.map(({ group, name, version, licenses: [licence] }) => [
        `${group === undefined ? name : `${group}/${name}`} ${version}`,
        licence?.license?.id ?? licence?.expression ?? '',
      ]),
    );
  });

  test('has the packages of every THIRD-PARTY.txt that is packed, with their licences, and no other', async () => {
    const { files } = await readJson<{ files: readonly string[] }>('package.json');
    const paths = files.map((path) => join(path, 'THIRD-PARTY.txt'));
    const packed = paths.filter((path) => existsSync(join(ROOT, path)));
    expect(packed).toHaveLength(2);
    const texts = await Promise.all(packed.map(read));
    const rulers = texts.flatMap((text) => text.split(`\n${'-'.repeat(72)}\n\n`).slice(1));
    const headings = rulers.map((text) => /^(.+) \((.+)\)\n/.exec(text)?.slice(1));
    expect(new Map(headings as [string, string][])).toEqual(listed);
  });

  test('has every package that the sources import', async () => {
    const imported = new Set<string>();
    const sources = await readdir(join(ROOT, 'src'), { recursive: true });
    for (const path of sources.filter((each) => /\.tsx?$/.test(each))) {
      const text = await read(join('src', path));
      for (const [, line = '', name = ''] of text.matchAll(
        /^(import|export|\}) .*?from '((?:@[\w-]+\/)?[a-z][\w-]*)[^:']*';$/gm,
      )) {
        expect(line).not.toBe('');
        imported.add(name);
      }
    }
    expect([...imported]).toEqual(expect.arrayContaining(['commander', 'picocolors']));
    const names = [...listed.keys()].map((each) => each.replace(/ \S+$/, ''));
    expect([...imported].filter((name) => !names.includes(name))).toEqual([]);
  });

  test('has the versions that the lock file has', async () => {
    const { packages } = await readJson<{ packages: Record<string, { version?: string }> }>(
      'package-lock.json',
    );
    for (const [heading] of listed) {
      const [, name = '', version = ''] = /^(.+) (\S+)$/.exec(heading) ?? [];
      const locked = Object.entries(packages).filter(([path]) =>
        path.endsWith(`node_modules/${name}`),
      );
      expect(
        locked.map(([, entry]) => entry.version),
        name,
      ).toContain(version);
    }
  });
});
