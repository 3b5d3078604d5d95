/**
 * `cotp proxy`: stands between a client and its target, and shows what they say.
 */
import { once } from 'node:events';
import { command } from '../command.js';
import { EXIT } from '../exit.js';
import { flag, value } from '../option.js';
import { JSON_OPTION } from '../options/output.js';
import { checkFiles, Files } from '../proxy/files.js';
import { Ladder } from '../proxy/ladder.js';
import { relayTsdus } from '../proxy/relay.js';
import { relayTpdus } from '../proxy/transparent.js';
import { addressText, jsonLine } from '../report.js';
import { address, integer, listenAddress, selector, text } from '../values.js';

const FILES = 'Files';
/** What is said of files is of no use without one. */
const WITH_FILE = { group: FILES, needs: ['pcap', 'jsonl'] };

/** Of what listens, where an address without a port is given. */
const DEFAULT_PORT = 102;

export const proxy = command({
  name: 'proxy',
  summary: 'stand between a client and its target, and show what they say',
  description:
    'Listens, connects each client on to the target, and shows every TPDU of both sides as a line of ' +
    'a ladder. TSDUs are handed on, each side with its own TPDU size and references; ' +
    'with --transparent TPDUs are, octet for octet (but for the CR that --rewrite-remote-tsel ' +
    'changes). Ends by Ctrl-C with a summary on stderr.',
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
    redact: flag('--redact', 'zeros instead of user data, in the files', WITH_FILE),
    maxFileSize: value(
      '--max-file-size <octets>',
      'begin a new file before it grows larger',
      integer(4096, Number.MAX_SAFE_INTEGER),
      WITH_FILE,
    ),
    maxFiles: value('--max-files <number>', 'files in all (default: 10)', integer(1, 10_000), {
      group: FILES,
      needs: ['maxFileSize'],
    }),
  },
  examples: [
    ['cotp proxy 1102 10.0.0.5', 'see what an engineering tool says to 10.0.0.5'],
    ['cotp proxy 0.0.0.0:102 10.0.0.5 --transparent --pcap plant.pcapng', 'as it is, to a file'],
    ['cotp proxy 1102 10.0.0.5 --rewrite-remote-tsel 0x0102', 'for a tool with a fixed selector'],
  ],
  async run([listenText = '', targetText = ''], options, io) {
    const isPort = /^\d+$/.test(listenText);
    const listenAddr = listenAddress(isPort ? `127.0.0.1:${listenText}` : listenText, DEFAULT_PORT);
    const target = address(targetText);
    const ladder = new Ladder(io, options);
    await checkFiles(options);
    const files = new Files(options, io);
    try {
      const relay = options.transparent ? relayTpdus : relayTsdus;
      const running = await relay({
        listenAddr,
        target,
        remoteTsel: options.rewriteRemoteTsel,
        ladder,
        record: (entry) => files.record(entry),
        ended: (connection, how, by) => files.ended(connection, how, by),
      });
      files.begin();
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
      await files.close();
    }
    await ladder.summary();
    return EXIT.ok;
  },
});
