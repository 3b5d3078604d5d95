/**
 * R16: every way in which a peer can end, at every phase, in both roles. The peer is bare TCP.
 *
 * A cell has the error that the user of our side gets. Silence is an ending too: a timer ends it.
 */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { ConnectRequest, CotpError, Ending, Phase } from '../../../src/index.js';
import { rawClient, rejection, serve } from '../../support/life.js';
import { CR, dt, hex, type RawPeer, tpkt } from '../../support/raw.js';
import {
  calling,
  guardProcess,
  Mailbox,
  ROLES,
  type SharedOptions,
  sendAlone,
  TOO_MANY,
  until,
  wire,
} from '../../support/wire.js';

guardProcess();

const DR = tpkt('06 80 0000 0007 80');
const ER = tpkt('04 70 0000 03');
const GARBAGE = Buffer.alloc(64);

/** How a peer ends. After its DR or ER it closes TCP, as deployed peers do. */
const ENDINGS = {
  RST: (raw: RawPeer) => raw.reset(),
  FIN: (raw: RawPeer) => raw.socket.end(),
  DR: (raw: RawPeer) => raw.socket.end(DR),
  ER: (raw: RawPeer) => raw.socket.end(ER),
  garbage: (raw: RawPeer) => raw.send(GARBAGE),
  silence: () => {},
} as const;
type PeerEnding = keyof typeof ENDINGS;

/** Milliseconds that a timer of ours allows: short only where it is what is waited for. */
const timeFor = (how: PeerEnding) => (how === 'silence' ? 60 : 10_000);

/** What the user gets: the code and ending of the error. */
type Told = readonly [code: string, ending: Ending];

const RESET: Told = ['ERR_COTP_CLOSED', 'reset'];
const FIN: Told = ['ERR_COTP_CLOSED', 'fin'];
const BY_DR: Told = ['ERR_COTP_CLOSED', 'dr'];
const BY_ER: Told = ['ERR_COTP_CLOSED', 'er'];
const GARBLED: Told = ['ERR_COTP_PROTOCOL', 'garbage'];
const TIMED_OUT: Told = ['ERR_COTP_TIMEOUT', 'timeout'];
const REFUSED_BY_DR: Told = ['ERR_COTP_REFUSED', 'dr'];
const REFUSED_BY_ER: Told = ['ERR_COTP_REFUSED', 'er'];
const CLOSED_BY_US: Told = ['ERR_COTP_CLOSED', 'local'];

type Row = Readonly<Record<PeerEnding, Told>>;

const OPEN_ROW: Row = {
  RST: RESET,
  FIN,
  DR: BY_DR,
  ER: BY_ER,
  garbage: GARBLED,
  silence: TIMED_OUT,
};
/** Inside of a TPKT the octets of a DR or ER are octets of that TPKT. */
const MID_TPKT_ROW: Row = { ...OPEN_ROW, DR: FIN, ER: FIN };

const cells = (row: Row) =>
  (Object.keys(ENDINGS) as PeerEnding[]).map((ending) => [ending, ...row[ending]] as const);

const hangsUp = (how: PeerEnding) => how === 'RST' || how === 'FIN';

describe('our server, before the CR', () => {
  test.each((['RST', 'FIN'] as const).map((how) => [how]))(
    'R16 %s is no connection of anybody: nothing is reported',
    async (how) => {
      const reports = new Mailbox<Error>();
      const server = await serve({ onError: reports.put });
      const raw = await rawClient(server.address.port);
      ENDINGS[how](raw);
      await raw.ending();
      // Another connection has been served by now, so the first is over on the server too.
      const next = await rawClient(server.address.port);
      next.send(CR);
      await next.packet();
      expect(reports.all).toEqual([]);
      expect(server.server.connectionCount).toBe(1);
    },
  );

  test.each(cells(OPEN_ROW).filter(([how]) => !hangsUp(how)))(
    'R16 %s is reported to onError as %s (%s)',
    async (how, code, ending) => {
      const reports = new Mailbox<Error>();
      const server = await serve({ onError: reports.put, handshakeTimeout: timeFor(how) });
      const raw = await rawClient(server.address.port);
      ENDINGS[how](raw);
      expect(await reports.next()).toMatchObject({ code, ending, phase: 'wait-cr' });
      await raw.ending();
      expect(reports.all).toHaveLength(1);
      expect(server.server.connectionCount).toBe(0);
    },
  );
});

describe('our server, deciding on the CR', () => {
  test.each(cells(OPEN_ROW))('R16 %s withdraws the request: %s (%s)', async (how, code, ending) => {
    const reports = new Mailbox<Error>();
    const requests = new Mailbox<ConnectRequest>();
    const server = await serve({
      onError: reports.put,
      handshakeTimeout: timeFor(how),
      closeTimeout: 60,
      onConnectRequest: (request) => {
        requests.put(request);
        return new Promise((resolve) => {
          request.signal.addEventListener('abort', () => resolve());
        });
      },
    });
    const raw = await rawClient(server.address.port);
    raw.send(CR);
    const { signal, accept } = await requests.next();
    ENDINGS[how](raw);
    const error = await reports.next();
    expect(error).toMatchObject({ code, ending, phase: 'cr-received' });
    expect(signal.reason).toBe(error);
    accept();
    await raw.ending();
    expect(reports.all).toEqual([error]);
    expect(server.server.connectionCount).toBe(0);
  });
});

const CALLING_ROW: Row = { ...OPEN_ROW, DR: REFUSED_BY_DR, ER: REFUSED_BY_ER };

