/**
 * The time that the peer has for a message it has begun, whatever a message is to the engine. Knows no
 * clock of its own.
 */

/**
 * When the message that is begun must be complete: so many milliseconds after its first octets, and
 * octets that drip in do not move it.
 *
 * @param running what this gave for the same message before; `undefined` for its first octets
 * @param timeout for one message, in milliseconds; 0 for no limit
 */
export function reassemblyDeadline(
  running: number | undefined,
  now: number,
  timeout: number,
): number | undefined {
  return timeout > 0 ? (running ?? now + timeout) : undefined;
}
