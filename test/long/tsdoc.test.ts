/** What the TSDoc of the interface says: each `@example` compiles and runs, each `@defaultValue` is true. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONNECT_OPTIONS, LISTEN_OPTIONS } from '../../src/node/options/cotp.js';
import { INSPECT_OPTIONS } from '../../src/node/options/inspector.js';
import type { OptionTable } from '../../src/node/options/rows.js';
import * as tpkt from '../../src/node/options/tpkt.js';
import { SINK_OPTIONS } from '../../src/node/trace/sink.js';
import { Consumer, ROOT } from '../package/consumer.js';

const SOURCE = join(ROOT, 'src');

/** A comment and the line behind it. */
interface Documented {
  readonly path: string;
  /** The interface that it is a member of, or that was declared last before it. */
  readonly within: string;
  readonly comment: string;
  readonly code: string;
}

function documented(path: string): Documented[] {
  const text = readFileSync(join(SOURCE, path), 'utf8');
  const found = text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n(?: *\/\/=.*\n)* *(.*)/g);
  let within = '';
  return [...found].map(([, comment = '', code = '']) => {
    within = /^export interface (\w+)/.exec(code)?.[1] ?? within;
    return { path, within, comment, code };
  });
}

const all = readdirSync(SOURCE, { recursive: true })
  .map(String)
  .filter((path) => path.endsWith('.ts') && !path.startsWith('cli'))
  .flatMap(documented);

/** An example and what it prints: the comments behind its `console.log`s. */
interface Example {
  readonly name: string;
  readonly text: string;
  readonly prints: readonly string[];
}

const examples: readonly Example[] = all.flatMap(({ path, comment, code }) => {
  const found = comment.matchAll(/@example\n *\* ```ts\n([\s\S]*?)\n *\* ```/g);
  return [...found].map(([, body = '']) => {
    const text = body.replace(/^ *\* ?/gm, '');
    const prints = [...text.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)].map(([, it = '']) => it);
    return { name: `${path}: ${nameOf(code)}`, text, prints };
  });
});

/** What is documented, by its name alone. */
function nameOf(code: string): string {
  const name = code.replace(/^(?:(?:export|async|override|function|readonly|type) )+/, '');
  return /^[\w.[\]]+/.exec(name)?.[0] ?? code;
}

/** The examples of methods begin with `conn`, an open connection to a peer that sends back what comes. */
function program({ text }: Example): string {
  return text.includes('import ')
    ? text
    : `import { connect, listen } from 'cotp';

const server = await listen(
  async (peer) => {
    for await (const tsdu of peer) {
      peer.write(tsdu);
    }
  },
  { host: '127.0.0.1', port: 0 },
);
const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' });
server.close();
${text}
conn.close();
`;
}

describe('every example of the TSDoc', () => {
  let consumer: Consumer;
  let compiled = { code: 1, stdout: '', stderr: '' };
  const fileOf = (example: Example) => `example-${examples.indexOf(example)}`;

  beforeAll(async () => {
    consumer = await Consumer.copy();
    for (const example of examples) {
      await consumer.write(`${fileOf(example)}.mts`, program(example));
    }
    compiled = await consumer.compile(
      examples.map((example) => `${fileOf(example)}.mts`),
      '.',
    );
  }, 60_000);

  afterAll(() => consumer?.remove());

  test('has correct types', () => {
    expect(compiled).toMatchObject({ code: 0, stdout: '' });
  });

  test.each(examples.map((example) => [example.name, example] as const))(
    'runs and prints what it says: %s',
    async (_name, example) => {
      const { code, stdout, stderr } = await consumer.node([`${fileOf(example)}.mjs`]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      if (example.prints.length > 0) {
        // What a loop prints is written once.
        const lines = new Set(stdout.trimEnd().split('\n'));
        expect([...lines]).toEqual([...new Set(example.prints)]);
      } else {
        expect(stdout).not.toBe('');
      }
    },
  );
});

describe('an example is there for', () => {
  test.each([
    ['node/connect.ts', 'connect'],
    ['node/listen.ts', 'listen'],
    ['node/tpkt/connect.ts', 'connect'],
    ['node/tpkt/listen.ts', 'listen'],
    ['node/connect-request.ts', 'OnConnectRequest'],
    ...['read', 'write', 'drain', 'unref', 'end', 'close', 'destroy', 'toDuplex'].map((name) => [
      'node/connection/message-connection.ts',
      name,
    ]),
    ['node/connection/message-connection.ts', '[Symbol.asyncIterator]'],
    ['node/server/server.ts', 'stats'],
    ...['writeExpedited', 'readExpedited', 'disconnect', 'end'].map((name) => [
      'node/connection/connection.ts',
      name,
    ]),
    ['node/connection/connection.ts', 'get'],
    ['node/trace/lines.ts', 'textSink'],
    ['node/trace/lines.ts', 'jsonLinesSink'],
    ['node/trace/pcapng.ts', 'pcapngSink'],
    ['core/tsel.ts', 'parseTsel'],
    ['core/tsel.ts', 'formatTsel'],
    ['core/tpdu/encode.ts', 'encode'],
    ['core/tpdu/decode.ts', 'decode'],
    ['core/tpdu/decode.ts', 'decodeNsdu'],
    ['core/tpdu/explain.ts', 'explainTpdu'],
    ['core/tpdu/describe.ts', 'describeTpdu'],
  ])('%s %s', (path, name) => {
    expect(examples.map((example) => example.name)).toContain(`${path}: ${name}`);
  });
});

describe('the default value in the TSDoc of', () => {
  const tables: readonly (readonly [string, readonly string[], OptionTable])[] = [
    ['connect', ['node/options/cotp.ts', 'node/options/stream.ts'], CONNECT_OPTIONS],
    ['listen', ['node/options/cotp.ts', 'node/options/stream.ts'], LISTEN_OPTIONS],
    ['tpkt.connect', ['node/options/tpkt.ts', 'node/options/stream.ts'], tpkt.CONNECT_OPTIONS],
    ['tpkt.listen', ['node/options/tpkt.ts', 'node/options/stream.ts'], tpkt.LISTEN_OPTIONS],
    ['sinks', ['node/trace/sink.ts'], SINK_OPTIONS],
    ['inspect', ['node/options/inspector.ts'], INSPECT_OPTIONS],
  ];
  const rows = tables.flatMap(([service, paths, table]) =>
    Object.entries(table).map(([name, row]) => [service, name, paths, row.default] as const),
  );

  test.each(rows)('%s: %s is the one in force', (service, name, paths, byDefault) => {
    // Both services may have an option of that name, each with a default of its own.
    const others = service.endsWith('connect') ? /ListenOptions$/ : /ConnectOptions$/;
    const options = all.filter(
      ({ path, within, code }) =>
        paths.includes(path) && code.startsWith(`readonly ${name}?`) && !others.test(within),
    );
    const value = typeof byDefault === 'string' ? `'${byDefault}'` : String(byDefault);
    expect(options.length).toBeGreaterThan(0);
    for (const { comment } of options) {
      expect(/@defaultValue `(.*)`/.exec(comment)?.[1]).toBe(value);
    }
  });
});
