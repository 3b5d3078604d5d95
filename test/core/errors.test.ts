/** The error classes: their names and codes, their messages, and what they keep of the octets that caused them. */
import { describe, expect, it } from 'vitest';
import { refusedByDr } from '../../src/core/connection/failures.js';
import { detailsOf } from '../../src/core/connection/release.js';
import {
  ConnectionClosedError,
  ConnectionRefusedError,
  CotpError,
  codeOrMessage,
  inPhase,
  isTlsFailure,
  ProtocolError,
  streamFailure,
  TimeoutError,
  TsduTooLargeError,
  unreachableHint,
  withUnsent,
} from '../../src/core/errors.js';
import { FAULTS } from '../../src/core/faults.js';
import { decode } from '../../src/core/tpdu/index.js';
import type { Decoded, DisconnectRequest } from '../../src/core/tpdu/types.js';

/** A Buffer that is a small part of a large chunk, as octets from a socket are. */
function inChunk(digits: string): Buffer {
  const octets = Buffer.from(digits, 'hex');
  const chunk = Buffer.alloc(65_536);
  octets.copy(chunk, 100);
  return chunk.subarray(100, 100 + octets.length);
}

describe('octets of a chunk', () => {
  it('are copied into an error, at most 64 of them', () => {
    const octets = inChunk('02f0'.repeat(50));
    const error = new ProtocolError('tpdu-code', octets, 2);
    octets.fill(0);
    expect(error.octets).toEqual(Buffer.from('02f0'.repeat(32), 'hex'));
    expect(error.octets?.buffer.byteLength).toBe(64);
  });

  it('are copied from the DR that refuses a CR', () => {
    const octets = inChunk('09800001000280e00180616263');
    const dr = decode(octets) as DisconnectRequest & Decoded;
    const { userData, additionalInfo } = refusedByDr(dr, octets) as ConnectionRefusedError;
    octets.fill(0);
    expect(userData).toEqual(Buffer.from('abc'));
    expect(additionalInfo).toEqual(Buffer.of(0x80));
  });

  it('are copied from the DR of the peer', () => {
    const octets = inChunk('09800001000280e00180616263');
    const dr = decode(octets) as DisconnectRequest & Decoded;
    const { userData, additionalInfo } = new ConnectionClosedError('ended', detailsOf(dr));
    octets.fill(0);
    expect(userData).toEqual(Buffer.from('abc'));
    expect(additionalInfo).toEqual(Buffer.of(0x80));
    expect(userData?.buffer.byteLength).toBe(3);
  });
});

/** Created by each test, not while the tests are collected: an error that cannot be created must fail a test. */
const MADE: Readonly<Record<string, (ending?: 'local') => CotpError>> = {
  CotpError: (ending) => new CotpError('ERR_COTP_NO_REFERENCE', 'm', { ending }),
  ConnectionRefusedError: (ending) =>
    new ConnectionRefusedError('m', { reasonText: 'congestion' }, { ending }),
  ConnectionClosedError: (ending) => new ConnectionClosedError('m', { ending }),
  ProtocolError: (ending) =>
    new ProtocolError('tpdu-code', new Uint8Array(0), undefined, ending && { ending }),
  TsduTooLargeError: (ending) => new TsduTooLargeError('m', ending && { ending }),
  TimeoutError: (ending) => new TimeoutError('m', 'timeout', 5, ending && { ending }),
};

describe('each class of error', () => {
  it.each([
    ['CotpError', 'ERR_COTP_NO_REFERENCE', undefined],
    ['ConnectionRefusedError', 'ERR_COTP_REFUSED', undefined],
    ['ConnectionClosedError', 'ERR_COTP_CLOSED', undefined],
    ['ProtocolError', 'ERR_COTP_PROTOCOL', 'garbage'],
    ['TsduTooLargeError', 'ERR_COTP_TSDU_TOO_LARGE', 'limit'],
    ['TimeoutError', 'ERR_COTP_TIMEOUT', 'timeout'],
  ])('has its name, its code and its usual ending: %s', (name, code, usual) => {
    const error = MADE[name]?.();
    expect([error?.name, error?.code, error?.ending]).toEqual([name, code, usual]);
  });

  it.each(Object.keys(MADE))('takes another ending from its details: %s', (name) => {
    expect(MADE[name]?.('local').ending).toBe('local');
  });

  it('has no octets if none caused it', () => {
    expect(new CotpError('ERR_COTP_CLOSED', 'm').octets).toBeUndefined();
  });

  it('of a refusal without user data or additional information has none', () => {
    const { userData, additionalInfo } = new ConnectionRefusedError('m', { reasonText: '' });
    expect([userData, additionalInfo]).toEqual([undefined, undefined]);
  });

  it('takes its hint from its details, or else from its fault', () => {
    const octets = new Uint8Array(1);
    const hintOf = (hint?: string) => new ProtocolError('remote-desktop', octets, 1, { hint }).hint;
    expect([hintOf('other'), hintOf()]).toEqual(['other', FAULTS['remote-desktop'].hint]);
  });
});

