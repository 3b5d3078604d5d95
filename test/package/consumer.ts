/**
 * A project of somebody who uses the package: the tarball installed in an empty folder, the types
 * of Node beside it, and the compiler of this repository.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this repository. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** What a program did. */
export interface Outcome {
  /** Exit code; a signal counts as 1. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, at most half a minute. Rejects never. */
export function run(file: string, args: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd, timeout: 30_000 }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : 1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** The tarball, as `npm pack --json` describes it. */
interface Tarball {
  readonly filename: string;
  /** Octets. */
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** A folder with the package installed, from its tarball as the registry would give it or as a copy. */
export class Consumer {
  readonly folder: string;
  /** The paths in the tarball; none in a copy. */
  readonly packed: readonly string[];
  /** Octets of the tarball; 0 of a copy. */
  readonly size: number;

  private constructor(folder: string, packed: readonly string[] = [], size = 0) {
    this.folder = folder;
    this.packed = packed;
    this.size = size;
  }

  /** Packs what is built and installs it. `npm test` has built it. */
  static async install(): Promise<Consumer> {
    const folder = await emptyProject();
    // Without its scripts: they build anew, under the feet of the tests that run beside this one.
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const { stdout } = await succeed('npm', pack, ROOT);
    const [tarball] = JSON.parse(stdout) as Tarball[];
    if (tarball === undefined) {
      throw new Error('npm pack made nothing');
    }
    const install = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
    await succeed('npm', [...install, `./${tarball.filename}`], folder);
    await addNodeTypes(folder);
    return new Consumer(
      folder,
      tarball.files.map(({ path }) => path),
      tarball.size,
    );
  }

  /**
   * Copies the manifest and the built files to where npm would install them, in a tenth of the time. That
   * the tarball has them is tested with {@link install}.
   */
  static async copy(): Promise<Consumer> {
    const folder = await emptyProject();
    const installed = join(folder, 'node_modules/cotp');
    for (const path of ['package.json', 'dist']) {
      await cp(join(ROOT, path), join(installed, path), { recursive: true });
    }
    await addNodeTypes(folder);
    return new Consumer(folder);
  }

  /** Writes a file of the project. */
  async write(path: string, text: string): Promise<void> {
    await writeFile(join(this.folder, path), text);
  }

  /** Compiles files of the project, strict and with the types of its packages checked too. */
  compile(files: readonly string[], outDir: string): Promise<Outcome> {
    const flags = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes'];
    const target = ['--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
    const options = [...flags, ...target, '--skipLibCheck', 'false', '--outDir', outDir];
    return this.node([join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, ...files]);
  }

  /** Runs Node in the project. */
  node(args: readonly string[]): Promise<Outcome> {
    return run(process.execPath, args, this.folder);
  }

  /** Removes the folder. */
  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

async function emptyProject(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cotp-consumer-'));
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  return folder;
}

async function addNodeTypes(folder: string): Promise<void> {
  const types = join(folder, 'node_modules/@types');
  await mkdir(types, { recursive: true });
  await symlink(join(ROOT, 'node_modules/@types/node'), join(types, 'node'), 'junction');
}

async function succeed(file: string, args: readonly string[], cwd: string): Promise<Outcome> {
  const outcome = await run(file, args, cwd);
  if (outcome.code !== 0) {
    throw new Error(`${file} ${args.join(' ')}: ${outcome.stderr}${outcome.stdout}`);
  }
  return outcome;
}
