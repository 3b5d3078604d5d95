import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listen } from '../../src/index.js';
import { Consumer, ROOT } from '../package/consumer.js';
import { certificates } from '../support/certificates.js';

/** The pages whose examples need no more than the stand-ins below. */
const PAGES = [
  'README.md',
  'docs/closing.md',
  'docs/inspector.md',
  'docs/messages.md',
  'docs/metrics.md',
  'docs/selectors.md',
  'docs/servers.md',
  'docs/streams.md',
  'docs/tls.md',
  'docs/tpdu.md',
  'docs/tracing.md',
];

/** One example of a page. */
interface Snippet {
  /** The heading it stands under, and its number there. No two pages have the same heading above an example. */
  readonly name: string;
  readonly language: 'ts' | 'js';
  readonly text: string;
}

async function snippets(): Promise<Snippet[]> {
  const texts = await Promise.all(PAGES.map((page) => readFile(join(ROOT, page), 'utf8')));
  const found: Snippet[] = [];
  let heading = '';
  for (const [, title, language, text = ''] of texts
    .join('\n')
    .matchAll(/^#+ (.+)$|^```(ts|js)\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) {
      heading = title;
    } else {
      const number = 1 + found.filter(({ name }) => name.replace(/ \d+$/, '') === heading).length;
      found.push({ name: `${heading} ${number}`, language: language as 'ts' | 'js', text });
    }
  }
  return found;
}

/** What an example prints, where that is worth a look. */
const PRINTS: Readonly<Record<string, RegExp>> = {
  'Expedited data 1': /^stop\n$/,
  'Class 2 1': /^0 local true 0\n$/,
  'cotp 1': /^<Buffer 6f 6e 65 20 77/,
  'Install 1': /^TPDUs of 1024 octets\n$/,
  'A client 1':
    /^TPDUs of 1024 octets\n32010000000100080000f0000001000101e0\n320100000002000e00000401120a10020004000184000000\n$/,
  'Inspector 1': /^http:\/\/127\.0\.0\.1:\d+\/\?token=[0-9a-f]+\n$/,
  'Selectors and sizes 1': /^0x0001, TPDUs of 2048 octets\n258 258 258\n"MTA" #001122\n$/,
  'A server 1': /^listening on .+\ncalled: 0x0103\ncalled: no selector\nanswered\n$/s,
  'Deciding on requests 1': /^listening on .+\n3 address unknown\nthis is line 1\n$/s,
  'Stopping a server 1': /^the last connection has ended\n$/,
  'Reading 1': /^first\nsecond\n$/,
  'Writing and backpressure 1': /^\d+ octets still wait\n$/,
  'The peer refused: what to try 1': /^ERR_COTP_REFUSED 3 address unknown\n$/,
  'Giving up 1': /^the user pressed Escape\n$/,
  'TLS 1': /^secret\n$/,
  'TLS 2': /^inside DT\n$/,
  'A stream of your own 1': /^\d+\n$/,
  'Relaying 1': /^listening on \d+\nanswered\na 1 1\n$/,
  'Tracing 1':
    /^> 127\.0\.0\.1:\d+ CR TPDU src-ref: 0x[0-9a-f]{4} dst-ref: 0x0000 class: 0 called: 0x0102 size: 2048\n< .+ CC TPDU .+ size: 1024\n$/,
  'Without touching the code that connects 1':
    /^> .+ CR TPDU .+\n< .+ CC TPDU .+\nopen 1 client\nclose 1 client\n$/,
  'Metrics and events 1': /^1 85\n1 1\n$/,
  'TPKT alone 1': /^payload\n$/,
  'TPDUs alone 1': /^address unknown\ntpdu-code 2 2\n$/,
  'TPDUs alone 2':
    /^0 LI 6 .+\n[\s\S]+\n6 reason 4 reason 4, not defined by X\.224 reason-value\n$/,
};

/** A server example does not end by itself: a client calls it, is refused, and closes it. */
const AFTERWARDS: Readonly<Record<string, string>> = {
  'Deciding on requests 1': `
const { connect } = await import('cotp');
const address = server.addresses[0]!;
await connect(address, { remoteTsel: 0x0103 }).catch((error) => {
  console.log(error.reason, error.reasonText);
});
const caller = await connect(address, { remoteTsel: 0x0102 });
console.log(String(await caller.read()));
await caller.asyncClose();
await server.asyncClose();
`,
  'A server 1': `
const { connect } = await import('cotp');
const address = server.addresses[0]!;
await connect(address, { remoteTsel: 0x0103 }).catch(() => {});
await connect(address).catch(() => {});
const caller = await connect(address, { remoteTsel: 0x0001 });
caller.write(Buffer.from('answered'));
console.log(String(await caller.read()));
await caller.asyncClose();
await server.asyncClose();
`,
  'Stopping a server 1': `
const { connect } = await import('cotp');
const caller = await connect(server.addresses[0]!);
process.kill(process.pid, 'SIGTERM');
await server.waitClosing();
await caller.asyncClose();
`,
  'Relaying 1': `
const caller = await connect(server.addresses[0]!);
caller.write(Buffer.from('answered'));
console.log(String(await caller.read()));
await caller.asyncClose();
await server.asyncClose();
`,
};

