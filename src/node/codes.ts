/**
 * The codes and lengths of X.224 and RFC 1006 that the command uses and users of the library do not need.
 */
export {
  DR_REASONS,
  isRefusalReason,
  MAX_USER_DATA,
  TPDUS,
  tpduTypeOf,
} from '../core/tpdu/codes.js';
export {
  MIN_TPKT_LENGTH,
  packetLengthAt,
  TPKT_HEADER_LENGTH,
  TPKT_VERSION,
} from '../core/tpkt/header.js';
