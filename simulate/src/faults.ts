/**
 * Faults to put back into the library, to see that the simulation finds them: each an edit of the
 * built files, which stay as they are; a copy is changed.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Fault {
  readonly name: string;
  /** In one sentence: what goes wrong then. */
  readonly what: string;
  readonly edits: readonly Edit[];
}

export interface Edit {
  /** Within the built library. */
  readonly file: string;
  /** Must be there exactly once. */
  readonly find: string;
  readonly replace: string;
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'reference-leak',
    what: 'a reference is never released',
    edits: [
      {
        file: 'node/references.js',
        find: 'references.release(reference)',
        replace: 'undefined',
      },
    ],
  },
];

/** Runs something on a copy of the library that has the fault. */
export async function withFault<T>(
  name: string,
  folder: string,
  run: (copy: string) => Promise<T>,
): Promise<T> {
  const fault = FAULTS.find((one) => one.name === name);
  if (fault === undefined) {
    const names = FAULTS.map((one) => one.name).join(', ');
    throw new TypeError(`no fault ${name}; there are ${names}`);
  }
  const parent = await mkdtemp(join(tmpdir(), 'cotp-fault-'));
  try {
    const copy = join(parent, 'dist');
    await cp(folder, copy, { recursive: true });
    // The copy is a module of the same kind and finds the same packages.
    await writeFile(join(parent, 'package.json'), '{ "type": "module" }\n');
    await symlink(resolve('node_modules'), join(parent, 'node_modules'), 'dir');
    for (const edit of fault.edits) {
      await change(join(copy, edit.file), edit, name);
    }
    return await run(copy);
  } finally {
    await rm(parent, { recursive: true });
  }
}

async function change(path: string, { find, replace }: Edit, name: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  const count = text.split(find).length - 1;
  if (count !== 1) {
    throw new Error(`fault ${name}: '${find}' must be in ${path} once, and is there ${count} times`);
  }
  await writeFile(path, text.replace(find, () => replace));
}
