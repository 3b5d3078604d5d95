/**
 * Counts the items that are gone through in large collections while something runs, which a scan of
 * all connections, messages or timers would do. A scan is far too fast for its time to show.
 */

/** Collections of fewer items are nobody's concern. */
const LARGE = 250;

type AnyFunction = (...args: never[]) => unknown;

/** Methods that may go through all items of what they are called on. */
const SCANS: readonly (readonly [object, readonly PropertyKey[]])[] = [
  [Set.prototype, [Symbol.iterator, 'values', 'keys', 'entries', 'forEach']],
  [Map.prototype, [Symbol.iterator, 'values', 'keys', 'entries', 'forEach']],
  [
    Array.prototype,
    [
      ...[Symbol.iterator, 'values', 'keys', 'entries', 'forEach', 'map', 'filter', 'reduce'],
      ...['find', 'findIndex', 'findLast', 'some', 'every', 'includes', 'indexOf', 'lastIndexOf'],
      ...['concat', 'slice', 'splice', 'shift', 'unshift', 'reverse', 'sort', 'join', 'flat'],
    ],
  ],
];

/** Gives what the function gives, and the items gone through meanwhile. */
export async function countVisits<T>(
  act: () => Promise<T>,
): Promise<{ readonly result: T; readonly visits: number }> {
  let visits = 0;
  const restorers: (() => void)[] = [];
  for (const [holder, names] of SCANS) {
    for (const name of names) {
      const before = Object.getOwnPropertyDescriptor(holder, name) as PropertyDescriptor;
      const original = before.value as AnyFunction;
      const value = function watching(this: unknown, ...args: unknown[]): unknown {
        const { size, length = size ?? 0 } = this as { size?: number; length?: number };
        visits += length >= LARGE ? length : 0;
        return Reflect.apply(original, this, args);
      };
      Object.defineProperty(holder, name, { ...before, value });
      restorers.push(() => Object.defineProperty(holder, name, before));
    }
  }
  try {
    return { result: await act(), visits };
  } finally {
    for (const restore of restorers) {
      restore();
    }
  }
}
