/** `cotp/browser` in Chromium: it must give what it gives in Node. `CHROMIUM` names another than `/usr/bin/chromium`. */
import { equal } from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { ROOT, run } from '../project.mjs';

const { chromium } = createRequire(join(ROOT, 'package.json'))('playwright-core');

async function runInPage(script) {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: script, type: 'module' });
    const result = await page.waitForFunction('globalThis.result', undefined, { timeout: 10_000 });
    return await result.jsonValue();
  } finally {
    await browser.close();
  }
}

async function tryPage(folder) {
  const options = { bundle: true, minify: true, platform: 'browser', format: 'esm', write: false };
  const { outputFiles } = await esbuild.build({
    ...options,
    entryPoints: [join(folder, 'page.mjs')],
  });
  const inNode = `import('./page.mjs').then(() => process.stdout.write(globalThis.result));`;
  const expected = await run(process.execPath, ['-e', inNode], folder);
  equal(await runInPage(outputFiles[0].text), expected);
}

/** @returns the cells */
export function browserCells({ folder }) {
  return [{ name: 'Chromium: cotp/browser, bundled by esbuild', run: () => tryPage(folder) }];
}
