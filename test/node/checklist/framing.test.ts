/** R1 to R8: TPKT on the stream, in both roles, on an open connection and before there is one. */
import { describe, expect, test } from 'vitest';
import { buffersHeld } from '../../support/growth.js';
import { rawClient, rejection, serve } from '../../support/life.js';
import { CR, cc, dt, hex, tpkt } from '../../support/raw.js';
import {
  calling,
  drip,
  expectAlive,
  guardProcess,
  Mailbox,
  ROLES,
  sendAlone,
  srcRefOf,
  until,
  wire,
} from '../../support/wire.js';

guardProcess();

/** What speaks first on a port by mistake, and the hint that it is to give. */
const OTHER_PROTOCOLS = [
  ['TLS', hex('16030100c8010000c40303'), /TLS/],
  ['HTTP', Buffer.from('GET / HTTP/1.0\r\n\r\n'), /HTTP/],
  ['SSH', Buffer.from('SSH-2.0-x\r\n'), /text protocol/],
] as const;

describe.each(ROLES)('our %s', (role) => {
  describe('on an open connection', () => {
    test.each([0, 1, 2, 4, 0x16, 0x83, 0xff])(
      'R1 version %i is fatal at its first octet',
      async (version) => {
        const { connection, raw } = await wire(role);
        raw.send(Buffer.from([version]));
        const error = await rejection(connection.read());
        expect(error).toMatchObject({ fault: 'tpkt-version', ending: 'garbage', phase: 'open' });
        await connection.waitClosed();
      },
    );

    test.each(OTHER_PROTOCOLS)('R1 %s is recognised by name', async (_name, octets, hint) => {
      const { connection, raw } = await wire(role);
      raw.send(octets);
      expect(await rejection(connection.read())).toMatchObject({
        hint: expect.stringMatching(hint),
      });
    });

    test.each([0, 1, 2, 3, 4, 5, 6])('R2 length %i is fatal', async (length) => {
      const { connection, raw } = await wire(role);
      raw.send(Buffer.from([3, 0, 0, length]));
      const error = await rejection(connection.read());
      expect(error).toMatchObject({ fault: 'tpkt-length', ending: 'garbage', phase: 'open' });
      await connection.waitClosed();
    });

    test.each([
      ['0', '00 f0 80'],
      ['1', '01 f0 80'],
      ['3 of 3 octets', '03 f0 80'],
      ['254', 'fe f0 80'],
      ['255, which is reserved', 'ff f0 80'],
      ['254 in as many octets', `fe f0 80 ${'00'.repeat(252)}`],
    ])('R3 R4 LI %s is answered by an ER, and is an error', async (_li, octets) => {
      const { connection, raw } = await wire(role);
      raw.send(tpkt(octets));
      const error = await rejection(connection.read());
      expect(error).toMatchObject({ code: 'ERR_COTP_PROTOCOL', phase: 'open' });
      expect((await raw.packet())[1]).toBe(0x70);
      expect(await raw.ending()).toBe('fin');
    });

    test('R5 TSDUs cut at any octet arrive whole', async () => {
      const all = await wire(role);
      const octets = Buffer.concat([
        dt('0102', false),
        dt('', false),
        dt('03'),
        dt('04'),
        dt('0506070809'),
      ]);
      for (let cut = 1; cut < octets.length; cut += 1) {
        await sendAlone(all, octets.subarray(0, cut));
        all.raw.send(octets.subarray(cut));
        expect(await all.connection.read()).toEqual(hex('010203'));
        expect(await all.connection.read()).toEqual(hex('04'));
        expect(await all.connection.read()).toEqual(hex('0506070809'));
      }
    });

    test('R5 TSDUs octet by octet arrive whole', async () => {
      const all = await wire(role);
      for (const octet of Buffer.concat([dt('0102', false), dt('03'), dt('04')])) {
        await sendAlone(all, Buffer.from([octet]));
      }
      expect(await all.connection.read()).toEqual(hex('010203'));
      expect(await all.connection.read()).toEqual(hex('04'));
    });

    test('R5 a thousand TPKTs in one write arrive in order', async () => {
      const { connection, raw } = await wire(role);
      const numbers = Array.from({ length: 1000 }, (_, i) => i.toString(16).padStart(4, '0'));
      raw.send(Buffer.concat(numbers.map((number) => dt(number))));
      for (const number of numbers) {
        expect((await connection.read()).toString('hex')).toBe(number);
      }
    });

    test('R6 the reserved octet may have any value', async () => {
      const { connection, raw } = await wire(role);
      for (let reserved = 0; reserved < 256; reserved += 1) {
        const octets = dt('01');
        octets[1] = reserved;
        raw.send(octets);
        expect(await connection.read()).toEqual(hex('01'));
      }
    });

    test('R7 a TPKT that is announced and dripped costs what has come of it, no more', async () => {
      const wires = await Promise.all(Array.from({ length: 40 }, () => wire(role)));
      const before = await buffersHeld();
      await Promise.all(wires.map((each) => sendAlone(each, hex('0300ffff 02f080'))));
      for (let i = 0; i < 20; i += 1) {
        await Promise.all(wires.map((each) => sendAlone(each, Buffer.alloc(10))));
      }
      expect(((await buffersHeld()) - before) / wires.length).toBeLessThan(4_096);
      wires[0]?.raw.send(Buffer.alloc(65_535 - 7 - 200));
      expect(await wires[0]?.connection.read()).toHaveLength(65_535 - 7);
    });

    test('R8 a TPKT that drips ends at reassemblyTimeout, which octets do not put off', async () => {
      const { connection, raw } = await wire(role, { reassemblyTimeout: 100 });
      const began = performance.now();
      raw.send(hex('0300ffff 02f080'));
      drip(raw, () => Buffer.alloc(1), 10);
      const error = await rejection(connection.read());
      expect(error).toMatchObject({ timer: 'reassemblyTimeout', milliseconds: 100, phase: 'open' });
      expect(performance.now() - began).toBeGreaterThan(95);
      await connection.waitClosed();
    });

    test('R8 TSDUs one after another are no drip, however long it goes on', async () => {
      const { connection, raw } = await wire(role, { reassemblyTimeout: 200 });
      const parts = [dt('01', false), Buffer.concat([dt('02'), dt('01', false)])];
      let sent = 0;
      drip(raw, () => parts[Math.min(sent++, 1)], 40);
      for (let i = 0; i < 8; i += 1) {
        expect(await connection.read()).toEqual(hex('0102'));
      }
      expect(connection.isOpen).toBe(true);
    });
  });
});

