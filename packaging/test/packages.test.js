/** The packages for Linux: `npm run package:linux` has made them. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { thirdPartyTexts } from '../../scripts/sbom.mjs';
import { ARCHIVE, COMPONENTS, DEBIAN_PACKAGE, MANIFEST, PACKAGES, ROOT } from '../paths.mjs';
import { startTimes } from '../start-time.mjs';
import { run, runBare, startBare, temporaryFolder } from './support.js';

const MAX_PACKAGE = 50e6;

/** Milliseconds of processor time that `cotp --version` may take, and the same as a multiple of `node -e 0`. */
const MAX_START = 100;
const MAX_RATIO = 1.5;

const ours = (path) => readFile(join(ROOT, path), 'utf8');

describe('build/packages', () => {
  test('has an archive, a Debian package, what is in them, and their sums', async () => {
    const expected = [`${ARCHIVE}.tar.xz`, DEBIAN_PACKAGE, COMPONENTS, 'SHA256SUMS'];
    assert.deepEqual((await readdir(PACKAGES)).sort(), expected.sort());
  });

  test('lists the bundled packages, Node, and the libraries in Node', async () => {
    const { components } = JSON.parse(await readFile(join(PACKAGES, COMPONENTS), 'utf8'));
    const commander = components.find(({ name }) => name === 'commander');
    assert.equal(commander.licenses[0].license.id, 'MIT');
    const node = components.find(({ name }) => name === 'node');
    assert.equal(node.version, process.versions.node);
    const openssl = node.components.find(({ name }) => name === 'openssl');
    assert.equal(openssl.version, process.versions.openssl);
  });

  test('has packages of at most 50 MB', async () => {
    for (const name of [`${ARCHIVE}.tar.xz`, DEBIAN_PACKAGE]) {
      const { size } = await stat(join(PACKAGES, name));
      assert.ok(size <= MAX_PACKAGE, `${name} has ${size} octets`);
    }
  });

  test('has sums that sha256sum accepts', async () => {
    const { stdout } = await run('sha256sum', ['-c', 'SHA256SUMS'], { cwd: PACKAGES });
    const names = [DEBIAN_PACKAGE, `${ARCHIVE}.tar.xz`, COMPONENTS];
    assert.equal(stdout, names.map((name) => `${name}: OK\n`).join(''));
  });
});

