/** A CR of class 2, or one that asks for expedited data, before the user of a server. */
import { describe, expect, test } from 'vitest';
import {
  type AcceptOptions,
  type Connection,
  type ConnectRequest,
  connect,
  type ListenOptions,
  listen,
} from '../../src/index.js';
import { cr2, EXPEDITED, NO_EXPEDITED, THEIRS, WITH_EA } from '../support/class2.js';
import { closeLater, pair, rawClient, rejection, serve } from '../support/life.js';
import { CR, tpkt } from '../support/raw.js';
import { guardProcess } from '../support/wire.js';

guardProcess();

/** The request that a CR leads to, and what the peer gets in answer to `decide`. */
async function asked(
  cr: Buffer,
  options: ListenOptions,
  decide: (request: ConnectRequest) => void,
) {
  const requests: ConnectRequest[] = [];
  const server = await serve({
    ...options,
    onConnectRequest: (request) => {
      requests.push(request);
      decide(request);
    },
  });
  const raw = await rawClient(server.address.port);
  raw.send(cr);
  const answer = (await raw.packet()).toString('hex');
  return { request: requests[0] as ConnectRequest, answer, raw, server };
}

const any = { tpClass: '2,0', expedited: true } as const;

describe('a request says', () => {
  test.each([
    ['2 with 0 to a server of both', cr2(), any, [2, 0]],
    ['2 with 0 to a server of 2', cr2(), { tpClass: 2 }, [2]],
    ['2 with 0 to a server of 0', cr2(), {}, [0]],
    ['2 alone to a server of both', cr2(NO_EXPEDITED, true), any, [2]],
    ['0 to a server of both', CR, any, [0]],
  ] as const)('which classes may answer %s', async (_, cr, options, tpClasses) => {
    const { request } = await asked(cr, options, (each) => each.accept());
    expect(request.tpClasses).toEqual(tpClasses);
  });

  test.each([
    ['nothing', cr2(NO_EXPEDITED), [false, false]],
    ['expedited data', cr2(EXPEDITED), [true, false]],
    ['EA too', cr2(WITH_EA), [true, true]],
    ['nothing, in class 0', CR, [false, false]],
  ] as const)('that the CR asks for %s', async (_, cr, is) => {
    const { request } = await asked(cr, any, (each) => each.accept());
    expect([request.expedited, request.expeditedAck]).toEqual(is);
  });
});

describe('accept chooses', () => {
  test.each([
    ['the best class without a word', {}, /^..d0.{8}21.*c60121/],
    ['class 0 where that is asked for', { tpClass: 0 }, /^..d0.{8}00.*c60101/],
    ['no expedited data', { expedited: false }, /^..d0.{8}21.*c60100/],
    ['no EA', { expeditedAck: false }, /^..d0.{8}21.*c60101/],
  ] as const)('%s', async (_, choice, pattern) => {
    const { answer, server } = await asked(cr2(WITH_EA), any, (each) => each.accept(choice));
    expect(answer).toMatch(pattern);
    await server.accept();
  });

  test('expedited data that listen does not grant by itself', async () => {
    const options = { tpClass: 2 } as const;
    const { answer } = await asked(cr2(EXPEDITED), options, (each) =>
      each.accept({ expedited: true }),
    );
    expect(answer).toContain('c60101');
  });

  const wrong: [string, Buffer, AcceptOptions, RegExp][] = [
    ['a class that the CR does not offer', CR, { tpClass: 2 }, /tpClass must be 0/],
    ['expedited data that was not asked for', cr2(), { expedited: true }, /expedited cannot be/],
    ['EA that was not asked for', cr2(EXPEDITED), { expeditedAck: true }, /expeditedAck cannot be/],
    ['no boolean', cr2(EXPEDITED), { expedited: 1 } as object, /true or false/],
    ['no class', cr2(), { tpClass: true } as object, /0 or 2/],
  ];
  test.each(wrong)(
    '%s: a TypeError, after which it can be answered',
    async (_, cr, choice, why) => {
      const thrown: unknown[] = [];
      const { answer, server } = await asked(cr, any, (request) => {
        try {
          request.accept(choice);
        } catch (error) {
          thrown.push(error);
          request.accept();
        }
      });
      expect(thrown).toHaveLength(1);
      expect(thrown[0]).toBeInstanceOf(TypeError);
      expect((thrown[0] as Error).message).toMatch(why);
      expect(answer.slice(2, 4)).toBe('d0');
      await server.accept();
      expect(server.errors).toEqual([]);
    },
  );
});

