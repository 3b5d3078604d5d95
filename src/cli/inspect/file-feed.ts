/** Shows a capture or a trace in an inspector: finds the client of each stream, and the TPDUs in each TPKT. */
import type { TpduType } from '../../core/tpdu/index.js';
import type { FullAddress, TracedConnection } from '../../index.js';
import { DEFAULT_PORT } from '../../node/address.js';
import { TPKT_HEADER_LENGTH, tpduTypeOf } from '../../node/codes.js';
import type { FedNote, RowFeed } from '../../node/inspector/row-feed.js';
import { decodeOrError } from '../../node/trace/entry.js';
import type { CaptureEvent } from '../capture/capture-reader.js';
import type { Flow, TcpEnding } from '../capture/tcp-streams.js';
import type { TraceEvent } from '../capture/trace-reader.js';
import { Negotiated } from '../decode/negotiated.js';
import { tpdusOf } from '../decode/nsdu.js';

/** One stream of the file. */
interface Stream {
  readonly source: TracedConnection;
  /** The client, as in the flows. */
  readonly client: string;
  readonly negotiated: Negotiated;
  /** TCP has ended. TPDUs behind that are of another connection. */
  isOver: boolean;
}

/** Writes what is in a file as rows. */
export class FileFeed {
  readonly #feed: RowFeed;
  /** By their conversations. */
  readonly #streams = new WeakMap<object, Stream>();
  /** Streams that have TPDUs. */
  #count = 0;
  /** Of the latest frame that has a time. */
  #time = 0;

  constructor(feed: RowFeed) {
    this.#feed = feed;
  }

  /** True if the file has had a TPDU so far. */
  get hasTpdus(): boolean {
    return this.#count > 0;
  }

  events(events: readonly (CaptureEvent | TraceEvent)[]): void {
    for (const event of events) {
      this.#event(event);
    }
  }

  #event(event: CaptureEvent | TraceEvent): void {
    const { frame, flow } = event;
    this.#time = frame?.time ?? this.#time;
    if ('lost' in event) {
      this.#lost(event.lost, flow, frame?.number);
    } else if ('ended' in event) {
      this.#ended(event.ended, flow, frame?.number);
    } else if (flow !== undefined) {
      const nsdu = 'tpkt' in event ? event.tpkt.subarray(TPKT_HEADER_LENGTH) : event.tpdu;
      this.#nsdu(nsdu, flow, frame?.number);
    }
  }

  #nsdu(nsdu: Buffer, flow: Flow, frame: number | undefined): void {
    const { source, client, negotiated } = this.#stream(flow, nsdu);
    // The inspected side is the server.
    const direction = flow.from === client ? 'received' : 'sent';
    for (const octets of tpdusOf(nsdu, negotiated.optionsFor(nsdu))) {
      this.#feed.tpdu({ ...source, time: this.#time, direction, octets }, undefined, frame);
      follow(negotiated, octets);
    }
  }

  #ended(how: TcpEnding, flow: Flow | undefined, frame: number | undefined): void {
    const stream = flow === undefined ? undefined : this.#streams.get(flow.conversation);
    if (stream !== undefined) {
      stream.isOver = true;
      const by = flow?.from === stream.client ? 'remote' : 'local';
      const ending = how === 'unknown' ? {} : ({ how, by } as const);
      this.#feed.ended(stream.source.connection, { ...ending, time: this.#time, frame });
    }
  }

  #lost(text: string, flow: Flow | undefined, frame: number | undefined): void {
    const stream = flow === undefined ? undefined : this.#streams.get(flow.conversation);
    const connection = stream?.source.connection ?? 0;
    const note: FedNote = { time: this.#time, connection, frame };
    this.#feed.note(text, note);
  }

  #stream(flow: Flow, first: Buffer): Stream {
    const known = this.#streams.get(flow.conversation);
    if (known?.isOver === false) {
      return known;
    }
    this.#count += 1;
    const client = known?.client ?? flow.client ?? clientOf(flow, first);
    const server = client === flow.from ? flow.to : flow.from;
    const source: TracedConnection = {
      connection: this.#count,
      name: undefined,
      role: 'server',
      localAddr: addressOf(server),
      remoteAddr: addressOf(client),
    };
    const stream = { source, client, negotiated: new Negotiated(), isOver: false };
    this.#streams.set(flow.conversation, stream);
    return stream;
  }
}

/** Only a CR and a CC change how the TPDUs behind them are read. */
function follow(negotiated: Negotiated, octets: Buffer): void {
  const type = typeOf(octets);
  if (type === 'CR' || type === 'CC') {
    negotiated.push(decodeOrError(octets));
  }
}

/** The one that sends the CR; in a stream that does not begin with CR or CC, the one that does not have the port of a server. */
function clientOf({ from, to }: Flow, first: Buffer): string {
  const type = typeOf(first);
  if (type === 'CR' || type === 'CC') {
    return type === 'CR' ? from : to;
  }
  const [one, other] = [addressOf(from).port, addressOf(to).port];
  if (one === DEFAULT_PORT || other === DEFAULT_PORT) {
    return one === DEFAULT_PORT ? to : from;
  }
  return one < other ? to : from;
}

/** Known even if the TPDU cannot be decoded. */
function typeOf(octets: Buffer): TpduType | undefined {
  return tpduTypeOf(octets[1] ?? 0);
}

/** Reads `host:port`, where an IPv6 address is in brackets. */
function addressOf(text: string): FullAddress {
  const [, host = text, port = '0'] = /^\[?(.*?)\]?:(\d+)$/.exec(text) ?? [];
  return { host, port: Number(port) };
}
