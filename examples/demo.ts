/**
 * A server and a client in one process, and a ladder diagram of every TPDU between them. It uses only
 * exports of the package. `npm run demo` builds and runs it.
 */
import { styleText } from 'node:util';
import {
  type Connection,
  ConnectionRefusedError,
  CotpError,
  connect,
  formatTsel,
  listen,
  type Tpdu,
  type TraceEntry,
  type Tsel,
} from 'cotp';

const WIDTH = 80;
/** Columns of the two lifelines. */
const LEFT = 9;
const RIGHT = WIDTH - 4;
const INNER = RIGHT - LEFT - 1;
const BAR = color('gray', '│');

/** The names of the TPDU types in words. */
const NAMES: Readonly<Partial<Record<Tpdu['type'], string>>> = {
  CR: 'connection request',
  CC: 'connection confirm',
  DR: 'disconnect request',
  DC: 'disconnect confirm',
  DT: 'data',
  ED: 'expedited data',
  EA: 'expedited data acknowledgement',
  ER: 'error',
};

type Style = Parameters<typeof styleText>[0];

const HUES: Readonly<Partial<Record<Tpdu['type'], Style>>> = {
  CR: 'cyan',
  CC: 'green',
  DR: 'red',
  DC: 'red',
  DT: 'blue',
  ED: 'magenta',
  EA: 'magenta',
  ER: 'red',
};

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
lifelines();
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
lifelines();
await exchange(conn, Buffer.from('Good morning. Is anybody there?'));

heading('A TSDU larger than a TPDU is sent in several DTs, the last one with EOT');
lifelines();
await exchange(conn, Buffer.alloc(1_200, '0123456789'));

heading('Class 0 has no TPDU for the end: TCP is closed when all data is sent');
lifelines();
said('left', 'await conn.asyncClose()');
await conn.asyncClose();
ladder(color('gray', `◀${'┄'.repeat(4)} FIN ${'┄'.repeat(INNER - 11)}▶`));
rung();

heading('The server refuses the selector 0x0305: all fields of the error');
lifelines();
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
  lifelines();
  said('left', "connect(addr, { tpClass: '2,0', expedited: true, expeditedAck: true })");
  const both = { tpClass: '2,0', expedited: true, expeditedAck: true } as const;
  const client = await connect(where, { ...both, trace: draw });

  heading('Expedited data overtakes the TSDU that waits; data goes on after its EA');
  lifelines();
  const order = Buffer.from('Drill 30 holes into the plate.');
  said('left', `write(${quoted(order)})`);
  client.write(order);
  said('left', "writeExpedited('STOP')");
  client.writeExpedited(Buffer.from('STOP'));
  said('left', `read() gave ${quoted(await client.read())}`);
  rung();

  heading('The end carries user data, and the peer confirms it');
  lifelines();
  said('left', "await conn.disconnect({ userData: 'shift ends' })");
  const { confirmed, unsent } = await client.disconnect({ userData: Buffer.from('shift ends') });
  said('left', `disconnect() gave confirmed: ${confirmed}, unsent: ${unsent}`);
  await device.asyncClose();
  rung();
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
  rung();
}

/** Trace listener of the client: draws each TPDU as an arrow with its fields and octets. */
function draw({ time, direction, octets, tpdu }: TraceEntry): void {
  if (tpdu instanceof CotpError) {
    ladder(color('red', ` ${tpdu.message}`));
    return;
  }
  const hue = HUES[tpdu.type] ?? 'white';
  const label = ` ${tpdu.type}  ${NAMES[tpdu.type] ?? ''} `;
  const size = ` ${String(octets.length).padStart(3)} octets `;
  const shaft = '─'.repeat(INNER - label.length - size.length - 9);
  const at = `${(time - start).toFixed(1)} ms`;
  const strong = color('bold', label);
  const arrow =
    direction === 'sent'
      ? `${color(hue, '────')}${color(hue, strong)}${color(hue, shaft)}${color('gray', size)}${color(hue, '────▶')}`
      : `${color(hue, '◀────')}${color(hue, strong)}${color(hue, shaft)}${color('gray', size)}${color(hue, '────')}`;
  ladder(arrow, { at });
  for (const line of wrapped(fields(tpdu))) {
    ladder(`      ${line}`);
  }
  ladder(color('gray', `      ${hex(octets)}`));
  rung();
}

