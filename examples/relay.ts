/**
 * A relay: each connection that comes in goes on to one target, under the same selectors.
 *
 *     node build/examples/relay.js LISTENPORT TARGETHOST:PORT
 */
import { fileURLToPath } from 'node:url';
import { type Address, type Connection, connect, type ErrorListener, listen } from 'cotp';

/** Listens on `addr`; closing the server that it gives closes what it relays. */
export function relay(addr: Address, target: Address, onError?: ErrorListener) {
  return listen(
    async (incoming) => {
      const { localTsel, remoteTsel, maxTpduSize } = incoming.info;
      const sameCall = { localTsel: remoteTsel, remoteTsel: localTsel, maxTpduSize, ...HALF_OPEN };
      // TSDUs that come before the target answers wait in `incoming`; its end gives up the call.
      const outgoing = await connect(target, { ...sameCall, signal: incoming.signal });
      await Promise.all([pump(incoming, outgoing), pump(outgoing, incoming)]);
    },
    addr,
    { bindConnections: true, onError, ...HALF_OPEN },
  );
}

/** An answer may come long after the end of the requests: each half ends when its source does. */
const HALF_OPEN = { allowHalfOpen: true };

/** Hands on every TSDU and then the end; when one side fails, the other is closed. */
async function pump(from: Connection, to: Connection): Promise<void> {
  try {
    for await (const tsdu of from) {
      if (!to.write(tsdu)) {
        await to.drain();
      }
    }
    to.end();
  } catch (error) {
    to.close();
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [listenPort, target = ''] = process.argv.slice(2);
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(target) ?? [];
  if (listenPort === undefined || host === undefined) {
    console.error('usage: node build/examples/relay.js LISTENPORT TARGETHOST:PORT');
    process.exit(2);
  }
  const server = await relay(
    { host: '0.0.0.0', port: Number(listenPort) },
    { host, port: Number(port) },
    (error) => console.error(String(error)),
  );
  console.log(`port ${server.addresses[0]?.port} goes to ${target}`);
}
