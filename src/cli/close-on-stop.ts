/**
 * Closes connections when the user stops a command.
 */
import type { Connection } from '../index.js';
import type { Io } from './io.js';

/** Milliseconds that a peer has to close its side after the command was stopped. */
export const CLOSE_TIME_ON_STOP = 2_000;

/**
 * Closes the connection when the command is stopped: cleanly, or by a reset when the peer does not
 * close within {@link CLOSE_TIME_ON_STOP}.
 */
export function closeOnStop(conn: Connection, { signal }: Io): void {
  let timer: NodeJS.Timeout | undefined;
  const close = () => {
    conn.close();
    timer = setTimeout(() => conn.destroy(), CLOSE_TIME_ON_STOP);
  };
  signal.addEventListener('abort', close, { once: true });
  void conn.waitClosed().then(() => {
    signal.removeEventListener('abort', close);
    clearTimeout(timer);
  });
  if (signal.aborted) {
    close();
  }
}
