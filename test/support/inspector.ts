/** An inspector for a test, and browsers that are bare HTTP requests. */
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { FedTpdu } from '../../src/node/inspector/row-feed.js';
import type { Hello, Row } from '../../src/node/inspector/rows.js';
import {
  type StartedInspector,
  type StartOptions,
  startInspector,
} from '../../src/node/inspector/start.js';
import { closeLater } from './life.js';
import { hex } from './raw.js';

/** A page of a line for each part. */
export const PAGE = { html: '<p>page</p>', script: '// script', style: '/* style */' };

export async function inspector(own: Partial<StartOptions> = {}): Promise<StartedInspector> {
  const started = await startInspector({
    source: 'process',
    title: () => 'a test',
    maxOctets: 1_048_576,
    host: '127.0.0.1',
    port: 0,
    redact: false,
    isRef: false,
    page: () => Promise.resolve(PAGE),
    ...own,
  });
  closeLater(() => started.close());
  return started;
}

/** A TPDU of a connection between a client on port 50000 and a server on port 1102. */
export function tpdu(octets: string | Buffer, own: Partial<FedTpdu> = {}): FedTpdu {
  return {
    connection: 1,
    name: undefined,
    role: 'server',
    localAddr: { host: '127.0.0.1', port: 1102 },
    remoteAddr: { host: '127.0.0.1', port: 50_000 },
    time: 1_700_000_000_000,
    direction: 'received',
    octets: typeof octets === 'string' ? hex(octets) : octets,
    ...own,
  };
}

/** A CR that calls 0x0102, its CC, and a DT with the data "secret". */
export const CR_TPDU = '0d e0 0000 1234 00 c2020102 c0010b';
export const CC_TPDU = '0d d0 1234 0007 00 c2020102 c0010b';
export const DT_TPDU = '02 f0 80 736563726574';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Asks as told; `Host` is right unless it is given. */
export async function ask(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
  body?: string,
): Promise<Answer> {
  const response = await opened(url, headers, method, body);
  const pieces: Buffer[] = [];
  for await (const piece of response) {
    pieces.push(piece as Buffer);
  }
  const { statusCode: status = 0, headers: given } = response;
  return { status, headers: given, body: Buffer.concat(pieces) };
}

async function opened(
  url: string,
  headers: Readonly<Record<string, string>>,
  method = 'GET',
  body?: string,
): Promise<IncomingMessage> {
  const asked = request(url, { method, headers, agent: false });
  closeLater(() => asked.destroy());
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  asked.on('error', () => {});
  response.on('error', () => {});
  return response;
}

/** A browser that has opened the address of an inspector. */
export class Browser {
  /** All addresses begin with it: the origin, and the path to which the first request leads. */
  readonly base: string;
  readonly cookie: string;

  private constructor(base: string, cookie: string) {
    this.base = base;
    this.cookie = cookie;
  }

  static async open(url: string): Promise<Browser> {
    const { headers } = await ask(url);
    const [cookie = ''] = (headers['set-cookie']?.[0] ?? '').split(';');
    const { href } = new URL(headers.location ?? '', url);
    return new Browser(href.replace(/\/$/, ''), cookie);
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return ask(`${this.base}${path}`, { cookie: this.cookie, ...headers });
  }

  async watch(headers: Readonly<Record<string, string>> = {}): Promise<Events> {
    const all = { cookie: this.cookie, ...headers };
    return new Events(await opened(`${this.base}/events`, all));
  }
}

interface ServerSentEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** The events that a browser gets. */
export class Events {
  readonly response: IncomingMessage;
  readonly #events: AsyncGenerator<ServerSentEvent>;
  /** The `id` of the latest event that had one. */
  lastId = '';

  constructor(response: IncomingMessage) {
    this.response = response;
    this.#events = eventsOf(response);
  }

  async next(): Promise<ServerSentEvent> {
    const { value, done } = await this.#events.next();
    if (done === true) {
      throw new Error('the stream of events has ended');
    }
    this.lastId = value.id ?? this.lastId;
    return value;
  }

  async hello(): Promise<Hello> {
    return JSON.parse((await this.next()).data) as Hello;
  }

  /** Rows up to one that is wanted. */
  async rowsUntil(isLast: (row: Row) => boolean): Promise<Row[]> {
    const rows: Row[] = [];
    for (;;) {
      const { event, data } = await this.next();
      if (event === 'rows') {
        rows.push(...(JSON.parse(data) as Row[]));
      }
      if (rows.some(isLast)) {
        return rows;
      }
    }
  }
}

async function* eventsOf(response: IncomingMessage): AsyncGenerator<ServerSentEvent> {
  let text = '';
  for await (const piece of response.setEncoding('utf8')) {
    text += piece as string;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks.filter((each) => !each.startsWith(':'))) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
      yield { event: field('event') ?? '', id: field('id'), data: field('data') ?? '' };
    }
  }
}
