/**
 * Codes of TPDUs, and the length of what precedes them. Written down here a second time, because the library is what is
 * tested.
 */

/** Octets of the header of a packet. */
export const TPKT_HEADER = 4;

export const CR = 0xe0;
export const CC = 0xd0;
export const DR = 0x80;
export const DC = 0xc0;
export const DT = 0xf0;
export const ED = 0x10;
export const EA = 0x20;
export const ER = 0x70;
