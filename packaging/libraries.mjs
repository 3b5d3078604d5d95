/**
 * Which system libraries the executable needs, as Debian names them. dpkg-shlibdeps would say which versions the
 * machine of the build has symbols for, which is more than the executable needs: it runs on older systems too.
 */
import { command } from './command.mjs';
import { EXECUTABLE } from './paths.mjs';

/** The version of GCC whose libstdc++ first has a version of symbols GLIBCXX_3.4.N, by N. */
const GCC_OF_GLIBCXX = new Map([
  [21, 5],
  [22, 6],
  [23, 7],
  [24, 7],
  [25, 8],
  [26, 9],
  [27, 9],
  [28, 9],
  [29, 11],
  [30, 12],
  [31, 13],
  [32, 13],
  [33, 14],
  [34, 15],
]);

/** The highest N of symbols that the executable needs, such as 28 of GLIBC_2.28. */
function highest(versions, name) {
  const found = [...versions.matchAll(new RegExp(`\\b${name}\\.(\\d+)`, 'g'))];
  return Math.max(...found.map(([, minor]) => Number(minor)));
}

/** The field `Depends` of the Debian package. */
export async function dependencies() {
  const versions = (
    await command('readelf', ['--wide', '--version-info', EXECUTABLE], { from: 'binutils' })
  ).toString();
  const glibc = highest(versions, 'GLIBC_2');
  const glibcxx = highest(versions, 'GLIBCXX_3\\.4');
  const gcc = GCC_OF_GLIBCXX.get(glibcxx);
  if (!Number.isFinite(glibc) || gcc === undefined) {
    throw new Error(
      `expected the executable to need GLIBC_2.N and GLIBCXX_3.4.21 to .34, but it needs GLIBC_2.${glibc} and GLIBCXX_3.4.${glibcxx}: add the version of GCC to packaging/libraries.mjs`,
    );
  }
  return `libc6 (>= 2.${glibc}), libgcc-s1 (>= 3.4) | libgcc1 (>= 1:3.4), libstdc++6 (>= ${gcc})`;
}
