import { expect, test } from 'vitest';
import { connect } from '../../src/cli/commands/connect.js';
import { listen } from '../../src/cli/commands/listen.js';
import { failureOf } from '../../src/cli/output/failure.js';
import { CotpError } from '../../src/index.js';

/** The sentence that a command prints for an error with this hint. */
const said = (hint: string, rows = {}) =>
  failureOf(new CotpError('ERR_COTP_CLOSED', 'it went wrong', { hint }), rows).sentence;

test('a hint names flags instead of options of the library', () => {
  expect(said('maxTsduSize sets the limit', listen.options)).toBe(
    'it went wrong: --max-tsdu-size sets the limit',
  );
  expect(said('try another sizeOffer or maxTpduSize', connect.options)).toBe(
    'it went wrong: try another --size-offer or --size',
  );
});

test.each([
  ['an option that has no flag', 'maxTsduSegments sets the limit'],
  ['an option of which only another command has a flag', 'maxTsduSize sets the limit'],
  ['one of two', 'try another sizeOffer or maxTsduSize'],
  ['a method', 'wait for drain() when write() returns false'],
])('a hint is left out that speaks of %s', (_what, hint) => {
  expect(said(hint, connect.options)).toBe('it went wrong');
});

test('a hint without such names stays', () => {
  expect(said('is a COTP server listening on 10.0.0.5:102?')).toBe(
    'it went wrong: is a COTP server listening on 10.0.0.5:102?',
  );
});

test.each([
  ['with a hint', connect.options, ': --tls-servername says which name to expect'],
  ['without one', {}, ''],
])('a message that ends with a colon %s', (_what, rows, advice) => {
  const code = 'ERR_TLS_CERT_ALTNAME_INVALID';
  const error = Object.assign(new Error("IP: 127.0.0.1 is not in the cert's list: "), { code });
  const { sentence } = failureOf(error, rows);
  expect(sentence.split(',')[0]).toBe(`IP: 127.0.0.1 is not in the cert's list${advice}`);
});
