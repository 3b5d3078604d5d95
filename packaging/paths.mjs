/** Where the packages for Linux are made, and how their files are named. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The finished packages. */
export const PACKAGES = join(ROOT, 'build/packages');

/** What they are made of. */
export const WORK = join(ROOT, 'build/packaging');

/** The executable. */
export const EXECUTABLE = join(WORK, 'cotp');

export const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** The name of the archive, and of the folder in it. */
export const ARCHIVE = `cotp-${MANIFEST.version}-linux-x64`;

/** 1.0.0-rc.1 of npm is 1.0.0~rc.1 in Debian, where a tilde sorts before the release. -1 is the first package of it. */
export const DEBIAN_VERSION = `${MANIFEST.version.replace('-', '~')}-1`;

export const DEBIAN_PACKAGE = `cotp_${DEBIAN_VERSION}_amd64.deb`;

/** The list of what is in the packages, in CycloneDX. */
export const COMPONENTS = `${ARCHIVE}.cdx.json`;
