/**
 * `cotp bench`: measures round trips and throughput with an echo server.
 */
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { type Connection, connect, TimeoutError } from '../../index.js';
import { MAX_USER_DATA } from '../../node/codes.js';
import { closeOnStop } from '../close-on-stop.js';
import { command } from '../command-line/command.js';
import { CommandError, EXIT } from '../exit.js';
import type { Io } from '../io.js';
import { CLIENT_OPTIONS, connectOptions } from '../options/connection.js';
import { type OptionValues, type Parser, valueOr } from '../options/option.js';
import { JSON_OPTION } from '../options/reporting.js';
import { clientTls, TLS_CLIENT_OPTIONS } from '../options/tls.js';
import { CLIENT_CLASS_OPTIONS, classOptions } from '../options/transport-class.js';
import { address, integer, milliseconds } from '../options/values.js';
import { jsonLine } from '../output/events.js';
import { addressText, infoText } from '../output/format-info.js';
import { type Bucket, bucketsOf, histogram } from '../output/histogram.js';
import { type Percentiles, percentiles } from '../output/percentiles.js';

const sizes: Parser<readonly number[]> = (text) => text.split(',').map(integer(1, 16_777_216));

const { idleTimeout: _idle, ...CONNECT } = CLIENT_OPTIONS;

const OPTIONS = {
  tsdu: valueOr(
    '--tsdu <list>',
    'sizes of TSDUs in octets; each is measured',
    sizes,
    [16, 1024, 65_536],
    {
      shownDefault: '16,1024,65536',
    },
  ),
  duration: valueOr('--duration <time>', 'time of each measurement', milliseconds, 2_000, {
    shownDefault: '2s',
  }),
  concurrency: valueOr('--concurrency <n>', 'number of connections', integer(1, 1_000), 1),
  window: valueOr(
    '--window <n>',
    'for throughput: TSDUs sent before the first answer',
    integer(1, 10_000),
    32,
  ),
  ...CONNECT,
  ...CLIENT_CLASS_OPTIONS,
  json: JSON_OPTION,
  ...TLS_CLIENT_OPTIONS,
};

type Values = OptionValues<typeof OPTIONS>;

export const bench = command({
  name: 'bench',
  summary: 'measure round trips and throughput with an echo server',
  description:
    "Measures with an echo server, such as 'cotp listen --echo': first round trips, with one TSDU " +
    'at a time, then throughput, with many. Every answer is compared with the TSDU that was sent. ' +
    'With --expedited it then measures expedited data in the same way. A terminal gets the times of ' +
    'the round trips as histograms too.',
  operands: [{ syntax: '<host[:port]>', description: 'the echo server; the default port is 102' }],
  options: OPTIONS,
  examples: [
    ['cotp listen 127.0.0.1 --echo', 'in one terminal'],
    ['cotp bench 127.0.0.1:1102', 'in another'],
    ['cotp bench 127.0.0.1:1102 --class 2', "class 2, with 'cotp listen --echo --class 2'"],
    ['cotp bench 10.0.0.5 --tsdu 240,960 --concurrency 4 --json', 'as an S7 client would use it'],
  ],
  async run([target = ''], options, io) {
    const addr = address(target);
    const transport = classOptions(options);
    const tls = await clientTls(options);
    const connections: Connection[] = [];
    try {
      for (let count = 0; count < options.concurrency; count += 1) {
        const conn = await connect(addr, {
          ...connectOptions(options),
          ...transport,
          tls,
          idleTimeout: options.timeout ?? 10_000,
          signal: io.signal,
        }).catch((error: unknown) => {
          throw beforeCc(error, addr);
        });
        connections.push(conn);
        closeOnStop(conn, io);
      }
      if (options.class !== undefined || options.expedited) {
        const [first] = connections;
        io.stderr.line(io.stderr.colours.dim(`connected to ${first && infoText(first.info)}`));
      }
      const rows = await measurements(connections, options, io);
      if (!options.json) {
        await io.stdout.text(`${table(rows, io)}\n`);
      }
      if (!options.json && io.stdout.isTTY) {
        await io.stdout.text(`${histograms(rows, io)}\n`);
      }
    } finally {
      await Promise.all(connections.map((conn) => conn.asyncClose()));
    }
    return EXIT.ok;
  },
});

