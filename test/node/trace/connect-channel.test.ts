/** The tracing channel around `connect`. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { describe, expect, test } from 'vitest';
import { type ConnectTrace, connect } from '../../../src/index.js';
import { closeLater, pair, rejection, serve } from '../../support/life.js';

const KINDS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;

/** What the channel publishes until the end of the test, and what was known when it did. */
function traced() {
  const messages: ConnectTrace[] = [];
  const events: { readonly kind: string; readonly trace: ConnectTrace }[] = [];
  const channel = tracingChannel<unknown, ConnectTrace>('cotp:connect');
  const handlers = Object.fromEntries(
    KINDS.map((kind) => [
      kind,
      (message: ConnectTrace) => {
        messages.push(message);
        events.push({ kind, trace: { ...message } });
      },
    ]),
  ) as unknown as Parameters<typeof channel.subscribe>[0];
  channel.subscribe(handlers);
  closeLater(() => channel.unsubscribe(handlers));
  return { messages, events, kinds: () => events.map(({ kind }) => kind) };
}

describe('tracing:cotp:connect', () => {
  test('publishes start and end of a connect that succeeds, with its connection', async () => {
    const { messages, events, kinds } = traced();
    const { client, server } = await pair({ name: 'line 1' });
    expect(kinds()).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(events[0]?.trace).toEqual({ id: client.id, addr: server.address, name: 'line 1' });
    expect(events[2]?.trace.result).toBe(client);
    expect(new Set(messages).size).toBe(1);
  });

  test('publishes the error of a connect that fails', async () => {
    const { events, kinds } = traced();
    const server = await serve({ localTsel: 1 });
    const error = await rejection(connect(server.address));
    expect(kinds()).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    expect(events[2]?.trace.error).toBe(error);
    expect(events[2]?.trace.result).toBeUndefined();
  });

  test('publishes the error of a port on which nobody listens', async () => {
    const { events } = traced();
    const server = await serve();
    await server.server.asyncClose();
    await rejection(connect(server.address));
    const [failed] = events.filter(({ kind }) => kind === 'error');
    expect(failed?.trace.error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('publishes nothing for a bad argument: nothing is opened', async () => {
    const { events } = traced();
    await rejection(connect({ host: '127.0.0.1', port: -1 }));
    expect(events).toEqual([]);
  });

  test('can bind a store of an asynchronous context', async () => {
    const storage = new AsyncLocalStorage<string>();
    const { start } = tracingChannel<unknown, ConnectTrace>('cotp:connect');
    start.bindStore(storage, ({ addr }) => `connect to ${addr.port}`);
    closeLater(() => start.unbindStore(storage));
    const seen: (string | undefined)[] = [];
    const server = await serve();
    const trace = () => void seen.push(storage.getStore());
    const client = await connect(server.address, { trace });
    closeLater(() => client.destroy());
    expect(seen[0]).toBe(`connect to ${server.address.port}`);
  });

  test('does not change when onExpedited is called first: after connect was awaited', async () => {
    traced();
    const order: string[] = [];
    const server = await serve({ expedited: true });
    const connecting = connect(server.address, {
      expedited: true,
      onExpedited: () => void order.push('expedited'),
    }).then((conn) => {
      order.push('connected');
      closeLater(() => conn.destroy());
    });
    (await server.accept()).writeExpedited(Buffer.from('!'));
    await connecting;
    await expect.poll(() => order).toEqual(['connected', 'expedited']);
  });
});
