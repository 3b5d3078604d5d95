/**
 * Makes the packages for Linux x64 in build/packages, from the built command and the Node that runs this:
 *
 *     node packaging/build.mjs [--fast]
 *
 * an archive (.tar.xz), a Debian package (.deb), the list of what both contain (.cdx.json) and SHA256SUMS. With `--fast`
 * they are compressed less.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sbom } from '../scripts/sbom.mjs';
import { makeArchive } from './archive.mjs';
import { command } from './command.mjs';
import { makeDebianPackage } from './debian.mjs';
import { documents } from './documents.mjs';
import { makeExecutable } from './executable.mjs';
import { ARCHIVE, COMPONENTS, DEBIAN_PACKAGE, PACKAGES, ROOT, WORK } from './paths.mjs';

/** The time that all files in the packages have, in seconds: SOURCE_DATE_EPOCH, or that of the commit. */
async function sourceDate() {
  const { SOURCE_DATE_EPOCH } = process.env;
  return Number(
    SOURCE_DATE_EPOCH ?? (await command('git', ['log', '-1', '--format=%ct'], { cwd: ROOT })),
  );
}

/** Node and the libraries in it, as components of the list. */
function nodeComponents() {
  const { node, modules, napi, ...libraries } = process.versions;
  return [
    {
      type: 'platform',
      'bom-ref': `node@${node}`,
      name: 'node',
      version: node,
      licenses: [{ license: { id: 'MIT' } }],
      purl: `pkg:generic/node@${node}`,
      cpe: `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:lts:*:*:*`,
      components: Object.entries(libraries).map(([name, version]) => ({
        type: 'library',
        'bom-ref': `node@${node}/${name}@${version}`,
        name,
        version,
      })),
    },
  ];
}

async function main([option]) {
  if (option !== undefined && option !== '--fast') {
    throw new Error(`expected --fast or nothing, but found ${option}`);
  }
  for (const folder of [PACKAGES, WORK]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  const how = { level: option === '--fast' ? 0 : 6, seconds: await sourceDate() };
  await makeExecutable();
  const texts = await documents();
  await makeArchive(texts, how);
  await makeDebianPackage(texts, how);
  const components = await sbom(nodeComponents());
  await writeFile(join(PACKAGES, COMPONENTS), `${JSON.stringify(components, undefined, 2)}\n`);
  const lines = [DEBIAN_PACKAGE, `${ARCHIVE}.tar.xz`, COMPONENTS].map(async (name) => {
    const path = join(PACKAGES, name);
    const sum = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    process.stdout.write(`${((await stat(path)).size / 1e6).toFixed(1)} MB  ${path}\n`);
    return `${sum}  ${name}\n`;
  });
  await writeFile(join(PACKAGES, 'SHA256SUMS'), (await Promise.all(lines)).join(''));
}

await main(process.argv.slice(2));
