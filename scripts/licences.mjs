/** The licences of the packages that a bundle has in it, as one text to put beside it. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** The folder of the package that a module came from. */
function packageOf(id) {
  const [, folder] = /^\0?(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id) ?? [];
  return folder;
}

async function licenceOf(folder) {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
  if (file === undefined) {
    throw new Error(`${name} has no licence text in ${basename(folder)}`);
  }
  const text = await readFile(join(folder, file), 'utf8');
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}

/**
 * Writes THIRD-PARTY.txt into the folder of a bundle.
 *
 * @param {string} folder
 * @param {string} bundle its path in the package
 * @param {readonly { moduleIds?: readonly string[] }[]} output of the bundler
 */
export async function writeLicences(folder, bundle, output) {
  const folders = new Set(output.flatMap((chunk) => chunk.moduleIds ?? []).map(packageOf));
  folders.delete(undefined);
  const licences = await Promise.all([...folders].sort().map(licenceOf));
  const intro = `${bundle} has these packages in it.\n`;
  const text = [intro, ...licences].join(`\n${'-'.repeat(72)}\n\n`);
  await writeFile(join(folder, 'THIRD-PARTY.txt'), text);
}
