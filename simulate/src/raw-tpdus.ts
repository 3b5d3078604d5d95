/**
 * The TPDUs of a peer that is no connection of ours, and as much of those of the library as it understands.
 */
import { CC, CR, DC, DR, DT, EA, ED, TPKT_HEADER } from './tpdu-codes.js';

/** The reference of the peer in class 2, and one of a connection that does not exist. */
const OURS = 0x0c0d;
const STRANGER = 0x0c0e;

/** Bits of 0xC6. */
const EXPEDITED = 0x01;
const WITH_ACK = 0x20;

/** What CR and CC have agreed on, seen by the peer. */
export interface Association {
  readonly tpClass: 0 | 2;
  /** The reference of the library. */
  readonly theirs: number;
  readonly isExpedited: boolean;
  readonly hasAcks: boolean;
}

/** A TPDU, or several, in a packet. */
export function tpkt(payload: Buffer): Buffer {
  const header = Buffer.from([3, 0, 0, 0]);
  header.writeUInt16BE(TPKT_HEADER + payload.length, 2);
  return Buffer.concat([header, payload]);
}

/** The payloads of whole packets, and what follows them. */
export function packetsOf(stream: Buffer): { readonly packets: Buffer[]; readonly rest: Buffer } {
  const packets: Buffer[] = [];
  let at = 0;
  while (stream.length - at >= TPKT_HEADER) {
    const end = at + Math.max(TPKT_HEADER, stream.readUInt16BE(at + 2));
    if (end > stream.length) {
      break;
    }
    packets.push(stream.subarray(at + TPKT_HEADER, end));
    at = end;
  }
  return { packets, rest: stream.subarray(at) };
}

/** A CR of class 2 that allows class 0. */
export function request(options: number): Buffer {
  return tpkt(
    Buffer.from([15, CR, 0, 0, ...octetsOf(OURS), 0x21, 0xc0, 1, 11, 0xc6, 1, options, 0xc7, 1, 0]),
  );
}

/** What a CC grants; `undefined` for another TPDU. */
export function association(cc: Buffer): Association | undefined {
  if (((cc[1] ?? 0) & 0xf0) !== CC || cc.length < 7) {
    return undefined;
  }
  return agreed(cc.readUInt16BE(4), (cc[6] ?? 0) >> 4 === 2 ? 2 : 0, optionsOf(cc));
}

/** A CC of class 2 for a CR that prefers it; `undefined` for another CR. */
export function confirm(
  cr: Buffer,
  options: number,
): { readonly cc: Buffer; readonly association: Association } | undefined {
  if (cr.length < 7 || (cr[6] ?? 0) >> 4 !== 2) {
    return undefined;
  }
  const theirs = cr.readUInt16BE(4);
  const asked = optionsOf(cr);
  const granted = (asked & EXPEDITED) === 0 ? 0 : asked & options;
  const bits = (granted & EXPEDITED) === 0 ? 0 : granted;
  const cc = [12, CC, ...octetsOf(theirs), ...octetsOf(OURS), 0x21, 0xc0, 1, 10, 0xc6, 1, bits];
  return { cc: tpkt(Buffer.from(cc)), association: agreed(theirs, 2, bits) };
}

function agreed(theirs: number, tpClass: 0 | 2, options: number): Association {
  return {
    tpClass,
    theirs,
    isExpedited: (options & EXPEDITED) !== 0,
    hasAcks: tpClass === 2 && (options & WITH_ACK) !== 0,
  };
}

/** The value of 0xC6 of a CR or CC. */
function optionsOf(tpdu: Buffer): number {
  for (let at = 7; at + 2 < tpdu.length; at += 2 + (tpdu[at + 1] ?? 0)) {
    if (tpdu[at] === 0xc6) {
      return tpdu[at + 2] ?? 0;
    }
  }
  return 0;
}

export function dt({ tpClass, theirs }: Association, userData: Buffer, isLast: boolean): Buffer {
  const eot = isLast ? 0x80 : 0;
  const header = tpClass === 2 ? [4, DT, ...octetsOf(theirs), eot] : [2, DT, eot];
  return Buffer.concat([Buffer.from(header), userData]);
}

export function expedited({ tpClass, theirs }: Association, userData: Buffer): Buffer {
  const header = tpClass === 2 ? [4, ED, ...octetsOf(theirs), 0x80] : [2, ED, 0x80];
  return Buffer.concat([Buffer.from(header), userData]);
}

/** The EA for an ED; for none if there is none. */
export function acknowledgement({ theirs }: Association, ed?: Buffer): Buffer {
  return tpkt(Buffer.from([4, EA, ...octetsOf(theirs), (ed?.[4] ?? 0) & 0x7f]));
}

export function disconnectRequest(
  { theirs }: Association,
  reason: number,
  information: number,
): Buffer {
  const more = information === 0 ? [] : [0xe0, 1, information];
  const header = [DR, ...octetsOf(theirs), ...octetsOf(OURS), reason, ...more];
  return tpkt(Buffer.from([header.length, ...header]));
}

/** The DC for a DR. */
export function disconnectConfirm(dr: Buffer): Buffer {
  return tpkt(Buffer.from([5, DC, ...dr.subarray(4, 6), ...dr.subarray(2, 4)]));
}

/** A TPDU of another connection. */
export function foreign(what: 'DR' | 'CR'): Buffer {
  return what === 'DR'
    ? tpkt(Buffer.from([6, DR, 0, 0, ...octetsOf(STRANGER), 128]))
    : tpkt(Buffer.from([6, CR, 0, 0, ...octetsOf(STRANGER), 0]));
}

function octetsOf(reference: number): readonly [number, number] {
  return [reference >> 8, reference & 0xff];
}
