/**
 * Writes docs/options.md: the values and defaults are those of the rows in src/node/options, the purposes those of
 * the TSDoc beside them. With `--check` it writes nothing; its exit code is 1 if the page is out of date. It reads
 * dist: build first.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { CONNECT_OPTIONS, LISTEN_OPTIONS } from '../dist/node/options/cotp.js';
import { INSPECT_OPTIONS } from '../dist/node/options/inspector.js';
import * as tpkt from '../dist/node/options/tpkt.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(ROOT, 'docs/options.md');

/** Options that `connect` and `listen` both have, but that do not mean the same in both. */
const SEPARATE = new Set(['localTsel', 'tls', 'expeditedAck', 'signal']);

/** The purpose of each option, by the interface that declares it. */
async function purposes(path) {
  const text = await readFile(join(ROOT, 'src', path), 'utf8');
  const found = new Map();
  let within = '';
  for (const [, name, comment, member] of text.matchAll(
    /^export interface (\w+)|\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}readonly (\w+)\?:/gm,
  )) {
    within = name ?? within;
    if (member !== undefined) {
      found.set(`${within}.${member}`, prose(comment));
    }
  }
  return found;
}

/** The text of a TSDoc comment on one line, without its tags. */
function prose(comment) {
  const [text] = comment.replace(/^ *\* ?/gm, '').split('@defaultValue');
  return text
    .replace(/\{@link (\w+)\}/g, '`$1`')
    .replace(/\s+/g, ' ')
    .replaceAll('|', '\\|')
    .trim();
}

const PURPOSES = new Map([
  ...(await purposes('node/options/stream.ts')),
  ...(await purposes('node/options/cotp.ts')),
  ...(await purposes('node/options/inspector.ts')),
]);

function purposeOf(name, interfaces) {
  const declared = interfaces.find((each) => PURPOSES.has(`${each}.${name}`));
  if (declared === undefined) {
    throw new Error(`no TSDoc of the option ${name} in ${interfaces.join(', ')}`);
  }
  return PURPOSES.get(`${declared}.${name}`);
}

/** What the check of an option says that it expects. */
function valuesOf(name, { check }) {
  try {
    check(name, Symbol('nothing that any option takes'));
  } catch (error) {
    const [, expected] = /must be (?:an integer )?(.+), not /.exec(String(error)) ?? [];
    if (expected !== undefined) {
      return expected.replace(/ \((\w+)\)$/, ' $1').replaceAll(' or octets', '');
    }
  }
  throw new Error(`the check of ${name} does not say what it expects`);
}

function defaultOf({ default: value }) {
  if (value === undefined) {
    return 'none';
  }
  return typeof value === 'string' ? `\`'${value}'\`` : `\`${value}\``;
}

/**
 * The purpose without what the other columns have. A default stays if its reason stands beside it, or if it is given in
 * other words than a value.
 */
function withoutColumns(purpose, values, preset) {
  const [range] = /^\d+ to \d+/.exec(values) ?? ['no range'];
  return purpose
    .replace(new RegExp(`(?:, in milliseconds)?, ${range}(?: octets)?(?=[.:,])`), '')
    .replace(new RegExp(` ${range}(?: octets)?\\.`), '')
    .replace(preset === 'none' ? / Default: (?:none|off)\./ : / Default: \S+\.$/, '');
}

/** A table of the options in `names`. */
function table(rows, names, interfaces) {
  const lines = names.map((name) => {
    const [values, preset] = [valuesOf(name, rows[name]), defaultOf(rows[name])];
    const purpose = withoutColumns(purposeOf(name, interfaces), values, preset);
    return `| ${[`\`${name}\``, values, preset, purpose].join(' | ')} |`;
  });
  return ['| option | value | default | purpose |', '| --- | --- | --- | --- |', ...lines].join(
    '\n',
  );
}

/** The names of the options, those of COTP before those of the stream. */
function namesOf(rows) {
  const isOfStream = (name) => Number(name in tpkt.CONNECT_OPTIONS || name in tpkt.LISTEN_OPTIONS);
  return Object.keys(rows).sort((a, b) => isOfStream(a) - isOfStream(b));
}

const shared = namesOf(CONNECT_OPTIONS).filter(
  (name) => name in LISTEN_OPTIONS && !SEPARATE.has(name),
);
const others = (rows) => namesOf(rows).filter((name) => !shared.includes(name));
const onlyCotp = [...new Set([...Object.keys(CONNECT_OPTIONS), ...Object.keys(LISTEN_OPTIONS)])]
  .filter((name) => !(name in tpkt.CONNECT_OPTIONS || name in tpkt.LISTEN_OPTIONS))
  .map((name) => `\`${name}\``);

const page = `# Options

Sizes are in octets, times in milliseconds. An unknown name or a value out of range throws a \`TypeError\` or
\`RangeError\` before anything is opened; \`undefined\` is the same as leaving the option out. No option has a value for
"unlimited".

\`npm run docs:options\` generates this page from the rows that check the options and from their TSDoc.

## Options of both \`connect\` and \`listen\`

${table(CONNECT_OPTIONS, shared, ['CotpOptions', 'StreamOptions'])}

## Options of \`connect\` only

${table(CONNECT_OPTIONS, others(CONNECT_OPTIONS), ['ConnectOptions', 'StreamConnectOptions'])}

## Options of \`listen\` only

${table(LISTEN_OPTIONS, others(LISTEN_OPTIONS), ['ListenOptions', 'StreamListenOptions'])}

## Options of \`cotp/tpkt\`

\`connect\` and \`listen\` of [\`cotp/tpkt\`](tpdu.md#tpkt-alone) have the same options, except those of COTP:
${onlyCotp.join(', ')}.

## Options of \`inspect\`

[inspector.md](inspector.md) says what it shows.

${table(INSPECT_OPTIONS, Object.keys(INSPECT_OPTIONS), ['InspectOptions'])}
`;

if (process.argv.includes('--check')) {
  const written = await readFile(PAGE, 'utf8').catch(() => '');
  if (written !== page) {
    process.stderr.write('docs/options.md is out of date: npm run docs:options\n');
    process.exitCode = 1;
  }
} else {
  await writeFile(PAGE, page);
}
