/**
 * Folds long lines for a terminal. A pipe gets whole lines, which other programs read.
 */

/** Continuation lines are indented by this much, or by as much as their first line if that is more. */
const LEAST_INDENT = 4;

/** Colours take no columns. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences to remove begin with the control character ESC
const COLOUR = /\x1b\[[\d;]*m/g;

function widthOf(text: string): number {
  return text.replace(COLOUR, '').length;
}

/**
 * Folds a line between its fields, which two blanks separate, and within a field that is longer than a line at a blank.
 * A word longer than a line stays whole.
 *
 * @param columns the width of the terminal
 */
export function folded(line: string, columns: number): string {
  if (line.length <= columns || widthOf(line) <= columns) {
    return line;
  }
  const [lead = ''] = /^ */.exec(line) ?? [];
  const hasRoom = lead.length <= columns / 2;
  const indent = ' '.repeat(hasRoom ? Math.max(LEAST_INDENT, lead.length) : LEAST_INDENT);
  const lines: string[] = [];
  let current = hasRoom ? lead : indent;
  for (const field of line.slice(lead.length).split('  ')) {
    const isFirst = current.trim() === '';
    const longer = isFirst ? `${current}${field}` : `${current}  ${field}`;
    if (widthOf(longer) <= columns) {
      current = longer;
      continue;
    }
    if (!isFirst && widthOf(`${indent}${field}`) <= columns) {
      lines.push(current.trimEnd());
      current = `${indent}${field.trimStart()}`;
      continue;
    }
    const parts = wordsFolded(isFirst ? current : `${current}  `, field, indent, columns);
    lines.push(...parts.slice(0, -1));
    current = parts.at(-1) ?? '';
  }
  return [...lines, current].join('\n');
}

/** Folds each line of a text. */
export function linesFolded(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => folded(line, columns))
    .join('\n');
}

/** @param begun what the line has before the first word, with the blanks between them */
function wordsFolded(
  begun: string,
  field: string,
  indent: string,
  columns: number,
): readonly string[] {
  const lines: string[] = [];
  let current = begun;
  for (const [index, word] of field.split(' ').entries()) {
    const longer = index === 0 ? `${current}${word}` : `${current} ${word}`;
    if (current.trim() !== '' && widthOf(longer) > columns) {
      lines.push(current.trimEnd());
      current = `${indent}${word}`;
    } else {
      current = longer;
    }
  }
  return [...lines, current];
}
