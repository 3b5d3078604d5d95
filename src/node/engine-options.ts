/**
 * From the options of `connect` and `listen` to those of the layers beneath.
 */
import type { ConnectionOptions } from '../core/connection/options.js';
import type { ConnectionObserver } from '../core/data-transfer/observer.js';
import { allocate, sendPool, view } from './buffers.js';
import { type MessageConnectionOptions, writeMark } from './connection/message-connection.js';
import type { ReceiveBudget } from './connection/receive-budget.js';
import type { ResolvedConnectOptions, ResolvedListenOptions } from './options/cotp.js';

/** Options of the engine of one connection. */
export function engineOptions(
  options: ResolvedConnectOptions | ResolvedListenOptions,
  handshakeTimeout: number,
  localRef: number,
  peer: string,
  observer: ConnectionObserver,
): ConnectionOptions {
  const { maxTpduSize, maxTsduSize, maxTsduSegments, strict } = options;
  const { tpClass, expedited, expeditedAck } = options;
  const { reassemblyTimeout, closeTimeout, writeTimeout } = options;
  return {
    allocate,
    view,
    sendPool,
    localRef,
    peer,
    strict,
    maxTpduSize,
    takesRemoteDesktop: 'onConnectRequest' in options && options.onConnectRequest !== undefined,
    maxTsduSize,
    maxTsduSegments,
    tpClass,
    expedited,
    expeditedAck,
    handshakeTimeout,
    reassemblyTimeout,
    closeTimeout,
    writeTimeout,
    observer,
  };
}

/** Options of a connection whose messages are TSDUs: at least one octet, no most (X.214, X.224 6.3). */
export function messageOptions(
  options: ResolvedConnectOptions | ResolvedListenOptions,
  receiveBudget: ReceiveBudget | undefined,
  id: number,
  onFailure: (error: Error) => void,
): MessageConnectionOptions {
  const { readHighWaterMark, maxWriteBuffer } = options;
  const { closeTimeout, allowHalfOpen } = options;
  return {
    id,
    readHighWaterMark,
    writeHighWaterMark: writeMark(options),
    maxWriteBuffer,
    closeTimeout,
    allowHalfOpen,
    minMessage: 1,
    maxMessage: Number.POSITIVE_INFINITY,
    receiveBudget,
    onFailure,
  };
}
