/**
 * Checks on what a caller gives to be encoded: strict on send. Each error names the field, what
 * was expected and what came. Knows nothing of octets received.
 */

/** A short text of a value for an error message; never its content when that is octets. */
function shown(value: unknown): string {
  if (value instanceof Uint8Array) {
    return `${value.length} octets`;
  }
  if (Array.isArray(value)) {
    return `[${value.map(shown).join(', ')}]`;
  }
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** The error of a field whose value has the right type but not the right size. */
export function outOfRange(field: string, expected: string, value: unknown): RangeError {
  return new RangeError(`${field}: expected ${expected}, got ${shown(value)}`);
}

/** The error of a field whose value is of another type. */
export function wrongType(field: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${field}: expected ${expected}, got ${shown(value)}`);
}

/**
 * Gives back a whole number from `least` to `most`, both included.
 *
 * @throws TypeError when it is no number, RangeError when it is not whole or out of range
 */
export function checkUint(field: string, value: unknown, most: number, least = 0): number {
  if (typeof value !== 'number') {
    throw wrongType(field, 'a number', value);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    const expected = least === most ? `${most}` : `a whole number from ${least} to ${most}`;
    throw outOfRange(field, expected, value);
  }
  return value;
}

/**
 * Gives back octets, from `least` to `most` of them.
 *
 * @throws TypeError when it is no Uint8Array, RangeError when it is too short or too long
 */
export function checkOctets(
  field: string,
  value: unknown,
  most = Number.POSITIVE_INFINITY,
  least = 0,
): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw wrongType(field, 'a Uint8Array', value);
  }
  if (value.length < least || value.length > most) {
    throw outOfRange(field, `${least} to ${most} octets`, value);
  }
  return value;
}

/**
 * Gives back a flag.
 *
 * @throws TypeError when it is no boolean
 */
export function checkFlag(field: string, value: unknown): boolean {
  if (typeof value !== 'boolean') {
    throw wrongType(field, 'true or false', value);
  }
  return value;
}