/** The measurements with TSDUs of one size, or with expedited data. */
interface Row {
  readonly class: 0 | 2;
  readonly octets: number;
  readonly expedited: boolean;
  readonly connections: number;
  readonly roundTrips: number;
  readonly roundTripsPerSecond: number;
  readonly milliseconds: Percentiles;
  readonly megabytesPerSecond: number;
}

/** A row, and what is drawn of it. */
interface Measured {
  readonly row: Row;
  /** The times of the round trips in milliseconds. */
  readonly buckets: readonly Bucket[];
}

/** Sends and receives one kind of message. */
interface Exchange {
  readonly octets: number;
  readonly expedited: boolean;
  send(conn: Connection, data: Buffer): void;
  receive(conn: Connection): Promise<Buffer>;
}

function tsdus(octets: number): Exchange {
  return {
    octets,
    expedited: false,
    send: (conn, data) => conn.write(data),
    receive: (conn) => conn.read(),
  };
}

/** Expedited data of the greatest length. */
const EXPEDITED: Exchange = {
  octets: MAX_USER_DATA.expedited,
  expedited: true,
  send: (conn, data) => conn.writeExpedited(data),
  receive: (conn) => conn.readExpedited(),
};

async function measurements(
  connections: readonly Connection[],
  options: Values,
  io: Io,
): Promise<readonly Measured[]> {
  const exchanges = options.tsdu.map(tsdus);
  if (options.expedited) {
    checkExpedited(connections);
    exchanges.push(EXPEDITED);
  }
  const bar = progress(io, options);
  bar?.start(2 * exchanges.length, 0, { what: '' });
  const rows: Measured[] = [];
  try {
    for (const exchange of exchanges) {
      const measured = await measureRow(connections, exchange, options, bar);
      rows.push(measured);
      if (options.json) {
        await jsonLine(io, { event: 'bench', ...measured.row });
      }
    }
  } finally {
    bar?.stop();
  }
  return rows;
}

/** Before the CC the timer for silence means the same as that of the CC, and which of them is first is chance. */
function beforeCc(error: unknown, addr: Parameters<typeof addressText>[0]): unknown {
  if (!(error instanceof TimeoutError) || error.timer !== 'idleTimeout') {
    return error;
  }
  const { milliseconds, phase } = error;
  const where = addressText(addr);
  return new TimeoutError(
    `no CC within ${milliseconds} ms: is a COTP server listening on ${where}?`,
    'timeout',
    milliseconds,
    { phase, cause: error },
  );
}

function checkExpedited(connections: readonly Connection[]): void {
  if (connections.some(({ info }) => !info.expedited)) {
    throw new CommandError(
      "the peer does not grant expedited data; 'cotp listen --echo --expedited' does",
    );
  }
}

async function measureRow(
  connections: readonly Connection[],
  exchange: Exchange,
  { duration, window }: Values,
  bar: SingleBar | undefined,
): Promise<Measured> {
  const { octets, expedited } = exchange;
  const step = (what: string) => bar?.update({ what: `${sizeText(exchange)} octets, ${what}` });
  step('round trips');
  const single = await measure(connections, exchange, 1, duration);
  bar?.increment();
  step('throughput');
  const many = await measure(connections, exchange, window, duration);
  bar?.increment();
  const row = {
    class: connections[0]?.info.tpClass ?? 0,
    octets,
    expedited,
    connections: connections.length,
    roundTrips: single.times.length,
    roundTripsPerSecond: Math.round(single.times.length / single.seconds),
    milliseconds: roundedAll(percentiles(single.times)),
    megabytesPerSecond: rounded((many.times.length * octets) / many.seconds / 1e6),
  };
  return { row, buckets: bucketsOf(single.times) };
}

