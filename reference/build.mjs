/**
 * Writes the API reference to build/reference, from the declarations in dist and their TSDoc:
 *
 *     node reference/build.mjs
 *
 * It fails if a link leads nowhere, if an export or a member of it has no comment, or if a type that is not exported is part
 * of the API.
 */
import { join } from 'node:path';
import { Application } from 'typedoc';
import { ROOT, TSCONFIG, writeEntries } from './entries.mjs';
import { shorten } from './shorten.mjs';

/** Types that only serve to write other types shorter; the reference has them where they are used. */
const HELPERS = [
  'ClosedDetails',
  'ErrorDetails',
  'Init',
  'MayBeRemoteDesktop',
  'MessageConnection',
  'Only',
  'WithoutFlags',
];

/** Everything that users see has a comment, properties and constructors too. */
const DOCUMENTED = [
  'Accessor',
  'Class',
  'Constructor',
  'Enum',
  'EnumMember',
  'Function',
  'Interface',
  'Method',
  'Module',
  'Property',
  'TypeAlias',
  'Variable',
];

/** The value of a class whose type has the comment, and what `await using` calls. */
const SPEAK_FOR_THEMSELVES = ['cotp/tpkt.Server', 'cotp.PcapngSink.[asyncDispose]'];

const entries = await writeEntries();
const application = await Application.bootstrap({
  name: 'cotp',
  entryPoints: entries.map(({ file }) => file),
  tsconfig: TSCONFIG,
  readme: join(ROOT, 'reference/index.md'),
  customCss: join(ROOT, 'reference/style.css'),
  navigation: { includeGroups: false, includeFolders: false, excludeReferences: true },
  hideGenerator: true,
  locales: { en: { kind_plural_reference: 'Described elsewhere' } },
  sort: ['kind', 'alphabetical'],
  kindSortOrder: ['Module', 'Function', 'Class', 'Variable', 'Interface', 'TypeAlias', 'Reference'],
  groupOrder: ['Modules', 'Functions', 'Classes', 'Variables', 'Interfaces', 'Type Aliases', '*'],
  includeVersion: true,
  disableSources: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  intentionallyNotExported: HELPERS,
  intentionallyNotDocumented: SPEAK_FOR_THEMSELVES,
  requiredToBeDocumented: DOCUMENTED,
  validation: { notExported: true, invalidLink: true, invalidPath: true, notDocumented: true },
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
});
const project = await application.convert();
if (project !== undefined) {
  application.validate(project);
}
if (project === undefined || application.logger.hasErrors() || application.logger.hasWarnings()) {
  process.exitCode = 1;
} else {
  shorten(project);
  const out = join(ROOT, 'build/reference');
  await application.generateDocs(project, out);
  process.stdout.write(`${entries.length} entries: ${join(out, 'index.html')}\n`);
}
