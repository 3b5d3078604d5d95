/** What keeps a process alive, and what does not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { closeLater } from '../support/life.js';

const LIBRARY = new URL('../../dist/index.js', import.meta.url).href;
const TPKT = new URL('../../dist/node/tpkt/index.js', import.meta.url).href;

/** Runs it as a module; gives what it wrote once its process has ended by itself. */
async function run(script: string, library = LIBRARY): Promise<string> {
  const source = `import { connect, listen } from '${library}';\n${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  closeLater(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'close');
  return output.trim();
}

const ANY_PORT = "{ host: '127.0.0.1', port: 0 }";

describe.each([
  ['cotp', LIBRARY],
  ['cotp/tpkt', TPKT],
])('%s: server.unref()', (_entry, library) => {
  test('lets a process end that only listens, and gives the server', async () => {
    const script = `const server = await listen(() => {}, ${ANY_PORT});
      console.log(server.unref() === server);`;
    expect(await run(script, library)).toBe('true');
  });

  test('is undone by ref()', async () => {
    const script = `const server = await listen(() => {}, ${ANY_PORT});
      console.log(server.unref().ref() === server);
      setTimeout(() => { console.log('alive'); server.close(); }, 50).unref();`;
    expect(await run(script, library)).toBe('true\nalive');
  });

  test('lets a process end whose connections have ended', async () => {
    const script = `const server = await listen(() => {}, ${ANY_PORT});
      server.unref();
      const connection = await connect(server.addresses[0]);
      await connection.asyncClose();
      console.log('closed');`;
    expect(await run(script, library)).toBe('closed');
  });
});

test('a signal of an attempt that has ended does not keep the process alive', async () => {
  const script = `const server = await listen(() => {}, ${ANY_PORT});
    const { signal } = new AbortController();
    const connection = await connect(server.addresses[0], { signal, timeout: 60_000 });
    await Promise.all([connection.asyncClose(), server.asyncClose()]);
    console.log('closed');`;
  expect(await run(script)).toBe('closed');
});