/** Six decimals: of a time in milliseconds they are nanoseconds, and no clock is finer. */
function rounded(number: number): number {
  return Math.round(number * 1e6) / 1e6;
}

function roundedAll({ p50, p90, p99, max }: Percentiles): Percentiles {
  return { p50: rounded(p50), p90: rounded(p90), p99: rounded(p99), max: rounded(max) };
}

function sizeText({ octets, expedited }: Pick<Row, 'octets' | 'expedited'>): string {
  return `${expedited ? 'ED ' : ''}${octets}`;
}

function progress({ stderr }: Io, { json }: Values): SingleBar | undefined {
  if (!stderr.isTTY || json) {
    return undefined;
  }
  const stream = stderr.stream as NodeJS.WriteStream;
  return new SingleBar({ format: '[{bar}] {what}', stream, clearOnComplete: true, barsize: 20 });
}

/** The round trip time of every TSDU in milliseconds, and the duration of the measurement. */
interface Measurement {
  readonly times: number[];
  readonly seconds: number;
}

async function measure(
  connections: readonly Connection[],
  exchange: Exchange,
  window: number,
  duration: number,
): Promise<Measurement> {
  const times: number[] = [];
  const started = performance.now();
  await Promise.all(
    connections.map((conn) => echoFor(conn, exchange, window, started + duration, times)),
  );
  return { times, seconds: (performance.now() - started) / 1000 };
}

/** Keeps `window` messages in transit until the time is over, then waits for the remaining answers. */
async function echoFor(
  conn: Connection,
  { octets, send: write, receive }: Exchange,
  window: number,
  until: number,
  times: number[],
): Promise<void> {
  const tsdu = Buffer.alloc(octets, 'cotp bench ');
  const sent: number[] = [];
  const send = () => {
    sent.push(performance.now());
    write(conn, tsdu);
  };
  for (let count = 0; count < window; count += 1) {
    send();
  }
  for (let next = 0; next < sent.length; next += 1) {
    const answer = await receive(conn);
    const arrived = performance.now();
    if (!answer.equals(tsdu)) {
      throw new CommandError(
        `the peer does not echo: ${octets} octets were sent, but other ${answer.length} came back; is it 'cotp listen --echo'?`,
        EXIT.failed,
      );
    }
    times.push(arrived - (sent[next] ?? arrived));
    if (arrived < until) {
      send();
    }
  }
}

/** The times of the round trips of each row. */
function histograms(rows: readonly Measured[], { stdout }: Io): string {
  const { bold, cyan } = stdout.colours;
  const parts = rows.map(({ row, buckets }) => {
    const lines = histogram(buckets, stdout.columns).map((line) => line.replace(/#+$/, cyan));
    return ['', bold(`round trips of ${sizeText(row)} octets, in ms`), ...lines].join('\n');
  });
  return parts.join('\n');
}

function table(rows: readonly Measured[], { stdout }: Io): string {
  const { bold } = stdout.colours;
  const heads = ['octets', 'trips/s', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms', 'MB/s'];
  const shown = new Table({
    head: heads.map(bold),
    colAligns: heads.map(() => 'right' as const),
    style: { head: [], border: [], compact: true },
    chars: NO_FRAME,
  });
  for (const { row } of rows) {
    const { roundTripsPerSecond, milliseconds, megabytesPerSecond } = row;
    const { p50, p90, p99, max } = milliseconds;
    const times = [p50, p90, p99, max].map((time) => time.toFixed(3));
    shown.push([sizeText(row), roundTripsPerSecond, ...times, megabytesPerSecond.toFixed(1)]);
  }
  return shown.toString().replace(/ +$/gm, '');
}

/** A table without borders. */
const NO_FRAME = {
  ...Object.fromEntries(
    ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) =>
      ['', '-mid', '-left', '-right'].map((part) => [`${side}${part}`, '']),
    ),
  ),
  'left-mid': '',
  'right-mid': '',
  'mid-mid': '',
  middle: ' ',
};
