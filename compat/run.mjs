/**
 * `npm run test:compat`: packs the package, installs it in an empty project and tries it there with compilers,
 * bundlers and runtimes. Writes a line for each cell, then how many there are; fails if one fails.
 * `node compat/run.mjs [TEXT]` runs the cells whose name has the text in it.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { browserCells } from './cells/browser.mjs';
import { bundlerCells } from './cells/bundlers.mjs';
import { metadataCells } from './cells/metadata.mjs';
import { runtimeCells } from './cells/runtimes.mjs';
import { typeCells } from './cells/types.mjs';
import { createProject, ROOT, run } from './project.mjs';

const [wanted = ''] = process.argv.slice(2);

/** Cells at the same time. */
const PARALLEL = Math.min(2, availableParallelism());

const failed = [];

async function runCell({ name, run: attempt }) {
  const start = performance.now();
  try {
    await attempt();
    const seconds = ((performance.now() - start) / 1_000).toFixed(1);
    process.stdout.write(`ok    ${name} (${seconds} s)\n`);
  } catch (error) {
    failed.push(name);
    process.stdout.write(`FAIL  ${name}\n${error.message}\n`);
  }
}

/** The oldest versions that `engines` in package.json permits, and the newest of each later even version. */
const OTHER_NODES = ['20.19.0', '22.12.0', '22', '24', '26'];

/** Other versions of Node: by a script, which also tries the command in them. Much of its time it waits. */
function otherNodes({ tarball }) {
  const script = join(ROOT, 'scripts/test-node-versions.sh');
  return {
    name: `Node ${OTHER_NODES.join(', ')}`,
    async run() {
      const env = { ...process.env, COTP_TARBALL: tarball };
      process.stdout.write(await run('bash', [script, ...OTHER_NODES], ROOT, { env }));
    },
  };
}

const project = await createProject();
try {
  const all = [
    ...metadataCells(project),
    ...(await typeCells(project)),
    ...bundlerCells(project),
    ...browserCells(project),
    ...runtimeCells(project),
  ].filter(({ name }) => name.includes(wanted));
  const waiting = [...all];
  const work = async () => {
    for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) {
      await runCell(cell);
    }
  };
  const nodes = [otherNodes(project)].filter(({ name }) => name.includes(wanted));
  await Promise.all([...nodes.map(runCell), ...Array.from({ length: PARALLEL }, work)]);
  const count = all.length + nodes.length;
  if (count === 0) {
    throw new Error(`no cell has '${wanted}' in its name`);
  }
  process.stdout.write(
    `\n${count} cells: ${count - failed.length} passed, ${failed.length} failed\n`,
  );
} finally {
  await project.remove();
}
process.exitCode = failed.length === 0 ? 0 : 1;
