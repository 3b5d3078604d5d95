/**
 * Folds long lines for a terminal. A pipe gets whole lines, which other programs read.
 */

/** Continuation lines are indented by this much. */
const INDENT = '    ';

/** Characters that take a column: all but the colours of this program. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a colour begins with ESC
const COLOUR = /\x1b\[[\d;]*m/g;

function widthOf(text: string): number {
  return text.replace(COLOUR, '').length;
}

/**
 * Folds a line between its fields, which two blanks separate, and within a field at a blank. A word longer than a line
 * stays whole.
 *
 * @param columns the width of the terminal
 */
export function folded(line: string, columns: number): string {
  if (widthOf(line) <= columns) {
    return line;
  }
  const lines: string[] = [];
  let current = '';
  for (const field of line.split('  ')) {
    const longer = current === '' ? field : `${current}  ${field}`;
    if (widthOf(longer) <= columns) {
      current = longer;
      continue;
    }
    if (current !== '') {
      lines.push(current);
    }
    const parts = wordsFolded(lines.length > 0 ? `${INDENT}${field}` : field, columns);
    lines.push(...parts.slice(0, -1));
    current = parts.at(-1) ?? '';
  }
  return [...lines, current].join('\n');
}

function wordsFolded(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let current = /^ */.exec(text)?.[0] ?? '';
  for (const word of text.trimStart().split(' ')) {
    const isFirst = current.trim() === '';
    const longer = isFirst ? `${current}${word}` : `${current} ${word}`;
    if (!isFirst && widthOf(longer) > columns) {
      lines.push(current);
      current = `${INDENT}${word}`;
    } else {
      current = longer;
    }
  }
  return [...lines, current];
}
