/**
 * The pictures of the documentation can be made, and are small. `npm run docs:inspector` keeps them in docs/;
 * `COTP_PICTURES=DIR` keeps them, and some more, in another folder.
 */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rows } from '../inspector-page/rows.js';
import { PROXY, plantRows } from '../inspector-page/samples.js';
import { launch } from './browser.js';
import { PageServer } from './page-server.js';
import { smaller } from './png.js';

/** Octets of a picture at most. */
const MOST = 200_000;

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly theme: 'light' | 'dark';
  readonly act: (page: Page) => Promise<void>;
}

const WIDE = { width: 1280, height: 700 };
const NARROW = { width: 800, height: 700 };

const OF_DOCS: Readonly<Record<string, Picture>> = {
  'inspector-light': { ...WIDE, theme: 'light', act: selectCc },
  'inspector-dark': { ...WIDE, theme: 'dark', act: selectRefusal },
};

const MORE: Readonly<Record<string, Picture>> = {
  'bad-1280-light': { ...WIDE, theme: 'light', act: showBad },
  'tsdu-1280-dark': { ...WIDE, theme: 'dark', act: showTsdu },
  'statistics-1280-light': { ...WIDE, theme: 'light', act: (page) => page.keyboard.press('4') },
  'help-1280-dark': { ...WIDE, theme: 'dark', act: (page) => page.keyboard.press('?') },
  'cc-800-light': { ...NARROW, theme: 'light', act: selectCc },
  'refused-800-dark': { ...NARROW, theme: 'dark', act: showRefusal },
};

const folder = process.env.COTP_PICTURES;
const pictures = folder === undefined || folder === 'docs' ? OF_DOCS : { ...OF_DOCS, ...MORE };

async function selectCc(page: Page): Promise<void> {
  await page.locator('#tpdu [role=option]', { hasText: 'CC' }).first().click();
  const title = page.locator('.field', { hasText: 'called T-selector' });
  await title.locator('xpath=following-sibling::*[2]').click();
}

async function showRefusal(page: Page): Promise<void> {
  await page.locator('#conn [role=option]', { hasText: 'DR 3' }).click();
}

async function selectRefusal(page: Page): Promise<void> {
  await page.locator('#tpdu [role=option]', { hasText: 'address unknown' }).click();
  await page.keyboard.press('3');
}

async function showBad(page: Page): Promise<void> {
  await page.locator('#tpdu [role=option]', { hasText: 'tpdu-nr' }).click();
}

async function showTsdu(page: Page): Promise<void> {
  await page.locator('#tpdu [role=option]', { hasText: '×3' }).click();
  await page.keyboard.press('2');
}

let browser: Browser;
let server: PageServer;
let into: string;

beforeAll(async () => {
  into = folder ?? (await mkdtemp(join(tmpdir(), 'cotp-pictures-')));
  browser = await launch();
  server = await PageServer.start(PROXY);
  const rows = new Rows();
  plantRows(rows);
  server.send(rows.take());
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  if (folder === undefined && into !== undefined) {
    await rm(into, { recursive: true });
  }
});

test.each(Object.entries(pictures))('%s has under 200,000 octets', async (name, picture) => {
  const { width, height, theme, act } = picture;
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: theme,
    timezoneId: 'UTC',
  });
  await page.goto(server.url);
  await page.locator('#tpdu [role=option]').first().waitFor();
  await act(page);
  await page.mouse.move(4, 4);
  const path = join(into, `${name}.png`);
  await writeFile(path, await smaller(await page.screenshot(), page));
  await page.close();
  if (name in OF_DOCS) {
    expect((await stat(path)).size).toBeLessThan(MOST);
  }
});
