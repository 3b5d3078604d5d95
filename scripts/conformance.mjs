/**
 * Writes docs/conformance.md from the tags in source and tests (citations.mjs) and the tables in
 * docs/conformance/: clauses.json (what each clause asks), not-done.json (what is left out, with reasons),
 * pics.json (the proforma of the standard with our answers), preface.md and decisions.md (written by hand).
 *
 *     node scripts/conformance.mjs            writes the page
 *     node scripts/conformance.mjs --check    exits with 1 if the page differs from what would be written
 *     node scripts/conformance.mjs --report   prints what is wrong, as JSON, and exits with 1 if anything is
 *     --root DIR                              another tree than this one
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readProse, readTags } from './citations.mjs';

const PAGE = 'docs/conformance.md';
const TABLES = 'docs/conformance';
const VECTORS = ['test/vectors/vectors.json', 'test/vectors/class2.json'];

const idOf = ({ standard, clause }) => `${standard} ${clause}`;

/** Everything that the page and the report are made from. */
function load(root) {
  const json = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));
  const text = (name) => readFileSync(join(root, TABLES, name), 'utf8').trim();
  const tags = readTags(root);
  const tagsOf = new Map();
  for (const tag of tags) {
    tagsOf.set(tag.clause, [...(tagsOf.get(tag.clause) ?? []), tag]);
  }
  return {
    tags,
    tagsOf: (id) => tagsOf.get(id) ?? [],
    clauses: json(`${TABLES}/clauses.json`),
    pics: json(`${TABLES}/pics.json`),
    gaps: json(`${TABLES}/not-done.json`),
    // The file of each.
    vectors: new Map(
      VECTORS.filter((path) => existsSync(join(root, path))).flatMap((path) =>
        json(path).vectors.map(({ id }) => [id, path]),
      ),
    ),
    prose: readProse(root),
    preface: text('preface.md'),
    decisions: text('decisions.md'),
  };
}

/** Reasons by clause, of what is not done at all or in part. */
function reasonsOf(gaps, key) {
  return new Map(gaps.flatMap((group) => (group[key] ?? []).map((id) => [id, group.reason])));
}

const isCode = ({ kind }) => kind !== 'test';
const isTest = ({ kind }) => kind === 'test';
const where = ({ file, line }) => `${file}:${line}`;

/** What is wrong, one list for each kind of fault; all empty where nothing is. */
export function judge({ tags, tagsOf, clauses, pics, gaps, vectors, prose }) {
  const ids = clauses.map(idOf);
  const known = new Set(ids);
  const notDone = reasonsOf(gaps, 'clauses');
  const partly = reasonsOf(gaps, 'partly');
  const listed = gaps.flatMap((group) => [...(group.clauses ?? []), ...(group.partly ?? [])]);
  const due = clauses
    .filter(({ testable }) => testable)
    .map(idOf)
    .filter((id) => !notDone.has(id));
  return {
    'tags of unknown clauses': tags
      .filter(({ clause }) => !known.has(clause))
      .map((tag) => `${where(tag)}: ${tag.clause}`),
    'tags in the wrong place': tags
      .filter((tag) => isTest(tag) !== tag.file.startsWith('test/'))
      .map((tag) => `${where(tag)}: ${tag.clause} (${tag.kind})`),
    'tags above nothing that has a name': tags.filter(({ name }) => name === '').map(where),
    'deviations without a reason': tags
      .filter(({ kind, reason }) => kind === 'deviation' && reason === '')
      .map(where),
    'unknown vectors': tags.flatMap((tag) =>
      tag.vectors.filter((id) => !vectors.has(id)).map((id) => `${where(tag)}: ${id}`),
    ),
    'clauses listed twice': ids.filter((id, index) => ids.indexOf(id) !== index),
    'clauses of no section of the page': ids.filter((id) => !SECTIONS.some(([, isIn]) => isIn(id))),
    'clauses without code': due.filter((id) => !tagsOf(id).some(isCode)),
    'clauses without a test': due.filter((id) => !tagsOf(id).some(isTest)),
    'listed as not done, yet tagged': [...notDone.keys()].filter((id) => tagsOf(id).length > 0),
    'listed as done in part, yet not tagged': [...partly.keys()].filter(
      (id) => tagsOf(id).length === 0,
    ),
    'unknown clauses in not-done.json': listed.filter((id) => !known.has(id)),
    'groups in not-done.json without a reason': gaps
      .filter(({ reason }) => !reason)
      .map((group) => JSON.stringify(group)),
    'unknown references in pics.json': pics.flatMap(({ item, references }) =>
      references
        .filter((reference) => matching(reference, ids).length === 0)
        .map((reference) => `${item}: ${reference}`),
    ),
    'answers in pics.json that are none': pics
      .filter((row) =>
        Object.keys(row.status).some((each) => !['yes', 'no', 'n.a.'].includes(row.answer?.[each])),
      )
      .map(({ item }) => item),
    'mandatory items answered by no without a note': pics
      .filter(
        ({ status, answer, note }) =>
          Object.keys(status).some((each) => status[each] === 'm' && answer?.[each] === 'no') &&
          !note,
      )
      .map(({ item }) => item),
    'items answered by n.a. although their class is implemented': pics
      .filter(({ status, answer }) =>
        Object.keys(status).some(
          (each) =>
            status[each] !== 'n/a' && answer?.[each] === 'n.a.' && isImplemented(each, pics),
        ),
      )
      .map(({ item }) => item),
    'items answered by yes without code': pics
      .filter(({ answer }) => Object.values(answer ?? {}).includes('yes'))
      .filter(
        ({ references }) =>
          !references.some((reference) =>
            matching(reference, ids).some(
              (id) => tagsOf(id).some(isCode) || isUntestable(id, clauses),
            ),
          ),
      )
      .map(({ item }) => item),
    'comments that cite unknown clauses': prose
      .filter(({ standard, number }) => matching(`${standard} ${number}`, ids).length === 0)
      .map((each) => `${where(each)}: ${each.standard} ${each.number}`),
  };
}

