/** An echo server in a process of its own. It sends its port to the process that started it. */
import { listen } from '../../dist/index.js';

const server = await listen(
  async (connection) => {
    for await (const tsdu of connection) {
      connection.write(tsdu);
    }
  },
  { host: '127.0.0.1', port: 0 },
  { onError: () => {} },
);
process.send?.({ port: server.addresses[0].port });