describe('refuse', () => {
  const userData = Buffer.from('why');

  test('sends user data to a peer that prefers class 2', async () => {
    const { answer } = await asked(cr2(), any, (request) => request.refuse(128, { userData }));
    expect(answer).toBe(`0680${THEIRS}000080${userData.toString('hex')}`);
  });

  test('passes the user data on to the peer of this library', async () => {
    const server = await serve({
      ...any,
      onConnectRequest: (request) => request.refuse(1, { userData }),
    });
    const error = await rejection(connect(server.address, { tpClass: '2,0' }));
    expect(error).toMatchObject({ code: 'ERR_COTP_REFUSED', reason: 1 });
    expect(Buffer.from((error as { userData?: Uint8Array }).userData ?? [])).toEqual(userData);
  });

  test.each([
    ['user data where the CR prefers class 0', CR, { userData }, RangeError],
    ['no user data', cr2(), { userData: Buffer.alloc(0) }, RangeError],
    ['more than 64 octets', cr2(), { userData: Buffer.alloc(65) }, RangeError],
    ['no octets', cr2(), { userData: 'why' }, TypeError],
    ['an unknown option', cr2(), { data: userData }, TypeError],
  ])('throws for %s, and the request stays undecided', async (_, cr, options, type) => {
    const thrown: unknown[] = [];
    const { answer } = await asked(cr, any, (request) => {
      try {
        request.refuse(0, options as object);
      } catch (error) {
        thrown.push(error);
        request.refuse(1);
      }
    });
    expect(thrown[0]).toBeInstanceOf(type);
    expect(answer.slice(2, 4)).toBe('80');
    expect(answer.slice(12, 14)).toBe('01');
  });
});

test('the connection that a request opens says what was agreed on', async () => {
  const { client, peer } = await pair(
    { tpClass: '2,0', expedited: true, expeditedAck: true },
    { ...any, onConnectRequest: (request) => request.accept({ tpClass: 0 }) },
  );
  for (const side of [client, peer]) {
    expect(side.info).toMatchObject({ tpClass: 0, expedited: true, expeditedAck: false });
  }
});

test('a DR that comes while the user decides is confirmed, and withdraws the request', async () => {
  let signal: AbortSignal | undefined;
  const server = await serve({
    ...any,
    onConnectRequest: (request) =>
      new Promise((resolve) => {
        signal = request.signal;
        request.signal.addEventListener('abort', () => resolve());
      }),
  });
  const raw = await rawClient(server.address.port);
  raw.send(Buffer.concat([cr2(), tpkt(`06 80 0000 ${THEIRS} 80`)]));
  expect((await raw.packet()).toString('hex')).toBe(`05c0${THEIRS}0000`);
  expect(await raw.ending()).toBe('fin');
  expect(signal?.aborted).toBe(true);
  expect(server.errors).toMatchObject([{ ending: 'dr' }]);
});

describe('what the connection callback does at once leaves behind the CC:', () => {
  const acts: [string, (conn: Connection) => unknown, RegExp[]][] = [
    ['expedited data', (conn) => conn.writeExpedited(Buffer.of(1)), [/^0410/]],
    ['a close', (conn) => conn.close(), [/^0980.*e00180$/]],
    ['a disruptive disconnect', (conn) => conn.disconnect({ disruptive: true }), [/^0680/]],
    [
      'data, then expedited data',
      (conn) => [conn.write(Buffer.of(2)), conn.writeExpedited(Buffer.of(1))],
      [/^0410/, /^04f0/],
    ],
  ];
  test.each(acts)('%s', async (_, act, patterns) => {
    const server = await listen(
      (conn) => {
        closeLater(() => conn.destroy());
        act(conn);
      },
      { host: '127.0.0.1', port: 0 },
      any,
    );
    closeLater(() => server.asyncClose());
    const raw = await rawClient(server.addresses[0]!.port);
    raw.send(cr2(EXPEDITED));
    for (const pattern of [/^..d0/, ...patterns]) {
      expect((await raw.packet()).toString('hex')).toMatch(pattern);
    }
  });
});
