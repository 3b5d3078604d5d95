/**
 * The API report: what every entry of the package exports, one file an entry, in reference/api. It is in the repository,
 * so that a change of the API is seen in a review.
 *
 *     node reference/report.mjs            fails if a report is not what is built
 *     node reference/report.mjs --update   writes the reports
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { ROOT, TSCONFIG, writeEntries } from './entries.mjs';

const REPORTS = join(ROOT, 'reference/api');
const isUpdate = process.argv[2] === '--update';

/** What is reported in a check but is no fault. */
const NOT_REPORTED = { logLevel: 'none', addToApiReportFile: false };

function configOf({ name, declarations }) {
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: declarations,
      compiler: { tsconfigFilePath: TSCONFIG },
      apiReport: {
        enabled: true,
        reportFileName: `${name.replaceAll('/', '-')}.api.md`,
        reportFolder: REPORTS,
        reportTempFolder: join(ROOT, 'build/reference-reports'),
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        extractorMessageReporting: {
          // Not in the report: it would name lines of the source, which change with every edit.
          default: { logLevel: 'warning', addToApiReportFile: false },
          // Everything that is exported is public; what is internal is not in the declarations.
          'ae-missing-release-tag': NOT_REPORTED,
          // The reference checks these by the rules of TypeDoc.
          'ae-forgotten-export': NOT_REPORTED,
          'ae-undocumented': NOT_REPORTED,
          'ae-unresolved-link': NOT_REPORTED,
        },
        tsdocMessageReporting: { default: NOT_REPORTED },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(ROOT, 'package.json'),
  });
}

await mkdir(REPORTS, { recursive: true });
for (const entry of await writeEntries()) {
  const { succeeded, apiReportChanged } = Extractor.invoke(configOf(entry), {
    localBuild: isUpdate,
    showVerboseMessages: false,
    messageCallback: (message) => {
      message.handled = message.logLevel === 'verbose' || message.logLevel === 'info';
    },
  });
  if (apiReportChanged && !isUpdate) {
    process.stderr.write(
      `The API of ${entry.name} is not what reference/api says: review the change, and write it by npm run api:update.\n`,
    );
  }
  if (!succeeded) {
    process.exitCode = 1;
  }
}
