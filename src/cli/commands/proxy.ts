/**
 * `cotp proxy`: stands between a client and its target, and shows what they say.
 */
import { once } from 'node:events';
import { jsonLinesSink, pcapngSink, type SinkOptions, type TraceSink } from '../../index.js';
import { command } from '../command.js';
import { EXIT } from '../exit.js';
import type { Io } from '../io.js';
import { flag, value } from '../option.js';
import { JSON_OPTION } from '../options/output.js';
import { Ladder } from '../proxy/ladder.js';
import { relayTsdus } from '../proxy/relay.js';
import { relayTpdus } from '../proxy/transparent.js';
import { addressText, jsonLine } from '../report.js';
import { address, integer, selector, text } from '../values.js';

const FILES = 'Files';

/** Wireshark looks for TPKT there without being told. */
const COTP_PORT = 102;

export const proxy = command({
  name: 'proxy',
  summary: 'stand between a client and its target, and show what they say',
  description:
    'Listens, connects each client on to the target, and shows every TPDU of both sides as a line of ' +
    'a ladder. TSDUs are handed on, each side with its own TPDU size and references; ' +
    'with --transparent TPDUs are, octet for octet. Ends by Ctrl-C with a summary on stderr.',
  operands: [
    { syntax: '<listen>', description: 'PORT (of 127.0.0.1) or ADDRESS:PORT' },
    { syntax: '<target>', description: 'HOST or HOST:PORT; the port is 102 by default' },
  ],
  options: {
    transparent: flag('--transparent', 'hand on TPDUs as they are, instead of TSDUs'),
    rewriteRemoteTsel: value(
      '--rewrite-remote-tsel <selector>',
      'call this T-selector of the target, whatever the client calls',
      selector,
    ),
    quiet: flag('-q, --quiet', 'no ladder'),
    json: JSON_OPTION,
    pcap: value(
      '--pcap <file>',
      'write pcapng for Wireshark; server ports are written as 102',
      text,
      {
        group: FILES,
      },
    ),
    jsonl: value('--jsonl <file>', 'write a JSON object a TPDU', text, { group: FILES }),
    redact: flag('--redact', 'zeros instead of user data, in the files', { group: FILES }),
    maxFileSize: value(
      '--max-file-size <octets>',
      'begin a new file before it grows larger',
      integer(4096, Number.MAX_SAFE_INTEGER),
      { group: FILES },
    ),
    maxFiles: value('--max-files <number>', 'files in all (default: 10)', integer(1, 10_000), {
      group: FILES,
    }),
  },
  examples: [
    ['cotp proxy 1102 10.0.0.5', 'see what an engineering tool says to 10.0.0.5'],
    ['cotp proxy 0.0.0.0:102 10.0.0.5 --transparent --pcap plant.pcapng', 'as it is, to a file'],
    ['cotp proxy 1102 10.0.0.5 --rewrite-remote-tsel 0x0102', 'for a tool with a fixed selector'],
  ],
  async run([listenText = '', targetText = ''], options, io) {
    const listenAddr = /^\d+$/.test(listenText)
      ? address(`127.0.0.1:${listenText}`)
      : address(listenText);
    const target = address(targetText);
    const ladder = new Ladder(io, options);
    const { pcap, jsonl, redact, maxFileSize, maxFiles } = options;
    const sinkOptions = { redact, maxFileSize, maxFiles };
    const pcapng =
      pcap === undefined
        ? undefined
        : pcapngSink(pcap, {
            ...sinkOptions,
            serverPort: COTP_PORT,
            onError: complain(io, pcap),
          });
    const lines =
      jsonl === undefined
        ? undefined
        : jsonLinesSink(jsonl, { ...sinkOptions, onError: complain(io, jsonl) });
    const sinks = [pcapng, lines].filter((sink) => sink !== undefined);
    try {
      const relay = options.transparent ? relayTpdus : relayTsdus;
      const running = await relay({
        listenAddr,
        target,
        remoteTsel: options.rewriteRemoteTsel,
        ladder,
        record: (entry) => {
          for (const sink of sinks) {
            sink.trace(entry);
          }
        },
        ended: (connection, how, by) => pcapng?.ended(connection, how, by),
      });
      const [bound = listenAddr] = running.addresses;
      const where = `${addressText({ ...bound, port: bound.port ?? 0 })}`;
      if (options.json) {
        await jsonLine(io, { event: 'listening', address: where, target: addressText(target) });
      } else {
        io.stderr.line(io.stderr.colours.dim(`${where} goes to ${addressText(target)}`));
      }
      if (!io.signal.aborted) {
        await once(io.signal, 'abort');
      }
      await running.close();
    } finally {
      await closeAll(sinks, io);
    }
    await ladder.summary();
    return EXIT.ok;
  },
});

/** The proxy goes on without the file. */
function complain(io: Io, path: string): NonNullable<SinkOptions['onError']> {
  return (error) => io.stderr.line(io.stderr.colours.red(`${path}: ${error.message}`));
}

async function closeAll(sinks: readonly TraceSink[], { stderr }: Io): Promise<void> {
  await Promise.all(sinks.map((sink) => sink.close()));
  for (const { dropped, error } of sinks) {
    if (dropped > 0 && error === undefined) {
      stderr.line(`${dropped} TPDUs are not in the file: the disk is too slow`);
    }
  }
}
