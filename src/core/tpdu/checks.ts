/**
 * Checks the fields that a caller passes to `encode`. Each error names the field, the expected value and the
 * given value.
 */

/** A short text of a value for an error message. It never contains octets, which may be user data. */
function shown(value: unknown): string {
  if (value instanceof Uint8Array) {
    return `${value.length} octets`;
  }
  if (Array.isArray(value)) {
    return `[${value.map(shown).join(', ')}]`;
  }
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** The error for a value of the right type that is not allowed. */
export function outOfRange(field: string, expected: string, value: unknown): RangeError {
  return new RangeError(`${field}: expected ${expected}, got ${shown(value)}`);
}

/** The error for a value of the wrong type. */
export function wrongType(field: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${field}: expected ${expected}, got ${shown(value)}`);
}

/**
 * Checks and returns an integer from `least` to `most`, both included.
 *
 * @throws TypeError if it is not a number, RangeError if it is not an integer or out of range
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
 * Checks and returns an octet string of `least` to `most` octets.
 *
 * @throws TypeError if it is not a Uint8Array, RangeError if it is too short or too long
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
 * Checks and returns a boolean.
 *
 * @throws TypeError if it is not a boolean
 */
export function checkFlag(field: string, value: unknown): boolean {
  if (typeof value !== 'boolean') {
    throw wrongType(field, 'true or false', value);
  }
  return value;
}