describe('our server, before the CR', () => {
  async function first(octets: Buffer, options = {}) {
    const reports = new Mailbox<Error>();
    const server = await serve({ onError: reports.put, ...options });
    const raw = await rawClient(server.address.port);
    raw.send(octets);
    return { raw, reports, server };
  }

  test.each([0, 2, 4, 0x16, 0xff])('R1 version %i is fatal at its first octet', async (version) => {
    const { raw, reports } = await first(Buffer.from([version]));
    expect(await reports.next()).toMatchObject({ fault: 'tpkt-version', phase: 'wait-cr' });
    expect(await raw.ending()).toBe('fin');
    expect(raw.received).toHaveLength(0);
  });

  test.each(OTHER_PROTOCOLS)('R1 %s is recognised by name', async (_name, octets, hint) => {
    const { reports } = await first(octets);
    expect(await reports.next()).toMatchObject({ hint: expect.stringMatching(hint) });
  });

  test.each([0, 6, 1000, 65_535])('R2 length %i is fatal', async (length) => {
    const octets = Buffer.from([3, 0, 0, 0]);
    octets.writeUInt16BE(length, 2);
    const { raw, reports } = await first(octets);
    expect(await reports.next()).toMatchObject({ fault: 'tpkt-length', phase: 'wait-cr' });
    await raw.ending();
  });

  test.each(['00e000', '01e000', '02e000', '03e000', 'fee000', 'ffe000'])(
    'R3 R4 a first TPDU %s is dropped',
    async (octets) => {
      const { raw, reports } = await first(tpkt(octets));
      expect(await reports.next()).toMatchObject({ code: 'ERR_COTP_PROTOCOL', phase: 'wait-cr' });
      await raw.ending();
      expect(raw.received).toHaveLength(0);
    },
  );

  test('R4 a CR of LI 254, the longest there is, is taken', async () => {
    const { raw } = await first(tpkt(`fe e0 0000 1234 00 aaf6 ${'00'.repeat(0xf6)}`));
    expect((await raw.packet())[1]).toBe(0xd0);
  });

  test('R5 a CR with data cut at any octet opens and arrives', async () => {
    const server = await serve();
    const octets = Buffer.concat([CR, dt('01')]);
    for (let cut = 1; cut < octets.length; cut += 1) {
      const raw = await rawClient(server.address.port);
      raw.send(octets.subarray(0, cut));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      raw.send(octets.subarray(cut));
      const connection = await server.accept();
      expect(await connection.read()).toEqual(hex('01'));
      connection.destroy();
    }
  });

  test('R8 a CR that drips ends at handshakeTimeout, which octets do not put off', async () => {
    const { raw, reports } = await first(Buffer.alloc(0), { handshakeTimeout: 80 });
    let sent = 0;
    drip(raw, () => CR.subarray(sent, ++sent), 10);
    expect(await reports.next()).toMatchObject({ timer: 'handshakeTimeout', phase: 'wait-cr' });
    expect(sent).toBeLessThan(CR.length);
    await raw.ending();
  });
});