/** The fields of a TPDU that classes 0 and 2 use, as `name value`. */
function fields(tpdu: Tpdu): string[] {
  switch (tpdu.type) {
    case 'CR':
    case 'CC': {
      const { callingTsel, calledTsel, tpduSize, preferredMaxTpduSize } = tpdu.parameters;
      const { alternativeClasses, additionalOptions = 0 } = tpdu.parameters;
      return [
        `src-ref ${reference(tpdu.srcRef)}`,
        `dst-ref ${reference(tpdu.dstRef)}`,
        `class ${tpdu.class}${alternativeClasses === undefined ? '' : ` or ${alternativeClasses}`}`,
        ...(additionalOptions === 0x21 ? ['expedited data with EA'] : []),
        ...(tpduSize === undefined ? [] : [`size ${tpduSize}`]),
        ...(preferredMaxTpduSize === undefined ? [] : [`preferred size ${preferredMaxTpduSize}`]),
        ...(callingTsel === undefined ? [] : [`calling ${selector(callingTsel)}`]),
        ...(calledTsel === undefined ? [] : [`called ${selector(calledTsel)}`]),
      ];
    }
    case 'DR':
      return [
        `src-ref ${reference(tpdu.srcRef)}`,
        `dst-ref ${reference(tpdu.dstRef)}`,
        `reason ${tpdu.reason}`,
        ...(tpdu.parameters.additionalInfo?.[0] === 0x80 ? ['non-disruptive'] : []),
        ...(tpdu.userData.length === 0 ? [] : [`user data ${tpdu.userData.length} octets`]),
      ];
    case 'DC':
      return [`src-ref ${reference(tpdu.srcRef)}`, `dst-ref ${reference(tpdu.dstRef)}`];
    case 'EA':
      return [`dst-ref ${reference(tpdu.dstRef)}`, `number ${tpdu.yrEdtuNr}`];
    case 'ED':
      return [`user data ${tpdu.userData.length} octets`, `number ${tpdu.tpduNr}`];
    case 'DT':
      return [`user data ${tpdu.userData.length} octets`, tpdu.eot ? 'EOT' : 'more to come'];
    default:
      return [];
  }
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

/** Draws a call of the application or its result, on its side of the ladder. */
function said(side: 'left' | 'right', text: string): void {
  const room = INNER - 2;
  const shown = text.length > room ? `${text.slice(0, room - 1)}…` : text;
  const dot = color('yellow', '●');
  if (side === 'left') {
    ladder(` ${color('yellow', shown)}`, { left: dot });
  } else {
    ladder(`${' '.repeat(INNER - shown.length - 1)}${color('yellow', shown)}`, { right: dot });
  }
}

function quoted(octets: Buffer): string {
  return octets.length <= 48 ? `'${octets.toString('latin1')}'` : `${octets.length} octets`;
}

function reference(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16).padStart(4, '0')}`;
}

function selector(octets: Uint8Array): string {
  return formatTsel(octets);
}

function tsel(value: Tsel | undefined): string {
  return value === undefined ? 'none' : formatTsel(value);
}

/** Octets in hexadecimal. A long string is shortened to its first octets and the number of the others. */
function hex(octets: Uint8Array): string {
  const most = octets.length <= 18 ? 18 : 16;
  const shown = Array.from(octets.subarray(0, most), (octet) =>
    octet.toString(16).padStart(2, '0'),
  );
  const more = octets.length > most ? ` … ${octets.length - most} more` : '';
  return `${shown.join(' ')}${more}`;
}

/** Wraps items to lines that fit between the lifelines. */
function wrapped(items: readonly string[]): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + item.length + 3 <= INNER - 8) {
      lines[lines.length - 1] = `${last}   ${item}`;
    } else {
      lines.push(item);
    }
  }
  return lines;
}

function lifelines(): void {
  print(`${' '.repeat(LEFT - 3)}client${' '.repeat(INNER - 5)}server`);
  rung();
}

/** Prints a line between the lifelines, which `left` and `right` replace, with the time at the left. */
function ladder(text: string, { at = '', left = BAR, right = BAR } = {}): void {
  const pad = ' '.repeat(Math.max(0, INNER - plainLength(text)));
  print(`${color('gray', at.padStart(LEFT - 1))} ${left}${text}${pad}${right}`);
}

function rung(): void {
  ladder('');
}

function title(text: string): void {
  print(`\n ${color('bold', text)}`);
}

function heading(text: string): void {
  print(`\n ${color('gray', '──')} ${color('bold', text)}\n`);
}

/** Length of a text without its colour codes. */
function plainLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches escape sequences.
  return text.replace(/\u001b\[\d+m/g, '').length;
}

/** Adds colour, on a terminal only and not if `NO_COLOR` is set (https://no-color.org). */
function color(style: Style, text: string): string {
  const { NO_COLOR = '' } = process.env;
  return process.stdout.isTTY && NO_COLOR === '' ? styleText(style, text) : text;
}

function print(line: string): void {
  console.log(line.trimEnd());
}
