/**
 * The messages: three different ones, so that a lost or swapped message is detected, and their encoded
 * form, so that raw sockets send the same octets.
 */
import assert from 'node:assert/strict';

const TPKT_HEADER = 4;
const DT_HEADER = 3;

/** A CR and CC as an S7 client and a controller send them to open a connection. */
export const CR: Buffer = Buffer.from('0300001611e00000123400c1020100c2020102c0010a', 'hex');
export const CC: Buffer = Buffer.from('0300001611d01234000100c1020100c2020102c0010a', 'hex');

/** The first and the last message of a run, and the message that is sent in between. */
export interface Messages {
  readonly first: Buffer;
  readonly middle: Buffer;
  readonly last: Buffer;
}

export function payloads(size: number): Messages {
  return { first: pattern(size, 1), middle: pattern(size, 101), last: pattern(size, 201) };
}

/** The encoded messages: DT TPDUs in TPKTs (RFC 1006 §6, X.224 13.7). */
export function onWire({ first, middle, last }: Messages, tpduSize: number): Messages {
  return {
    first: framed(first, tpduSize),
    middle: framed(middle, tpduSize),
    last: framed(last, tpduSize),
  };
}

/** The message with number `index` of `count`. */
export function messageAt({ first, middle, last }: Messages, index: number, count: number): Buffer {
  if (index === 0) {
    return first;
  }
  return index === count - 1 ? last : middle;
}

/** Checks a message that has arrived: the length of each, the octets of the first and the last. */
export function check(messages: Messages, index: number, count: number, arrived: Buffer): void {
  const expected = messageAt(messages, index, count);
  if (arrived.length !== expected.length) {
    assert.fail(`message ${index} of ${arrived.length} octets, not ${expected.length}`);
  }
  if (index === 0 || index === count - 1) {
    assert(arrived.equals(expected), `message ${index} of ${count} was changed in transit`);
  }
}

/** 251 is prime, so a missing chunk is detected by the octets after it. */
function pattern(size: number, seed: number): Buffer {
  const octets = Buffer.alloc(size);
  for (let i = 0; i < size; i += 1) {
    octets[i] = (i + seed) % 251;
  }
  return octets;
}

/** Encodes a message: copies its octets once, each part after its headers. */
export function framed(message: Buffer, tpduSize: number): Buffer {
  const step = tpduSize - DT_HEADER;
  const { length } = message;
  const wire = Buffer.allocUnsafe(length + Math.ceil(length / step) * (TPKT_HEADER + DT_HEADER));
  let at = 0;
  for (let start = 0; start < length; start += step) {
    const end = Math.min(start + step, length);
    const packet = TPKT_HEADER + DT_HEADER + end - start;
    wire[at] = 3;
    wire[at + 1] = 0;
    wire[at + 2] = packet >> 8;
    wire[at + 3] = packet & 0xff;
    wire[at + 4] = 2;
    wire[at + 5] = 0xf0;
    wire[at + 6] = end === length ? 0x80 : 0;
    wire.set(message.subarray(start, end), at + TPKT_HEADER + DT_HEADER);
    at += packet;
  }
  return wire;
}
