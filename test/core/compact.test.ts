/** A message that is begun and keeps large chunks in memory, once it is copied. */
import { describe, expect, test } from 'vitest';
import { TpktEngine } from '../../src/core/connection/tpkt-engine.js';
import type { TransportEngine } from '../../src/core/connection/transport-engine.js';
import { SendPool } from '../../src/core/data-transfer/send-pool.js';
import { allocateZeroed, plainView } from '../../src/core/octets/collector.js';
import { takeEvents } from '../support/engine.js';
import { Pair } from '../support/pair.js';
import { dt, tpkt } from '../support/raw.js';

/** An open responder, and the beginning of a TSDU in a chunk that is full of other TSDUs. */
function begun(): { connection: TransportEngine; rest: Uint8Array } {
  const { connection } = new Pair().open().responder;
  const tsdu = Buffer.concat([dt('11'.repeat(1_000), false), dt('22'.repeat(1_000))]);
  const chunk = Buffer.concat([Buffer.alloc(50 * 1_007, dt('aa'.repeat(1_000))), tsdu]);
  connection.receive(chunk.subarray(0, -300), 1);
  takeEvents(connection);
  return { connection, rest: chunk.subarray(-300) };
}

describe('a small TSDU', () => {
  test('keeps little more than its own octets', () => {
    const { connection } = begun();
    expect(connection.pinned).toBeGreaterThan(50_000);
    connection.compact();
    expect(connection.pinned).toBeLessThan(2_500);
  });

  test('is the same in the end', () => {
    const { connection, rest } = begun();
    connection.compact();
    connection.receive(rest, 2);
    const [data] = takeEvents(connection);
    const expected = Buffer.concat([Buffer.alloc(1_000, 0x11), Buffer.alloc(1_000, 0x22)]);
    expect(data).toMatchObject({ type: 'data' });
    expect(Buffer.from((data as { message: Uint8Array }).message).equals(expected)).toBe(true);
  });
});

test('a small packet of bare TPKT keeps little more than its own octets, and is the same in the end', () => {
  const engine = new TpktEngine({
    allocate: allocateZeroed,
    view: plainView,
    sendPool: new SendPool(allocateZeroed),
    reassemblyTimeout: 1_000,
    closeTimeout: 1_000,
  });
  const packet = tpkt('33'.repeat(1_000));
  const chunk = Buffer.concat([Buffer.alloc(50 * packet.length, packet), packet]);
  engine.receive(chunk.subarray(0, -300), 1);
  takeEvents(engine);
  engine.compact();
  expect(engine.pinned).toBeLessThan(1_500);
  engine.receive(chunk.subarray(-300), 2);
  const [data] = takeEvents(engine);
  expect(Buffer.from((data as { message: Uint8Array }).message).equals(packet.subarray(4))).toBe(
    true,
  );
});
