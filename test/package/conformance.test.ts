import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ROOT, run } from './consumer.js';

const SCRIPT = join(ROOT, 'scripts/conformance.mjs');

type Report = Readonly<Record<string, readonly string[]>>;

async function reportOn(root: string): Promise<Report> {
  const { stdout, stderr } = await run(
    process.execPath,
    [SCRIPT, '--report', '--root', root],
    ROOT,
  );
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Report;
}

/** The lists of a report that hold something. */
function faultsIn(report: Report): Report {
  return Object.fromEntries(Object.entries(report).filter(([, list]) => list.length > 0));
}

describe('the clauses of the standards', () => {
  test('have code and tests, or a reason, and every tag names one of them', async () => {
    const { 'comments that cite unknown clauses': prose = [], ...report } = await reportOn(ROOT);
    if (prose.length > 0) {
      console.warn(`comments that cite clauses which the table lacks:\n${prose.join('\n')}`);
    }
    expect(faultsIn(report)).toEqual({});
  });

  test('are on the page as the tags have them; else run npm run docs:conformance', async () => {
    const outcome = await run(process.execPath, [SCRIPT, '--check'], ROOT);
    expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

const clause = (name: string, own = {}) => ({
  standard: 'X.224',
  clause: name,
  title: name,
  asks: name,
  force: 'shall',
  classes: [0],
  kind: 'procedure',
  testable: true,
  ...own,
});
const item = (own = {}) => ({
  item: 'C0',
  feature: 'Class 0',
  status: { 'class 0': 'm' },
  references: ['X.224 6.1'],
  answer: { 'class 0': 'yes' },
  ...own,
});

const CODE = '//= X.224 6.1\nexport function act() {}\n';
const CHECK = "//= X.224 6.1 test CR-01\ntest('acts', () => {});\n";

/** A small tree in which nothing is wrong. */
const SOUND: Readonly<Record<string, unknown>> = {
  'src/a.ts': CODE,
  'test/a.test.ts': CHECK,
  'test/vectors/vectors.json': { vectors: [{ id: 'CR-01' }] },
  'docs/conformance/clauses.json': [
    clause('6.1'),
    clause('6.2'),
    clause('6.3', { testable: false }),
  ],
  'docs/conformance/not-done.json': [{ reason: 'later', clauses: ['X.224 6.2'] }],
  'docs/conformance/pics.json': [item()],
  'docs/conformance/preface.md': '# Conformance\n',
  'docs/conformance/decisions.md': '## Decisions\n',
};

async function treeOf(files: Readonly<Record<string, unknown>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'cotp-conformance-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    await writeFile(join(root, path), text);
  }
  return root;
}

describe('the check of the citations', () => {
  test('finds nothing where nothing is wrong', async () => {
    expect(faultsIn(await reportOn(await treeOf(SOUND)))).toEqual({});
  });

  test.each<[string, Record<string, unknown>, Report]>([
    [
      'a tag that names an unknown clause',
      { 'src/a.ts': `${CODE}\n//= X.224 9.9\nexport const other = 1;\n` },
      { 'tags of unknown clauses': ['src/a.ts:4: X.224 9.9'] },
    ],
    [
      'a clause without code',
      { 'src/a.ts': 'export {};\n' },
      {
        'clauses without code': ['X.224 6.1'],
        'items answered by yes without code': ['C0'],
      },
    ],
    [
      'a clause without a test',
      { 'test/a.test.ts': 'export {};\n' },
      { 'clauses without a test': ['X.224 6.1'] },
    ],
    [
      'a clause listed as not done that has a tag',
      { 'src/a.ts': CODE.replace('6.1', '6.1\n//= X.224 6.2') },
      { 'listed as not done, yet tagged': ['X.224 6.2'] },
    ],
    [
      'a clause listed as done in part that has none',
      { 'docs/conformance/not-done.json': [{ reason: 'later', partly: ['X.224 6.2'] }] },
      {
        'clauses without code': ['X.224 6.2'],
        'clauses without a test': ['X.224 6.2'],
        'listed as done in part, yet not tagged': ['X.224 6.2'],
      },
    ],
    [
      'a list that names an unknown clause',
      {
        'docs/conformance/not-done.json': [{ reason: 'later', clauses: ['X.224 6.2', 'X.224 7'] }],
      },
      { 'unknown clauses in not-done.json': ['X.224 7'] },
    ],
    [
      'a clause that no section of the page has',
      {
        'docs/conformance/clauses.json': [
          clause('6.1'),
          clause('6.2'),
          clause('5', { testable: false }),
        ],
      },
      { 'clauses of no section of the page': ['X.224 5'] },
    ],
    [
      'a test tag in the source',
      { 'src/a.ts': `${CODE}\n//= X.224 6.1 test\nexport const other = 1;\n` },
      { 'tags in the wrong place': ['src/a.ts:4: X.224 6.1 (test)'] },
    ],
    [
      'a deviation without a reason',
      { 'src/a.ts': CODE.replace('6.1', '6.1 deviation:') },
      { 'deviations without a reason': ['src/a.ts:1'] },
    ],
    [
      'a vector that is not there',
      { 'test/a.test.ts': CHECK.replace('CR-01', 'CR-99') },
      { 'unknown vectors': ['test/a.test.ts:1: CR-99'] },
    ],
    [
      'a comment that cites an unknown clause',
      { 'src/a.ts': `${CODE}/** As X.224 6.1 and 8.8 have it. */\n` },
      { 'comments that cite unknown clauses': ['src/a.ts:3: X.224 8.8'] },
    ],
    [
      'an item of the proforma that refers to an unknown clause',
      { 'docs/conformance/pics.json': [item({ references: ['X.224 6.1', 'X.224 7'] })] },
      { 'unknown references in pics.json': ['C0: X.224 7'] },
    ],
    [
      'an item of the proforma without an answer',
      { 'docs/conformance/pics.json': [item({ answer: {} })] },
      { 'answers in pics.json that are none': ['C0'] },
    ],
    [
      'a mandatory item that is answered by no without a word',
      { 'docs/conformance/pics.json': [item({ answer: { 'class 0': 'no' } })] },
      { 'mandatory items answered by no without a note': ['C0'] },
    ],
    [
      'an item that is answered by n.a. although its class is implemented',
      {
        'docs/conformance/pics.json': [
          item(),
          { ...item({ answer: { 'class 0': 'n.a.' } }), item: 'T0F1' },
        ],
      },
      { 'items answered by n.a. although their class is implemented': ['T0F1'] },
    ],
  ])('finds %s', async (_what, changed, faults) => {
    expect(faultsIn(await reportOn(await treeOf({ ...SOUND, ...changed })))).toEqual(faults);
  });
});

describe('a place on the page', () => {
  test.each<[string, string, string, string]>([
    ['a function', 'src/a.ts', CODE, 'a.ts: act'],
    [
      'a function whose parameters take several lines',
      'src/a.ts',
      'export function act(\n  a: number,\n): void {\n  //= X.224 6.1\n  if (a > 0) {\n  }\n}\n',
      'a.ts: act',
    ],
    [
      'a method',
      'src/a.ts',
      'export class Actor {\n  //= X.224 6.1\n  #act(a: number): void {\n  }\n}\n',
      'a.ts: Actor.#act',
    ],
    [
      'a row of a table',
      'src/a.ts',
      "const TABLE = {\n  OPEN: {\n    //= X.224 6.1\n    'T-DATA request': ['send'],\n  },\n};\n",
      'a.ts: TABLE.OPEN.T-DATA request',
    ],
    ['a test', 'test/a.test.ts', CHECK.replace(' CR-01', ''), 'a.test.ts: acts'],
    [
      'a test for each row of a table',
      'test/a.test.ts',
      "//= X.224 6.1 test\ntest.each([\n  ['a', 1],\n])('acts on %s', () => {});\n",
      'a.test.ts: acts on %s',
    ],
    [
      'a row of such a table',
      'test/a.test.ts',
      "test.each([\n  //= X.224 6.1 test\n  ['a second CR', 1],\n])('acts on %s', () => {});\n",
      'a.test.ts: a second CR',
    ],
    ['a wire vector', 'test/a.test.ts', CHECK, 'CR-01'],
  ])('is named after %s', async (_what, path, text, name) => {
    const root = await treeOf({ ...SOUND, [path]: text });
    await run(process.execPath, [SCRIPT, '--root', root], ROOT);
    const page = await readFile(join(root, 'docs/conformance.md'), 'utf8');
    expect(page).toContain(`[${name}](../`);
  });
});
