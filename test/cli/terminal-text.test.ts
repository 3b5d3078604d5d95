import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createIo } from '../../src/cli/io.js';
import { complain, jsonLine } from '../../src/cli/output/events.js';
import { markedColours, terminalJson, terminalText } from '../../src/cli/output/terminal-text.js';

/** Text from outside that could control a terminal, and how it is shown. */
const HOSTILE = [
  ['an escape sequence', '\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
  ['a title', '\x1b]0;title\x07', '\\x1b]0;title\\x07'],
  ['a control of C1', '\u009b31m\u0085', '\\x9b31m\\x85'],
  ['DEL and backspace', 'a\x7f\b', 'a\\x7f\\x08'],
  ['another direction', '\u202eabc\u2066', '\\u{202e}abc\\u{2066}'],
  ['what is not seen', 'a\u200bb\ufeff', 'a\\u{200b}b\\u{feff}'],
  ['half of a pair', '\ud800', '\\u{d800}'],
  ['the end of a line', 'one\ntwo\rthree\u2028', 'one\\x0atwo\\x0dthree\\u{2028}'],
] as const;

test.each(HOSTILE)('%s is escaped in a line', (_what, text, shown) => {
  expect(terminalText(text, false)).toBe(shown);
});

test('text of people stays as it is', () => {
  expect(terminalText('h\u00e9llo 日本 client ──▶ 😀\t.', false)).toBe(
    'h\u00e9llo 日本 client ──▶ 😀\t.',
  );
});

test('ends of lines stay where they are our own', () => {
  expect(terminalText('one\ntwo\x1b', true)).toBe('one\ntwo\\x1b');
});

test('all beyond ASCII is escaped where the terminal does not take UTF-8, but for our own signs', () => {
  expect(terminalText('\u00db ──▶', false, false)).toBe('\\xdb ──▶');
});

describe('colours', () => {
  test('of ours pass', () => {
    const { red, bold } = markedColours(true);
    expect(terminalText(bold(red('no')), false)).toBe('\x1b[1m\x1b[31mno\x1b[39m\x1b[22m');
  });

  test('from outside do not, even between ours', () => {
    const { red } = markedColours(true);
    expect(terminalText(red('\x1b[32mno'), false)).toBe('\x1b[31m\\x1b[32mno\x1b[39m');
  });

  test('are none where none are wanted', () => {
    expect(markedColours(false).red('no')).toBe('no');
  });
});

test.each(HOSTILE)('JSON with %s means the same and does nothing', (_what, text) => {
  const json = terminalJson({ text });
  expect(JSON.parse(json)).toEqual({ text });
  expect(terminalText(json, false)).toBe(json);
});

describe.each([
  ['a pipe', false],
  ['a terminal', true],
] as const)('what goes to %s', (_name, isTTY) => {
  function streams() {
    const stdout = Object.assign(new PassThrough(), { isTTY });
    const stderr = Object.assign(new PassThrough(), { isTTY });
    const { io } = createIo({ stdin: new PassThrough(), stdout, stderr, env: { NO_COLOR: '1' } });
    return { io, stdout, stderr };
  }

  test.each(HOSTILE)('has no %s', async (_what, text, shown) => {
    const { io, stdout, stderr } = streams();
    complain(io, 'cotp', text);
    io.stderr.line(text);
    io.stdout.line(text);
    await jsonLine(io, { text });
    expect(String(stderr.read())).toBe(`cotp: ${shown}\n${shown}\n`);
    expect(String(stdout.read())).toBe(`${shown}\n${terminalJson({ text })}\n`);
  });
});
