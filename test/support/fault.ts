/** The fault that a call finds. */
import { ProtocolError } from '../../src/core/errors.js';

/** The ProtocolError that a call throws. */
export function faultOf(call: () => unknown): ProtocolError {
  try {
    call();
  } catch (error) {
    if (error instanceof ProtocolError) {
      return error;
    }
    throw error;
  }
  throw new Error('a ProtocolError was expected');
}
