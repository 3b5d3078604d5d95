/**
 * Receives expedited data, and shows it apart from TSDUs.
 */
import type { Connection } from '../../index.js';
import type { Io } from '../io.js';
import { octetsText } from './octets-text.js';
import type { PipeFormat } from './pipe-format.js';

/**
 * Calls `use` with each expedited data of the peer and waits for it, until the connection ends. What nobody
 * reads stops all data of the peer, so this runs on every connection with expedited data. Resolves at once if
 * none was agreed on.
 *
 * @throws what `use` throws; not what ended the connection, which reading TSDUs throws
 */
export async function forEachExpedited(
  conn: Connection,
  use: (data: Buffer) => Promise<void>,
): Promise<void> {
  if (!conn.info.expedited) {
    return;
  }
  for (;;) {
    let data: Buffer;
    try {
      // Awaited directly: each step more would let a TSDU that came later be shown first.
      data = await conn.readExpedited();
    } catch {
      return;
    }
    await use(data);
  }
}

/**
 * Shows received expedited data: on stdout if the format has a form for it, else on stderr.
 *
 * @param connection number of the connection, where there are several
 */
export async function showExpedited(
  io: Io,
  form: PipeFormat,
  data: Buffer,
  connection?: number,
): Promise<void> {
  if (form.writeExpedited === undefined) {
    io.stderr.line(expeditedLine(data, connection));
  } else {
    await io.stdout.write(form.writeExpedited(data));
  }
}

/** Received expedited data in words. */
export function expeditedLine(data: Buffer, connection?: number): string {
  const who = connection === undefined ? '' : `#${connection} `;
  return `${who}expedited data: ${octetsText(data)}`;
}
