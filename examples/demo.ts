/**
 * A server and a client in one process, and a ladder diagram of every TPDU between them. It uses only
 * exports of the package, except for the lines of the diagram, which are those of `cotp proxy`. `npm run demo` builds
 * and runs it.
 */
import { styleText } from 'node:util';
import {
  type Connection,
  ConnectionRefusedError,
  connect,
  formatTsel,
  listen,
  type TraceEntry,
  type Tsel,
} from 'cotp';
import type * as Ladder from '../src/node/trace/ladder-line.js';

// The package does not export it. It is in dist, beside the bundle.
const { ladderLine } = (await import(
  new URL('../node/trace/ladder-line.js', import.meta.resolve('cotp')).href
)) as typeof Ladder;

const COLUMNS = process.stdout.columns ?? 80;
/** Columns of the time at the left. */
const LEFT = 11;
const ARROWS = { sent: 'client ────▶ server', received: 'client ◀──── server' };
/** Whose call a line shows. */
const CALLERS = { left: 'client ●', right: '         ● server' };
const ARROW_WIDTH = ARROWS.sent.length;

type Style = Parameters<typeof styleText>[0];

/** The only T-selector that the server accepts. */
const DEVICE = 0x0102;
const start = performance.timeOrigin + performance.now();

const server = await listen(
  serve,
  { host: '127.0.0.1', port: 0 },
  {
    name: 'server',
    localTsel: DEVICE,
    maxTpduSize: 512,
  },
);
const [address] = server.addresses;
if (address === undefined) {
  throw new Error('the server has no address');
}

title(`cotp: ISO transport over TCP, two ends on ${address.host}:${address.port}`);
heading('The client requests a connection and the server confirms it');
said('left', 'connect(addr, { remoteTsel: 0x0102, maxTpduSize: 1024, … })');
const conn = await connect(address, {
  localTsel: 0x0100,
  remoteTsel: DEVICE,
  maxTpduSize: 1024,
  trace: draw,
});

heading('What both sides negotiated');
agreement(conn);

heading('One write is one TSDU, one read is one TSDU');
await exchange(conn, Buffer.from('Good morning. Is anybody there?'));

heading('A TSDU larger than a TPDU is sent in several DTs, the last one with EOT');
await exchange(conn, Buffer.alloc(1_200, '0123456789'));

heading('Class 0 has no TPDU for the end: TCP is closed when all data is sent');
said('left', 'await conn.asyncClose()');
await conn.asyncClose();
ladder('client ◀───▶ server', color('gray', 'FIN of either side'));

heading('The server refuses the selector 0x0305: all fields of the error');
said('left', 'connect(addr, { remoteTsel: 0x0305, … })');
try {
  await connect(address, { localTsel: 0x0100, remoteTsel: 0x0305, trace: draw });
} catch (error) {
  printRefusal(error);
}
await server.asyncClose();
await class2();

/** The server: answers each TSDU with a TSDU until the client closes. */
async function serve(peer: Connection): Promise<void> {
  for await (const tsdu of peer) {
    said('right', `read() gave ${quoted(tsdu)}`);
    const answer = Buffer.from(`Yes, and I got ${tsdu.length} octets in one piece.`);
    said('right', `write(${quoted(answer)})`);
    peer.write(answer);
  }
}

/** Class 2 of RFC 2126: expedited data, and an end that the peer confirms. */
async function class2(): Promise<void> {
  const device = await listen(
    listenTo,
    { host: '127.0.0.1', port: 0 },
    {
      tpClass: '2,0',
      expedited: true,
      onExpedited: (data) => said('right', `expedited data came first: ${quoted(data)}`),
    },
  );
  const [where = { host: '127.0.0.1' }] = device.addresses;
  heading('Class 2, or class 0 if the peer has no class 2; with expedited data');
  said('left', "connect(addr, { tpClass: '2,0', expedited: true, expeditedAck: true })");
  const both = { tpClass: '2,0', expedited: true, expeditedAck: true } as const;
  const client = await connect(where, { ...both, trace: draw });

  heading('Expedited data overtakes the TSDU that waits; data goes on after its EA');
  const order = Buffer.from('Drill 30 holes into the plate.');
  said('left', `write(${quoted(order)})`);
  client.write(order);
  said('left', "writeExpedited('STOP')");
  client.writeExpedited(Buffer.from('STOP'));
  said('left', `read() gave ${quoted(await client.read())}`);

  heading('The end carries user data, and the peer confirms it');
  said('left', "await conn.disconnect({ userData: 'shift ends' })");
  const { confirmed, unsent } = await client.disconnect({ userData: Buffer.from('shift ends') });
  said('left', `disconnect() gave confirmed: ${confirmed}, unsent: ${unsent}`);
  await device.asyncClose();
}

