/**
 * A relay: for each incoming connection it opens one to the target with the same selectors, in the same class if the
 * target has it, and passes on TSDUs and how each side ended.
 *
 *     node build/examples/relay.js LISTENPORT TARGETHOST:PORT
 */
import { fileURLToPath } from 'node:url';
import { type Address, connect, type ErrorListener, listen, relay as relayBoth } from 'cotp';

/** Listens on `addr`. Closing the returned server also closes the relayed connections. */
export function relay(addr: Address, target: Address, onError?: ErrorListener) {
  return listen(
    async (incoming) => {
      const { localTsel, remoteTsel, maxTpduSize, tpClass } = incoming.info;
      // TSDUs that arrive before the target has answered wait in `incoming`. If it ends, `connect` is
      // aborted.
      const outgoing = await connect(target, {
        localTsel: remoteTsel,
        remoteTsel: localTsel,
        maxTpduSize,
        tpClass: tpClass === 2 ? '2,0' : 0,
        allowHalfOpen: true,
        signal: incoming.signal,
      });
      const { error } = await relayBoth(incoming, outgoing);
      if (error !== undefined) {
        throw error;
      }
    },
    addr,
    // A client can send FIN before the target has answered.
    { tpClass: '2,0', bindConnections: true, allowHalfOpen: true, onError },
  );
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
