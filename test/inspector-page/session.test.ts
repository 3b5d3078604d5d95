import { describe, expect, test } from 'vitest';
import { octetsOf } from '../../src/inspector-page/model/entry.js';
import { Session } from '../../src/inspector-page/model/session.js';
import { hexText } from '../../src/inspector-page/model/words.js';
import { cc, cr, dt, type Made, Rows } from './rows.js';
import { Pair, plantRows, refusedByDr, refusedByReset } from './samples.js';

function sessionOf(rows: Rows, session = new Session()): Session {
  for (const row of rows.take()) {
    session.add(row);
  }
  return session;
}

function only(session: Session) {
  const [conversation] = session.conversations;
  if (conversation === undefined) {
    throw new Error('there is no connection');
  }
  return conversation;
}

/** Entries from the oldest to the newest. */
function entries(session: Session) {
  return Array.from({ length: session.end - session.start }, (_, i) => {
    const entry = session.entry(session.start + i);
    if (entry === undefined) {
      throw new Error(`no entry ${i}`);
    }
    return entry;
  });
}

describe('a connection', () => {
  test('shows both selectors, with what S7 means by them', () => {
    const rows = new Rows();
    rows.fromClient(rows.connection(), cr({ calling: '0100', called: '0203' }));
    const { calling, called } = only(sessionOf(rows));
    expect(calling).toEqual({ text: '0x0100', meaning: 'PG, rack 0, slot 0' });
    expect(called).toEqual({ text: '0x0203', meaning: 'OP, rack 0, slot 3' });
  });

  test('shows class and size that CR and CC agree on', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr({ size: 1024 }));
    rows.fromServer(connection, cc({ size: 512 }));
    const { state, first } = only(sessionOf(rows));
    expect(state).toBe('open');
    expect(first?.agreed).toMatchObject({ class: 0, maxTpduSize: 512 });
  });

  test('counts TSDUs and octets of user data in each direction', () => {
    const rows = new Rows();
    const connection = rows.connection({ role: 'client' });
    rows.fromClient(connection, dt('010203', false));
    rows.fromClient(connection, dt('04'));
    rows.fromServer(connection, dt('0506'));
    const conversation = only(sessionOf(rows));
    expect(conversation.traffic(true)).toMatchObject({ tpdus: 2, tsdus: 1, octets: 4 });
    expect(conversation.traffic(false)).toMatchObject({ tpdus: 1, tsdus: 1, octets: 2 });
  });

  test('knows the client by its role', () => {
    const rows = new Rows();
    rows.connection({ role: 'client', local: 'here:1', remote: 'there:102' });
    expect(only(sessionOf(rows))).toMatchObject({ client: 'here:1', server: 'there:102' });
  });

  test('is followed by its events where no CR and CC were seen', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.event(connection, 'request');
    rows.event(connection, 'open');
    const { state, first } = only(sessionOf(rows));
    expect([state, first?.agreed]).toEqual(['open', undefined]);
  });

  test('has no hint for a code that is the name of a property of every object', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.event(connection, 'error', { error: { code: 'constructor', message: 'it is odd' } });
    expect(only(sessionOf(rows)).ending).toMatchObject({ words: 'it is odd', hint: undefined });
  });

  test('was refused for a cause that is the name of such a property', () => {
    const rows = new Rows();
    rows.event(rows.connection(), 'refused', { cause: 'toString' });
    expect(only(sessionOf(rows)).ending?.words).toBe('refused here: toString');
  });

  test('that has an error stays open until TCP ends, and the error is why it ended', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.event(connection, 'open');
    rows.event(connection, 'error', { error: { code: 'ERR_COTP_TIMEOUT', message: 'too late' } });
    const session = sessionOf(rows);
    expect(only(session).state).toBe('open');
    rows.event(connection, 'close', { how: 'fin', by: 'local' });
    sessionOf(rows, session);
    const { state, ending } = only(session);
    expect([state, ending?.words]).toEqual(['closed', 'too late']);
  });

  test('that is disconnected has the reason of the DR and who sent it', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    rows.fromServer(connection, cc());
    rows.fromClient(connection, { type: 'DR', dstRef: 1, srcRef: 2, reason: 128 });
    expect(only(sessionOf(rows)).ending?.words).toMatch(/^DR 128: normal .*, from the client$/);
  });

  test('that this server dropped tells why', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.event(connection, 'drop', { cause: 'timeout' });
    const { state, ending } = only(sessionOf(rows));
    expect([state, ending?.words]).toEqual([
      'failed',
      'dropped here: no CR, or no decision on it, within handshakeTimeout',
    ]);
  });

  test('whose CC selects a class that was not offered shows the fault', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    rows.fromServer(connection, { ...cc(), class: 2, options: 1 });
    const session = sessionOf(rows);
    expect(session.entry(1)?.deviations).toContain('cc-class');
    expect(only(session).first?.agreed).toBeUndefined();
  });

  test('to a remote desktop that refuses is refused, with its reason', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    rows.fromServer(connection, {
      type: 'CC',
      dstRef: 1,
      srcRef: 2,
      remoteDesktop: { negotiation: { type: 'failure', failureCode: 5 } },
    });
    const { state, ending } = only(sessionOf(rows));
    expect(state).toBe('refused');
    expect(ending?.reason).toMatch(/^remote desktop failure 5: /);
  });

  test('that ends in an unknown way says no more than that', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.event(connection, 'open');
    rows.event(connection, 'close');
    expect(only(sessionOf(rows)).ending?.words).toBe('TCP ended');
  });

  test('that ends tells which side did it, and how', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    rows.fromServer(connection, cc());
    rows.event(connection, 'close', { how: 'reset', by: 'remote' });
    const { state, ending } = only(sessionOf(rows));
    expect([state, ending?.words]).toEqual(['closed', 'the client reset TCP']);
  });

  test('without a CR tells what ends so', () => {
    const rows = new Rows();
    rows.event(rows.connection(), 'close', { how: 'fin', by: 'remote' });
    const { ending } = only(sessionOf(rows));
    expect(ending).toMatchObject({ words: 'the client closed TCP before a CR came' });
    expect(ending?.hint).toContain('TLS');
  });
});

