/**
 * A read-only view of a `Set`. It is no `Set` itself, so no method of `Set.prototype` can change it.
 */

/** The methods that a `Set` has besides, depending on the version of Node; none of them changes it. */
const OTHER_METHODS = [
  'union',
  'intersection',
  'difference',
  'symmetricDifference',
  'isSubsetOf',
  'isSupersetOf',
  'isDisjointFrom',
];

/** The type of an iterator over a set, whatever the version of TypeScript calls it. */
type Iterated<T> = ReturnType<ReadonlySet<T>['values']>;

/** Shows what the set contains at the time of each call. */
export class SetView<T> implements ReadonlySet<T> {
  readonly #set: ReadonlySet<T>;

  constructor(set: ReadonlySet<T>) {
    this.#set = set;
    Object.freeze(this);
  }

  static {
    const methods = Set.prototype as unknown as Readonly<Record<string, unknown>>;
    for (const name of OTHER_METHODS) {
      const method = methods[name];
      if (typeof method === 'function') {
        const value = function (this: SetView<unknown>, other: unknown): unknown {
          return method.call(this.#set, other);
        };
        Object.defineProperty(SetView.prototype, name, { value });
      }
    }
    Object.freeze(SetView.prototype);
  }

  get size(): number {
    return this.#set.size;
  }

  get [Symbol.toStringTag](): string {
    return 'SetView';
  }

  has(value: T): boolean {
    return this.#set.has(value);
  }

  forEach(callback: (value: T, key: T, set: ReadonlySet<T>) => void, thisArg?: unknown): void {
    for (const value of this.#set) {
      callback.call(thisArg, value, value, this);
    }
  }

  keys(): Iterated<T> {
    return this.#set.keys();
  }

  values(): Iterated<T> {
    return this.#set.values();
  }

  entries(): Iterated<[T, T]> {
    return this.#set.entries();
  }

  [Symbol.iterator](): Iterated<T> {
    return this.#set.values();
  }
}
