/** The HTTP server of the inspector: its routes and its limits. It answers only what `access.ts` lets through. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Access, type Refusal } from './access.js';
import { answer, begin, rawRefusal, redirect, refuse } from './answers.js';
import { DOWNLOAD_FORMATS, type DownloadFormat, sendDownload } from './download.js';
import { EventStream } from './event-stream.js';
import type { Page } from './page.js';
import type { RowFeed } from './row-feed.js';
import { RowReader } from './row-reader.js';
import type { Hello } from './rows.js';
import type { WritePace } from './write-pace.js';

/** Browsers that get rows at the same time. */
const MAX_BROWSERS = 8;

/** TCP connections at the same time: a browser opens several. */
const MAX_CONNECTIONS = 64;

/** The most that a request may have and take; the sizes are in octets, the times in milliseconds. */
const REQUEST_LIMITS = {
  maxHeaderSize: 8192,
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};

/** After this many milliseconds a browser that has not taken the last rows is closed. */
const CLOSE_TIMEOUT = 500;

/** What the server shows. */
export interface Shown {
  readonly feed: RowFeed;
  readonly hello: () => Hello;
  readonly pace: WritePace;
  /** Loads the page. */
  readonly page: () => Promise<Page>;
  /** The current time in milliseconds since 1970. */
  readonly now: () => number;
}

/** Where to listen, and whether that keeps the process running. */
export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly isRef: boolean;
}

type Route = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

/** The server, from `listen` on. */
export class InspectorServer {
  readonly access: Access;
  readonly address: AddressInfo;
  readonly #server: Server;
  readonly #shown: Shown;
  readonly #streams = new Set<EventStream>();
  readonly #routes: Readonly<Record<string, Route>>;

  /** Rejects with the error of the system if it cannot listen there. */
  static async listen(shown: Shown, options: ServerOptions): Promise<InspectorServer> {
    // Imported here, so that a program without an inspector does not load it.
    const { createServer } = await import('node:http');
    const server = createServer(REQUEST_LIMITS);
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, options.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return new InspectorServer(server, shown, options);
  }

  private constructor(server: Server, shown: Shown, { host, isRef }: ServerOptions) {
    this.#server = server;
    this.#shown = shown;
    this.address = server.address() as AddressInfo;
    this.access = new Access(host, this.address);
    const ofPage = (type: string, part: keyof Page): Route => {
      return async (_request, response) => {
        answer(response, `${type}; charset=utf-8`, (await shown.page())[part]);
      };
    };
    const { root } = this.access;
    this.#routes = {
      [`${root}/`]: ofPage('text/html', 'html'),
      [`${root}/page.js`]: ofPage('text/javascript', 'script'),
      [`${root}/page.css`]: ofPage('text/css', 'style'),
      [`${root}/events`]: (request, response) => this.#events(request, response),
      [`${root}/download`]: (request, response) => this.#download(request, response),
    };
    if (!isRef) {
      server.unref();
      server.on('connection', (socket) => socket.unref());
    }
    server.on('request', (request, response) => void this.#answer(request, response));
    server.on('connect', ({ method }, socket) => {
      const text = `The method must be GET, not ${method}.`;
      closeWith(socket, rawRefusal('405 Method Not Allowed', { text, headers: { allow: 'GET' } }));
    });
    server.on('clientError', (error, socket) => closeWith(socket, refusalOfError(error)));
    // For instance no file descriptor is free: the server continues.
    server.on('error', () => {});
    shown.feed.store.onRow = () => this.#wake();
  }

  /** Tells the browsers that no more rows will come. */
  end(): void {
    for (const stream of this.#streams) {
      stream.end();
    }
  }

