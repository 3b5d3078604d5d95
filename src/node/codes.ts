/**
 * The codes and limits of X.224 that the command uses and users of the library do not need.
 */
export { DR_REASONS, isRefusalReason, MAX_USER_DATA, tpduTypeOf } from '../core/tpdu/codes.js';
