/** A server with the page of the inspector that sends whatever rows a test wants, under the policy of the real one. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Hello, Row } from '../../src/node/inspector/rows.js';

const PATH = new URL('../../dist/node/inspector/page.js', import.meta.url).href;
const { PAGE } = (await import(PATH)) as {
  readonly PAGE: { readonly html: string; readonly script: string; readonly style: string };
};

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FILES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  '/': ['text/html; charset=utf-8', PAGE.html],
  '/page.js': ['text/javascript; charset=utf-8', PAGE.script],
  '/page.css': ['text/css; charset=utf-8', PAGE.style],
};

export class PageServer {
  /** The paths that the browser asked for. */
  readonly requests: string[] = [];
  readonly #server = createServer((request, response) => this.#answer(request, response));
  readonly #streams = new Set<ServerResponse>();
  readonly #sent: (readonly Row[])[] = [];
  readonly #hello: Hello;

  private constructor(hello: Hello) {
    this.#hello = hello;
  }

  static async start(hello: Hello): Promise<PageServer> {
    const server = new PageServer(hello);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Sends rows to the pages that are open and to those that open later. */
  send(rows: readonly Row[]): void {
    this.#sent.push(rows);
    for (const stream of this.#streams) {
      stream.write(eventOf('rows', rows, rows.at(-1)?.seq));
    }
  }

  end(): void {
    for (const stream of this.#streams) {
      stream.write('event: end\ndata:\n\n');
    }
  }

  /** Ends the streams of rows, as a lost connection does. */
  hangUp(): void {
    for (const stream of this.#streams) {
      stream.destroy();
    }
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #answer({ url = '/' }: IncomingMessage, response: ServerResponse): void {
    this.requests.push(url);
    const { pathname } = new URL(url, this.url);
    const file = FILES[pathname];
    if (pathname === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      response.write(eventOf('hello', this.#hello));
      for (const rows of this.#sent) {
        response.write(eventOf('rows', rows, rows.at(-1)?.seq));
      }
      this.#streams.add(response);
      response.on('close', () => this.#streams.delete(response));
    } else if (pathname === '/download') {
      response.writeHead(200, { 'Content-Disposition': 'attachment; filename="cotp.jsonl"' });
      response.end('{}\n');
    } else if (file === undefined) {
      response.writeHead(404).end();
    } else {
      response.writeHead(200, { 'Content-Type': file[0], 'Content-Security-Policy': POLICY });
      response.end(file[1]);
    }
  }
}

function eventOf(name: string, data: unknown, id?: number): string {
  const lines = [
    `event: ${name}`,
    id === undefined ? '' : `id: ${id}`,
    `data: ${JSON.stringify(data)}`,
  ];
  return `${lines.filter(Boolean).join('\n')}\n\n`;
}
