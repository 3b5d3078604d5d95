import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cc, cr, dt } from '../inspector-page/rows.js';
import { plantRows, refusedByDr } from '../inspector-page/samples.js';
import { launch } from './browser.js';
import { OpenedPage } from './opened-page.js';

let browser: Browser;
let opened: OpenedPage | undefined;

beforeAll(async () => {
  browser = await launch();
});

afterAll(() => browser?.close());

// Each test ends with a look at the console and at the requests: see OpenedPage.close.
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

async function open(options: Parameters<typeof OpenedPage.open>[1] = {}): Promise<OpenedPage> {
  opened = await OpenedPage.open(browser, options);
  return opened;
}

/** The page with the sessions of a plant in it, so high that all lines are in sight. */
async function openPlant(options: Parameters<typeof OpenedPage.open>[1] = {}) {
  const plant = await open({ viewport: { width: 1280, height: 1400 }, ...options });
  const pairs = plantRows(plant.rows);
  plant.send();
  await plant.lines.first().waitFor();
  return Object.assign(plant, pairs);
}

/** Octets of the hex view that are marked. */
function marked({ page }: OpenedPage): Promise<string[]> {
  return page.locator('.digits .on').allInnerTexts();
}

describe('the list of connections', () => {
  test('shows, without a click, which selector was called and why it was refused', async () => {
    const it = await open();
    refusedByDr(it.rows, 1);
    it.send();
    const line = it.connections.first();
    await line.waitFor();
    const text = await line.innerText();
    for (const part of ['refused', '0x0103', 'PG, rack 0, slot 3', 'DR 3: address unknown']) {
      expect(text).toContain(part);
    }
    expect(text).toContain('check the remote T-selector');
  });

  test('narrows the ladder to a connection that is clicked, and shows its details', async () => {
    const it = await openPlant();
    await it.connections.nth(1).click();
    expect(await it.lines.count()).toBe(3);
    const pane = await it.page.locator('.pane').innerText();
    expect(pane).toContain('refused by DR 3: address unknown');
    expect(pane).toContain('What to try: check the remote T-selector.');
    await it.connections.nth(1).click();
    expect(await it.page.locator('#filter').inputValue()).toBe('');
  });

  test('shows all connections after a second click, also if a TPDU was selected between them', async () => {
    const it = await openPlant();
    await it.connections.nth(1).click();
    await it.lines.filter({ hasText: 'DR' }).click();
    await it.connections.nth(1).click();
    await expect.poll(() => it.page.locator('#filter').inputValue()).toBe('');
    expect(await it.selected()).toContain('DR');
  });

  test('selects none after the filter has lost its connection', async () => {
    const it = await openPlant();
    await it.connections.nth(1).click();
    await it.page.getByTitle('Show all connections').click();
    await expect.poll(() => it.page.locator('#conn [aria-selected=true]').count()).toBe(0);
    await it.connections.nth(1).click();
    await it.page.locator('#filter').fill('conn:2 nowhere');
    await it.page.locator('.empty button').click();
    await expect.poll(() => it.page.locator('#conn [aria-selected=true]').count()).toBe(0);
    await it.connections.nth(1).click();
    expect(await it.page.locator('#filter').inputValue()).toBe('conn:2');
  });

  test('is gone through with the arrows', async () => {
    const it = await openPlant();
    await it.page.locator('#conn').focus();
    await it.page.keyboard.press('ArrowDown');
    await it.page.keyboard.press('ArrowDown');
    expect(await it.page.locator('#conn [aria-selected=true]').innerText()).toContain('DR 3');
  });
});

