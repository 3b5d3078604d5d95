/** Which event a TPDU of class 2 is once both references are known. */
import { describe, expect, it } from 'vitest';
import { classifyAssociated } from '../../../src/core/class2/classify.js';
import { readConcatenated } from '../../../src/core/class2/concatenation.js';
import type { Context } from '../../../src/core/connection/classify.js';
import type { State, TransitionInput } from '../../../src/core/connection/transition.js';
import { hex } from '../../support/splits.js';
import { OURS, THEIRS } from '../../support/states.js';

function classify(octets: string, state: State, own: Partial<Context> = {}, strict = false) {
  const context: Context = {
    options: { strict, maxTpduSize: 2048 },
    offer: undefined,
    request: undefined,
    isResponder: true,
    localRef: OURS,
    remoteRef: THEIRS,
    maxTpduSize: 1024,
    unfinished: 0,
    expedited: true,
    isAckDue: false,
    ...own,
  };
  return readConcatenated(hex(octets), context).map(
    (received): TransitionInput => classifyAssociated(received, state, context),
  );
}

describe('a DT of class 2', () => {
  it.each([
    ['with data', '04f0 0a0b 80 61', 0, 'DT'],
    ['without data that ends a TSDU', '04f0 0a0b 80', 2, 'DT'],
    ['without data that would be a TSDU', '04f0 0a0b 80', 0, 'protocol error'],
  ] as const)('%s (%s, %i octets before it) is the event "%s" when strict', (...row) => {
    const [, octets, unfinished, event] = row;
    expect(classify(octets, 'OPEN', { unfinished }, true)).toMatchObject([{ event }]);
  });

  it('without data is a TSDU of no octets when tolerant', () => {
    expect(classify('04f0 0a0b 80', 'OPEN')).toMatchObject([{ event: 'DT' }]);
  });

  it('names the octet of EOT where it would be a TSDU without data', () => {
    expect(classify('04f0 0a0b 80', 'OPEN', {}, true)).toMatchObject([
      { error: { fault: 'empty-tsdu', octet: 5 } },
    ]);
  });
});
