/** A trace listener may use its connection: what it does comes behind the TPDU that it sees. */
import { describe, expect, test } from 'vitest';
import { type Connection, connect, type TraceEntry } from '../../../src/index.js';
import { serve } from '../../support/life.js';

describe.each([0, 2] as const)('a listener in class %i', (tpClass) => {
  /** A connection whose listener acts once, when it sees a DT that is sent; and its peer. */
  async function acting(act: (conn: Connection) => void, seen?: (entry: TraceEntry) => void) {
    const server = await serve({ tpClass });
    let conn: Connection | undefined;
    const trace = (entry: TraceEntry) => {
      const { direction, tpdu } = entry;
      seen?.(entry);
      if (direction === 'sent' && 'type' in tpdu && tpdu.type === 'DT' && conn !== undefined) {
        const once = conn;
        conn = undefined;
        act(once);
      }
    };
    const opened = await connect(server.address, { tpClass, trace, maxTpduSize: 2_048 });
    conn = opened;
    return { conn: opened, peer: await server.accept() };
  }

  /** All that the peer receives until the connection has ended cleanly. */
  async function received(peer: Connection): Promise<string[]> {
    const tsdus: string[] = [];
    for await (const tsdu of peer) {
      tsdus.push(`${tsdu.length} ${String(tsdu.subarray(0, 5))}`);
    }
    return tsdus;
  }

  test('that closes it loses nothing', async () => {
    const { conn, peer } = await acting((own) => own.close());
    conn.write(Buffer.from('order 4711'));
    expect(await received(peer)).toEqual(['10 order']);
    await conn.waitClosed();
    expect(conn.disconnection).toMatchObject({ confirmed: true, unsent: 0 });
  });

  test('sees no octet counted twice in writeBuffered', async () => {
    let waiting: number | undefined;
    const { conn, peer } = await acting((own) => {
      waiting = own.writeBuffered;
    });
    conn.write(Buffer.alloc(60_000));
    await peer.read();
    // 30 DTs with their headers. In class 2 a DT is shown when it leaves, and waits no more.
    expect(waiting).toBe(tpClass === 0 ? 60_000 + 30 * 7 : 0);
    conn.close();
  });

  test('that writes sees the TPDUs in the order in which they are sent', async () => {
    const order: string[] = [];
    const seen = ({ direction, octets }: TraceEntry) => {
      if (direction === 'sent') {
        order.push(String.fromCharCode(octets.at(-1) ?? 0));
      }
    };
    const { conn, peer } = await acting((own) => own.write(Buffer.alloc(3_000, 'b')), seen);
    order.length = 0;
    conn.write(Buffer.alloc(5_000, 'a'));
    await peer.read();
    await peer.read();
    expect(order.join('')).toBe('aaabb');
    conn.close();
  });

  test.each([
    ['small', 100],
    ['large', 200_000],
  ])('that writes a %s TSDU puts it behind the one that it sees', async (_name, length) => {
    const { conn, peer } = await acting((own) => own.write(Buffer.alloc(length, 'W')));
    conn.write(Buffer.alloc(20_000, 'first'));
    setImmediate(() => conn.close());
    const tsdus = await received(peer);
    expect(tsdus).toEqual(['20000 first', `${length} WWWWW`]);
  });
});
