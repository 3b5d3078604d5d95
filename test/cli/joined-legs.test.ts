import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Path } from '../../src/cli/proxy/joined-legs.js';
import { JoinedLegs } from '../../src/cli/proxy/joined-legs.js';
import { Entry } from '../../src/node/trace/entry.js';
import { hex } from '../support/raw.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function entry(octets: string): Entry {
  const addr = { host: '127.0.0.1', port: 1 };
  const source = {
    ...{ connection: 1, name: undefined, role: 'server' as const },
    ...{ localAddr: addr, remoteAddr: addr },
  };
  return new Entry({ source, peer: '', direction: 'sent', octets: hex(octets) });
}

/** The legs of a client, and what they have shown: the path and the octets. */
function legs() {
  const shown: string[] = [];
  const joined = new JoinedLegs((path, { octets }) =>
    shown.push(`${path} ${octets.toString('hex')}`),
  );
  const add = (path: Path, octets: string) => joined.add(path, entry(octets));
  return { joined, shown, add };
}

const DT = '02f08001';
const OTHER_DT = '02f08002';

describe('a message on both connections is shown once', () => {
  test('from the client to the target', () => {
    const { shown, add } = legs();
    add('client to proxy', DT);
    expect(shown).toEqual([]);
    add('proxy to target', DT);
    expect(shown).toEqual([`client to target ${DT}`]);
  });

  test('as the client has it, whichever comes first', () => {
    const { shown, add } = legs();
    // They differ in their references and sizes.
    add('client to proxy', '09e000000007 00 c0010b'.replaceAll(' ', ''));
    add('proxy to target', '06e00000000900');
    add('target to proxy', '06d00009000800');
    add('proxy to client', '06d00007000600');
    expect(shown).toEqual([
      'client to target 09e00000000700c0010b',
      'target to client 06d00007000600',
    ]);
  });

  test('even if others wait before it', () => {
    const { shown, add } = legs();
    add('client to proxy', DT);
    add('client to proxy', OTHER_DT);
    add('proxy to target', OTHER_DT);
    add('proxy to target', DT);
    expect(shown).toEqual([`client to target ${OTHER_DT}`, `client to target ${DT}`]);
  });

  test('each, if there are many', () => {
    const { shown, add } = legs();
    for (let count = 0; count < 200; count += 1) {
      add('client to proxy', DT);
    }
    for (let count = 0; count < 200; count += 1) {
      add('proxy to target', DT);
    }
    expect(shown).toEqual(Array.from({ length: 200 }, () => `client to target ${DT}`));
  });
});

describe('each connection has its own line', () => {
  test('after 100 ms without a counterpart', () => {
    const { shown, add } = legs();
    add('client to proxy', DT);
    vi.advanceTimersByTime(99);
    expect(shown).toEqual([]);
    vi.advanceTimersByTime(2);
    expect(shown).toEqual([`client to proxy ${DT}`]);
    add('proxy to target', DT);
    expect(shown).toEqual([`client to proxy ${DT}`, `proxy to target ${DT}`]);
  });

  test('with 100 ms for each TPDU', () => {
    const { shown, add } = legs();
    add('client to proxy', DT);
    vi.advanceTimersByTime(90);
    add('target to proxy', OTHER_DT);
    vi.advanceTimersByTime(20);
    expect(shown).toEqual([`client to proxy ${DT}`]);
    vi.advanceTimersByTime(90);
    expect(shown).toEqual([`client to proxy ${DT}`, `target to proxy ${OTHER_DT}`]);
  });

  test('if the proxy has cut the TSDU in another way', () => {
    const { shown, add } = legs();
    add('client to proxy', '02f0800102');
    add('proxy to target', '02f00001');
    add('proxy to target', '02f08002');
    expect(shown).toEqual([
      'client to proxy 02f0800102',
      'proxy to target 02f00001',
      'proxy to target 02f08002',
    ]);
  });

  test.each([
    ['CRs with different selectors', '0ae00000000700c2020102', '0ae00000000700c2020103'],
    ['DRs with different reasons', '06800007000003', '06800007000000'],
    ['an ER and a DR', '0470000700', '06800007000000'],
    ['a DT with and one without EOT', '02f08001', '02f00001'],
  ])('for %s', (_name, one, other) => {
    const { shown, add } = legs();
    add('target to proxy', one);
    add('proxy to client', other);
    expect(shown).toEqual([`target to proxy ${one}`, `proxy to client ${other}`]);
  });

  test.each([
    ['an EA', '0420000700'],
    ['a DC', '05c000070008'],
    ['what cannot be decoded', '02f5'],
  ])('at once for %s', (_name, octets) => {
    const { shown, add } = legs();
    add('client to proxy', octets);
    expect(shown).toEqual([`client to proxy ${octets}`]);
  });

  test('for what waits when the client is closed', () => {
    const { joined, shown, add } = legs();
    add('target to proxy', DT);
    joined.flush();
    expect(shown).toEqual([`target to proxy ${DT}`]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('what is relayed unchanged is shown at once', () => {
  const { shown, add } = legs();
  add('client to target', DT);
  expect(shown).toEqual([`client to target ${DT}`]);
});

describe('what has no counterpart', () => {
  test('a DT that adds nothing to a TSDU is shown at once, and the next message is joined', () => {
    const { shown, add } = legs();
    for (let i = 0; i < 1000; i += 1) {
      add('target to proxy', '02f000');
    }
    expect(shown.length).toBe(1000);
    add('target to proxy', DT);
    add('proxy to client', DT);
    expect(shown.at(-1)).toBe(`target to client ${DT}`);
  });

  test.each([
    ['TPDUs', '02f00001', 1024],
    ['octets', `02f000${'00'.repeat(65_528)}`, 16],
  ])('waits in bounded memory: %s', (_what, octets, most) => {
    const { shown, add } = legs();
    for (let i = 0; i < 3 * most; i += 1) {
      add('client to proxy', octets);
    }
    expect(shown.length).toBeGreaterThanOrEqual(2 * most - 2);
  });
});
