/** The manifest and the files it names, by the two tools that check them. */
import { equal } from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

async function byPublint({ folder }) {
  const pkgDir = join(folder, 'node_modules/cotp');
  const { messages, pkg } = await publint({ pkgDir, strict: true, pack: false });
  equal(messages.map((each) => formatMessage(each, pkg)).join('\n'), '');
}

async function byTypes({ tarball }) {
  const packed = createPackageFromTarballData(new Uint8Array(await readFile(tarball)));
  const { types, problems } = await checkPackage(packed);
  equal(types.kind, 'included');
  equal(JSON.stringify(problems), '[]');
}

/** @returns the cells */
export function metadataCells(project) {
  return [
    { name: 'publint, strict', run: () => byPublint(project) },
    { name: 'Are the types wrong?', run: () => byTypes(project) },
  ];
}