describe('a refused connection', () => {
  test('has the reason of the DR and what to try', () => {
    const rows = new Rows();
    refusedByDr(rows, 1);
    const { state, ending } = only(sessionOf(rows));
    expect(state).toBe('refused');
    expect(ending).toMatchObject({
      words: 'refused by DR 3: address unknown',
      hint: 'check the remote T-selector',
    });
  });

  test('has the cause of the ER', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    rows.fromServer(connection, { type: 'ER', dstRef: 0x4a1c, rejectCause: 3 });
    expect(only(sessionOf(rows)).ending?.reason).toBe('ER 3: invalid parameter value');
  });

  test('tells that the server reset TCP, and that devices refuse so', () => {
    const rows = new Rows();
    refusedByReset(rows, 1);
    const { state, ending } = only(sessionOf(rows));
    expect([state, ending?.words]).toEqual([
      'refused',
      'the server reset TCP without an answer to the CR',
    ]);
    expect(ending?.hint).toContain('check the remote T-selector');
  });

  test('is refused, not failed, where its error is a reset', () => {
    const rows = new Rows();
    const { target } = new Pair(rows, 1);
    rows.fromClient(target, cr());
    rows.event(target, 'error', { error: { code: 'ECONNRESET', message: 'read ECONNRESET' } });
    const { state, ending } = only(sessionOf(rows));
    expect([state, ending?.reason]).toEqual(['refused', 'TCP reset, no DR']);
  });

  test('tells that the client gave up', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    rows.event(connection, 'close', { how: 'fin', by: 'remote' });
    expect(only(sessionOf(rows)).ending?.words).toBe(
      'the client closed TCP before an answer to its CR came',
    );
  });

  test('of this process has the cause that the server knows', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    rows.fromServer(connection, { type: 'DR', dstRef: 1, reason: 3 });
    rows.event(connection, 'refused', { cause: 'selector' });
    expect(only(sessionOf(rows)).ending?.words).toBe(
      'refused here: the called T-selector is not that of the server',
    );
  });

  test('has the note behind the refusal of an application, as where a proxy finds no target', () => {
    const rows = new Rows();
    const { client } = new Pair(rows, 1);
    rows.fromClient(client, cr());
    rows.note('connect ECONNREFUSED 10.20.0.40:102', client);
    rows.event(client, 'refused', { cause: 'user' });
    const session = sessionOf(rows);
    expect(only(session).ending?.words).toBe(
      'refused by the proxy: connect ECONNREFUSED 10.20.0.40:102',
    );
    // The ladder has the note: it does not show it twice.
    const shown = entries(session).filter(({ kind, isCopy }) => kind === 'notice' && !isCopy);
    expect(shown.length).toBe(1);
  });

  test('keeps the error that made the application refuse it', () => {
    const rows = new Rows();
    const { client } = new Pair(rows, 1);
    rows.fromClient(client, cr());
    rows.event(client, 'error', {
      error: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 10.20.0.40:102' },
    });
    rows.fromServer(client, { type: 'DR', dstRef: 1, reason: 0 });
    rows.event(client, 'refused', { cause: 'user' });
    const { state, ending } = only(sessionOf(rows));
    expect([state, ending?.reason]).toEqual(['failed', 'ECONNREFUSED']);
  });

  test('is failed, with advice, where TCP to the target was refused', () => {
    const rows = new Rows();
    const pair = new Pair(rows, 1);
    rows.fromClient(pair.client, cr());
    rows.event(pair.target, 'error', {
      error: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 10.20.0.40:102' },
    });
    pair.close('target');
    const { state, ending } = only(sessionOf(rows));
    expect(state).toBe('failed');
    expect(ending?.hint).toContain('nothing listens on that port');
  });
});

