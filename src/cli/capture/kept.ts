/** Copies octets that are kept for long. */

/**
 * Copies pieces, one behind the other, into memory of their own. `Buffer.from` and `Buffer.concat` would place
 * small copies into a block of 8 KiB that others share, and one octet that is kept would keep the whole block.
 */
export function kept(...pieces: readonly Buffer[]): Buffer {
  const copy = Buffer.allocUnsafeSlow(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    at += piece.copy(copy, at);
  }
  return copy;
}
