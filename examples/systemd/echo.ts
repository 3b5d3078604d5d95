/**
 * A server that systemd starts with the first client, on a socket that systemd holds. The socket stays open while the
 * service restarts, so no client is lost. `cotp.socket` and `cotp.service` beside this file belong to it.
 */
import process from 'node:process';
import { listen } from 'cotp';

/** The first file descriptor that systemd passes (sd_listen_fds). */
const FIRST_FD = 3;
/** Less than `TimeoutStopSec` of the service, in milliseconds. */
const GRACE = 20_000;

const { LISTEN_FDS, LISTEN_PID } = process.env;
if (Number(LISTEN_PID) !== process.pid || LISTEN_FDS !== '1') {
  console.error('expected one socket from systemd: start cotp.socket, not this program');
  process.exit(1);
}

const server = await listen(
  async (conn) => {
    for await (const tsdu of conn) {
      if (!conn.write(tsdu)) {
        await conn.drain();
      }
    }
  },
  { fd: FIRST_FD },
  { onError: (error, { peer }) => console.error(`${peer}: ${error.message}`) },
);
console.log('listening on', ...server.addresses);
process.once('SIGTERM', async () => {
  await server.shutdown(GRACE);
  console.log('stopped');
});
