/** The octets that both sides send: those of `pattern` in `peers/tp2.py`. */
export function pattern(length) {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + length) & 255));
}

export function describe(octets) {
  return `${octets.length}: ${octets.subarray(0, 8).toString('hex')}`;
}