describe('the ladder', () => {
  test('shows a line for each TPDU: time, connection, type, length and first octets', async () => {
    const it = await open();
    const connection = it.rows.connection({ remote: '10.0.0.9:5000' });
    it.rows.fromClient(connection, cr());
    it.rows.fromServer(connection, cc());
    it.rows.fromClient(connection, dt('32010203'));
    it.send();
    await it.lines.nth(2).waitFor();
    const cells = it.lines.nth(2).locator('> span');
    const texts = await cells.allInnerTexts();
    expect(texts.map((text) => text.trim())).toEqual([
      '07:42:11.308',
      '1',
      'client to server',
      'DT',
      '7',
      expect.stringMatching(/^32 01 02 03\s+2···$/),
    ]);
  });

  test('shows a TSDU of several DTs as one line, and its DTs after Enter', async () => {
    const it = await openPlant();
    const before = await it.lines.count();
    await it.lines.filter({ hasText: 'DT ×3' }).click();
    await it.page.keyboard.press('Enter');
    await expect.poll(() => it.lines.count()).toBe(before + 2);
    await it.page.keyboard.press('Enter');
    await expect.poll(() => it.lines.count()).toBe(before);
  });

  test('marks deviations with a sign and their names', async () => {
    const it = await openPlant();
    expect(await it.lines.filter({ hasText: '⚠ tpdu-nr' }).count()).toBe(1);
    expect(await it.lines.filter({ hasText: '⚠ tpdu-code' }).count()).toBe(1);
  });

  test('shows both legs of a proxy when asked', async () => {
    const it = await openPlant();
    const before = await it.lines.count();
    await it.page.getByLabel('both legs').check();
    await expect.poll(() => it.lines.count()).toBeGreaterThan(before);
    await it.page.keyboard.press('g');
    await expect.poll(() => it.selected()).toContain('client to proxy');
    await it.page.keyboard.press('j');
    await expect.poll(() => it.selected()).toContain('proxy to target');
  });

  test('counts times from the start, or from the line before', async () => {
    const it = await openPlant();
    await it.page.keyboard.press('t');
    await expect.poll(() => it.lines.first().innerText()).toContain('0.000000');
    await it.page.keyboard.press('t');
    await expect.poll(() => it.lines.nth(1).innerText()).toContain('+0.006274');
  });

  test('follows the end until it is scrolled, and again after the button', async () => {
    const it = await open({ viewport: { width: 1280, height: 500 } });
    const connection = it.rows.connection();
    const list = it.page.locator('#tpdu');
    const more = async (count: number) => {
      for (let i = 0; i < count; i += 1) {
        it.rows.fromClient(connection, dt('01'));
      }
      it.send();
    };
    const distance = () =>
      list.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight);
    await more(200);
    await it.lines.first().waitFor();
    await expect.poll(distance).toBeLessThan(2);
    await list.hover();
    await it.page.mouse.wheel(0, -600);
    await expect.poll(distance).toBeGreaterThan(500);
    const top = await list.evaluate((box) => box.scrollTop);
    await more(50);
    await expect.poll(() => it.count()).toBe('250 lines');
    expect(await list.evaluate((box) => box.scrollTop)).toBe(top);
    await it.page.getByRole('button', { name: 'Follow' }).click();
    await expect.poll(distance).toBeLessThan(2);
  });
});

describe('the details of a TPDU', () => {
  async function openCc() {
    const it = await openPlant();
    await it.lines.filter({ hasText: 'CC' }).first().click();
    await it.page.locator('.field').first().waitFor();
    return it;
  }

  test('mark the octets of a field under the pointer', async () => {
    const it = await openCc();
    await it.page.locator('.field', { hasText: 'SRC-REF' }).hover();
    await expect.poll(() => marked(it)).toEqual(['0c', '01']);
    await it.page.mouse.move(4, 4);
    await expect.poll(() => marked(it)).toEqual([]);
  });

  test('mark the field of an octet under the pointer', async () => {
    const it = await openCc();
    await it.page.locator('[data-o="1"]').first().hover();
    await expect
      .poll(() => it.page.locator('.field.on').innerText())
      .toContain('connection confirm');
  });

  test('keep what was clicked, in both views', async () => {
    const it = await openCc();
    await it.page.locator('[data-o="4"]').first().click();
    await it.page.mouse.move(4, 4);
    await expect.poll(() => it.page.locator('.field.on').innerText()).toContain('SRC-REF');
    await it.page.locator('.field', { hasText: 'DST-REF' }).click();
    await it.page.mouse.move(4, 4);
    await expect.poll(() => marked(it)).toEqual(['4a', '1c']);
  });

  test('are gone through with the keys', async () => {
    const it = await openCc();
    await it.page.keyboard.press('Enter');
    await it.page.keyboard.press('ArrowDown');
    await it.page.keyboard.press('j');
    await expect.poll(() => marked(it)).toEqual(['4a', '1c']);
    await it.page.keyboard.press('k');
    await expect.poll(() => marked(it)).toEqual(['d0']);
  });

  test('say whether it keeps to the standard', async () => {
    const it = await openCc();
    expect(await it.page.locator('#verdict').innerText()).toBe('✓ keeps to X.224');
    await it.lines.filter({ hasText: 'tpdu-nr' }).click();
    await expect.poll(() => it.page.locator('#verdict').innerText()).toContain('⚠ strict decoding');
  });

  test('have the whole TSDU', async () => {
    const it = await openPlant();
    await it.lines.filter({ hasText: 'DT ×3' }).click();
    await it.page.getByRole('tab', { name: 'TSDU' }).click();
    const text = await it.page.locator('.pane').innerText();
    expect(text).toContain('TSDU of 1,262 octets in 3 DTs');
    expect(text).toContain('✓ complete');
  });
});

