/**
 * The ports of a world. The port of a client tells which actor it is, at both ends of its connection.
 */
import type { Handle } from './sockets.js';

/** First ports of servers, of servers that do not use the library, of clients, and of probes. */
export const SERVER_PORT = 1_000;
export const RAW_SERVER_PORT = 2_000;
export const CLIENT_PORT = 10_000;
export const PROBE_PORT = 30_000;

/** True for the socket of a server that uses the library. */
export function isServerSocket({ end }: Handle): boolean {
  return end.port < RAW_SERVER_PORT;
}

/** The port of the client of this connection. */
export function clientPort(handle: Handle): number {
  return isServerSocket(handle) ? handle.end.peer.port : handle.end.port;
}

export function nameOf({ end }: Handle): string {
  return `${end.port} to ${end.peer.port}`;
}