describe('the two connections of a proxy', () => {
  test('are one line with the client of the one and the server of the other', () => {
    const rows = new Rows();
    new Pair(rows, 7, 'client:1', 'plc:102').up(cr());
    const session = sessionOf(rows);
    expect(session.conversations).toHaveLength(1);
    expect(only(session)).toMatchObject({ number: 7, client: 'client:1', server: 'plc:102' });
  });

  test('show a TPDU that was relayed unchanged once', () => {
    const rows = new Rows();
    const pair = new Pair(rows, 1);
    pair.up(dt('01'));
    pair.down(dt('02'));
    const found = entries(sessionOf(rows));
    expect(found.map(({ isCopy }) => isCopy)).toEqual([false, true, false, true]);
    expect(found.map((entry) => entry.kind === 'tpdu' && entry.isRelayed)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  test('show a CR that the proxy changed on both, and the selector that it put there', () => {
    const rows = new Rows();
    const pair = new Pair(rows, 1);
    rows.fromClient(pair.client, cr({ called: '0102' }));
    rows.fromClient(pair.target, cr({ called: '0200' }));
    const session = sessionOf(rows);
    expect(entries(session).map(({ isCopy }) => isCopy)).toEqual([false, false]);
    expect(only(session).calledAtTarget?.text).toBe('0x0200');
  });

  test('count each TPDU once', () => {
    const rows = new Rows();
    new Pair(rows, 1).up(dt('01'));
    expect(sessionOf(rows).statistics.fromClient).toEqual({ tpdus: 1, tsdus: 1, octets: 4 });
  });

  test('show the end of TCP that caused the other', () => {
    const rows = new Rows();
    const pair = new Pair(rows, 1);
    pair.up(cr());
    pair.down(cc());
    pair.close('target');
    const notices = entries(sessionOf(rows)).filter(({ kind }) => kind === 'notice');
    expect(notices.map((entry) => [entry.kind === 'notice' && entry.text, entry.isCopy])).toEqual([
      ['the server closed TCP', false],
      ['the proxy closed TCP', true],
    ]);
  });
});

describe('a deviation', () => {
  test('is noted at the TPDU and counted', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    rows.fromServer(connection, cc());
    rows.fromClient(connection, '02f081 00');
    const session = sessionOf(rows);
    expect(session.entry(2)?.deviations).toEqual(['tpdu-nr']);
    expect(only(session).deviating).toBe(1);
  });

  test('is noted where a TPDU cannot be decoded', () => {
    const rows = new Rows();
    rows.fromClient(rows.connection(), '024080');
    expect(sessionOf(rows).entry(0)?.deviations).toEqual(['tpdu-code']);
  });

  test('is noted in a CC that grants more than was offered', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr({ size: 512 }));
    rows.fromServer(connection, cc({ size: 1024 }));
    expect(sessionOf(rows).entry(1)?.deviations).toEqual(['cc-size']);
  });

  test('is noted in a TPDU that is longer than agreed', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr({ size: 128 }));
    rows.fromServer(connection, cc({ size: 128 }));
    rows.fromClient(connection, dt(new Uint8Array(128)));
    expect(sessionOf(rows).entry(2)?.deviations).toEqual(['tpdu-too-long']);
  });
});