/** The server of class 2: answers each TSDU, and says how the connection ended. */
async function listenTo(peer: Connection): Promise<void> {
  for await (const tsdu of peer) {
    said('right', `read() gave ${quoted(tsdu)}`);
    peer.write(Buffer.from('I have stopped.'));
  }
  await peer.waitClosed();
  const { reason, userData = Buffer.alloc(0) } = peer.disconnection ?? {};
  said('right', `it ended: reason ${reason}, user data ${quoted(Buffer.from(userData))}`);
}

/** Sends one TSDU and waits for the answer. */
async function exchange(to: Connection, tsdu: Buffer): Promise<void> {
  said('left', `write(${quoted(tsdu)})`);
  to.write(tsdu);
  const answer = await to.read();
  said('left', `read() gave ${quoted(answer)}`);
}

/** Trace listener of the client: draws each TPDU as a line. */
function draw({ time, direction, octets, tpdu }: TraceEntry): void {
  const lead = clock(time);
  print(
    ladderLine({
      lead,
      paintedLead: color('gray', lead),
      arrow: ARROWS[direction],
      tpdu,
      octets,
      columns: COLUMNS,
      cutsWords: true,
      paint: (hue, text) => color(hue, text),
    }),
  );
}

/** Prints what was negotiated, as the client sees it. */
function agreement({ info }: Connection): void {
  const rows: [string, string][] = [
    ['local selector', tsel(info.localTsel)],
    ['remote selector', tsel(info.remoteTsel)],
    ['our reference', reference(info.localRef)],
    ["the peer's reference", reference(info.remoteRef)],
    ['transport class', String(info.tpClass)],
    ['TPDU size', `${info.maxTpduSize} octets: 1024 offered, 512 answered`],
    ['user data in one DT', `${info.maxTpduSize - 3} octets at most`],
  ];
  for (const [name, value] of rows) {
    print(`  ${' '.repeat(LEFT)}${color('gray', name.padEnd(24))}${value}`);
  }
}

/** Prints the fields of a refusal. */
function printRefusal(error: unknown): void {
  if (!(error instanceof ConnectionRefusedError)) {
    throw error;
  }
  const rows: [string, string][] = [
    ['class', error.name],
    ['code', error.code],
    ['phase', `${error.phase}: the CR was sent, no CC was received`],
    ['ending', `${error.ending}: the peer answered with a DR`],
    ['reason', `${error.reason}: ${error.reasonText}`],
    ['hint', error.hint ?? ''],
    ['octets', hex(error.octets ?? new Uint8Array())],
  ];
  for (const [name, value] of rows) {
    const shown = name === 'code' || name === 'hint' ? color('bold', value) : value;
    print(`  ${' '.repeat(LEFT)}${color('gray', name.padEnd(10))}${shown}`);
  }
  print('');
}

/** Shows a call of the application or its result, on its side of the ladder. */
function said(side: 'left' | 'right', text: string): void {
  const room = COLUMNS - LEFT - ARROW_WIDTH - 2;
  const shown = text.length > room ? `${text.slice(0, room - 1)}…` : text;
  ladder(color('yellow', CALLERS[side].padEnd(ARROW_WIDTH)), color('yellow', shown));
}

function quoted(octets: Buffer): string {
  return octets.length <= 48 ? `'${octets.toString('latin1')}'` : `${octets.length} octets`;
}

function reference(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16).padStart(4, '0')}`;
}

function tsel(value: Tsel | undefined): string {
  return value === undefined ? 'none' : formatTsel(value);
}

/** Octets in hexadecimal. */
function hex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(' ');
}

/** Milliseconds since the start, at the left of a line. */
function clock(time: number): string {
  return `${`${(time - start).toFixed(1)} ms`.padStart(LEFT - 1)} `;
}

/** Prints a line without a time. */
function ladder(arrow: string, text: string): void {
  print(`${' '.repeat(LEFT)}${arrow}  ${text}`);
}

function title(text: string): void {
  print(`\n ${color('bold', text)}`);
}

function heading(text: string): void {
  print(`\n ${color('gray', '──')} ${color('bold', text)}\n`);
}

/** Adds colour, on a terminal only and not if `NO_COLOR` is set (https://no-color.org). */
function color(style: Style, text: string): string {
  const { NO_COLOR = '' } = process.env;
  return process.stdout.isTTY && NO_COLOR === '' ? styleText(style, text) : text;
}

function print(line: string): void {
  console.log(line.trimEnd());
}
