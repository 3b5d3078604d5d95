import { describe, expect, it } from 'vitest';
import { reassemblyDeadline } from '../../src/core/reassembly-deadline.js';

describe('the time of a message', () => {
  it('runs from its first octets', () => {
    expect(reassemblyDeadline(undefined, 10, 100)).toBe(110);
  });

  it('is not moved by octets that drip in', () => {
    expect([50, 109].map((now) => reassemblyDeadline(110, now, 100))).toEqual([110, 110]);
  });

  it('has no limit when that is 0', () => {
    expect(reassemblyDeadline(undefined, 10, 0)).toBeUndefined();
  });
});
