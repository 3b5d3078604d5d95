import { describe, expect, test } from 'vitest';
import { createIo } from '../../src/cli/io.js';
import { pipeFormat } from '../../src/cli/output/pipe-format.js';

describe('a line on a terminal', () => {
  const shown = (tsdu: Buffer, takesUtf8 = true) =>
    pipeFormat('line', { tsduSize: 1, terminal: { takesUtf8 } }).write(tsdu).toString();

  test.each(['h\u00e9llo', '\u65e5\u672c\u8a9e', '\u{1f600}', 'a\tb ~\\'])(
    '%s is shown as it is',
    (text) => {
      expect(shown(Buffer.from(text))).toBe(`${text}\n`);
    },
  );

  test.each([
    ['controls of ASCII', '\x1b[31m\x07\x7f\r\n', '\\x1b[31m\\x07\\x7f\\x0d\\x0a'],
    ['controls beyond ASCII', 'a\u0085\u009bb', 'a\\xc2\\x85\\xc2\\x9bb'],
    ['what turns the direction', '\u202e\u2066', '\\xe2\\x80\\xae\\xe2\\x81\\xa6'],
    ['what is not seen', '\u200b\ufeff', '\\xe2\\x80\\x8b\\xef\\xbb\\xbf'],
    ['the end of a line', '\u2028', '\\xe2\\x80\\xa8'],
  ])('%s is escaped', (_what, text, escaped) => {
    expect(shown(Buffer.from(text))).toBe(`${escaped}\n`);
  });

  test.each([
    ['a lone octet', 'ff9b'],
    ['a form that is too long', 'c09be0809b'],
    ['half of a pair', 'eda080'],
    ['beyond Unicode', 'f4908080'],
    ['what is cut short', 'e282'],
  ])('no UTF-8 is escaped: %s', (_what, octets) => {
    const escaped = octets.replace(/../g, '\\x$&');
    expect(shown(Buffer.from(octets, 'hex'))).toBe(`${escaped}\n`);
  });

  test('all beyond ASCII is escaped where the terminal does not take UTF-8', () => {
    expect(shown(Buffer.from('h\u00e9'), false)).toBe('h\\xc3\\xa9\n');
  });

  test.each([
    [{}, true],
    [{ LANG: 'C' }, true],
    [{ LANG: 'de_DE.UTF-8' }, true],
    [{ LANG: 'de_DE.ISO-8859-1' }, false],
    [{ LC_ALL: 'de_DE.utf8', LANG: 'de_DE.ISO-8859-1' }, true],
    [{ LC_CTYPE: 'de_DE.ISO-8859-1', LANG: 'de_DE.UTF-8' }, false],
  ])('what it takes is said by the locale: %j', (env, takesUtf8) => {
    const { stdin, stdout, stderr } = process;
    const terminal = Object.create(stdout, { isTTY: { value: true } }) as typeof stdout;
    const { io } = createIo({ stdin, stdout: terminal, stderr, env });
    expect(io.stdout.terminal).toEqual({ takesUtf8 });
  });
});
