/**
 * `npm run test:coverage`: runs every test and says which lines of each layer were run, in the test
 * runner or in a child process, such as the `cotp` command. Fails below the floors. Lines are those
 * on which a statement begins; a file that nothing runs counts too.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { mergeProcessCovs } from '@bcoe/v8-coverage';
import { convert } from 'ast-v8-to-istanbul';
import { parseAst } from 'rolldown/parseAst';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUTPUT = join(ROOT, 'coverage');
const CHILDREN = join(OUTPUT, 'children');

/** Least share of lines run, in percent: what was measured, rounded down. */
const FLOORS = { core: 98, node: 93, cli: 94, 'inspector-page/model': 95 };

/** Lines of a file: whether each was run. */
const files = new Map();

function note(coverage) {
  for (const [path, { statementMap, s }] of Object.entries(coverage)) {
    const name = relative(join(ROOT, 'src'), path).split(sep).join('/');
    if (name.startsWith('..')) {
      continue;
    }
    const lines = files.get(name) ?? new Map();
    files.set(name, lines);
    for (const [id, { start }] of Object.entries(statementMap)) {
      lines.set(start.line, lines.get(start.line) === true || s[id] > 0);
    }
  }
}

function run(command, args, env = {}) {
  const shell = process.platform === 'win32';
  const options = { cwd: ROOT, stdio: 'inherit', shell, env: { ...process.env, ...env } };
  const { status } = spawnSync(command, args, options);
  if (status !== 0) {
    process.stderr.write(`${command} ${args.join(' ')} failed\n`);
    process.exit(1);
  }
}

/** What the children ran of dist: all of them together, by source. */
async function noteChildren() {
  const prefix = pathToFileURL(join(ROOT, 'dist')).href;
  let merged = { result: [] };
  for (const file of readdirSync(CHILDREN)) {
    const { result } = JSON.parse(readFileSync(join(CHILDREN, file), 'utf8'));
    // The page of the inspector is strings there.
    const ours = result.filter(({ url }) => url.startsWith(prefix) && !url.endsWith('/page.js'));
    merged = mergeProcessCovs([merged, { result: ours }]);
  }
  for (const script of merged.result) {
    const path = fileURLToPath(script.url);
    if (!existsSync(`${path}.map`)) {
      throw new Error(`${path} has no source map`);
    }
    const code = readFileSync(path, 'utf8');
    const sourceMap = JSON.parse(readFileSync(`${path}.map`, 'utf8'));
    note(
      await convert({ ast: parseAst(code), code, coverage: script, sourceMap, wrapperLength: 0 }),
    );
  }
}

function report() {
  const failed = [];
  for (const [layer, floor] of Object.entries(FLOORS)) {
    const own = [...files].filter(([name]) => name.startsWith(`${layer}/`));
    const lines = own.flatMap(([, all]) => [...all.values()]);
    const share = (100 * lines.filter(Boolean).length) / lines.length;
    process.stdout.write(`\n${layer}: ${share.toFixed(2)} % of ${lines.length} lines\n`);
    for (const [name, all] of own.sort()) {
      const missed = [...all].filter(([, isRun]) => !isRun).map(([line]) => line);
      if (missed.length > 0) {
        process.stdout.write(`  ${name}: not ${missed.sort((a, b) => a - b).join(', ')}\n`);
      }
    }
    if (!(share >= floor)) {
      failed.push(`${layer} is below its floor of ${floor} %`);
    }
  }
  if (failed.length > 0) {
    process.stderr.write(`\n${failed.join('\n')}\n`);
    process.exit(1);
  }
}

rmSync(OUTPUT, { recursive: true, force: true });
mkdirSync(CHILDREN, { recursive: true });
run('npm', ['run', 'build'], { COTP_SOURCE_MAP: '1' });
const coverage = ['enabled', 'provider=v8', 'include=src/**/*.ts', 'reporter=json'];
const flags = [...coverage, `reportsDirectory=${join(OUTPUT, 'runner')}`];
run(
  'npx',
  ['vitest', 'run', ...flags.map((flag) => `--coverage.${flag}`), ...process.argv.slice(2)],
  {
    COTP_CHILD_COVERAGE: CHILDREN,
  },
);
note(JSON.parse(readFileSync(join(OUTPUT, 'runner/coverage-final.json'), 'utf8')));
await noteChildren();
report();
