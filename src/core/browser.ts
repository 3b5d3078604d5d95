/**
 * `cotp/browser`: what a page needs to show or make COTP traffic: the codec of TPDUs, the reader of TPKTs, selectors, and
 * TPDUs in words. It does no I/O and does not depend on Node.
 *
 * ```ts
 * import { decode, describeTpdu } from 'cotp/browser';
 *
 * const octets = Uint8Array.of(2, 0xf0, 0x80, 1);
 * document.body.textContent = describeTpdu(decode(octets, { class: 0 }));
 * ```
 */
export { describeTpdu } from './tpdu/describe.js';
export * from './tpdu/index.js';
export { TpktReader } from './tpkt/reader.js';
export { formatTsel, parseTsel, type Tsel } from './tsel.js';
