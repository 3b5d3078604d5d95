import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { connect, type TraceEntry } from '../../../src/index.js';
import { closeLater, pair, rawServer, rejection } from '../../support/life.js';
import { hex, tpkt } from '../../support/raw.js';

describe('trace', () => {
  test('takes every TPDU, sent and received, decoded', async () => {
    const entries: TraceEntry[] = [];
    const { client, peer } = await pair({
      maxTpduSize: 128,
      name: 'line 1',
      trace: (entry) => entries.push(entry),
    });
    client.write(Buffer.alloc(200));
    await peer.read();
    peer.write(hex('01'));
    await client.read();
    const shown = entries.map(({ direction, tpdu }) => [
      direction,
      tpdu instanceof Error ? tpdu : tpdu.type,
    ]);
    expect(shown).toEqual([
      ['sent', 'CR'],
      ['received', 'CC'],
      ['sent', 'DT'],
      ['sent', 'DT'],
      ['received', 'DT'],
    ]);
    expect(String(entries[0])).toMatch(
      /^> line 1 127\.0\.0\.1:\d+ CR TPDU src-ref: 0x[0-9a-f]{4} dst-ref: 0x0000 class: 0 size: 128$/,
    );
    expect(String(entries[4])).toMatch(/^< line 1 127\.0\.0\.1:\d+ DT TPDU \(0\) EOT 1 octet$/);
    expect(entries[4]?.octets).toEqual(hex('02f08001'));
    expect(Math.abs((entries[0]?.time ?? 0) - Date.now())).toBeLessThan(10_000);
  });

  test('shows what cannot be decoded as the error that it is', async () => {
    const entries: TraceEntry[] = [];
    const server = await rawServer();
    const connecting = connect(server.address, { trace: (entry) => entries.push(entry) });
    (await server.accept()).send(tpkt('02 90 80 01'));
    await rejection(connecting);
    expect(entries[1]?.tpdu).toMatchObject({ fault: 'tpdu-code' });
    expect(String(entries[1])).toContain('tpdu-code');
  });

  test('that throws does not harm the connection', async () => {
    const { client, peer } = await pair({
      trace: () => {
        throw new Error('boom');
      },
    });
    client.write(hex('01'));
    expect(await peer.read()).toEqual(hex('01'));
    closeLater(() => client.asyncClose());
  });
});

test('NODE_DEBUG=cotp prints a line per TPDU', () => {
  const program = `
    const { connect, listen } = await import(${JSON.stringify(new URL('../../../dist/index.js', import.meta.url).href)});
    const server = await listen((peer) => peer.close(), { host: '127.0.0.1', port: 0 });
    const conn = await connect(server.addresses[0]);
    await conn.asyncClose();
    await server.asyncClose();`;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, NODE_DEBUG: 'cotp' },
    encoding: 'utf8',
    timeout: 10_000,
  });
  expect(status).toBe(0);
  expect(stderr.match(/COTP \d+: [<>] .* (CR|CC) TPDU/g)?.length).toBe(4);
});
