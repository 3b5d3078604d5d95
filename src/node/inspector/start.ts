/** Starts an inspector: the store, what fills it, and the server that shows it. */
import type { FullAddress } from '../address.js';
import { traceTime } from '../trace/entry.js';
import { InspectorServer } from './http-server.js';
import type { Page } from './page.js';
import { RowFeed } from './row-feed.js';
import type { Hello } from './rows.js';
import { WritePace, workMeter } from './write-pace.js';

/** What to inspect, and where to show it. */
export interface StartOptions extends Pick<Hello, 'source' | 'target' | 'maxOctets'> {
  /** Asked for each browser: a proxy knows its address only when it listens. */
  readonly title: () => string;
  readonly host: string;
  readonly port: number;
  readonly redact: boolean;
  /** Whether the inspector keeps the process running. */
  readonly isRef: boolean;
  /** Loads the page. Default: the page that the package has. */
  readonly page?: () => Promise<Page>;
}

/** An inspector that listens. */
export interface StartedInspector {
  /** The address for a browser, with the token. */
  readonly url: string;
  readonly address: FullAddress;
  /** Receives what is to be shown. */
  readonly feed: RowFeed;
  /** No more will be shown, but what there is stays. */
  end(): void;
  /** Stops listening, and notifies the browsers that there are no more rows. Resolves when all is closed. */
  close(): Promise<void>;
}

/** Rejects with the error of the system if it cannot listen there. */
export async function startInspector(options: StartOptions): Promise<StartedInspector> {
  const { source, title, target, maxOctets, redact, page = loadPage, ...where } = options;
  const feed = new RowFeed(maxOctets, redact);
  let isLive = true;
  const hello = (): Hello => ({
    ...{ source, title: title(), isLive, isRedacted: redact, maxOctets },
    ...(target === undefined ? {} : { target }),
  });
  const pace = new WritePace(source === 'file' ? undefined : workMeter());
  const server = await InspectorServer.listen({ feed, hello, pace, page, now: traceTime }, where);
  const { address, port } = server.address;
  let closed: Promise<void> | undefined;
  return {
    url: server.access.url(where.host),
    address: Object.freeze({ host: address, port }),
    feed,
    end() {
      isLive = false;
      server.end();
    },
    close() {
      isLive = false;
      closed ??= server.close();
      return closed;
    },
  };
}

async function loadPage(): Promise<Page> {
  return (await import('./page.js')).PAGE;
}