describe('copying', () => {
  test.each([
    ['hex', '0680000700000003'.slice(0, 14)],
    ['cotp decode', 'cotp decode 06800007000003'],
  ])('a TPDU as %s', async (name, expected) => {
    const it = await openPlant({ permissions: ['clipboard-read', 'clipboard-write'] });
    await it.lines.filter({ hasText: 'address unknown' }).click();
    await it.page.getByRole('button', { name, exact: true }).click();
    await it.page.getByText('✓ copied').waitFor();
    const copied = await it.page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toBe(name === 'hex' ? '06800007000003' : expected);
  });

  test('works where the browser allows no clipboard', async () => {
    const it = await openPlant({ permissions: ['clipboard-read'] });
    await it.page.evaluate(() => {
      Object.defineProperty(navigator, 'clipboard', { value: undefined });
    });
    await it.lines.filter({ hasText: 'address unknown' }).click();
    await it.page.getByRole('button', { name: 'C array' }).click();
    await it.page.getByText('✓ copied').waitFor();
    await it.page.locator('#filter').click();
    await it.page.keyboard.press('Control+v');
    expect(await it.page.locator('#filter').inputValue()).toContain('0x06, 0x80, 0x00, 0x07');
  });
});

describe('the filter', () => {
  test('narrows the ladder, counts, and is removed', async () => {
    const it = await openPlant();
    await it.page.keyboard.press('/');
    await it.page.keyboard.type('type:cr tsel:0x0103');
    await expect.poll(() => it.count()).toMatch(/^1 of \d+ lines$/);
    await it.page.getByRole('button', { name: 'Remove the filter' }).click();
    await expect.poll(() => it.count()).toMatch(/^\d+ lines$/);
  });

  test('takes what is typed as a further term', async () => {
    const it = await openPlant();
    await it.connections.first().click();
    await expect.poll(() => it.page.locator('#filter').inputValue()).toMatch(/^conn:\d+$/);
    await it.page.keyboard.press('/');
    await it.page.keyboard.type('type:cr');
    await expect.poll(() => it.count()).toMatch(/^1 of \d+ lines$/);
  });

  test('reports a wrong word', async () => {
    const it = await openPlant();
    await it.page.locator('#filter').fill('dir:up');
    expect(await it.page.getByRole('alert').innerText()).toContain('dir: takes out or in');
  });

  test('takes types and words from buttons', async () => {
    const it = await openPlant();
    await it.page.getByRole('button', { name: 'CR', exact: true }).click();
    await it.page.getByRole('button', { name: 'CC', exact: true }).click();
    expect(await it.page.locator('#filter').inputValue()).toBe('type:cr,cc');
    await it.page.getByRole('button', { name: '✕ refused' }).click();
    await expect.poll(() => it.count()).toMatch(/^2 of/);
  });

  test('lets new lines through that match', async () => {
    const it = await openPlant();
    await it.page.locator('#filter').fill('hex:c0ffee');
    await expect.poll(() => it.count()).toMatch(/^0 of/);
    it.hmi.up(dt('00c0ffee'));
    it.hmi.up(dt('00'));
    it.send();
    await expect.poll(() => it.count()).toMatch(/^1 of/);
  });

  test('shows the CR of a connection that is refused later', async () => {
    const it = await open();
    const connection = it.rows.connection();
    it.rows.fromClient(connection, cr());
    it.rows.fromClient(it.rows.connection(), cr());
    it.send();
    await it.lines.nth(1).waitFor();
    await it.page.locator('#filter').fill('refused');
    await expect.poll(() => it.count()).toBe('0 of 2 lines');
    it.rows.fromServer(connection, { type: 'DR', dstRef: 0x4a1c, reason: 3 });
    it.send();
    await expect.poll(() => it.count()).toBe('2 of 3 lines');
    expect(await it.lines.first().innerText()).toContain('CR');
  });
});

describe('pausing', () => {
  test('stops the view, counts what waits, and shows it when resumed', async () => {
    const it = await openPlant();
    const before = await it.count();
    await it.page.keyboard.press(' ');
    it.hmi.up(dt('01'));
    it.hmi.up(dt('02'));
    it.send();
    const state = it.page.locator('.state').first();
    await expect.poll(() => state.innerText()).toBe('❚❚ paused, 4 wait');
    expect(await it.count()).toBe(before);
    await it.page.keyboard.press(' ');
    await expect.poll(() => it.count()).not.toBe(before);
    expect(await state.innerText()).toBe('● live');
  });
});

