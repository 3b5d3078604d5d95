/**
 * An echo server with a page of metrics for Prometheus. docs/metrics.md describes them.
 *
 *     node build/examples/metrics.js PORT METRICSPORT
 */
import { subscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import { type Connection, type ConnectionEvent, listen } from 'cotp';
import { Counter, Gauge, Registry } from 'prom-client';

const [port = 1102, metricsPort = 9102] = process.argv.slice(2).map(Number);
const echo = async (conn: Connection) => {
  for await (const tsdu of conn) conn.write(tsdu) || (await conn.drain());
};
const server = await listen(echo, { host: '127.0.0.1', port }, { localTsel: 0x0102 });

/** The counters of connections that have ended. */
const ended = { bytesRead: 0, bytesWritten: 0, messagesRead: 0, messagesWritten: 0 };
const KEYS = Object.keys(ended) as (keyof typeof ended)[];
const sum = (key: keyof typeof ended | 'readBuffered' | 'writeBuffered') =>
  [...server.connections].reduce((total, conn) => total + conn[key], 0);

const page = new Registry();
const named = (name: string) => ({ name: `cotp_${name}`, help: name, registers: [page] });
/** The value of these is read when the page is. */
const read: readonly (readonly [Counter | Gauge, () => number])[] = [
  [new Counter(named('connections_accepted_total')), () => server.stats().accepted],
  [new Gauge(named('connections_handshaking')), () => server.stats().handshaking],
  [new Gauge(named('connections_open')), () => server.stats().open],
  [new Counter(named('received_octets_total')), () => ended.bytesRead + sum('bytesRead')],
  [new Counter(named('sent_octets_total')), () => ended.bytesWritten + sum('bytesWritten')],
  [new Counter(named('received_messages_total')), () => ended.messagesRead + sum('messagesRead')],
  [new Counter(named('sent_messages_total')), () => ended.messagesWritten + sum('messagesWritten')],
  [new Gauge(named('read_buffered_octets')), () => sum('readBuffered')],
  [new Gauge(named('write_buffered_octets')), () => sum('writeBuffered')],
];
const refused = new Counter({ ...named('refused_total'), labelNames: ['cause', 'reason'] });
const dropped = new Counter({ ...named('dropped_total'), labelNames: ['cause'] });
const failed = new Counter(named('failed_total'));
subscribe('cotp:connection', (message) => {
  const it = message as ConnectionEvent;
  if (it.server !== server.addresses[0]) return;
  if (it.event === 'refused') refused.inc({ cause: it.cause, reason: it.reason ?? 'none' });
  if (it.event === 'drop') dropped.inc({ cause: it.cause });
  if (it.event === 'error') failed.inc();
  if (it.event === 'close') for (const key of KEYS) ended[key] += it[key];
});

const http = createServer(async (_request, response) => {
  for (const [metric, value] of read) {
    metric.reset();
    metric.inc(value());
  }
  response.setHeader('content-type', page.contentType).end(await page.metrics());
});
http.listen(metricsPort, '127.0.0.1', () => console.log(server.addresses, http.address()));