/** Whether the item of a class, such as C2 of `class 2`, is answered by yes. */
function isImplemented(tpClass, pics) {
  const item = tpClass.replace('class ', 'C');
  return pics.some((row) => row.item === item && row.answer?.[tpClass] === 'yes');
}

function isUntestable(id, clauses) {
  return clauses.some((clause) => idOf(clause) === id && !clause.testable);
}

/** The clauses that a reference means: itself, or everything below it. */
function matching(reference, ids) {
  return ids.filter(
    (id) => id === reference || id.startsWith(`${reference} `) || id.startsWith(`${reference}.`),
  );
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const label = (text) => cell(text).replace(/[[\]<>*_`]/g, (sign) => `\\${sign}`);

/** A link to the file of a tag, with the name of what it is above. */
function link({ file, name }) {
  const short = file.slice(file.lastIndexOf('/') + 1);
  return `[${label(`${short}: ${name}`)}](../${file})`;
}

function testLinks(tag, vectors) {
  return tag.vectors.length === 0
    ? [link(tag)]
    : tag.vectors.map((id) => `[${id}](../${vectors.get(id)})`);
}

const listOf = (links) => [...new Set(links)].join(', ');

function stateOf(clause, { tagsOf }, notDone, partly) {
  const id = idOf(clause);
  const reason = notDone.get(id);
  if (reason !== undefined) {
    return `**not done**: ${reason}`;
  }
  const tags = tagsOf(id);
  const deviations = tags.filter(({ kind }) => kind === 'deviation').map((tag) => tag.reason);
  const rest = partly.get(id);
  const remarks = [
    ...new Set(deviations.map((text) => `**deviation**: ${text}`)),
    ...(rest === undefined ? [] : [`**in part**: ${rest}`]),
  ];
  if (tags.length === 0) {
    return 'not testable';
  }
  const isDone = rest === undefined && tags.some(({ kind }) => kind === 'code');
  return [...(isDone || remarks.length === 0 ? ['done'] : []), ...remarks].join('; ');
}

/** The headings of the first table, each with the clauses below it. */
const SECTIONS = [
  ['X.224 clause 6: procedures', (id) => id.startsWith('X.224 6')],
  ['X.224 clauses 7 to 12: classes', (id) => /^X\.224 (?:[789]|1[012])(?:\.| |$)/.test(id)],
  ['X.224 clause 13: encoding', (id) => id.startsWith('X.224 13')],
  ['X.224 clause 14: conformance', (id) => id.startsWith('X.224 14')],
  ['X.224 annex A: state tables', (id) => id.startsWith('X.224 A')],
  ['RFC 1006', (id) => id.startsWith('RFC 1006')],
  ['RFC 2126', (id) => id.startsWith('RFC 2126')],
];

function clauseTable(clauses, data, notDone, partly) {
  const rows = clauses.map((clause) => {
    const tags = data.tagsOf(idOf(clause));
    const number = clause.clause;
    return [
      cell(number),
      `${cell(clause.asks)} (${clause.force})`,
      cell(stateOf(clause, data, notDone, partly)),
      listOf(tags.filter(isCode).map(link)),
      listOf(tags.filter(isTest).flatMap((tag) => testLinks(tag, data.vectors))),
    ];
  });
  return table(['clause', 'what it asks', 'state', 'code', 'tests'], rows);
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function picsTable({ pics, clauses, tagsOf }) {
  const ids = clauses.map(idOf);
  const both = (by) =>
    Object.entries(by)
      .map(([name, value]) => `${name.replace('class ', '')}: ${value}`)
      .join(', ');
  const rows = pics.map(({ item, feature, status, answer, note, references }) => {
    const others = Object.keys(status).filter((each) => answer[each] !== 'yes');
    const folders = others.map((each) => `/${each.replace(' ', '')}/`);
    // A clause can apply to both classes. What belongs to a class that the item is not about does not answer it.
    const tags = references
      .flatMap((reference) => matching(reference, ids))
      .flatMap(tagsOf)
      .filter(({ file }) => !folders.some((folder) => file.includes(folder)));
    const isYes = Object.values(answer).includes('yes');
    const places = isYes ? tags.filter(isCode).map(link) : [];
    return [
      item,
      cell(feature),
      both(status),
      `${both(answer)}${note === undefined ? '' : `; ${cell(note)}`}`,
      listOf(references.map(cell)),
      // The clauses of the first table have all of them.
      listOf(places.slice(0, 2)),
    ];
  });
  return table(['item', 'question', 'status', 'answer', 'clauses', 'where'], rows);
}

function counts(data, notDone, partly) {
  const states = data.clauses.map((clause) => {
    const id = idOf(clause);
    if (notDone.has(id)) {
      return 'not done';
    }
    const tags = data.tagsOf(id);
    if (tags.length === 0) {
      return 'not testable';
    }
    if (tags.some(({ kind }) => kind === 'deviation')) {
      return 'deviation';
    }
    return partly.has(id) ? 'in part' : 'done';
  });
  const names = ['done', 'in part', 'deviation', 'not done', 'not testable'];
  const rows = names.map((name) => [name, String(states.filter((state) => state === name).length)]);
  return table(['state', 'clauses'], [...rows, ['all', String(states.length)]]);
}

/** The page. */
export function render(data) {
  const notDone = reasonsOf(data.gaps, 'clauses');
  const partly = reasonsOf(data.gaps, 'partly');
  const sections = SECTIONS.map(([title, isIn]) => {
    const clauses = data.clauses.filter((clause) => isIn(idOf(clause)));
    return `### ${title}\n\n${clauseTable(clauses, data, notDone, partly)}`;
  });
  const parts = [
    '<!-- Written by npm run docs:conformance: change docs/conformance/ and the tags, not this page. -->',
    data.preface,
    counts(data, notDone, partly),
    '## Clauses',
    ...sections,
    '## Proforma (PICS)',
    'The items of the proforma of the standard for classes 0 and 2, and the items that RFC 1006 and RFC 2126 add ' +
      '(ITOT). Status: m mandatory, o optional, c conditional, n/a not applicable.',
    picsTable(data),
    data.decisions,
  ];
  return `${parts.join('\n\n')}\n`;
}

function main() {
  const own = join(dirname(fileURLToPath(import.meta.url)), '..');
  const { values } = parseArgs({
    options: {
      check: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      root: { type: 'string', default: own },
    },
  });
  const data = load(values.root);
  if (values.report) {
    const report = judge(data);
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    process.exitCode = Object.values(report).some((list) => list.length > 0) ? 1 : 0;
    return;
  }
  const page = join(values.root, PAGE);
  const text = render(data);
  if (!values.check) {
    writeFileSync(page, text);
  } else if (readFileSync(page, 'utf8') !== text) {
    process.stderr.write(`${PAGE} is not what the tags say: run npm run docs:conformance\n`);
    process.exitCode = 1;
  }
}

main();
