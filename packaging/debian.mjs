/** Makes the Debian package. It is one binary package, so it is built by dpkg-deb without a source package. */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { command } from './command.mjs';
import { dependencies } from './libraries.mjs';
import { DEBIAN_PACKAGE, DEBIAN_VERSION, EXECUTABLE, MANIFEST, PACKAGES, WORK } from './paths.mjs';
import { gzipped, normalise, writeTree } from './tree.mjs';

const FOLDER = join(WORK, 'debian');
const INSTALLED = join(FOLDER, 'usr/bin/cotp');

/** `NAME <MAIL>` of the author, a text or an object, as package.json may have it. */
function maintainer({ author }) {
  return typeof author === 'string' ? author : `${author.name} <${author.email}>`;
}

/** The fields of the package. `size` is what it takes installed, in KiB. */
function control({ depends, size }) {
  return `Package: cotp
Version: ${DEBIAN_VERSION}
Architecture: amd64
Maintainer: ${maintainer(MANIFEST)}
Installed-Size: ${size}
Depends: ${depends}
Section: net
Priority: optional
Homepage: ${MANIFEST.homepage}
Description: connect, listen, probe and decode with ISO transport over TCP
 The command cotp speaks the transport protocol of S7comm, IEC 61850 MMS,
 ICCP, X.400 and X.500: ISO 8073 / X.224 over TCP (RFC 1006, RFC 2126). It
 connects to servers and finds out their selectors, serves connections,
 shows what passes between two peers, decodes packets and captures, and
 measures throughput.
 .
 The package contains its own copy of Node.js and needs no other.
`;
}

function copyright({ packages, node }) {
  const line = '-'.repeat(72);
  return `cotp is distributed by ${maintainer(MANIFEST)}
${MANIFEST.homepage}

cotp is licensed under the Apache License, Version 2.0, which Debian systems
have in /usr/share/common-licenses/Apache-2.0.

The executable /usr/bin/cotp contains packages of others, and Node.js
${process.version.slice(1)}. Their licences follow.

${line}

${packages.trim()}

${line}

Node.js ${process.version.slice(1)}

${node.trim()}
`;
}

/** Marks of lintian that the package has on purpose. */
const LINTIAN = `# The executable is Node.js as its project builds it, with its libraries linked statically.
cotp: embedded-library *
cotp: hardening-no-pie *
# The licence of Node.js has the licences of its libraries in full.
cotp: copyright-file-contains-full-apache-2-license
cotp: old-fsf-address-in-copyright-file
# The package is not part of Debian, so it closes none of its bugs.
cotp: initial-upload-closes-no-bugs
`;

/** The changelog of the package; that of the command is beside it. */
function changelog(seconds) {
  const date = new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
  return `cotp (${DEBIAN_VERSION}) unstable; urgency=medium

  * Version ${MANIFEST.version}. /usr/share/doc/cotp/changelog.gz says what is new.

 -- ${maintainer(MANIFEST)}  ${date}
`;
}

function files(documents, seconds) {
  const { manual, changes, completions } = documents;
  return {
    ...Object.fromEntries(completions.map(({ path, script }) => [path, script])),
    'usr/share/man/man1/cotp.1.gz': gzipped(manual),
    'usr/share/doc/cotp/changelog.gz': gzipped(changes),
    'usr/share/doc/cotp/changelog.Debian.gz': gzipped(changelog(seconds)),
    'usr/share/doc/cotp/copyright': copyright(documents),
    'usr/share/lintian/overrides/cotp': LINTIAN,
  };
}

/** All files of the package below {@link FOLDER}, sorted. */
async function installedFiles() {
  const entries = await readdir(FOLDER, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

async function sums(paths) {
  const lines = paths.map(async (path) => {
    const sum = createHash('md5')
      .update(await readFile(path))
      .digest('hex');
    return `${sum}  ${relative(FOLDER, path)}\n`;
  });
  return (await Promise.all(lines)).join('');
}

async function kibibytes(paths) {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + Math.ceil(size / 1024), 0);
}

/**
 * Writes the Debian package.
 *
 * @param {{ level: number, seconds: number }} how the level of xz; the time of all files
 */
export async function makeDebianPackage(documents, { level, seconds }) {
  await rm(FOLDER, { recursive: true, force: true });
  await writeTree(FOLDER, files(documents, seconds));
  await mkdir(join(FOLDER, 'usr/bin'), { recursive: true });
  await copyFile(EXECUTABLE, INSTALLED);
  const paths = await installedFiles();
  await writeTree(FOLDER, {
    'DEBIAN/control': control({ depends: await dependencies(), size: await kibibytes(paths) }),
    'DEBIAN/md5sums': await sums(paths),
  });
  await normalise(FOLDER, seconds, [INSTALLED]);
  const build = ['--root-owner-group', '-Zxz', `-z${level}`, '--build', FOLDER];
  await command('dpkg-deb', [...build, join(PACKAGES, DEBIAN_PACKAGE)], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds) },
    from: 'dpkg',
  });
}
