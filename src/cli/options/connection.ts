/** Options on a connection: selectors, sizes, times. */
import type { ConnectOptions, Tsel } from '../../index.js';
import { flag, type OptionValues, value } from '../option.js';
import { s7Selector } from '../selectors.js';
import { choice, integer, milliseconds, selector } from '../values.js';

/** Of both sides. */
export const CONNECTION_OPTIONS = {
  size: value(
    '--size <octets>',
    'largest TPDU, 128 to 65531 (default: 2048)',
    integer(128, 65_531),
    { sets: 'maxTpduSize' },
  ),
  idleTimeout: value(
    '--idle-timeout <time>',
    'close after this long without octets (default: never)',
    milliseconds,
  ),
  strict: flag('--strict', 'refuse whatever breaks the standard'),
};

const SELECTORS = 'Selectors, as 0x0102, 01.02, \'"MTA"\' or #001122';

/** Of the side that connects. */
export const CLIENT_OPTIONS = {
  localTsel: value('--local-tsel <selector>', 'ours, the calling one', selector, {
    group: SELECTORS,
  }),
  remoteTsel: value('--remote-tsel <selector>', "the peer's, the called one", selector, {
    group: SELECTORS,
    conflicts: ['s7'],
  }),
  s7: value(
    '--s7 <type,rack,slot>',
    'those of S7: pg, op or basic, the rack and slot of the CPU',
    s7Selector,
    {
      group: SELECTORS,
    },
  ),
  ...CONNECTION_OPTIONS,
  sizeOffer: value(
    '--size-offer <how>',
    'how the size is offered: deployed, standard, nonstandard or absent',
    choice('deployed', 'standard', 'nonstandard', 'absent'),
  ),
  timeout: value(
    '--timeout <time>',
    'for TCP, TLS and the answer together (default: 10s)',
    milliseconds,
  ),
};

/** What S7 clients call themselves. */
export const S7_LOCAL_TSEL: Tsel = 0x0100;

/** A person waits at the end: a peer that does not close is left after so many milliseconds. */
const CLOSE_TIMEOUT = 2_000;

/** The options of `connect` that these stand for. */
export function connectOptions(
  values: Partial<OptionValues<typeof CLIENT_OPTIONS>>,
): ConnectOptions {
  const { localTsel, remoteTsel, s7, size, sizeOffer, timeout, idleTimeout, strict } = values;
  return {
    localTsel: localTsel ?? (s7 === undefined ? undefined : S7_LOCAL_TSEL),
    remoteTsel: remoteTsel ?? s7,
    maxTpduSize: size,
    sizeOffer,
    timeout,
    idleTimeout,
    strict,
    closeTimeout: CLOSE_TIMEOUT,
  };
}