test('more of a file is kept than of what is live', () => {
  const rows = new Rows();
  const connection = rows.connection();
  for (let i = 0; i < 210_000; i += 1) {
    rows.fromClient(connection, '02f080');
  }
  const taken = rows.take();
  const kept = (source: 'file' | 'process') => {
    const session = new Session();
    const hello = { source, title: '', isLive: false, isRedacted: false, maxOctets: 1 };
    session.begin(hello);
    for (const row of taken) {
      session.add(row);
    }
    return session.end - session.start;
  };
  expect(kept('process')).toBeLessThanOrEqual(200_000);
  expect(kept('file')).toBe(210_000);
});

describe('a TSDU', () => {
  test('is put together from its DTs, although others are between them', () => {
    const rows = new Rows();
    const [one, other] = [rows.connection(), rows.connection()];
    rows.fromClient(one, dt('01', false));
    rows.fromClient(other, dt('ff'));
    rows.fromServer(one, dt('ee'));
    rows.fromClient(one, dt('02'));
    const session = sessionOf(rows);
    const entry = session.entry(0);
    const tsdu = entry?.kind === 'tpdu' ? entry.tsdu : undefined;
    expect(tsdu).toMatchObject({ count: 2, octets: 2, isComplete: true });
    expect(tsdu && session.dtsOf(tsdu).map((dt) => hexText(octetsOf(dt), ''))).toEqual([
      '02f00001',
      '02f08002',
    ]);
  });
});

describe('octets', () => {
  test.each([0, 1, 2, 3, 4, 5, 255, 256])('come out of base64 unchanged: %i of them', (length) => {
    const rows = new Rows();
    const octets = Uint8Array.from({ length }, (_, i) => (i * 7) % 256);
    rows.fromClient(rows.connection(), octets);
    const entry = sessionOf(rows).entry(0);
    expect(entry?.kind === 'tpdu' && octetsOf(entry)).toEqual(octets);
  });
});

describe('rows', () => {
  test('that come twice count once', () => {
    const rows = new Rows();
    rows.fromClient(rows.connection(), dt('01'));
    const taken = rows.take();
    const session = new Session();
    for (const row of [...taken, ...taken]) {
      session.add(row);
    }
    expect([session.end, session.conversations.length]).toEqual([1, 1]);
  });

  test('that the server forgot are reported, and the row behind them counts', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.lost(20);
    rows.fromClient(connection, dt('01'));
    const session = sessionOf(rows);
    const [notice, entry] = entries(session);
    expect(notice?.kind === 'notice' && notice.text).toMatch(/^20 rows are missing/);
    expect(entry?.kind).toBe('tpdu');
    expect(session.missing).toBe(20);
  });

  test('of an unknown connection are reported', () => {
    const session = new Session();
    session.add({
      kind: 'tpdu',
      seq: 9,
      time: 1,
      connection: 4,
      direction: 'sent',
      octets: 'AvCA',
    });
    const entry = session.entry(0);
    expect(entry?.kind === 'notice' && entry.text).toContain('connection 4');
  });
});

