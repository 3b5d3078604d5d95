/** A view of a set shows everything and changes nothing. */
import { describe, expect, test } from 'vitest';
import { SetView } from '../../src/node/server/set-view.js';

function view(...values: string[]) {
  const set = new Set(values);
  return { set, view: new SetView(set) };
}

describe('a view', () => {
  test('shows size, membership and order, as a Set does', () => {
    const { view: shown } = view('a', 'b');
    expect(shown.size).toBe(2);
    expect([shown.has('a'), shown.has('c')]).toEqual([true, false]);
    expect([...shown]).toEqual(['a', 'b']);
    expect([...shown.keys()]).toEqual(['a', 'b']);
    expect([...shown.values()]).toEqual(['a', 'b']);
    expect([...shown.entries()]).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ]);
  });

  test('shows what was added later', () => {
    const { set, view: shown } = view();
    set.add('a');
    expect([...shown]).toEqual(['a']);
  });

  test('gives itself to the callback of forEach, not the set', () => {
    const { view: shown } = view('a');
    const calls: unknown[][] = [];
    shown.forEach(function (this: unknown, ...args) {
      calls.push([this, ...args]);
    }, 'this');
    expect(calls.map(([self, value, key, set]) => [String(self), value, key, set])).toEqual([
      ['this', 'a', 'a', shown],
    ]);
  });

  test.each(['add', 'delete', 'clear'] as const)(
    'has no %s, and that of Set does not take it',
    (name) => {
      const { view: shown } = view('a');
      expect(name in shown).toBe(false);
      const method = Set.prototype[name] as (value: unknown) => unknown;
      expect(() => method.call(shown, 'a')).toThrow(TypeError);
      expect([...shown]).toEqual(['a']);
    },
  );

  test('takes no new property', () => {
    const { view: shown } = view('a');
    expect(() => Object.assign(shown, { size: 7 })).toThrow(TypeError);
    expect(() => Object.assign(shown, { add: () => {} })).toThrow(TypeError);
  });

  test('has the other methods that a Set of this version of Node has', () => {
    const { view: shown } = view('a', 'b');
    const names = ['union', 'intersection', 'isSubsetOf', 'isDisjointFrom'] as const;
    for (const name of names) {
      expect(name in shown, name).toBe(name in Set.prototype);
    }
    const { union } = shown as { union?: (other: Set<string>) => Set<string> };
    const joined = union?.call(shown, new Set(['c'])) ?? new Set(['a', 'b', 'c']);
    expect([...joined]).toEqual(['a', 'b', 'c']);
    expect(shown.size).toBe(2);
  });
});
