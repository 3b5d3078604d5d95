/** Options of a connection: selectors, sizes and timeouts. */
import type { ConnectOptions, Tsel } from '../../index.js';
import { flag, type OptionValues, value } from './option.js';
import { s7Selector } from './selectors.js';
import { choice, integer, ipAddress, milliseconds, selector } from './values.js';

/** Options of clients and servers. */
export const CONNECTION_OPTIONS = {
  size: value(
    '--size <octets>',
    'largest TPDU, 128 to 65531 (default: 2048)',
    integer(128, 65_531),
    { sets: 'maxTpduSize' },
  ),
  idleTimeout: value(
    '--idle-timeout <time>',
    'close when no octets arrive for this time (default: never)',
    milliseconds,
  ),
  strict: flag('--strict', 'refuse everything that violates the standard'),
};

const SIZE_OFFERS = ['deployed', 'standard', 'nonstandard', 'absent'] as const;

const SELECTORS = 'T-selectors (TSAPs), such as 0x0102, 01.02, \'"MTA"\' or #001122';

/** Options of clients. */
export const CLIENT_OPTIONS = {
  localTsel: value('--local-tsel <selector>', 'local (calling) T-selector', selector, {
    alias: '--local-tsap',
    group: SELECTORS,
  }),
  remoteTsel: value('--remote-tsel <selector>', 'remote (called) T-selector', selector, {
    alias: '--remote-tsap',
    group: SELECTORS,
    conflicts: ['s7'],
  }),
  s7: value(
    '--s7 <type,rack,slot>',
    'T-selectors for S7: pg, op or basic, rack and slot of the CPU',
    s7Selector,
    {
      group: SELECTORS,
    },
  ),
  ...CONNECTION_OPTIONS,
  sizeOffer: value(
    '--size-offer <how>',
    'how to offer the size: deployed, standard, nonstandard or absent',
    choice(...SIZE_OFFERS),
    { words: SIZE_OFFERS },
  ),
  localAddress: value(
    '--local-address <ip>',
    'IP address of this machine to connect from',
    ipAddress,
  ),
  timeout: value(
    '--timeout <time>',
    'timeout for TCP, TLS and the CC together (default: 10s)',
    milliseconds,
  ),
};

/** The calling T-selector that S7 clients use. */
export const S7_LOCAL_TSEL: Tsel = 0x0100;

/** Milliseconds that a peer has to close its side. Short, because a person waits for the command. */
const CLOSE_TIMEOUT = 2_000;

/** The options of `connect` for these command-line options. */
export function connectOptions(
  values: Partial<OptionValues<typeof CLIENT_OPTIONS>>,
): ConnectOptions {
  const { localTsel, remoteTsel, s7, size, sizeOffer, timeout, idleTimeout, strict, localAddress } =
    values;
  return {
    localTsel: localTsel ?? (s7 === undefined ? undefined : S7_LOCAL_TSEL),
    remoteTsel: remoteTsel ?? s7,
    maxTpduSize: size,
    sizeOffer,
    localAddress,
    timeout,
    idleTimeout,
    strict,
    closeTimeout: CLOSE_TIMEOUT,
  };
}
