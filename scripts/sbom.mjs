/**
 * Writes which packages the published package contains, as a CycloneDX document: the package has no dependencies, but the
 * command and the page of the inspector have packages bundled into them. The build has put the licences of these beside
 * each bundle, in a file THIRD-PARTY.txt.
 *
 *     node scripts/sbom.mjs [FILE]      build/sbom/cotp.cdx.json by default
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const readJson = async (path) => JSON.parse(await readFile(join(ROOT, path), 'utf8'));

/** `pkg:npm/%40scope/name@version`, the name of a package that scanners compare. */
const purl = (name, version) => `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;

/** The packages of a THIRD-PARTY.txt: each begins with a line NAME VERSION (LICENCE) below a ruler. */
function packagesOf(text) {
  const found = text.matchAll(/^-{72}\n\n(\S+) (\S+) \((.+)\)$/gm);
  return [...found].map(([, name, version, license]) => ({ name, version, license }));
}

/**
 * The folders that are packed and have packages in them: the command, and the page of the inspector. The build keeps the
 * page in dist/node/inspector too, which is not packed.
 */
const BUNDLED = ['dist/cli', 'dist/cjs'];

/** The texts of the files THIRD-PARTY.txt that are packed. */
export async function thirdPartyTexts() {
  const paths = BUNDLED.map((folder) => join(ROOT, folder, 'THIRD-PARTY.txt'));
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) {
    throw new Error(`${missing} is not there: run npm run build first`);
  }
  return Promise.all(paths.map((path) => readFile(path, 'utf8')));
}

/** All bundled packages, each once, by name. */
async function bundledPackages() {
  const all = (await thirdPartyTexts()).flatMap(packagesOf);
  const byPurl = new Map(all.map((each) => [purl(each.name, each.version), each]));
  return [...byPurl.keys()].sort().map((key) => byPurl.get(key));
}

/** An SPDX identifier, or an expression such as `(MIT OR CC0-1.0)`. */
function licenceField(license) {
  return /^[\w.+-]+$/.test(license) ? { license: { id: license } } : { expression: license };
}

/** The hash by which the lock file knows the package, in hexadecimal. */
function hashes(integrity) {
  const [, octets] = /^sha512-(\S+)$/.exec(integrity ?? '') ?? [];
  return octets === undefined
    ? []
    : [{ alg: 'SHA-512', content: Buffer.from(octets, 'base64').toString('hex') }];
}

function component({ name, version, license }, lock) {
  const locked = Object.entries(lock.packages).find(
    ([path, entry]) => path.endsWith(`node_modules/${name}`) && entry.version === version,
  );
  if (locked === undefined) {
    throw new Error(`dist contains ${name} ${version}, which package-lock.json does not have`);
  }
  const [, { integrity }] = locked;
  const scoped = /^(@[^/]+)\/(.+)$/.exec(name);
  return {
    type: 'library',
    'bom-ref': purl(name, version),
    ...(scoped === null ? { name } : { group: scoped[1], name: scoped[2] }),
    version,
    scope: 'required',
    hashes: hashes(integrity),
    licenses: [licenceField(license)],
    purl: purl(name, version),
  };
}

/** A UUID made of the content, so that the same build gives the same document. */
function serialNumber(content) {
  const digits = createHash('sha256').update(content).digest('hex');
  const variant = '89ab'[Number.parseInt(digits[16], 16) % 4];
  const parts = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `5${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ];
  return `urn:uuid:${parts.join('-')}`;
}

/**
 * The document.
 *
 * @param {readonly object[]} [more] components beside the packages, such as Node in an executable
 */
export async function sbom(more = []) {
  const { name, version, description, license, repository } = await readJson('package.json');
  const lock = await readJson('package-lock.json');
  const packages = (await bundledPackages()).map((each) => component(each, lock));
  const components = [...packages, ...more];
  const self = purl(name, version);
  const source = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: serialNumber(JSON.stringify([self, components])),
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': self,
        name,
        version,
        description,
        licenses: [licenceField(license)],
        purl: self,
        externalReferences: [{ type: 'vcs', url: source }],
      },
    },
    components,
    dependencies: [
      { ref: self, dependsOn: components.map((each) => each['bom-ref']) },
      ...components.map((each) => ({ ref: each['bom-ref'] })),
    ],
  };
}

async function main([file = join(ROOT, 'build/sbom/cotp.cdx.json')]) {
  const path = resolve(file);
  const document = await sbom();
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(document, undefined, 2)}\n`);
  process.stdout.write(`${document.components.length} bundled packages: ${path}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.slice(2));
}
