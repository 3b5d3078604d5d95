/**
 * The owner of the repository and the author stand in package.json; everything else that names them follows it. Until
 * the project has a home they are placeholders. This writes others, everywhere:
 *
 *     npm run organisation -- OWNER 'NAME <MAIL>'
 *
 * OWNER is the user or the organisation on GitHub. The checks of test/package/publish.test.ts find what was missed.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const [owner, author, ...rest] = process.argv.slice(2);
if (
  !/^[\w.-]+$/.test(owner ?? '') ||
  !/^[^<>]+ <[^<>@ ]+@[^<>@ ]+>$/.test(author ?? '') ||
  rest.length > 0
) {
  process.stderr.write(
    "expected the owner on GitHub and the author, as in: example 'Example Ltd <cotp@example.org>'\n",
  );
  process.exit(2);
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const [, old] = /github\.com\/([^/]+)\//.exec(manifest.repository.url);
const repository = (name) => `github.com/${name}/${manifest.name}`;

/** Files in which nobody is named, or whose addresses are those of others. */
const SKIPPED = /(?:package-lock\.json|\.(?:pcap|pcapng|svg|png|json\.gz))$/;

const files = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0');
for (const file of files.filter((each) => each !== '' && !SKIPPED.test(each))) {
  const text = readFileSync(file, 'utf8');
  const replaced = text
    .replaceAll(repository(old), repository(owner))
    .replaceAll(`"author": "${manifest.author}"`, () => `"author": ${JSON.stringify(author)}`);
  if (replaced !== text) {
    writeFileSync(file, replaced);
    process.stdout.write(`${file}\n`);
  }
}