describe('our client, as soon as TCP stands', () => {
  test('R16 RST rejects connect, by an error of the system if TCP was quicker than Node', async () => {
    const { connecting, raw } = await calling();
    ENDINGS.RST(raw);
    expect(await rejection(connecting)).toMatchObject({
      code: expect.stringMatching(/^(ECONNRESET|ERR_COTP_CLOSED)$/),
    });
  });

  test.each(cells(CALLING_ROW).filter(([how]) => how !== 'RST'))(
    'R16 %s rejects connect: %s (%s)',
    async (how, code, ending) => {
      const abort = new AbortController();
      const { connecting, raw } = await calling({ timeout: timeFor(how), signal: abort.signal });
      ENDINGS[how](raw);
      expect(await rejection(connecting)).toMatchObject({ code, ending, phase: 'cr-sent' });
      await raw.ending();
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    },
  );
});

describe('our client, after its CR', () => {
  test.each(cells(CALLING_ROW))('R16 %s rejects connect: %s (%s)', async (how, code, ending) => {
    const abort = new AbortController();
    const { connecting, raw } = await calling({ timeout: timeFor(how), signal: abort.signal });
    await raw.packet();
    ENDINGS[how](raw);
    expect(await rejection(connecting)).toMatchObject({ code, ending, phase: 'cr-sent' });
    await raw.ending();
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });
});

/** Phases of an open connection: what the peer sends of a TSDU before it ends. */
const PHASES = [
  { phase: 'after the CC', begun: '', row: OPEN_ROW },
  { phase: 'within a TPKT header', begun: '0300', row: MID_TPKT_ROW },
  { phase: 'within a TPKT', begun: '03000030 02f080 02', row: MID_TPKT_ROW },
  { phase: 'within a TSDU', begun: '03000008 02f000 02', row: OPEN_ROW },
] as const;

describe.each(ROLES)('our %s', (role) => {
  describe.each(PHASES)('$phase', ({ begun, row }) => {
    test.each(cells(row))(
      'R16 %s is reported by read, after what had arrived: %s (%s)',
      async (...cell) => {
        const [how, code, ending] = cell;
        const options: SharedOptions = { closeTimeout: 60 };
        const timers = begun === '' ? { idleTimeout: 60 } : { reassemblyTimeout: 60 };
        const all = await wire(role, how === 'silence' ? { ...options, ...timers } : options);
        const { connection, raw, reports, server } = all;
        const aborts = new Mailbox<Event>();
        connection.signal.addEventListener('abort', aborts.put);
        await sendAlone(all, Buffer.concat([dt('01'), hex(begun)]));
        ENDINGS[how](raw);
        const isQuiet = how === 'FIN' && begun === '';
        if (!isQuiet) {
          await connection.waitClosing();
        }
        expect(await connection.read()).toEqual(hex('01'));
        if (how === 'garbage' && begun.startsWith('03000030')) {
          // The octets that fill the TPKT are data; the one after them is no TPKT.
          expect(await connection.read()).toHaveLength(0x30 - 7);
        }
        const error = await rejection<CotpError>(connection.read());
        expect(error).toMatchObject({ code, ending, phase: 'open' });
        await connection.waitClosed();
        expect(() => connection.write(hex('01'))).toThrow(error);
        expect(await rejection(connection.drain())).toBe(error);
        expect(aborts.all).toHaveLength(1);
        expect(connection.signal.reason).toBe(error);
        const isOrderly = begun === '' && (how === 'FIN' || how === 'DR');
        expect(reports.all).toEqual(isOrderly ? [] : [error]);
        await until(() => (server?.server.connectionCount ?? 0) === 0);
      },
    );
  });

  describe('while it closes', () => {
    const phase: Phase = 'open';
    test.each(Object.keys(ENDINGS) as PeerEnding[])(
      'R16 %s does not hold it up, and what had arrived is read',
      async (how) => {
        const all = await wire(role, { closeTimeout: 60 });
        const { connection, raw, reports, server } = all;
        await sendAlone(all, dt('01'));
        const closing = connection.asyncClose();
        await raw.until(() => raw.isOver, true);
        ENDINGS[how](raw);
        await closing;
        expect(await connection.read()).toEqual(hex('01'));
        const [code, ending] = CLOSED_BY_US;
        expect(await rejection(connection.read())).toMatchObject({ code, ending, phase });
        expect(reports.all).toEqual([]);
        await until(() => (server?.server.connectionCount ?? 0) === 0);
      },
    );
  });

  describe('while it writes more than the peer takes', () => {
    test.each(cells(OPEN_ROW))('R16 %s rejects drain: %s (%s)', async (how, code, ending) => {
      const timers = how === 'silence' ? { writeTimeout: 60 } : {};
      const all = await wire(role, { closeTimeout: 60, ...timers });
      const { connection, raw, server } = all;
      raw.socket.pause();
      await sendAlone(all, dt('01'));
      expect(connection.write(Buffer.alloc(TOO_MANY))).toBe(false);
      const draining = rejection<CotpError>(connection.drain());
      ENDINGS[how](raw);
      expect(await connection.read()).toEqual(hex('01'));
      const error = await rejection<CotpError>(connection.read());
      expect(error).toMatchObject({ code, ending, phase: 'open' });
      expect(await draining).toBe(error);
      await connection.waitClosed();
      expect(connection.writeBuffered).toBe(0);
      await until(() => (server?.server.connectionCount ?? 0) === 0);
    });
  });
});
