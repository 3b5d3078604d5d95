/**
 * `cotp proxy`: relays between clients and a target, and shows their TPDUs.
 */
import { once } from 'node:events';
import { command } from '../command-line/command.js';
import { EXIT, UsageError } from '../exit.js';
import { CLIENT_OPTIONS } from '../options/connection.js';
import { UI_OPTION } from '../options/inspector.js';
import { flag, value } from '../options/option.js';
import { JSON_OPTION } from '../options/reporting.js';
import { clientTls, listenTls, TLS_LISTEN_OPTIONS, TLS_TARGET_OPTIONS } from '../options/tls.js';
import { classOptions, PROXY_CLASS_OPTIONS } from '../options/transport-class.js';
import { address, integer, listenAddress, selector, text } from '../options/values.js';
import { jsonLine } from '../output/events.js';
import { addressText } from '../output/format-info.js';
import { Ladder } from '../proxy/ladder.js';
import { isOwnTarget } from '../proxy/own-target.js';
import { ProxyInspector } from '../proxy/proxy-inspector.js';
import { relayTpdus } from '../proxy/relay-tpdus.js';
import { relayTsdus } from '../proxy/relay-tsdus.js';
import { checkFiles, type FileSummary, TraceFiles, targetsOf } from '../proxy/trace-files.js';

const FILES = 'Files';
/** Options that require a file. */
const WITH_FILE = { group: FILES, needs: ['pcap', 'jsonl'] };

/** With --transparent the client and the target would have to use the same TLS connection. */
const TLS_ROWS = [...Object.keys(TLS_TARGET_OPTIONS), ...Object.keys(TLS_LISTEN_OPTIONS)];

/** The port to listen on for an address without a port. */
const DEFAULT_PORT = 102;

export const proxy = command({
  name: 'proxy',
  summary: 'relay between clients and a target, and show their TPDUs',
  description:
    'Listens, opens a connection to the target for each client, and shows every TPDU as a line of a ' +
    'ladder diagram. It relays TSDUs, and each side negotiates its own TPDU size and ' +
    'references; a message that is the same on both sides is one line. With --transparent it relays ' +
    'TPDUs octet for octet, except for the CR that --rewrite-remote-tsel changes. Ctrl-C ends it and ' +
    'prints a summary on stderr.',
  operands: [
    { syntax: '<listen>', description: 'PORT (on 127.0.0.1) or ADDRESS:PORT' },
    { syntax: '<target>', description: 'HOST or HOST:PORT; the default port is 102' },
  ],
  options: {
    transparent: flag('--transparent', 'relay TPDUs unchanged, instead of TSDUs', {
      conflicts: ['class', 'expedited', 'expeditedAck', ...TLS_ROWS],
    }),
    rewriteRemoteTsel: value(
      '--rewrite-remote-tsel <selector>',
      'send this called T-selector to the target, whatever the client calls',
      selector,
      { alias: '--rewrite-remote-tsap' },
    ),
    localAddress: CLIENT_OPTIONS.localAddress,
    ...PROXY_CLASS_OPTIONS,
    legs: flag('--legs', 'show both connections of a client, and write both to the capture'),
    verbose: flag('-v, --verbose', 'show each TPDU whole, octet by octet', {
      conflicts: ['quiet', 'json'],
    }),
    quiet: flag('-q, --quiet', 'do not print the ladder'),
    json: JSON_OPTION,
    ui: UI_OPTION,
    pcap: value(
      '--pcap <file>',
      'write pcapng for Wireshark; server ports are recorded as 102',
      text,
      {
        group: FILES,
      },
    ),
    jsonl: value('--jsonl <file>', 'write one JSON object per TPDU', text, { group: FILES }),
    force: flag('--force', 'replace files that exist', WITH_FILE),
    redact: flag('--redact', 'replace user data in the files by zeros', WITH_FILE),
    maxFileSize: value(
      '--max-file-size <octets>',
      'start a new file before a file grows larger',
      integer(4096, Number.MAX_SAFE_INTEGER),
      WITH_FILE,
    ),
    maxFiles: value(
      '--max-files <number>',
      'number of files to keep (default: 10)',
      integer(1, 10_000),
      {
        group: FILES,
        needs: ['maxFileSize'],
      },
    ),
    ...TLS_TARGET_OPTIONS,
    ...TLS_LISTEN_OPTIONS,
  },
  examples: [
    ['cotp proxy 1102 10.0.0.5', 'see what an engineering tool sends to 10.0.0.5'],
    ['cotp proxy 1102 10.0.0.5 --ui', 'the same in a browser, explained octet by octet'],
    ['cotp proxy 0.0.0.0:102 10.0.0.5 --transparent --pcap plant.pcapng', 'unchanged, to a file'],
    [
      'cotp proxy 1102 10.0.0.7 --class 2,0 --expedited',
      'class 2 and expedited data, where client and target agree on them',
    ],
    [
      'cotp proxy 1102 10.0.0.5:3782 --tls-ca ca.pem',
      'TLS to the target, for a client without TLS',
    ],
    ['cotp proxy 1102 10.0.0.5 --rewrite-remote-tsel 0x0102', 'for a tool with a fixed selector'],
  ],
  async run([listenText = '', targetText = ''], options, io) {
    const isPort = /^\d+$/.test(listenText);
    const listenAddr = listenAddress(isPort ? `127.0.0.1:${listenText}` : listenText, DEFAULT_PORT);
    const target = address(targetText);
    if (isOwnTarget({ listenAddr, target })) {
      throw new UsageError(`the target ${addressText(target)} must not be the proxy itself`);
    }
    const ladder = new Ladder(io, options);
    await checkFiles(options);
    const files = new TraceFiles(options, await targetsOf(target, options), io);
    const inspector = await ProxyInspector.open(options.ui, addressText(target), ladder);
    let written: readonly FileSummary[] = [];
    try {
      const relay = options.transparent ? relayTpdus : relayTsdus;
      const running = await relay({
        listenAddr,
        target,
        remoteTsel: options.rewriteRemoteTsel,
        localAddress: options.localAddress,
        clientTls: await listenTls(options),
        targetTls: await clientTls(options),
        transport: classOptions(options),
        ladder,
        record: (entry, client) => {
          files.record(entry);
          inspector?.record(entry, client);
        },
        recordRun:
          options.quiet && !files.areWanted
            ? (source, run, client) => inspector?.recordRun(source, run, client)
            : undefined,
        failed: (leg, client, error) => inspector?.failed(leg, client, error),
        ended: (connection, how, by) => {
          files.ended(connection, how, by);
          inspector?.ended(connection, how, by);
        },
      });
      files.open();
      const [bound = listenAddr] = running.addresses;
      const where = `${addressText({ ...bound, port: bound.port ?? 0 })}`;
      if (options.json) {
        await jsonLine(io, { event: 'listening', address: where, target: addressText(target) });
      } else {
        io.stderr.line(io.stderr.colours.dim(`${where} is relayed to ${addressText(target)}`));
      }
      await inspector?.announce(where, io, options.json);
      if (!io.signal.aborted) {
        await once(io.signal, 'abort');
      }
      await running.close();
    } finally {
      await inspector?.close();
      written = await files.close();
    }
    await ladder.summary(written);
    return EXIT.ok;
  },
});