/** Stand-ins for the devices of the examples, on a port that the system chose. */
async function standIns(): Promise<Record<string, number>> {
  const echo = (maxTpduSize: number) =>
    listen(
      async (conn) => {
        for await (const tsdu of conn) {
          conn.write(tsdu);
        }
      },
      { host: '127.0.0.1', port: 0 },
      {
        maxTpduSize,
        onConnectRequest: (request) =>
          request.localTsel === 0x0305 ? request.refuse(3) : request.accept(),
      },
    );
  const { key, cert } = (await certificates()).server;
  const s7 = await echo(1024);
  const mms = await echo(2048);
  const secure = await listen(
    (conn) => {
      const stream = new TLSSocket(conn.toDuplex() as never, { isServer: true, key, cert });
      stream.on('error', () => {});
      stream.on('data', (octets) => stream.write(octets));
      // A connection as a stream is half-open: the program ends its own half.
      stream.on('end', () => stream.end());
    },
    { host: '127.0.0.1', port: 0 },
  );
  const mute = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => {
    mute.listen(0, '127.0.0.1', resolve);
  });
  closeAll = () => [s7, mms, secure, mute].forEach((server) => void server.close());
  const portOf = (server: typeof s7) => server.addresses[0]?.port ?? 0;
  const muteAddress = mute.address();
  return {
    '10.0.0.5': portOf(s7),
    '10.0.0.6': portOf(mms),
    '10.0.0.7': muteAddress !== null && typeof muteAddress === 'object' ? muteAddress.port : 0,
    '10.0.0.8': portOf(secure),
  };
}

let closeAll = () => {};

/**
 * The only changes made to an example: the addresses of devices become those of the stand-ins, a
 * server at port 102 or 1102 takes any free port, and {@link AFTERWARDS} is appended.
 */
function prepared({ name, text }: Snippet, ports: Readonly<Record<string, number>>): string {
  const here = text
    .replace(/\{ host: '(10\.0\.0\.\d)'(?:, port: 102)? \}/g, (_all, host: string) => {
      return `{ host: '127.0.0.1', port: ${ports[host]} }`;
    })
    .replace(/\{ host: '127\.0\.0\.1', port: 1?102 \}/, "{ host: '127.0.0.1', port: 0 }");
  return `${here}${AFTERWARDS[name] ?? ''}`;
}

const all = await snippets();

describe('every example of the README and of docs', () => {
  const typescript = all.filter(({ language }) => language === 'ts');
  let consumer: Consumer;
  let compiled = { code: 1, stdout: '', stderr: '' };

  beforeAll(async () => {
    consumer = await Consumer.copy();
    const ports = await standIns();
    const { ca, server } = await certificates();
    await consumer.write('ca.pem', ca);
    await consumer.write('cert.pem', server.cert);
    await consumer.write('key.pem', server.key);
    for (const snippet of all) {
      const extension = snippet.language === 'ts' ? 'mts' : 'cjs';
      await consumer.write(`${slug(snippet)}.${extension}`, prepared(snippet, ports));
    }
    const files = typescript.map((snippet) => `${slug(snippet)}.mts`);
    compiled = await consumer.compile(files, '.');
  }, 60_000);

  afterAll(() => {
    closeAll();
    return consumer?.remove();
  });

  test('is found', () => {
    expect(all.length).toBeGreaterThan(12);
    const names = all.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of [...Object.keys(PRINTS), ...Object.keys(AFTERWARDS)]) {
      expect(names).toContain(name);
    }
  });

  test('has correct types', () => {
    expect(compiled).toMatchObject({ code: 0, stdout: '' });
  });

  test.each(all.map((snippet) => [snippet.name, snippet] as const))(
    'runs: %s',
    async (name, snippet) => {
      const extension = snippet.language === 'ts' ? 'mjs' : 'cjs';
      const outcome = await consumer.node([`${slug(snippet)}.${extension}`]);
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      expect(outcome.stdout).toMatch(PRINTS[name] ?? /^$/);
    },
  );
});

function slug({ name }: Snippet): string {
  return name.toLowerCase().replace(/\W+/g, '-');
}