describe('our client, after its CR', () => {
  test.each([0, 2, 4, 0x15, 0xff])('R1 version %i is fatal at its first octet', async (version) => {
    const { connecting, raw } = await calling();
    raw.send(Buffer.from([version]));
    const error = await rejection(connecting);
    expect(error).toMatchObject({ fault: 'tpkt-version', phase: 'cr-sent' });
    await raw.ending();
  });

  test.each([0, 6, 1000, 65_535])('R2 length %i is fatal', async (length) => {
    const { connecting, raw } = await calling();
    const octets = Buffer.from([3, 0, 0, 0]);
    octets.writeUInt16BE(length, 2);
    raw.send(octets);
    const error = await rejection(connecting);
    expect(error).toMatchObject({ fault: 'tpkt-length', phase: 'cr-sent' });
  });

  test.each(['00d000', '01d000', '02d000', '03d000', 'fed000', 'ffd000'])(
    'R3 R4 an answer %s is an error',
    async (octets) => {
      const { connecting, raw } = await calling();
      raw.send(tpkt(octets));
      const error = await rejection(connecting);
      expect(error).toMatchObject({ code: 'ERR_COTP_PROTOCOL', phase: 'cr-sent' });
      await raw.ending();
    },
  );

  test('R8 a CC that drips ends at timeout, which octets do not put off', async () => {
    const { connecting, raw } = await calling({ timeout: 80 });
    const octets = cc(srcRefOf(await raw.packet()));
    let sent = 0;
    drip(raw, () => octets.subarray(sent, ++sent), 15);
    expect(await rejection(connecting)).toMatchObject({ timer: 'timeout', phase: 'cr-sent' });
    expect(sent).toBeLessThan(octets.length);
    await raw.ending();
  });
});

test('R5 a packet that is whole and the header of the next come apart', async () => {
  const all = await wire('server');
  await sendAlone(all, Buffer.concat([dt('01'), hex('030000')]));
  expect(await all.connection.read()).toEqual(hex('01'));
  await sendAlone(all, dt('02').subarray(3));
  expect(await all.connection.read()).toEqual(hex('02'));
  await expectAlive(all);
  await until(() => all.connection.isOpen);
});
