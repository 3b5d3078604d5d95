import { describe, expect, it } from 'vitest';
import { ReassemblyClock } from '../../src/core/reassembly-clock.js';

describe('the time of a message', () => {
  it('runs from its first octet, whatever drips in', () => {
    const clock = new ReassemblyClock(100);
    expect([10, 50, 109].map((now) => clock.deadline(true, now))).toEqual([110, 110, 110]);
  });

  it('is over between two messages', () => {
    const clock = new ReassemblyClock(100);
    clock.deadline(true, 10);
    expect(clock.deadline(false, 20)).toBeUndefined();
    expect(clock.deadline(true, 30)).toBe(130);
  });

  it('is new for each message, though the next has begun already', () => {
    const clock = new ReassemblyClock(100);
    clock.deadline(true, 10);
    clock.completed();
    expect(clock.deadline(true, 60)).toBe(160);
  });

  it('has no limit when that is 0', () => {
    expect(new ReassemblyClock(0).deadline(true, 10)).toBeUndefined();
  });
});
