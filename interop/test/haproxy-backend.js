/**
 * A server behind HAProxy, as a process of its own: `node haproxy-backend.js NAME SELECTOR`. It requires a
 * PROXY header, unless there is a third argument. It sends each TSDU back behind its name, and reports to its parent what
 * its program notices.
 */
import { listen, parseTsel } from '../../dist/esm/index.js';

const [name, localTsel, withoutHeader] = process.argv.slice(2);
const report = (message) => process.send(message);

const server = await listen(
  async (conn) => {
    const { remoteAddr, proxy } = conn.info;
    report({ event: 'open', remoteAddr, hasProxy: proxy !== undefined });
    for await (const tsdu of conn) {
      conn.write(Buffer.concat([Buffer.from(`${name}:`), tsdu]));
    }
  },
  { host: '127.0.0.1', port: 0 },
  {
    localTsel: parseTsel(localTsel),
    proxyProtocol: withoutHeader === undefined ? { from: ['127.0.0.1'] } : undefined,
    onError: (error) => report({ event: 'error', code: error.code, message: error.message }),
  },
);
report({ event: 'listening', port: server.addresses[0].port });
