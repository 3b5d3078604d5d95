/**
 * `npm run docs:inspector`: makes docs/inspector-light.png and docs/inspector-dark.png again, from the page as it is.
 * `node test/inspector/screenshots.js DIR` puts every size, theme and pane into a folder instead.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.js';
import { PageServer } from './page-server.js';
import { Rows } from './rows.js';
import { PROXY, plantRows } from './samples.js';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const [folder] = process.argv.slice(2);

/** Name, size, theme, and what is done before. */
const PICTURES =
  folder === undefined
    ? [
        ['inspector-light', 1280, 800, 'light', showCr],
        ['inspector-dark', 1280, 800, 'dark', showRefusal],
      ]
    : [
        ['1280-light-cr', 1280, 800, 'light', showCr],
        ['1280-dark-refused', 1280, 800, 'dark', showRefusal],
        ['1280-light-bad', 1280, 800, 'light', showBad],
        ['1280-dark-tsdu', 1280, 800, 'dark', showTsdu],
        ['1280-light-statistics', 1280, 800, 'light', (page) => page.keyboard.press('4')],
        ['1280-light-help', 1280, 800, 'light', (page) => page.keyboard.press('?')],
        ['800-light-cr', 800, 700, 'light', showCr],
        ['800-dark-refused', 800, 700, 'dark', showRefusal],
        ['1280-light-empty', 1280, 800, 'light', () => undefined, true],
      ];

async function showCr(page) {
  await page.locator('#tpdu [role=option]', { hasText: 'CC' }).first().click();
  await page
    .locator('.field', { hasText: 'called T-selector' })
    .locator('xpath=following-sibling::*[2]')
    .click();
}

async function showRefusal(page) {
  await page.locator('#conn [role=option]', { hasText: 'DR 3' }).click();
}

async function showBad(page) {
  await page.locator('#tpdu [role=option].bad').nth(1).click();
}

async function showTsdu(page) {
  await page.locator('#tpdu [role=option]', { hasText: '×3' }).first().click();
  await page.keyboard.press('2');
}

const browser = await launch();
const server = await PageServer.start(PROXY);
const empty = await PageServer.start(PROXY);
const rows = new Rows();
plantRows(rows);
server.send(rows.take());
for (const [name, width, height, colorScheme, act, isEmpty = false] of PICTURES) {
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme,
    timezoneId: 'UTC',
  });
  await page.goto((isEmpty ? empty : server).url);
  await (isEmpty
    ? page.locator('.empty ol')
    : page.locator('#tpdu [role=option]').first()
  ).waitFor();
  await act(page);
  await page.mouse.move(5, 795);
  await page.waitForTimeout(200);
  await page.screenshot({ path: join(folder ?? DOCS, `${name}.png`) });
  await page.close();
}
await browser.close();
await Promise.all([server.close(), empty.close()]);