describe('the executable of the archive, without Node', () => {
  let parent;
  let folder;
  let cotp;

  before(async () => {
    parent = await temporaryFolder();
    const archive = join(PACKAGES, `${ARCHIVE}.tar.xz`);
    const outcome = await run('tar', ['-xf', archive, '-C', parent.folder]);
    assert.deepEqual(outcome, { code: 0, stdout: '', stderr: '' });
    folder = join(parent.folder, ARCHIVE);
    cotp = join(folder, 'cotp');
  });

  after(() => parent.remove());

  test('prints its version', async () => {
    const stdout = `${MANIFEST.version}\n`;
    assert.deepEqual(await runBare(cotp, ['--version']), { code: 0, stdout, stderr: '' });
  });

  test('prints the same help as the command under Node', async () => {
    const underNode = await run(process.execPath, [join(ROOT, 'dist/cli/main.js'), '--help']);
    assert.deepEqual(await runBare(cotp, ['--help']), underNode);
  });

  test('decodes a packet', async () => {
    const { code, stdout } = await runBare(cotp, ['decode', '0300000702f080']);
    assert.equal(code, 0);
    assert.match(stdout, /DT TPDU/);
  });

  test('reports wrong usage with exit code 2', async () => {
    const { code, stderr } = await runBare(cotp, ['connect', '--frobnicate']);
    assert.equal(code, 2);
    assert.match(stderr, /--frobnicate/);
  });

  test('writes no warning if NODE_OPTIONS makes its cache useless', async () => {
    const env = { NODE_OPTIONS: '--max-old-space-size=1000' };
    const { code, stderr } = await runBare(cotp, ['--version'], { env });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  test('listens, probes, relays and connects on loopback', async (context) => {
    const listen = await startBare(cotp, ['listen', '127.0.0.1:0', '--echo']);
    context.after(listen.stop);
    const proxy = await startBare(cotp, ['proxy', '127.0.0.1:0', listen.address]);
    context.after(proxy.stop);
    const probed = await runBare(cotp, ['probe', listen.address, '--delay', '1ms']);
    assert.equal(probed.code, 0, probed.stderr);
    assert.match(probed.stdout, /CC {2}size/);
    const echoed = await runBare(cotp, ['connect', proxy.address], { input: 'one\ntwo\n' });
    assert.deepEqual([echoed.code, echoed.stdout], [0, 'one\ntwo\n'], echoed.stderr);
  });

  test('stops at Ctrl-C with exit code 130', async () => {
    const listen = await startBare(cotp, ['listen', '127.0.0.1:0']);
    assert.equal(await listen.stop(), 130);
  });

  test('starts in at most 100 ms of processor time, or 1.5 times that of Node on a slow machine', async (context) => {
    const node = [process.execPath, '-e', '0'];
    const [executable, alone] = await startTimes([cotp, '--version'], node);
    context.diagnostic(`cotp --version: ${executable} ms, node -e 0: ${alone} ms`);
    const limit = Math.max(MAX_START, MAX_RATIO * alone);
    assert.ok(executable <= limit, `${executable} ms, and Node alone ${alone} ms`);
  });

  test('has its manual page, its completions and three licences beside it', async () => {
    assert.equal(await readFile(join(folder, 'cotp.1'), 'utf8'), await ours('man/cotp.1'));
    assert.equal(await readFile(join(folder, 'LICENSE'), 'utf8'), await ours('LICENSE'));
    const packages = await readFile(join(folder, 'LICENSE-packages.txt'), 'utf8');
    for (const text of await thirdPartyTexts()) {
      assert.ok(packages.includes(text));
    }
    assert.match(packages, /^commander 14.*^preact /ms);
    const node = await readFile(join(folder, 'LICENSE-node.txt'), 'utf8');
    assert.match(node, /Copyright Node\.js contributors.*OpenSSL/s);
    const { stdout } = await runBare(cotp, ['completion', 'bash']);
    assert.equal(await readFile(join(folder, 'completions/cotp.bash'), 'utf8'), stdout);
    assert.deepEqual((await readdir(join(folder, 'completions'))).sort(), [
      '_cotp',
      'cotp.bash',
      'cotp.fish',
    ]);
  });
});

describe('the Debian package', () => {
  const path = join(PACKAGES, DEBIAN_PACKAGE);

  test('has the fields that Debian requires', async () => {
    const { stdout } = await run('dpkg-deb', ['--field', path]);
    for (const field of [
      /^Package: cotp$/m,
      new RegExp(`^Version: ${MANIFEST.version.replace('-', '~')}-1$`, 'm'),
      /^Architecture: amd64$/m,
      /^Maintainer: [^<]+ <[^@>]+@[^>]+>$/m,
      /^Installed-Size: \d{5}$/m,
      /^Depends: libc6 \(>= 2\.\d+\), libgcc-s1 .*, libstdc\+\+6 \(>= \d+\)$/m,
      /^Homepage: https:\/\/\S+$/m,
      /^Description: .{20,80}\n .+/m,
    ]) {
      assert.match(stdout, field);
    }
  });

  test('is installed by dpkg, runs without Node, and leaves nothing when it is removed', async (context) => {
    const { folder: root, remove } = await temporaryFolder();
    context.after(remove);
    await run('mkdir', ['-p', join(root, 'var/lib/dpkg/info'), join(root, 'var/lib/dpkg/updates')]);
    await run('touch', [join(root, 'var/lib/dpkg/status')]);
    // The empty root has none of the libraries; the executable takes those of this machine.
    const dpkg = [`--root=${root}`, '--force-depends', '--force-not-root'];
    const installed = await run('dpkg', [...dpkg, '--install', path]);
    assert.equal(installed.code, 0, installed.stderr);
    const { stdout } = await runBare(join(root, 'usr/bin/cotp'), ['--version']);
    assert.equal(stdout, `${MANIFEST.version}\n`);
    const verified = await run('dpkg', [...dpkg, '--verify', 'cotp']);
    assert.deepEqual(verified, { code: 0, stdout: '', stderr: '' });
    const removed = await run('dpkg', [...dpkg, '--purge', 'cotp']);
    assert.equal(removed.code, 0, removed.stderr);
    const left = (await readdir(root)).filter((name) => name !== 'var');
    assert.deepEqual(left, []);
  });

  test('has the manual page, the completions and the licences where Debian looks for them', async (context) => {
    const { folder: root, remove } = await temporaryFolder();
    context.after(remove);
    await run('dpkg-deb', ['--extract', path, root]);
    const installed = (name) => readFile(join(root, 'usr/share', name));
    const manual = gunzipSync(await installed('man/man1/cotp.1.gz')).toString();
    assert.equal(manual, await ours('man/cotp.1'));
    for (const [shell, name] of [
      ['bash', 'bash-completion/completions/cotp'],
      ['zsh', 'zsh/vendor-completions/_cotp'],
      ['fish', 'fish/vendor_completions.d/cotp.fish'],
    ]) {
      const { stdout } = await runBare(join(root, 'usr/bin/cotp'), ['completion', shell]);
      assert.equal((await installed(name)).toString(), stdout);
    }
    const copyright = (await installed('doc/cotp/copyright')).toString();
    for (const text of await thirdPartyTexts()) {
      assert.ok(copyright.includes(text.trim()));
    }
    assert.match(copyright, /common-licenses\/Apache-2\.0.*Copyright Node\.js contributors/s);
  });
});