describe('the keyboard', () => {
  test('goes through the lines with j, k and the arrows', async () => {
    const it = await openPlant();
    await it.page.keyboard.press('g');
    await expect.poll(() => it.selected()).toContain('CR');
    await it.page.keyboard.press('j');
    await expect.poll(() => it.selected()).toContain('CC');
    await it.page.keyboard.press('ArrowDown');
    await expect.poll(() => it.selected()).toContain('32 01');
    await it.page.keyboard.press('k');
    await expect.poll(() => it.selected()).toContain('CC');
    await it.page.keyboard.press('G');
    await expect.poll(() => it.selected()).toContain('×3');
  });

  test('goes to the filter with / and back with Esc', async () => {
    const it = await openPlant();
    const focused = () => it.page.evaluate(() => document.activeElement?.id);
    await it.page.keyboard.press('/');
    expect(await focused()).toBe('filter');
    await it.page.keyboard.press('Escape');
    expect(await focused()).not.toBe('filter');
  });

  test('shows its keys with ? and closes them with Esc', async () => {
    const it = await openPlant();
    await it.page.keyboard.press('?');
    const help = it.page.getByRole('dialog');
    await help.waitFor();
    expect(await help.innerText()).toContain('tsel:0x0102');
    await it.page.keyboard.press('Escape');
    await help.waitFor({ state: 'hidden' });
  });

  test('steps back with Esc: the fields, the selection, the filter', async () => {
    const it = await openPlant();
    await it.page.locator('#filter').fill('type:cc');
    await it.page.keyboard.press('Enter');
    await it.page.keyboard.press('j');
    await it.page.keyboard.press('Enter');
    await expect.poll(() => it.page.locator('.field:focus').count()).toBe(1);
    await it.page.keyboard.press('Escape');
    await expect.poll(() => it.page.locator('.field:focus').count()).toBe(0);
    await it.page.keyboard.press('Escape');
    await expect.poll(() => it.page.locator('#tpdu [aria-selected=true]').count()).toBe(0);
    await it.page.keyboard.press('Escape');
    await expect.poll(() => it.page.locator('#filter').inputValue()).toBe('');
  });

  test('reaches every control with Tab, and shows where it is', async () => {
    const it = await openPlant();
    const seen = new Set<string>();
    for (let i = 0; i < 40; i += 1) {
      await it.page.keyboard.press('Tab');
      const { isControl, name, outline } = await it.page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        return {
          isControl: element !== document.body,
          name: element.id || element.innerText || element.getAttribute('aria-label') || '',
          outline: getComputedStyle(element).outlineStyle,
        };
      });
      seen.add(name.trim());
      expect([name, isControl && outline === 'none']).toEqual([name, false]);
    }
    const controls = ['❚❚ Pause', 'Clear', 'Download ▾', 'filter', 'conn', 'tpdu', 'tab-tpdu'];
    expect(controls.filter((name) => !seen.has(name))).toEqual([]);
  });
});

describe('dark and light', () => {
  const background = ({ page }: OpenedPage) =>
    page.evaluate(() => getComputedStyle(document.body).backgroundColor);

  test('follow the system', async () => {
    const it = await openPlant({ colorScheme: 'dark' });
    expect(await background(it)).toBe('rgb(21, 23, 27)');
    await it.page.emulateMedia({ colorScheme: 'light' });
    await expect.poll(() => background(it)).toBe('rgb(255, 255, 255)');
  });

  test('are switched by a button, and the choice stays', async () => {
    const it = await openPlant({ colorScheme: 'light' });
    await it.page.getByRole('button', { name: 'Dark colours' }).click();
    await expect.poll(() => background(it)).toBe('rgb(21, 23, 27)');
    await it.page.reload();
    await it.lines.first().waitFor();
    expect(await background(it)).toBe('rgb(21, 23, 27)');
  });

  test.each(['dark', 'light'] as const)(
    '%s has a contrast of 4.5 for every text',
    async (theme) => {
      const it = await openPlant({ colorScheme: theme });
      for (const select of ['tpdu-nr', 'CC']) {
        await it.lines.filter({ hasText: select }).first().click();
        expect(await it.page.evaluate(textsOfLowContrast)).toEqual([]);
      }
      for (const key of ['3', '4']) {
        await it.page.keyboard.press(key);
        expect(await it.page.evaluate(textsOfLowContrast)).toEqual([]);
      }
    },
  );
});

