/**
 * The clients of class 2: they send expedited data between TSDUs, and look at how the connection ended.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Connection, Disconnection } from 'cotp';
import { ExpeditedCheck, ITEM_LENGTH } from './expedited.js';
import { bare, closed, exchange, type Life, MOST_TSDUS, open, sleep } from './life.js';
import { Sequence } from './messages.js';
import { TSDUS_BEFORE_CLOSE, userDataOf, type Wish } from './server.js';

/** Expedited data goes before every third TSDU. */
const EXPEDITED_EVERY = 3;

/** Long enough for a machine that is busy or blocked: the end of a connection is to be confirmed. */
const CLOSE_TIMEOUT = 30_000;

/** Offers class 2 with and without class 0 and EA, in turn. */
async function openClass2(
  life: Life,
  wish: Wish = 'echo',
): Promise<{ readonly connection: Connection; readonly check: ExpeditedCheck }> {
  const { stream, tally } = life;
  const check = new ExpeditedCheck(stream, tally);
  const connection = await open(life, wish, {
    tpClass: stream % 2 === 0 ? 2 : '2,0',
    expedited: true,
    expeditedAck: stream % 4 < 2,
    closeTimeout: CLOSE_TIMEOUT,
    onExpedited: (data) => check.check(data),
  });
  if (connection.info.tpClass !== 2 || !connection.info.expedited) {
    tally.fault(`client ${stream}: class ${connection.info.tpClass} was agreed on`);
  }
  return { connection, check };
}

/** Sends, and checks every octet that comes back; nobody disturbs it, so the end is confirmed. */
export async function exchangeInClass2(life: Life): Promise<void> {
  const { connection, check } = await openClass2(life);
  await exchangeBoth(life, connection, check, 1 + (life.stream % MOST_TSDUS));
  const end = await connection.disconnect({ userData: userDataOf(life.stream) });
  expectEnd(life, end, { ending: 'local', confirmed: true, unsent: 0 });
  if (check.received !== check.sent) {
    life.tally.fault(`${check.received} of ${check.sent} expedited data came back`);
  }
}

/** Sends expedited data between TSDUs, and checks every octet that comes back. */
async function exchangeBoth(
  life: Life,
  connection: Connection,
  check: ExpeditedCheck,
  count: number,
  unanswered = 0,
): Promise<void> {
  await exchange(life, connection, {
    count,
    unanswered,
    write: (tsdu, index) => {
      if (index % EXPEDITED_EVERY === 0) {
        connection.writeExpedited(check.next());
      }
      const hasRoom = connection.write(tsdu);
      check.written += 1;
      return hasRoom;
    },
    onRead: () => {
      check.read += 1;
    },
  });
  // The answer to an ED may be held back by an EA longer than a TSDU that was written before it.
  for (let tries = 0; unanswered === 0 && check.received < check.sent && tries < 500; tries += 1) {
    await wait(20);
  }
}

/** Ends in the middle of everything: what it has not sent is dropped, and the end is confirmed all the same. */
export async function disruptive(life: Life): Promise<void> {
  const { connection, check } = await openClass2(life);
  const sent = new Sequence(life.stream);
  for (let count = life.stream % 10; count >= 0; count -= 1) {
    connection.writeExpedited(check.next());
    connection.write(sent.next());
    check.written += 1;
  }
  const end = await connection.disconnect({
    disruptive: true,
    userData: userDataOf(life.stream),
  });
  expectEnd(life, end, { ending: 'local', confirmed: true });
}

/** The server ends it once it has echoed a few TSDUs, which have all been read by then. */
export async function closedByServer(life: Life): Promise<void> {
  const { connection, check } = await openClass2(life, 'close');
  await exchangeBoth(life, connection, check, TSDUS_BEFORE_CLOSE);
  await connection.waitClosed();
  const { disconnection } = connection;
  const { userData } = disconnection ?? {};
  expectEnd(life, disconnection, { ending: 'dr', reason: 128, nonDisruptive: true, unsent: 0 });
  const got = Buffer.from(userData ?? []);
  if (!got.equals(userDataOf(life.stream))) {
    life.tally.fault(`client ${life.stream}: the DR carries '${got.toString('hex')}'`);
  }
}

export async function resetInClass2(life: Life): Promise<void> {
  const { connection, check } = await openClass2(life);
  await exchangeBoth(life, connection, check, 1 + (life.stream % MOST_TSDUS), 3);
  connection.destroy();
  await connection.waitClosed();
}

/** A CR of class 2 with expedited data and EA, of the client number 0. */
const CR = Buffer.from('030000140fe00000007721c0010ac60121c70100', 'hex');

/** Makes the server send an ED, never acknowledges it and goes on sending: writeTimeout is to end it. */
export async function withoutEa({ port, over }: Life): Promise<void> {
  const socket = await bare(port);
  const cc = await new Promise<Buffer>((resolve) => {
    socket.once('data', resolve);
    socket.once('close', () => resolve(Buffer.alloc(0)));
    socket.write(CR);
  });
  if (cc.length >= CC_START) {
    socket.write(addressed(`0300001504100000 80 ${'00'.repeat(ITEM_LENGTH)}`, cc));
  }
  const end = closed(socket);
  const isOver = () => over.aborted || socket.closed;
  for (let count = 0; !isOver() && count < 40; count += 1) {
    socket.write(addressed('0300000904f00000 00', cc));
    await Promise.race([end, sleep(500, over)]);
  }
  socket.destroy();
  await end;
}

/** Octets of a CC up to its SRC-REF, TPKT header included. */
const CC_START = 10;

/** A packet with the reference of the server, which its CC names. */
function addressed(packet: string, cc: Buffer): Buffer {
  const octets = Buffer.from(packet.replaceAll(' ', ''), 'hex');
  cc.copy(octets, 6, CC_START - 2, CC_START);
  return octets;
}

function expectEnd(
  { stream, tally }: Life,
  end: Disconnection | undefined,
  expected: Partial<Disconnection>,
): void {
  for (const [name, value] of Object.entries(expected)) {
    if (end?.[name as keyof Disconnection] !== value) {
      tally.fault(
        `client ${stream}: ${name} should be ${value}; it ended so: ${JSON.stringify(end)}`,
      );
    }
  }
}
