import { describe, expect, it } from 'vitest';
import { proposedClasses } from '../../../src/core/negotiation/class-and-options.js';
import { usableClasses } from '../../../src/core/negotiation/respond.js';
import {
  type ConnectionRequest,
  decode,
  encode,
  type TransportClass,
} from '../../../src/core/tpdu/index.js';

const CLASSES: readonly TransportClass[] = [0, 1, 2, 3, 4];

/** X.224 table 3 as it is printed: none, then alternatives 0 to 4; '-' is not valid. */
const TABLE_3 = [
  ['0', '-', '-', '-', '-', '-'],
  ['10', '10', '10', '-', '-', '-'],
  ['2', '20', '-', '2', '-', '-'],
  ['32', '320', '3210', '32', '32', '-'],
  ['42', '420', '4210', '42', '432', '42'],
];

function row(preferred: TransportClass): readonly string[] {
  return TABLE_3[preferred] ?? [];
}

describe.each(CLASSES)('class %i preferred', (preferred) => {
  //= X.224 6.5.4 note 5 test
  //= X.224 6.5.4 Table 3 test
  it('alone allows what table 3 says', () => {
    const { classes, invalidAlternative } = proposedClasses(preferred);
    expect(classes.join('')).toBe(row(preferred)[0]);
    expect(invalidAlternative).toBeUndefined();
  });

  //= X.224 6.5.4 Table 3 test
  //= RFC 2126 6.3 test
  it.each(CLASSES)('with alternative %i allows what table 3 says', (alternative) => {
    const cell = row(preferred)[alternative + 1];
    const { classes, invalidAlternative } = proposedClasses(preferred, [alternative]);
    expect(invalidAlternative).toBe(cell === '-' ? alternative : undefined);
    expect(classes.join('')).toBe(cell === '-' ? row(preferred)[0] : cell);
  });

  //= X.224 6.5.4 i para 1 test
  //= X.224 6.5.4 note 7 test
  it.each(subsets(CLASSES))('with alternatives %j allows the union', (alternatives) => {
    const cells = [row(preferred)[0], ...alternatives.map((each) => row(preferred)[each + 1])];
    const union = new Set(cells.filter((cell) => cell !== '-').join(''));
    expect(proposedClasses(preferred, alternatives).classes.join('')).toBe(
      [...union].sort().reverse().join(''),
    );
  });
});

describe('a responder takes', () => {
  it('the preferred class where it can', () => {
    expect(usableClasses(request(2, [0]), [0, 2])[0]).toBe(2);
  });

  it('else the highest that it can', () => {
    expect(usableClasses(request(4, [1, 3]), [0, 2])[0]).toBe(2);
    expect(usableClasses(request(4, [1, 3]), [0])[0]).toBe(0);
  });

  it('none where it can do none', () => {
    expect(usableClasses(request(2), [0])).toEqual([]);
  });
});

/** A CR of a class, without explicit flow control. */
function request(
  preferred: TransportClass,
  alternativeClasses?: readonly TransportClass[],
): ConnectionRequest {
  const parameters = { alternativeClasses };
  return decode(
    encode({ type: 'CR', srcRef: 1, class: preferred, options: 1, parameters }),
  ) as ConnectionRequest;
}

/** All lists of different members, each wrapped for `it.each`. */
function subsets(members: readonly TransportClass[]): [readonly TransportClass[]][] {
  return Array.from({ length: 2 ** members.length }, (_, bits) => [
    members.filter((member) => Math.floor(bits / 2 ** member) % 2 === 1),
  ]);
}
