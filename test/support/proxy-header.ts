/**
 * Writes PROXY headers, right and wrong ones. Written apart from the parser under test, so that both cannot have the
 * same mistake; the checksum is computed by division of bits, from the definition.
 */

/** Family and protocol of version 2. */
export const TCP4 = 0x11;
export const TCP6 = 0x21;

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A header of version 1: a line. */
export function proxyV1(line: string): Uint8Array {
  return Uint8Array.from(Buffer.from(`PROXY ${line}\r\n`, 'latin1'));
}

/** A header of version 2. */
export function proxyV2({
  command = 0x21,
  kind = TCP4,
  addresses = Buffer.from('c0000201c6336402d4310066', 'hex'),
  tlvs = [],
  length,
}: {
  readonly command?: number;
  readonly kind?: number;
  /** By default 192.0.2.1:54321 and 198.51.100.2:102. */
  readonly addresses?: Uint8Array;
  readonly tlvs?: readonly Uint8Array[];
  /** Overwrites the length, so that it is wrong. */
  readonly length?: number;
} = {}): Uint8Array {
  const rest = Buffer.concat([addresses, ...tlvs]);
  const fixed = Buffer.from([command, kind, 0, 0]);
  fixed.writeUInt16BE(length ?? rest.length, 2);
  return Uint8Array.from(Buffer.concat([SIGNATURE, fixed, rest]));
}

/** One field of version 2. */
export function tlv(type: number, value: Uint8Array, length = value.length): Buffer {
  return Buffer.concat([Buffer.from([type, length >> 8, length & 0xff]), value]);
}

/** A copy of a header whose last field is an empty checksum: with the right checksum. */
export function withChecksum(header: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(header);
  new DataView(copy.buffer).setUint32(copy.length - 4, remainder(copy));
  return copy;
}

/** An empty checksum, for {@link withChecksum}. */
export const NO_CHECKSUM = tlv(3, new Uint8Array(4));

/** CRC32c as in RFC 4960, appendix B: the division by the polynomial, with bits and result reflected. */
export function remainder(octets: Uint8Array): number {
  let register = 0xffff_ffffn;
  for (const octet of octets) {
    for (let bit = 0; bit < 8; bit += 1) {
      const next = BigInt((octet >> bit) & 1);
      const top = (register >> 31n) & 1n;
      register = (register << 1n) & 0xffff_ffffn;
      if (top !== next) {
        register ^= 0x1edc_6f41n;
      }
    }
  }
  const reflected = [...register.toString(2).padStart(32, '0')].reverse().join('');
  return Number(BigInt(`0b${reflected}`) ^ 0xffff_ffffn);
}
