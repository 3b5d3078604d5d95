/**
 * How our side ends a connection, for each script of `interop/peers/fake2.py`. What our side sends meanwhile is in the
 * script itself.
 */

/** Class 2: the peer's DR with reason 128 and 0xE0 = 0x80 (RFC 2126 4.2.3). */
export const BY_NON_DISRUPTIVE_DR = {
  ending: 'dr',
  confirmed: false,
  unsent: 0,
  reason: 128,
  additionalInfo: '80',
  nonDisruptive: true,
};

/** The peer's DR without 0xE0. */
export const byDr = (reason, more = {}) => ({
  ending: 'dr',
  confirmed: false,
  unsent: 0,
  reason,
  ...more,
});

export const end = (ending, confirmed, unsent = 0) => ({ ending, confirmed, unsent });

const GRACEFUL = { disconnection: BY_NON_DISRUPTIVE_DR, errors: [] };

/** Our DR 133, which the peer confirms (X.224 6.22.1.3). */
const answeredByDr = (fault) => ({
  disconnection: end('garbage', true),
  errors: [`ERR_COTP_PROTOCOL ${fault}`],
});

/** What cannot be decoded resets TCP (X.224 6.9.1.4.1 b 2). */
const answeredByReset = (fault) => ({
  disconnection: end('garbage', false),
  errors: [`ERR_COTP_PROTOCOL ${fault}`],
});

const graceful = (...names) => Object.fromEntries(names.map((name) => [name, GRACEFUL]));

/** Scripts in which the peer opens the connection. Without `disconnection` none was opened. */
export const INITIATOR_SCRIPTS = {
  ...graceful('echo', 'class2-alone', 'extended-formats', 'size-128', 'nr-not-significant'),
  'flow-control-alone': { errors: ['ERR_COTP_CLOSED local'] },
  'flow-control-or-0': { disconnection: end('fin', true), errors: [] },

  ...graceful('ed-ea-echo', 'ed-no-dt-before-ea', 'ed-one-at-a-time', 'ed-inside-tsdu'),
  ...graceful('ed-while-ea-due', 'ea-not-expected', 'ea-any-number', 'concatenated'),
  'ed-17': answeredByDr('ed-length'),
  'ed-0': answeredByDr('ed-length'),
  'ed-not-agreed': answeredByDr('tpdu-not-in-class'),

  ...graceful('ed-wrong-ref', 'dt-wrong-ref', 'ak-wrong-ref', 'second-cr', 'stray-dr'),
  ...graceful(
    'stray-dr-src',
    'stray-dr-dst-0',
    'stray-dr-no-ref',
    'dc-out-of-place',
    'dc-wrong-src',
  ),

  // One octet waits for an EA when the reset comes, if our user was quick enough to write it.
  'ea-and-bad-in-one-nsdu': { ...answeredByReset('tpdu-code'), mayBeUnsent: 1 },
  'dt-class0-form': answeredByReset('li-too-small'),
  'ed-class0-form': answeredByReset('li-too-small'),
  'bad-wrong-ref': answeredByReset('li-exceeds'),
  'code-none': answeredByReset('tpdu-code'),
  'li-past-end': answeredByReset('li-exceeds'),
  'bad-tpkt': answeredByReset('tpkt-version'),
  ak: answeredByDr('tpdu-not-in-class'),
  rj: answeredByDr('tpdu-not-in-class'),
  'cc-to-responder': answeredByDr('tpdu-not-expected'),

  'dr-disruptive': { disconnection: byDr(128), errors: [] },
  'dr-user-data': { disconnection: byDr(128, { userData: '62'.repeat(64) }), errors: [] },
  'dr-cause': { disconnection: byDr(133), errors: ['ERR_COTP_CLOSED dr'] },
  'dr-reason-0': { disconnection: byDr(0), errors: ['ERR_COTP_CLOSED dr'] },
  'dr-while-queued': {
    disconnection: { ...BY_NON_DISRUPTIVE_DR, unsent: 1 },
    errors: ['ERR_COTP_CLOSED dr'],
  },
  'dr-dst-0': { disconnection: byDr(128), errors: [] },
  'dr-src-0': { disconnection: byDr(128), errors: [] },
  'dr-broken-param': { disconnection: byDr(128), errors: [] },
  'dr-then-silence': GRACEFUL,
  er: { disconnection: end('er', true), errors: ['ERR_COTP_CLOSED er'] },
  'fin-without-dr': { disconnection: end('fin', false), errors: ['ERR_COTP_CLOSED fin'] },
  'fin-inside-tsdu': { disconnection: end('fin', false), errors: ['ERR_COTP_CLOSED fin'] },
};

const rejected = (code, more = {}) => ({ rejected: { code, ...more } });
const CLOSED_BY_US = { disconnection: end('local', true), errors: [] };
/** The peer has ended too, without a DC. */
const UNCONFIRMED = { disconnection: end('local', false), errors: [] };
const UNACCEPTABLE_CC = (fault) => rejected('ERR_COTP_PROTOCOL', { fault, ending: 'garbage' });

/**
 * Scripts in which our side opens the connection. `options` are those of our side; `until` is what our side waits for
 * before it ends the connection: by default it writes and closes at once.
 */
export const RESPONDER_SCRIPTS = {
  'accept-then-close': CLOSED_BY_US,
  'fallback-0': CLOSED_BY_US,
  'cc-flow-control': UNACCEPTABLE_CC('cc-options'),
  'cc-extended': UNACCEPTABLE_CC('cc-options'),
  'cc-option-bits': UNACCEPTABLE_CC('cc-options'),
  'cc-class-4': UNACCEPTABLE_CC('cc-class'),
  'cc-grants-too-much': UNACCEPTABLE_CC('cc-options'),
  'cc-wrong-ref': UNACCEPTABLE_CC('cc-ref-mismatch'),
  'refuse-no-ref': rejected('ERR_COTP_REFUSED', { reason: 129 }),
  'refuse-ref': rejected('ERR_COTP_REFUSED', { reason: 129 }),
  'refuse-wrong-ref': rejected('ERR_COTP_REFUSED', { reason: 129 }),
  'refuse-data': rejected('ERR_COTP_REFUSED', { reason: 128 }),
  'er-wrong-ref': rejected('ERR_COTP_REFUSED', { ending: 'er' }),
  er: rejected('ERR_COTP_REFUSED', { ending: 'er' }),
  fin: rejected('ERR_COTP_CLOSED', { ending: 'fin' }),
  rst: rejected('ERR_COTP_CLOSED', { ending: 'reset' }),
  silence: { ...rejected('ERR_COTP_TIMEOUT', { ending: 'timeout' }), options: { timeout: 600 } },
  'dt-before-cc': UNACCEPTABLE_CC('tpdu-not-expected'),
  'dr-collision': UNCONFIRMED,
  'dc-then-fin': CLOSED_BY_US,
  'er-for-dr': UNCONFIRMED,
  'cr-again-for-dr': CLOSED_BY_US,
  'stray-dr-for-dr': CLOSED_BY_US,
  'data-after-dr': CLOSED_BY_US,
  'no-dc': { ...UNCONFIRMED, options: { closeTimeout: 500 } },
  'no-ea': {
    disconnection: end('timeout', false, 1),
    errors: ['ERR_COTP_TIMEOUT timeout'],
    options: { writeTimeout: 500 },
    until: 'closed',
  },
  'peer-closes': { ...GRACEFUL, until: 'read' },
};
