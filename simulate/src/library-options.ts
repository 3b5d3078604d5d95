/**
 * Options of the library as a plan sets them, or their documented defaults.
 */
import type { Options } from './plan.js';

export const DEFAULT_CLOSE_TIMEOUT = 5_000;
const DEFAULT_WRITE_TIMEOUT = 60_000;
const DEFAULT_MAX_TSDU_SIZE = 16_777_216;
const DEFAULT_READ_MARK = 1_048_576;
const DEFAULT_MAX_CONNECTIONS = 1_024;
const DEFAULT_RECEIVE_BUFFER = 268_435_456;

export function closeTimeout(options: Options): number {
  return numberOf(options, 'closeTimeout', DEFAULT_CLOSE_TIMEOUT);
}

export function writeTimeout(options: Options): number {
  return numberOf(options, 'writeTimeout', DEFAULT_WRITE_TIMEOUT);
}

export function maxTsduSize(options: Options): number {
  return numberOf(options, 'maxTsduSize', DEFAULT_MAX_TSDU_SIZE);
}

export function readHighWaterMark(options: Options): number {
  return numberOf(options, 'readHighWaterMark', DEFAULT_READ_MARK);
}

export function maxConnections(options: Options): number {
  return numberOf(options, 'maxConnections', DEFAULT_MAX_CONNECTIONS);
}

export function maxReceiveBuffer(options: Options): number {
  return numberOf(options, 'maxReceiveBuffer', DEFAULT_RECEIVE_BUFFER);
}

function numberOf(options: Options, name: string, otherwise: number): number {
  const value = options[name];
  return typeof value === 'number' ? value : otherwise;
}
