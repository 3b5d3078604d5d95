/**
 * A trace as a pcapng file, which Wireshark and tshark can open. Each connection is one TCP conversation that
 * contains the TPKTs in clear, even if the connection uses TLS.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { TPKT_HEADER_LENGTH, writeTpktHeader } from '../../core/tpkt/header.js';
import {
  integer,
  type OptionRow,
  optional,
  type Resolved,
  resolveOptions,
} from '../options/rows.js';
import { CONNECTION_CHANNEL, type TracedConnection, type TraceEntry, traceTime } from './entry.js';
import type { ConnectionEvent } from './events.js';
import type { WrittenFile } from './output.js';
import { fileHeader, maxPacketBlock, packetBlock, statistics } from './pcapng/blocks.js';
import {
  artificialPort,
  Conversation,
  type ConversationPacket,
  MAX_HEADERS,
  MAX_SEGMENT,
  MOST_EXTRA_PACKETS,
} from './pcapng/conversation.js';
import {
  type Destination,
  type Format,
  SINK_OPTIONS,
  Sink,
  type SinkOptions,
  type TraceRecord,
  type TraceSink,
} from './sink.js';

/** Options of {@link pcapngSink}. */
export interface PcapngOptions extends SinkOptions {
  /**
   * The port to write instead of the real port of servers, 1 to 65535. Wireshark looks for TPKT only at port
   * 102, unless it is configured for another port. A client that uses one port for two servers gets another port for the
   * second of them, so that they stay two conversations. Default: the real port.
   *
   * @defaultValue `undefined`
   */
  readonly serverPort?: number | undefined;
}

const PCAPNG_OPTIONS = {
  ...SINK_OPTIONS,
  serverPort: optional(integer(1, 65_535)),
} satisfies Record<keyof PcapngOptions, OptionRow<unknown>>;

/**
 * Writes a pcapng file. The TPDUs are in artificial IP and TCP packets, with the real addresses, consecutive
 * sequence numbers and correct checksums. The real TCP segments and TLS records are not in the file. If both
 * ends of a connection are in this process, it is written once.
 *
 * @throws TypeError or RangeError for a bad option
 *
 * @example
 * ```ts
 * import { connect, listen, pcapngSink } from 'cotp';
 *
 * const sink = pcapngSink('trace.pcapng', { serverPort: 102 });
 * const server = await listen(() => {}, { host: '127.0.0.1', port: 0 });
 * const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' }, { trace: sink.trace });
 * await conn.asyncClose();
 * await server.asyncClose();
 * await sink.close();
 * console.log(sink.dropped); // 0
 * ```
 */
export function pcapngSink(destination: Destination, options: PcapngOptions = {}): PcapngSink {
  return new PcapngSink(destination, resolveOptions(PCAPNG_OPTIONS, options));
}

/** For the command: the files of a sink, the newest first, and how many packets each has. */
export let pcapngFiles: (sink: PcapngSink) => readonly WrittenFile[];

/** A sink that writes the end of connections too. */
export class PcapngSink implements TraceSink {
  readonly #sink: Sink;
  readonly #conversations: Conversations;

  static {
    pcapngFiles = (sink) => sink.#sink.written;
  }

