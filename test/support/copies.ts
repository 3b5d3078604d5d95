/**
 * Counts the octets that are copied, and the memory that is taken, while something runs: for that
 * time every function of JavaScript and Node that moves octets is replaced by one that does the same
 * and counts. What Node does within itself is not counted. A loop that copies octet by octet goes
 * unseen, but not the memory that it copies to.
 */
import { Buffer } from 'node:buffer';

/** What was copied and allocated. */
export interface Copies {
  /** Octets copied. */
  readonly octets: number;
  /** Octets of each allocation, in order. */
  readonly allocations: readonly number[];
  /** Octets by the function that copied them, for whoever looks for the cause. */
  readonly by: Readonly<Record<string, number>>;
}

/** What a function copies before it returns. */
export function countCopies(act: () => unknown): Copies {
  const count = new Count();
  try {
    act();
  } finally {
    count.end();
  }
  return count;
}

/** The same of a function that takes its time; what others do meanwhile is counted too. */
export async function countCopiesAsync(act: () => Promise<unknown>): Promise<Copies> {
  const count = new Count();
  try {
    await act();
  } finally {
    count.end();
  }
  return count;
}

/** What the octets of an {@link octetWatcher} stand for. */
const unwatched = new WeakMap<object, Uint8Array>();

/**
 * Makes octets that count how often one of them is read by its index. Functions that copy get the
 * octets behind them, for {@link countCopies} to see.
 */
export function octetWatcher(): { watch: (octets: Uint8Array) => Uint8Array; reads: () => number } {
  let reads = 0;
  const watch = (octets: Uint8Array) => {
    const watched = new Proxy(octets, {
      get: (target, key) => {
        reads += typeof key === 'string' && /^\d+$/.test(key) ? 1 : 0;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    unwatched.set(watched, octets);
    return watched;
  };
  return { watch, reads: () => reads };
}

type AnyFunction = (...args: never[]) => unknown;
type Watched = (self: unknown, args: readonly unknown[], result: unknown) => void;

/** One count, from its making to its end. */
class Count implements Copies {
  readonly allocations: number[] = [];
  readonly by: Record<string, number> = {};
  readonly #restorers: (() => void)[] = [];
  /** Within a function that is watched: what that calls in turn is its own affair. */
  #isWithin = false;

  constructor() {
    const typedArray = Object.getPrototypeOf(Uint8Array) as { readonly prototype: object };
    this.#watchTypedArrays(typedArray.prototype);
    this.#watchBuffers();
    for (const name of ['from', 'of']) {
      this.#watch(typedArray, name, (_self, _args, made) => this.#made(name, made));
    }
    this.#watch(globalThis, 'structuredClone', (_self, _args, made) =>
      this.#made('structuredClone', made),
    );
    this.#watchConstructor('Uint8Array');
    this.#watchConstructor('ArrayBuffer');
  }

  get octets(): number {
    return Object.values(this.by).reduce((sum, octets) => sum + octets, 0);
  }

  /** Everything is as it was. */
  end(): void {
    for (const restore of this.#restorers.splice(0).reverse()) {
      restore();
    }
  }

  #watchTypedArrays(prototype: object): void {
    this.#watch(prototype, 'set', (_self, [source]) => this.#copied('set', source));
    this.#watch(prototype, 'copyWithin', (self, [to, from, end]) => {
      // The part copied, as long as the part that it is copied over.
      const part = (self as Uint8Array).subarray(from as number, end as number | undefined);
      const room = (self as Uint8Array).subarray(to as number);
      this.#copied('copyWithin', part.length < room.length ? part : room);
    });
    for (const name of ['slice', 'map', 'filter', 'with', 'toReversed', 'toSorted']) {
      this.#watch(prototype, name, (_self, _args, made) => this.#made(name, made));
    }
    for (const name of [Symbol.iterator, 'values', 'entries', 'forEach', 'reduce']) {
      this.#watch(prototype, name, (self) => this.#copied('iteration', self));
    }
    this.#watch(ArrayBuffer.prototype, 'slice', (_self, _args, made) => this.#made('slice', made));
  }

  #watchBuffers(): void {
    for (const name of ['copy', 'write', 'fill']) {
      this.#watch(Buffer.prototype, name, (self, _args, result) =>
        this.#copied(name, typeof result === 'number' ? { byteLength: result } : self),
      );
    }
    for (const name of ['concat', 'copyBytesFrom']) {
      this.#watch(Buffer, name, (_self, _args, made) => this.#made(name, made));
    }
    this.#watch(Buffer, 'from', (_self, [source], made) => {
      if (!isMemory(source)) {
        this.#made('Buffer.from', made);
      }
    });
    for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow']) {
      this.#watch(Buffer, name, (_self, _args, made) => this.#allocated(made));
    }
  }

  /** `new` makes octets: of a length, of other octets, or as a view, which costs nothing. */
  #watchConstructor(name: 'Uint8Array' | 'ArrayBuffer'): void {
    const original = globalThis[name];
    const watched: object = new Proxy(original, {
      construct: (target, args, newTarget) => {
        const made = Reflect.construct(target, args, newTarget === watched ? target : newTarget);
        if (!this.#isWithin && !isMemory(args[0])) {
          this.#allocated(made);
          if (typeof args[0] === 'object') {
            this.#copied(`new ${name}`, made);
          }
        }
        return made;
      },
    });
    this.#replace(globalThis, name, watched);
  }

  #watch(holder: object, name: PropertyKey, watched: Watched): void {
    const original: unknown = Reflect.get(holder, name);
    if (typeof original === 'function') {
      const run = (self: unknown, args: readonly unknown[]) =>
        this.#run(original as AnyFunction, self, args, watched);
      this.#replace(holder, name, function watching(this: unknown, ...args: unknown[]) {
        return run(this, args);
      });
    }
  }

  #run(original: AnyFunction, self: unknown, args: readonly unknown[], watched: Watched): unknown {
    const isWithin = this.#isWithin;
    this.#isWithin = true;
    try {
      const plain = args.map((arg) => unwatched.get(arg as object) ?? arg);
      const result: unknown = Reflect.apply(original, self, plain);
      if (!isWithin) {
        watched(self, plain, result);
      }
      return result;
    } finally {
      this.#isWithin = isWithin;
    }
  }

  #replace(holder: object, name: PropertyKey, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(holder, name);
    Object.defineProperty(holder, name, { value, configurable: true, writable: true });
    this.#restorers.push(() => {
      if (before === undefined) {
        Reflect.deleteProperty(holder, name);
      } else {
        Object.defineProperty(holder, name, before);
      }
    });
  }

  #made(how: string, made: unknown): void {
    this.#allocated(made);
    this.#copied(how, made);
  }

  #allocated(made: unknown): void {
    this.allocations.push(sizeOf(made));
  }

  #copied(how: string, octets: unknown): void {
    this.by[how] = (this.by[how] ?? 0) + sizeOf(octets);
  }
}

function isMemory(value: unknown): boolean {
  return value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

/** Of octets in any form, a plain array included. */
function sizeOf(octets: unknown): number {
  const { byteLength, length } = octets as { byteLength?: number; length?: number };
  return byteLength ?? length ?? 0;
}
