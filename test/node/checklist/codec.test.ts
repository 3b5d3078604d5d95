/** R9 to R14: TPDUs, well-formed and not, as they come over TCP in both roles. */
import { describe, expect, test } from 'vitest';
import { type ConnectRequest, CotpError, type connect } from '../../../src/index.js';
import { rawClient, rejection, serve } from '../../support/life.js';
import { CR, cc, dt, hex, type RawPeer, tpkt } from '../../support/raw.js';
import {
  calling,
  expectAlive,
  expectServing,
  guardProcess,
  Mailbox,
  ROLES,
  srcRefOf,
  wire,
} from '../../support/wire.js';

guardProcess();

/** A CR or CC with this variable part. */
function withParameters(code: string, dstRef: string, parameters: string): Buffer {
  const li = (6 + hex(parameters).length).toString(16).padStart(2, '0');
  return tpkt(`${li} ${code} ${dstRef} 1234 00 ${parameters}`);
}

/** What a server answers: the TPDU in hexadecimal, or how it ended instead. */
async function answerOf(raw: RawPeer): Promise<string> {
  return raw.packet().then(
    (payload) => payload.toString('hex'),
    () => raw.ending(),
  );
}

async function answerTo(octets: Buffer, options = {}): Promise<string> {
  const server = await serve(options);
  const raw = await rawClient(server.address.port);
  raw.send(octets);
  return answerOf(raw);
}

/** What `connect` makes of a CC, given the DST-REF that it is to have. */
async function madeOf(answer: (dstRef: string) => Buffer, options = {}) {
  const { connecting, raw } = await calling(options);
  raw.send(answer(srcRefOf(await raw.packet())));
  return connecting.catch((error: unknown) => error);
}

const TRUNCATED = [
  ['after its code', 'c0010a c1'],
  ['after its length', 'c0010a c102'],
  ['in its value', 'c0010a c10201'],
  ['with a length past the header', 'c1ff0100'],
] as const;

describe('a parameter truncated', () => {
  test.each(TRUNCATED)('R9 %s makes a CR invalid: an ER quotes it', async (_where, parameters) => {
    const answer = await answerTo(withParameters('e0', '0000', parameters));
    expect(answer).toMatch(/^[0-9a-f]{2}70123400c1/);
  });

  test.each(TRUNCATED)('R9 %s makes a CC an error', async (_where, parameters) => {
    const made = await madeOf((dstRef) => withParameters('d0', dstRef, parameters));
    expect(made).toMatchObject({ code: 'ERR_COTP_PROTOCOL', phase: 'cr-sent' });
  });
});

describe('a parameter of no octets', () => {
  test.each(['c000', 'f000', 'c700', 'c600'])('R9 %s in a CR gets an answer', async (parameter) => {
    expect(await answerTo(withParameters('e0', '0000', parameter))).toMatch(/^..(d0|70|80)1234/);
  });

  test.each(['c100', 'c200'])('R9 %s in a CR is an empty selector', async (parameter) => {
    const answer = await answerTo(withParameters('e0', '0000', parameter));
    expect(answer).toMatch(new RegExp(`^..d01234....00${parameter}`));
  });

  test.each(['c000', 'f000', 'c100', 'c200'])(
    'R9 %s in a CC is taken or a typed error',
    async (p) => {
      const made = await madeOf((dstRef) => withParameters('d0', dstRef, p));
      expect(made instanceof CotpError || (made as { isOpen?: boolean }).isOpen).toBe(true);
    },
  );
});

test('R9 of a parameter that comes twice the later counts', async () => {
  const answer = await answerTo(withParameters('e0', '0000', 'c2020001 c2020002 c0010a c00109'));
  expect(answer).toMatch(/^..d01234....00c2020002c00109$/);
});

test('R9 an unknown parameter is kept for onConnectRequest and does no harm', async () => {
  const requests = new Mailbox<ConnectRequest>();
  const onConnectRequest = (request: ConnectRequest) => {
    requests.put(request);
    request.accept();
  };
  const octets = withParameters('e0', '0000', 'aa03010203');
  expect(await answerTo(octets, { onConnectRequest })).toMatch(/^..d01234/);
  const [parameter] = (await requests.next()).tpdu.unknownParameters;
  expect(parameter).toMatchObject({ code: 0xaa, value: hex('010203') });
});

test('R10 every size code in a CR gets a CC of 128 to 2048 octets, or an ER', async () => {
  const server = await serve();
  const raws = await Promise.all(
    Array.from({ length: 256 }, async (_, code) => {
      const raw = await rawClient(server.address.port);
      raw.send(withParameters('e0', '0000', `c001${code.toString(16).padStart(2, '0')}`));
      return answerOf(raw);
    }),
  );
  for (const answer of raws) {
    expect(answer).toMatch(/^09d01234....00c0010[7-9ab]$|^..70123403c1/);
  }
  // Those of X.224 for class 0 as they are.
  expect(raws.slice(7, 12).map((answer) => answer.slice(-2))).toEqual([
    '07',
    '08',
    '09',
    '0a',
    '0b',
  ]);
  await expectServing(server);
});

