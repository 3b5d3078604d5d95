/** What an open connection of a server keeps of its handshake. */
import { expect, test } from 'vitest';
import { connect, listen } from '../../src/index.js';
import { memoryHeld } from '../support/growth.js';
import { closeLater } from '../support/life.js';

test('an open connection keeps neither its request nor the CR', async () => {
  const kept: WeakRef<object>[] = [];
  const server = await listen(
    () => {},
    { host: '127.0.0.1', port: 0 },
    {
      onConnectRequest: (request) => {
        kept.push(new WeakRef(request), new WeakRef(request.tpdu));
        request.accept();
      },
    },
  );
  closeLater(() => server.asyncClose());
  const conn = await connect(server.addresses[0] ?? { host: '127.0.0.1' });
  closeLater(() => conn.asyncClose());
  conn.write(Buffer.of(1));
  await memoryHeld();
  expect(kept.map((each) => each.deref())).toEqual([undefined, undefined]);
});
