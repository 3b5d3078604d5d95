/** `inspect()`: an inspector for the connections of this process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { connect, type InspectOptions, inspect } from '../../../src/index.js';
import type { Row } from '../../../src/node/inspector/rows.js';
import { Browser } from '../../support/inspector.js';
import { closeLater, rejection, serve } from '../../support/life.js';

async function open(options?: InspectOptions) {
  const inspector = await inspect(options);
  closeLater(() => inspector.asyncClose());
  return inspector;
}

const isClose = (row: Row) => row.kind === 'event' && row.event === 'close';

describe('inspect()', () => {
  test('shows the TPDUs and events of every connection of the process', async () => {
    const { url } = await open({ title: 'my gateway' });
    const { address, accept } = await serve({ name: 'plc' });
    const client = await connect(address, { remoteTsel: 0x0102 });
    client.write(Buffer.from('hello'));
    await (await accept()).read();
    await client.asyncClose();
    const events = await (await Browser.open(url)).watch();
    expect(await events.hello()).toEqual({
      ...{ source: 'process', title: 'my gateway', isLive: true },
      ...{ isRedacted: false, maxOctets: 33_554_432 },
    });
    const rows: Row[] = [];
    while (rows.filter(isClose).length < 2) {
      rows.push(...(await events.rowsUntil(isClose)));
    }
    const connections = rows.filter((row) => row.kind === 'connection');
    expect(connections.map(({ role, name }) => [role, name]).sort()).toEqual([
      ['client', undefined],
      ['server', 'plc'],
    ]);
    const types = rows.flatMap((row) =>
      row.kind === 'tpdu' ? [Buffer.from(row.octets, 'base64')[1]] : [],
    );
    expect(types.sort()).toEqual([0xd0, 0xd0, 0xe0, 0xe0, 0xf0, 0xf0]);
    expect(rows.filter((row) => row.kind === 'event' && row.event === 'open').length).toBe(2);
  });

  test('sees a refusal and its cause', async () => {
    const { url } = await open();
    const { address } = await serve({ localTsel: 0x0102 });
    await rejection(connect(address, { remoteTsel: 0x0200 }));
    const events = await (await Browser.open(url)).watch();
    const rows = await events.rowsUntil(isClose);
    expect(rows).toContainEqual(
      expect.objectContaining({ kind: 'event', event: 'refused', cause: 'selector' }),
    );
  });

  test('has the process in its title by default', async () => {
    const { url } = await open();
    const events = await (await Browser.open(url)).watch();
    expect(await events.hello()).toMatchObject({ title: `process ${process.pid}` });
  });

  test('keeps no user data with redact', async () => {
    const { url } = await open({ redact: true });
    const { address, accept } = await serve();
    const client = await connect(address);
    client.write(Buffer.from('secret'));
    await (await accept()).read();
    await client.asyncClose();
    const events = await (await Browser.open(url)).watch();
    expect(await events.hello()).toMatchObject({ isRedacted: true });
    const rows = await events.rowsUntil(isClose);
    const octets = rows.map((row) => ('octets' in row ? Buffer.from(row.octets, 'base64') : ''));
    expect(octets.some((each) => String(each).includes('secret'))).toBe(false);
    expect(octets.some((each) => String(each).endsWith('\0\0\0\0\0\0'))).toBe(true);
  });

  test('sees nothing any more when it is closed, and closes once', async () => {
    const inspector = await open();
    expect(inspector.address).toEqual({ host: '127.0.0.1', port: expect.any(Number) });
    await Promise.all([inspector.asyncClose(), inspector.asyncClose()]);
    await inspector[Symbol.asyncDispose]();
    const { channel } = await import('node:diagnostics_channel');
    expect(channel('cotp:tpdu').hasSubscribers).toBe(false);
    expect(channel('cotp:connection').hasSubscribers).toBe(false);
  });

  test.each([
    [{ port: -1 }, RangeError, /options\.port must be an integer 0 to 65535, not -1/],
    [{ port: '80' }, TypeError, /options\.port must be an integer 0 to 65535, not '80'/],
    [{ host: '' }, TypeError, /options\.host must be a string that is not empty/],
    [
      { maxOctets: 1000 },
      RangeError,
      /options\.maxOctets must be an integer 1048576 to 2147483647/,
    ],
    [{ redact: 1 }, TypeError, /options\.redact must be true or false/],
    [{ title: '' }, TypeError, /options\.title must be a string that is not empty/],
    [{ signal: {} }, TypeError, /options\.signal must be an AbortSignal/],
    [{ Port: 1 }, TypeError, /options\.Port is not known; did you mean port\?/],
  ])('refuses %j', async (options, type, message) => {
    const error = await rejection(inspect(options as InspectOptions));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });

  test('rejects with the error of the system if the port is taken', async () => {
    const { address } = await open();
    expect(await rejection(inspect({ port: address.port }))).toMatchObject({ code: 'EADDRINUSE' });
  });

  test('rejects with the reason of a signal that is aborted', async () => {
    const reason = new Error('not today');
    expect(await rejection(inspect({ signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  test('rejects with the reason of a signal that aborts while it starts', async () => {
    const controller = new AbortController();
    const starting = inspect({ signal: controller.signal });
    const reason = new Error('not today');
    controller.abort(reason);
    expect(await rejection(starting)).toBe(reason);
  });

  test('closes when its signal aborts', async () => {
    const controller = new AbortController();
    const { url } = await open({ signal: controller.signal });
    const events = await (await Browser.open(url)).watch();
    await events.hello();
    controller.abort();
    expect(await events.next()).toMatchObject({ event: 'end' });
  });
});

const LIBRARY = new URL('../../../dist/index.js', import.meta.url).href;

/** Runs a module; gives what it wrote once its process has ended by itself. */
async function run(source: string): Promise<string> {
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

describe('a process', () => {
  test('that imports the library loads no HTTP and no part of the inspector but inspect()', async () => {
    const output = await run(`import { inspect } from '${LIBRARY}';
      const loaded = () => process.moduleLoadList.some((name) => / _?http(?:_server)?$/.test(name));
      const before = loaded();
      const inspector = await inspect();
      await inspector.asyncClose();
      console.log(before, loaded());`);
    expect(output).toBe('false true');
  });

  test('loads the modules of the inspector only when it is called', async () => {
    const output = await run(`import { register } from 'node:module';
      const hooks = \`export async function load(url, context, next) {
        if (url.includes('/inspector/')) { process._rawDebug === undefined || console.log(url.replace(/.*inspector./, '')); }
        return next(url, context);
      }\`;
      register('data:text/javascript,' + encodeURIComponent(hooks));
      const { inspect } = await import('${LIBRARY}');
      console.log('imported');
      const inspector = await inspect();
      await inspector.asyncClose();`);
    const [before = '', after = ''] = output.split('imported');
    expect(before.trim()).toBe('inspect.js');
    expect(after).toContain('http-server.js');
    expect(after).not.toContain('page.js');
  });

  test('ends by itself although it has an inspector that a browser watches', async () => {
    const output = await run(`import { inspect } from '${LIBRARY}';
      const { url } = await inspect();
      const { headers } = await fetch(url, { redirect: 'manual' });
      const cookie = headers.get('set-cookie').split(';')[0];
      const { spawn } = await import('node:child_process');
      const watching = \`fetch('\${new URL('events', new URL(headers.get('location'), url))}', { headers: { cookie: '\${cookie}' } })
        .then(async ({ body }) => { for await (const _ of body) process.send('watches'); })
        .catch(() => {}).finally(() => process.disconnect());\`;
      const browser = spawn(process.execPath, ['-e', watching], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      browser.once('message', () => {
        console.log('watched');
        browser.unref();
        browser.channel.unref();
      });`);
    expect(output).toBe('watched');
  });
});
