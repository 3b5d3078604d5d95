/**
 * `npm run test:vectors -- FILE` runs the vectors of any file of the form of `vectors.json`; without
 * FILE those of that file, of `class2.json` and of `captures.json`. The exit code is 0 when all pass, 1 when one fails, 2
 * when FILE is not to be read or not of the form.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
const name = process.argv[2];
// npm runs scripts in the package's folder; a relative FILE is meant from where the user stands.
const file = name === undefined ? undefined : resolve(startFolder(), name);

const complaint = file === undefined ? undefined : complaintAbout(file);
if (complaint !== undefined) {
  console.error(`${file}: ${complaint}`);
  process.exit(2);
}

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', 'vectors'], {
  cwd: root,
  env: file === undefined ? process.env : { ...process.env, COTP_VECTORS: file },
  stdio: 'inherit',
});
process.exit(status ?? 1);

function startFolder() {
  return process.env.INIT_CWD ?? process.cwd();
}

/** What is wrong with the file, `undefined` when nothing is. */
function complaintAbout(path) {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return `cannot be read (${error.code})`;
  }
  let content;
  try {
    content = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  if (!Array.isArray(content?.vectors) || content.vectors.length === 0) {
    return "holds no list 'vectors'";
  }
  const strange = content.vectors.findIndex((vector) => !isVector(vector));
  return strange === -1
    ? undefined
    : `vectors[${strange}] lacks one of id, title, layer, tolerant and strict`;
}

function isVector(vector) {
  const { id, title, layer, tolerant, strict } = vector ?? {};
  return (
    [id, title, layer].every((text) => typeof text === 'string') &&
    typeof tolerant === 'object' &&
    (typeof strict === 'object' || strict === 'same')
  );
}
