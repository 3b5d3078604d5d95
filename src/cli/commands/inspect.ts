/**
 * `cotp inspect`: shows a capture or a trace in a browser.
 */
import { once } from 'node:events';
import { basename } from 'node:path';
import { type EventReader, nothingIn, readEvents, readerFor } from '../capture/read-events.js';
import { command } from '../command-line/command.js';
import { type Input, openFile } from '../decode/input.js';
import { EXIT, UsageError } from '../exit.js';
import { FileFeed } from '../inspect/file-feed.js';
import { announceInspector, openInspector } from '../inspect/open-inspector.js';
import type { Io } from '../io.js';
import { inspectorPort } from '../options/inspector.js';
import { valueOr } from '../options/option.js';
import { JSON_OPTION } from '../options/reporting.js';
import { complain } from '../output/events.js';

/** Octets of a file that are kept for the browser; of a larger file, the last ones. */
const MAX_OCTETS = 268_435_456;

export const inspect = command({
  name: 'inspect',
  summary: 'show a capture in a browser',
  description:
    'Reads a capture file (pcap, pcapng) or a trace that proxy --jsonl wrote, and serves a page on 127.0.0.1 ' +
    'that shows its TPDUs octet by octet. It prints the address to open. A file can be ' +
    'compressed with gzip. From stdin it shows what comes as it comes. Ctrl-C ends it.',
  operands: [{ syntax: '<file>', description: 'a capture or a trace, or - for stdin' }],
  options: {
    port: valueOr('--port <port>', 'port of the page; 0: any free port', inspectorPort, 0),
    json: JSON_OPTION,
  },
  examples: [
    ['cotp inspect plant.pcapng', 'every TPDU of every TCP stream'],
    ['tcpdump -U -w - port 102 | cotp inspect -', 'live, while tcpdump captures'],
  ],
  async run([file = '-'], { port, json }, io) {
    const isStdin = file === '-';
    const opening = openFile(file, io);
    // Stdin is waited for when the page can be opened; an error is reported then.
    opening.catch(() => {});
    if (!isStdin) {
      knownReader(await opening, file);
    }
    const inspector = await openInspector({
      ...{ source: 'file', port, maxOctets: MAX_OCTETS },
      title: () => (isStdin ? 'stdin' : basename(file)),
    });
    try {
      await announceInspector(inspector, io, json);
      const input = await opening;
      const shown = new FileFeed(inspector.feed);
      const reader = knownReader(input, file);
      await readEvents(input, reader, io.signal, (events) => shown.events(events));
      if (!shown.hasTpdus && !io.signal.aborted) {
        const sentence = nothingIn(reader);
        complain(io, 'cotp inspect', sentence);
        shown.events([{ lost: sentence }]);
      }
      inspector.end();
      await stopped(io);
    } finally {
      await inspector.close();
    }
    return EXIT.ok;
  },
});

/** @throws UsageError if the input is neither a capture nor a trace */
function knownReader({ start }: Input, file: string): EventReader {
  const reader = readerFor(start);
  if (reader !== undefined) {
    return reader;
  }
  const what = file === '-' ? 'stdin' : file;
  throw new UsageError(
    `${what} must be a capture (pcap, pcapng) or a trace of proxy --jsonl, and is neither`,
  );
}

async function stopped({ signal }: Io): Promise<void> {
  if (!signal.aborted) {
    await once(signal, 'abort');
  }
}
