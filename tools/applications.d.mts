/**
 * Applications of the servers of `npm run fuzz` and `soak`. Their compiled files import this as their
 * sources do, so it is JavaScript with its types beside it.
 */
import type { Connection } from 'cotp';

/**
 * Sends back what comes until the connection ends, whatever ends it.
 *
 * @param onTsdu receives each TSDU before it is sent back
 */
export function echo(connection: Connection, onTsdu?: (tsdu: Buffer) => void): Promise<void>;

/** Closes in one of several ways, by the number of the connection. */
export function closeInTurn(connection: Connection, number: number): void;
