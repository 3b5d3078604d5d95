/**
 * A relay: for each incoming connection it opens one to the target with the same selectors, and forwards
 * TSDUs.
 *
 *     node build/examples/relay.js LISTENPORT TARGETHOST:PORT
 */
import { fileURLToPath } from 'node:url';
import { type Address, type Connection, connect, type ErrorListener, listen } from 'cotp';

/** Listens on `addr`. Closing the returned server also closes the relayed connections. */
export function relay(addr: Address, target: Address, onError?: ErrorListener) {
  return listen(
    async (incoming) => {
      const { localTsel, remoteTsel, maxTpduSize } = incoming.info;
      const sameCall = { localTsel: remoteTsel, remoteTsel: localTsel, maxTpduSize, ...HALF_OPEN };
      // TSDUs that arrive before the target has answered wait in `incoming`. If it ends, `connect` is
      // aborted.
      const outgoing = await connect(target, { ...sameCall, signal: incoming.signal });
      await Promise.all([pump(incoming, outgoing), pump(outgoing, incoming)]);
    },
    addr,
    { bindConnections: true, onError, ...HALF_OPEN },
  );
}

/** A client can send FIN long before the last answer, so each direction ends separately. */
const HALF_OPEN = { allowHalfOpen: true };

/** Forwards every TSDU, then the end. If one side fails, the other is closed. */
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
  console.log(`port ${server.addresses[0]?.port} is relayed to ${target}`);
}