test('R10 every size code in a CC leaves a size that we offered, or is a typed error', async () => {
  for (let code = 0; code < 256; code += 1) {
    const parameters = `c001${code.toString(16).padStart(2, '0')}`;
    const made = await madeOf((dstRef) => cc(dstRef, parameters));
    if (made instanceof Error) {
      expect(made).toMatchObject({ code: 'ERR_COTP_PROTOCOL', phase: 'cr-sent' });
    } else {
      const { info, destroy } = made as Awaited<ReturnType<typeof connect>>;
      expect([128, 256, 512, 1024, 2048]).toContain(info.maxTpduSize);
      destroy.call(made);
    }
  }
});

/** A TPDU of every code octet there is, with some octets behind it. */
const EVERY_CODE = Array.from({ length: 256 }, (_, code) =>
  tpkt(`06 ${code.toString(16).padStart(2, '0')} 0000 1234 00`),
);

describe('a TPDU of every code', () => {
  test('R11 R15 as the first one to our server gets a CC, an ER or the end, and never a crash', async () => {
    const server = await serve({ closeTimeout: 100 });
    const answers = await Promise.all(
      EVERY_CODE.map(async (octets) => {
        const raw = await rawClient(server.address.port);
        raw.send(octets);
        return answerOf(raw);
      }),
    );
    expect(answers[0xe0]).toMatch(/^..d01234/);
    for (const [code, answer] of answers.entries()) {
      expect(answer).toMatch(code >> 4 === 0xe ? /^..(d0|70|80)1234/ : /^(fin|reset)$/);
    }
    for (const error of server.errors) {
      expect(error).toBeInstanceOf(CotpError);
    }
    await expectServing(server);
  });

  test('R11 R15 as the answer to our client is a connection or a typed error', async () => {
    for (const octets of EVERY_CODE) {
      const made = await madeOf((dstRef) => {
        const answer = Buffer.from(octets);
        answer.write(dstRef, 6, 'hex');
        return answer;
      });
      if (made instanceof Error) {
        expect(made).toBeInstanceOf(CotpError);
        expect(made).toMatchObject({ phase: 'cr-sent' });
      } else {
        expect((octets[5] ?? 0) >> 4).toBe(0xd);
        (made as { destroy(): void }).destroy();
      }
    }
  });

  test.each(ROLES)('R11 R15 on an open connection of our %s ends it, typed', async (role) => {
    for (const octets of EVERY_CODE) {
      const { connection, raw } = await wire(role, { closeTimeout: 50 });
      raw.send(octets);
      const error = await rejection(connection.read());
      expect(error).toBeInstanceOf(CotpError);
      expect(error).toMatchObject({ phase: 'open' });
      connection.destroy();
    }
  });
});

/** Numbers that look random and are the same in every run. */
function randomOctets(seed: number, length: number): Buffer {
  let state = seed * 2_654_435_761 + 1;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}

test.each(ROLES)(
  'R12 random TPDUs on an open connection of our %s never crash it',
  async (role) => {
    for (let seed = 0; seed < 60; seed += 1) {
      const { connection, raw } = await wire(role, { closeTimeout: 50 });
      const octets = randomOctets(seed, 4 + (seed % 40));
      octets[1] = [0xf0, 0x80, 0x70, 0xe0, 0xd0][seed % 5] ?? 0;
      raw.socket.end(tpkt(octets.toString('hex')));
      const error = await rejection(
        (async () => {
          for (;;) {
            await connection.read();
          }
        })(),
      );
      expect(error).toBeInstanceOf(CotpError);
      await connection.waitClosed();
    }
  },
);

test('R13 the CR of a remote desktop client, with its cookie, gets an ER', async () => {
  const octets = hex(
    '0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000',
  );
  expect(await answerTo(octets)).toMatch(/^..70000000c1/);
});

test('R13 the CC of a remote desktop server is a connection or a typed error', async () => {
  const made = await madeOf((dstRef) => tpkt(`0e d0 ${dstRef} 1234 00 02000800 01000000`));
  expect(made instanceof CotpError || (made as { isOpen?: boolean }).isOpen).toBe(true);
});

describe('bits that class 0 does not use', () => {
  const cr = Buffer.from(CR);
  cr[5] = 0xe5;
  const roa = dt('01');
  roa[5] = 0xf1;

  test('R14 CDT in a CR is let pass, and refused when strict', async () => {
    expect(await answerTo(cr)).toMatch(/^..d01234/);
    expect(await answerTo(cr, { strict: true })).toMatch(/^..70123403c1|^..7012340/);
  });

  test.each(ROLES)('R14 ROA in a DT to our %s is let pass', async (role) => {
    const all = await wire(role);
    all.raw.send(roa);
    expect(await all.connection.read()).toEqual(hex('01'));
    await expectAlive(all);
  });

  test.each(ROLES)('R14 ROA in a DT to our strict %s is an error', async (role) => {
    const { connection, raw } = await wire(role, { strict: true });
    raw.send(roa);
    expect(await rejection(connection.read())).toMatchObject({ code: 'ERR_COTP_PROTOCOL' });
  });

  test.each(ROLES)('R14 any TPDU-NR in a DT to our %s is let pass', async (role) => {
    const { connection, raw } = await wire(role);
    raw.send(tpkt('02 f0 a7 01'));
    expect(await connection.read()).toEqual(hex('01'));
  });
});