  /** @internal */
  constructor(destination: Destination, options: Resolved<typeof PCAPNG_OPTIONS>) {
    this.#conversations = new Conversations(options.serverPort);
    this.#sink = new Sink(destination, options, this.#conversations);
    subscribe(CONNECTION_CHANNEL, this.#onConnection);
  }

  get trace(): TraceSink['trace'] {
    return this.#sink.trace;
  }

  get dropped(): number {
    return this.#sink.dropped;
  }

  get error(): Error | undefined {
    return this.#sink.error;
  }

  close(): Promise<void> {
    unsubscribe(CONNECTION_CHANNEL, this.#onConnection);
    return this.#sink.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Writes the end of a connection. Call it only for connections that the channel `cotp:connection` does not
   * report.
   */
  ended(connection: number, how: 'fin' | 'reset', by: 'local' | 'remote'): void {
    const record = this.#conversations.end(connection, how, by);
    if (record !== undefined) {
      this.#sink.add(record);
    }
  }

  readonly #onConnection = (message: unknown): void => {
    const event = message as ConnectionEvent;
    if (event.event === 'close') {
      this.ended(event.connection, event.how, event.by);
    }
  };
}

/** Most client ports that are tried for a connection whose own one is in use. */
const MOST_TRIES = 100;

/** The conversations that are in the file and have not ended. */
export class Conversations implements Format {
  readonly #serverPort: number | undefined;
  /**
   * By the number of the connection; `undefined` if the other end of the conversation is already in the file.
   */
  readonly #ofConnection = new Map<number, Conversation | undefined>();
  readonly #keys = new Set<string>();
  /** The addresses as they are written. */
  readonly #written = new Set<string>();
  /** Connections that are named in the current file. */
  #named = new Set<number>();

  constructor(serverPort: number | undefined) {
    this.#serverPort = serverPort;
  }

  readonly preamble = (): Buffer => {
    this.#named = new Set();
    return fileHeader('cotp');
  };

  readonly release = (): void => {
    this.#ofConnection.clear();
    this.#keys.clear();
    this.#written.clear();
    this.#named.clear();
  };

  readonly epilogue = (dropped: number): Buffer => statistics(traceTime(), dropped);

  record(
    entry: TraceEntry,
    octets: Buffer,
    makeRoom: (length: number) => boolean,
  ): TraceRecord | undefined {
    const conversation = this.#conversation(entry);
    if (conversation === undefined) {
      return undefined;
    }
    const tpkt = Buffer.alloc(TPKT_HEADER_LENGTH + octets.length);
    octets.copy(tpkt, writeTpktHeader(tpkt, 0, octets.length));
    const hasRoom = makeRoom(maxRecord(tpkt.length, nameOf(entry)));
    // Created even when there is no room: the gap in the sequence numbers shows what is missing.
    const packets = conversation.data(entry.direction, tpkt);
    return hasRoom ? this.#blocks(packets, entry) : undefined;
  }

  end(
    connection: number,
    how: 'fin' | 'reset',
    by: 'local' | 'remote',
    time: number = traceTime(),
  ): TraceRecord | undefined {
    const conversation = this.#ofConnection.get(connection);
    this.#ofConnection.delete(connection);
    this.#named.delete(connection);
    if (conversation === undefined) {
      return undefined;
    }
    this.#keys.delete(conversation.key);
    this.#written.delete(conversation.written);
    const packets = conversation.end(how, by);
    const octets = Buffer.concat(packets.map((each) => packetBlock({ time, ...each })));
    return { octets, packets: packets.length };
  }

  #conversation(entry: TraceEntry): Conversation | undefined {
    const { connection } = entry;
    if (!this.#ofConnection.has(connection)) {
      this.#ofConnection.set(connection, this.#begin(entry));
    }
    return this.#ofConnection.get(connection);
  }

  /** Returns `undefined` if the other end of the conversation is in the file. */
  #begin(entry: TraceEntry): Conversation | undefined {
    let conversation = new Conversation(entry, this.#serverPort);
    const { key } = conversation;
    if (this.#keys.has(key)) {
      return undefined;
    }
    // A client can use one port for two servers, which with `serverPort` have one port too.
    for (let tries = 0; this.#written.has(conversation.written) && tries < MOST_TRIES; tries += 1) {
      const port = artificialPort(entry.connection + tries);
      conversation = new Conversation(entry, this.#serverPort, port);
    }
    this.#keys.add(key);
    this.#written.add(conversation.written);
    return conversation;
  }

  #blocks(packets: readonly ConversationPacket[], entry: TraceEntry): TraceRecord {
    const isNamed = this.#named.has(entry.connection);
    this.#named.add(entry.connection);
    const blocks = packets.map((packet, i) => {
      const comment = i === 0 && !isNamed ? nameOf(entry) : undefined;
      return packetBlock({ time: entry.time, ...packet, comment });
    });
    return { octets: Buffer.concat(blocks), packets: packets.length };
  }
}

/** The comment on the first packet of a connection in each file. */
function nameOf({ connection, name }: TracedConnection): string {
  return name === undefined ? `connection ${connection}` : `connection ${connection} "${name}"`;
}

/** Largest size of the record of a TPKT in the file, in octets. */
function maxRecord(length: number, comment: string): number {
  const packets = Math.ceil(length / MAX_SEGMENT);
  const extra = MOST_EXTRA_PACKETS * maxPacketBlock(MAX_HEADERS + 8);
  return packets * maxPacketBlock(MAX_HEADERS) + length + extra + 3 * comment.length;
}