describe('the message of an error', () => {
  it('is what it was given', () => {
    expect(new CotpError('ERR_COTP_CLOSED', 'it ended').message).toBe('it ended');
  });

  it('has the hint behind a colon', () => {
    const error = new CotpError('ERR_COTP_CLOSED', 'it ended', { hint: 'begin again' });
    expect([error.message, error.hint]).toEqual(['it ended: begin again', 'begin again']);
  });

  it.each([
    [[], undefined, undefined, 'tpdu-code'],
    [[2], 2, undefined, 'tpdu-code at octet 2, in 02'],
    [[2, 255], undefined, '240 expected', 'tpdu-code, in 02 ff'],
    [Array(24).fill(1), undefined, undefined, `tpdu-code, in ${Array(24).fill('01').join(' ')}`],
    [
      Array(25).fill(1),
      undefined,
      undefined,
      `tpdu-code, in ${Array(24).fill('01').join(' ')} … (25 octets)`,
    ],
  ] as const)('of a protocol error shows its octets: %j', (octets, octet, detail, end) => {
    const { message, hint } = new ProtocolError('tpdu-code', Uint8Array.from(octets), octet, {
      detail,
    });
    const withoutHint = hint === undefined ? message : message.replace(`: ${hint}`, '');
    const [sentence, rest] = withoutHint.split(': ') as [string, string];
    expect(rest).toBe(end);
    expect(sentence.endsWith(')')).toBe(detail !== undefined);
    expect(sentence).toContain(detail ?? '');
  });
});

describe('an error', () => {
  it('has a cause if it was given one, and only then', () => {
    const cause = new Error('read ECONNRESET');
    expect(new CotpError('ERR_COTP_CLOSED', 'm', { cause }).cause).toBe(cause);
    expect('cause' in new CotpError('ERR_COTP_CLOSED', 'm')).toBe(false);
  });

  it('without a phase gets one', () => {
    expect(inPhase(new CotpError('ERR_COTP_CLOSED', 'm'), 'open').phase).toBe('open');
  });

  it('keeps the phase that it has', () => {
    const error = new CotpError('ERR_COTP_CLOSED', 'm', { phase: 'tcp' });
    expect(inPhase(error, 'open').phase).toBe('tcp');
  });

  it('of a closed connection says how many octets are lost, if any are', () => {
    expect(withUnsent(new ConnectionClosedError('m'), 7).unsent).toBe(7);
    expect(withUnsent(new ConnectionClosedError('m', { unsent: 3 }), 0).unsent).toBe(3);
  });

  it('of another kind says nothing about lost octets', () => {
    expect('unsent' in withUnsent(new TimeoutError('m', 'timeout', 5), 7)).toBe(false);
  });

  it.each([
    ['tpdu-code', 2],
    ['tpkt-version', undefined],
  ] as const)('of the fault %s has the reject cause %o', (fault, rejectCause) => {
    expect(new ProtocolError(fault, new Uint8Array(1)).rejectCause).toBe(rejectCause);
  });
});

describe('the end of a stream', () => {
  const coded = (code: unknown) => Object.assign(new Error('text'), { code });

  it.each([
    [undefined, 'the peer closed TCP'],
    [coded('ECONNRESET'), 'TCP was reset or failed (ECONNRESET)'],
    [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'TLS failed (ERR_SSL_WRONG_VERSION_NUMBER)'],
    [coded(5), 'TCP was reset or failed (text)'],
  ])('by %o is named: %s', (cause, text) => {
    expect(streamFailure(cause)).toBe(text);
  });

  it.each([
    [coded('ERR_TLS_CERT_ALTNAME_INVALID'), true],
    [coded('ERR_SSL_X'), true],
    [coded('NO_ERR_SSL_X'), false],
    [coded('ERR_SOCKET_CLOSED'), false],
    [new Error('ERR_SSL_X'), false],
    [undefined, false],
    [null, false],
  ])('by %o is one of TLS: %o', (cause, isTls) => {
    expect(isTlsFailure(cause)).toBe(isTls);
  });

  it('has the code of its error, or else its message', () => {
    expect([codeOrMessage(coded('EPIPE')), codeOrMessage(new Error('text'))]).toEqual([
      'EPIPE',
      'text',
    ]);
  });
});

it('the hint for a peer that does not answer TCP names its address', () => {
  expect(unreachableHint('10.0.0.5:102')).toBe(
    'is 10.0.0.5:102 the right address, is the device on, and does a firewall let packets through?',
  );
});