/** Runs in the page: the texts whose contrast to what is behind them is below 4.5 (WCAG 2.1, 1.4.3). */
function textsOfLowContrast(): string[] {
  const parse = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = parse(colour).map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element: Element): string => {
    for (let at: Element | null = element; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      const [, , , alpha = 1] = parse(backgroundColor);
      if (alpha === 1) {
        return backgroundColor;
      }
    }
    return 'rgb(255, 255, 255)';
  };
  const bad: string[] = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== '',
    );
    if (own && element.getClientRects().length > 0) {
      const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < 4.5) {
        bad.push(`${element.className}: ${element.textContent} ${contrast.toFixed(2)}`);
      }
    }
  }
  return bad;
}

describe('the window', () => {
  test.each([
    [1280, 800],
    [800, 600],
  ])('of %i by %i pixels cuts nothing off', async (width, height) => {
    const it = await openPlant({ viewport: { width, height } });
    await it.lines.filter({ hasText: 'CC' }).first().click();
    it.rows.lost(3_716_010);
    it.send();
    await it.page.getByText('oldest 3,716,010 rows dropped').waitFor();
    const { overflow, what, list, pane } = await it.page.evaluate(() => ({
      overflow: document.documentElement.scrollWidth - window.innerWidth,
      what: [...document.querySelectorAll('.what')].map(
        (each) => each.scrollWidth - each.clientWidth,
      ),
      list: document.getElementById('tpdu')?.clientHeight ?? 0,
      pane: document.getElementById('pane')?.clientHeight ?? 0,
    }));
    expect(overflow).toBeLessThanOrEqual(0);
    expect(what).toEqual([0]);
    expect(list).toBeGreaterThan(100);
    expect(pane).toBeGreaterThan(100);
    for (const name of ['Pause', 'Clear', 'Follow']) {
      const box = await it.page.getByRole('button', { name }).boundingBox();
      expect((box?.x ?? width) + (box?.width ?? 0), name).toBeLessThanOrEqual(width);
    }
  });
});

describe('before the first row', () => {
  test('a proxy says what to do', async () => {
    const it = await open();
    const text = await it.page.locator('.empty').innerText();
    expect(text).toContain('No client has connected yet');
    expect(text).toContain('at 10.20.0.5:1102 instead of 10.20.0.40:102');
  });

  test('a file without TPDUs says why that may be', async () => {
    const hello = { source: 'file', title: 'plant.pcapng', isLive: false } as const;
    const it = await open({ hello: { ...hello, isRedacted: false, maxOctets: 1 } });
    it.server.end();
    await expect.poll(() => it.page.locator('.empty').innerText()).toContain('has no TPDU');
    expect(await it.page.locator('.state').first().innerText()).toBe('■ complete');
  });
});

test('clearing empties the ladder, and open connections stay', async () => {
  const it = await openPlant();
  await it.page.getByRole('button', { name: 'Clear' }).click();
  await expect.poll(() => it.lines.count()).toBe(0);
  expect(await it.connections.count()).toBe(2);
});

test('the page says that its server is gone, and resumes when it is back', async () => {
  const it = await openPlant();
  const lost = 'no answer from the inspector';
  await it.page.route('**/events', (route) => route.abort());
  it.server.hangUp();
  const state = it.page.locator('.state').first();
  await expect.poll(() => state.innerText()).toContain(lost);
  await it.page.unroute('**/events');
  it.hmi.up(dt('00c0ffee'));
  it.send();
  await expect.poll(() => state.innerText()).toBe('● live');
  await it.page.locator('#filter').fill('hex:c0ffee');
  await expect.poll(() => it.count()).toBe('1 of 37 lines');
  // The browser says that its requests failed.
  it.said.length = 0;
});

test('the statistics show times and refusals by reason', async () => {
  const it = await openPlant();
  await it.page.keyboard.press('4');
  const text = await it.page.locator('.pane').innerText();
  expect(text).toMatch(/request to response\s+10\s+\d/);
  expect(text).toMatch(/DR 3: address unknown\s+1/);
});

test('the downloads are links, redacted on request', async () => {
  const it = await openPlant();
  await it.page.getByText('Download ▾').click();
  await it.page.getByLabel('redact user data').check();
  const download = it.page.waitForEvent('download');
  await it.page.getByRole('link', { name: 'JSON lines' }).click();
  expect((await download).suggestedFilename()).toBe('cotp.jsonl');
  expect(it.server.requests).toContain('/download?format=jsonl&redact=1');
});
