/** Writes folders of files whose modes and times depend on nothing but their content and the commit. */
import { chmod, lutimes, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** A text as Debian wants it compressed: at the highest level, without name or time. */
export const gzipped = (text) => gzipSync(text, { level: 9 });

/**
 * Writes files below a folder, with mode 644.
 *
 * @param {string} folder
 * @param {Readonly<Record<string, string | Uint8Array>>} files by path
 */
export async function writeTree(folder, files) {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** Gives everything below a folder the time of the commit, and folders and files the usual modes. */
export async function normalise(folder, seconds, executables) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    await chmod(path, entry.isDirectory() || executables.includes(path) ? 0o755 : 0o644);
    await lutimes(path, seconds, seconds);
  }
  await chmod(folder, 0o755);
  await lutimes(folder, seconds, seconds);
}