  /** Stops listening and closes all connections. */
  async close(): Promise<void> {
    this.#shown.feed.store.onRow = undefined;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const stream of this.#streams) {
      stream.close();
    }
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), CLOSE_TIMEOUT);
    await closed;
    clearTimeout(timer);
  }

  #wake(): void {
    for (const stream of this.#streams) {
      stream.wake();
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (response.socket === null) {
      // It waits behind another answer, and would not be notified of the end of the connection. No browser sends a
      // request before it has the answer to the last one.
      request.socket.destroy();
      return;
    }
    const refusal = this.access.refusalOf(request);
    if (refusal !== undefined) {
      refuse(response, refusal);
      return;
    }
    const { path, query } = targetOf(request);
    const token = path === '/' ? query.get('token') : null;
    if (token !== null) {
      this.#enter(response, token);
      return;
    }
    const route = Object.hasOwn(this.#routes, path) ? this.#routes[path] : undefined;
    const reason =
      this.access.cookieRefusal(request) ?? (route === undefined ? MISSING : undefined);
    if (reason !== undefined || route === undefined) {
      refuse(response, reason ?? MISSING);
      return;
    }
    try {
      await route(request, response);
    } catch (error) {
      failed(response, error as Error);
    }
  }

  /** Takes the token out of the address and puts it into a cookie. */
  #enter(response: ServerResponse, token: string): void {
    if (this.access.isToken(token)) {
      redirect(response, `${this.access.root}/`, this.access.setCookie);
    } else {
      const text =
        'The token is wrong. Open the address that the inspector printed when it started.';
      refuse(response, { status: 403, text });
    }
  }

  #events(request: IncomingMessage, response: ServerResponse): void {
    if (this.#streams.size >= MAX_BROWSERS) {
      const text = `At most ${MAX_BROWSERS} browsers can watch at the same time. Close another window of the inspector.`;
      refuse(response, { status: 503, text });
      return;
    }
    const { feed, hello, pace } = this.#shown;
    begin(response, 'text/event-stream');
    const reader = new RowReader(feed, firstSeq(request, feed));
    const shown = hello();
    const stream = new EventStream(response, reader, shown, pace);
    this.#streams.add(stream);
    pace.browsers = this.#streams.size;
    response.on('close', () => {
      this.#streams.delete(stream);
      pace.browsers = this.#streams.size;
    });
    if (!shown.isLive) {
      stream.end();
    }
  }

  #download(request: IncomingMessage, response: ServerResponse): Promise<void> | void {
    const { query } = targetOf(request);
    const format = DOWNLOAD_FORMATS.find((each) => each === query.get('format'));
    const redact = query.get('redact') ?? '0';
    if (format === undefined || (redact !== '0' && redact !== '1')) {
      const text =
        'The address must end with /download?format=pcapng or /download?format=jsonl, and &redact=1 to replace user data by zeros.';
      refuse(response, { status: 400, text });
      return;
    }
    const { feed, now, pace } = this.#shown;
    return sendDownload(feed, response, {
      format: format satisfies DownloadFormat,
      redact: redact === '1',
      now: now(),
      pace,
    });
  }
}

const MISSING: Refusal = {
  status: 404,
  text: 'There is nothing here. The inspector has /, /page.js, /page.css, /events and /download, behind the path to which its address leads.',
};

/** The path and the query of a request. The path is compared as it is: nothing in it is decoded. */
function targetOf({ url = '' }: IncomingMessage): { path: string; query: URLSearchParams } {
  const [path = '', query = ''] = url.split('?', 2);
  return { path, query: new URLSearchParams(query) };
}

/** The row behind the last one that the browser has; the first one that there was for a new browser. */
function firstSeq({ headers }: IncomingMessage, { store }: RowFeed): number {
  const last = Number(headers['last-event-id']);
  return Number.isSafeInteger(last) && last > 0 && last < store.nextSeq ? last + 1 : 1;
}

function failed(response: ServerResponse, error: Error): void {
  if (response.headersSent) {
    response.destroy();
  } else {
    refuse(response, { status: 500, text: `The inspector has failed: ${error.message}` });
  }
}

function refusalOfError({ code }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': {
      const text = `The headers must be at most ${REQUEST_LIMITS.maxHeaderSize} octets.`;
      return rawRefusal('431 Request Header Fields Too Large', { text });
    }
    case 'ERR_HTTP_REQUEST_TIMEOUT': {
      const text = `The request must be complete within ${REQUEST_LIMITS.requestTimeout} ms.`;
      return rawRefusal('408 Request Timeout', { text });
    }
    default:
      return rawRefusal('400 Bad Request', { text: 'A request of HTTP/1.1 was expected.' });
  }
}

/** Answers, and closes without waiting for the peer: the server counts this socket until then, but does not close it. */
function closeWith(socket: Duplex, octets: string): void {
  if (socket.writable) {
    socket.end(octets, () => socket.destroy());
  } else {
    socket.destroy();
  }
}
