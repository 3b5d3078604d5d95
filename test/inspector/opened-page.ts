/** Opens the page in Chromium, and watches what it must never do. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Hello, Row } from '../../src/node/inspector/rows.js';
import { Rows } from '../inspector-page/rows.js';
import { PROXY } from '../inspector-page/samples.js';
import { PageServer } from './page-server.js';

/** A page and its server. */
export class OpenedPage {
  readonly page: Page;
  readonly server: PageServer;
  readonly rows: Rows = new Rows();
  /** What the browser wrote to its console, errors and violations of the policy among it. */
  readonly said: string[] = [];
  /** The origins of all requests. */
  readonly origins: Set<string> = new Set();

  private constructor(page: Page, server: PageServer) {
    this.page = page;
    this.server = server;
    page.on('console', (message) => this.said.push(message.text()));
    page.on('pageerror', (error) => this.said.push(error.message));
    page.on('request', (request) => this.origins.add(new URL(request.url()).origin));
  }

  static async open(
    browser: Browser,
    { hello = PROXY, ...options }: BrowserContextOptions & { readonly hello?: Hello } = {},
  ): Promise<OpenedPage> {
    const server = await PageServer.start(hello);
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      timezoneId: 'UTC',
      ...options,
    });
    const opened = new OpenedPage(await context.newPage(), server);
    await opened.page.goto(server.url);
    await opened.page.locator('.state').first().waitFor();
    return opened;
  }

  /** Sends the rows that were made since the last call. */
  send(rows: readonly Row[] = this.rows.take()): void {
    this.server.send(rows);
  }

  /** The lines of the ladder in the document. */
  get lines() {
    return this.page.locator('#tpdu [role=option]');
  }

  /** The lines of the list of connections. */
  get connections() {
    return this.page.locator('#conn [role=option]');
  }

  /** The number of lines that the filter lets through, and of how many. */
  count(): Promise<string> {
    return this.page.locator('#count').innerText();
  }

  /** The selected line of the ladder. */
  selected(): Promise<string> {
    return this.page.locator('#tpdu [aria-selected=true]').innerText();
  }

  /** Closes both, after a look at what the page must never do. */
  async close(): Promise<void> {
    const { origin } = new URL(this.server.url);
    await this.page.context().close();
    await this.server.close();
    expect(this.said).toEqual([]);
    expect([...this.origins]).toEqual([origin]);
  }
}