describe('memory', () => {
  const limits = { entries: 100, octets: 1000, conversations: 10 };

  test('is bounded in entries: the oldest are forgotten, and counted', () => {
    const rows = new Rows();
    const connection = rows.connection();
    for (let i = 0; i < 1000; i += 1) {
      rows.fromClient(connection, dt('01'));
    }
    const session = sessionOf(rows, new Session(limits));
    expect(session.end).toBe(1000);
    expect(session.end - session.start).toBeLessThanOrEqual(100);
    expect(session.forgotten).toBe(session.start);
    expect(session.entry(session.start - 1)).toBeUndefined();
    expect(session.entry(session.end - 1)?.index).toBe(999);
  });

  test('is bounded in octets', () => {
    const rows = new Rows();
    const connection = rows.connection();
    for (let i = 0; i < 50; i += 1) {
      rows.fromClient(connection, dt(new Uint8Array(300)));
    }
    const session = sessionOf(rows, new Session(limits));
    expect(session.octets).toBeLessThanOrEqual(1000);
    expect(session.end - session.start).toBeGreaterThan(0);
  });

  test('is bounded in connections', () => {
    const rows = new Rows();
    for (let i = 0; i < 30; i += 1) {
      rows.connection();
    }
    const session = sessionOf(rows, new Session(limits));
    expect(session.conversations.length).toBeLessThanOrEqual(10);
    expect(session.conversations.at(-1)?.number).toBe(30);
  });

  test('forgets connections that are over first, then those that were silent longest', () => {
    const rows = new Rows();
    const made = Array.from({ length: 10 }, () => rows.connection());
    rows.event(made[4] as Made, 'close', { how: 'fin', by: 'local' });
    rows.fromClient(made[0] as Made, dt('01'));
    rows.connection();
    const numbers = sessionOf(rows, new Session(limits)).conversations.map(({ number }) => number);
    expect(numbers).toEqual([1, 3, 4, 6, 7, 8, 9, 10, 11]);
  });

  test('forgets a share of the connections at once, so that it is rare', () => {
    const rows = new Rows();
    for (let i = 0; i < 33; i += 1) {
      rows.connection();
    }
    const session = sessionOf(rows, new Session({ ...limits, conversations: 32 }));
    expect(session.conversations).toHaveLength(30);
  });
});

test('clearing forgets what has ended, and what is open goes on', () => {
  const rows = new Rows();
  const { hmi } = plantRows(rows);
  const session = sessionOf(rows);
  session.clear();
  expect([session.end - session.start, session.statistics.fromClient.tpdus]).toEqual([0, 0]);
  expect(session.conversations.map(({ state }) => state)).toEqual(['open', 'open']);
  hmi.up(dt('01'));
  sessionOf(rows, session);
  expect(session.entry(session.start)?.deviations).toEqual([]);
});

describe('statistics', () => {
  test('measure from the end of a request to the start of its response', () => {
    const rows = new Rows();
    const connection = rows.connection();
    for (let i = 0; i < 100; i += 1) {
      rows.fromClient(connection, dt('01'));
      rows.wait(i === 99 ? 500 : 10);
      rows.fromServer(connection, dt('02', false));
      rows.wait(1000);
      rows.fromServer(connection, dt('03'));
    }
    const { latency } = sessionOf(rows).statistics;
    expect(latency.count).toBe(100);
    expect(latency.percentile(0.5)).toBeGreaterThan(9);
    expect(latency.percentile(0.5)).toBeLessThan(11.5);
    expect(latency.percentile(1)).toBeGreaterThan(450);
    expect(latency.percentile(1)).toBeLessThan(560);
  });

  test('measure from the CR to its answer', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    rows.wait(20);
    rows.fromServer(connection, cc());
    const { answerTime } = sessionOf(rows).statistics;
    expect(answerTime.count).toBe(1);
    expect(answerTime.percentile(0.5)).toBeGreaterThan(18);
  });

  test('count types, and sizes of TSDUs by powers of two', () => {
    const rows = new Rows();
    const connection = rows.connection();
    rows.fromClient(connection, cr());
    rows.fromClient(connection, dt('01'));
    rows.fromClient(connection, dt(new Uint8Array(9)));
    const { types, tsduSizes } = sessionOf(rows).statistics;
    expect([...types]).toEqual([
      ['CR', 1],
      ['DT', 2],
    ]);
    expect([tsduSizes[0], tsduSizes[4]]).toEqual([1, 1]);
  });

  test('have a curve of the last minute with a place for each second', () => {
    const rows = new Rows(10_000);
    const connection = rows.connection();
    rows.fromClient(connection, dt('01'));
    rows.wait(3000);
    rows.fromClient(connection, dt('01'));
    const curve = sessionOf(rows).statistics.curve(13);
    expect(curve).toHaveLength(60);
    expect(curve.slice(-4).map(({ tpdus }) => tpdus)).toEqual([1, 0, 0, 1]);
  });
});
