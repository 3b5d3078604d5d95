/** What needs nothing of Node, in a project that has no types of Node. */
import { decode, describeTpdu, type Tpdu, TpktReader } from 'cotp/browser';
import { encode, type TpduInit } from 'cotp/tpdu';

const init: TpduInit = { type: 'DC', dstRef: 1, srcRef: 2 };
const tpdu: Tpdu = decode(encode(init));
export const described: string = describeTpdu(tpdu);
export const reader: TpktReader = new TpktReader((octets: Uint8Array) => octets.length);
