/**
 * A first-in first-out queue whose cost an item does not grow with its length, as that of
 * `Array.prototype.shift` does.
 */

/** Places of items taken are given up in bulk, once this many have gathered. */
const COMPACT_FROM = 1024;

/** Places that an empty queue keeps: enough for a quiet connection, little for ten thousand of them. */
const KEPT = 64;

/** The places of a queue that has none. */
const NONE: never[] = [];

/**
 * The queue. An item that comes while it is empty has a place of its own: most queues of a connection
 * never hold a second one, and of thousands of connections each object less that a message touches is
 * one less to be fetched from memory.
 */
export class Fifo<T extends NonNullable<unknown>> {
  /** The only item, while there is no other. */
  #only: T | undefined;
  /** More than one: from `#head` up to, not including, `#tail`; the places around them are empty. */
  #items: (T | undefined)[] = NONE;
  #head = 0;
  /** 0 while `#items` holds none. */
  #tail = 0;

  /** Items in the queue. */
  get length(): number {
    return this.#only === undefined ? this.#tail - this.#head : 1;
  }

  /** The oldest item, left where it is; `undefined` when the queue is empty. */
  get first(): T | undefined {
    return this.#tail === 0 ? this.#only : this.#items[this.#head];
  }

  push(item: T): void {
    if (this.#tail > 0) {
      this.#items[this.#tail] = item;
      this.#tail += 1;
    } else if (this.#only === undefined) {
      this.#only = item;
    } else {
      this.#pushSecond(item);
    }
  }

  /** The oldest item, taken out; `undefined` when the queue is empty. */
  shift(): T | undefined {
    if (this.#tail === 0) {
      const item = this.#only;
      this.#only = undefined;
      return item;
    }
    const item = this.#items[this.#head];
    // The queue must not keep alive what it has handed out.
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#tail) {
      this.#startOver();
    } else if (this.#head >= COMPACT_FROM && this.#head * 2 > this.#tail) {
      this.#items.splice(0, this.#head);
      this.#tail -= this.#head;
      this.#head = 0;
    }
    return item;
  }

  /** Takes out an item wherever it is; `false` when it is not in the queue. */
  remove(item: T): boolean {
    if (this.first === item) {
      this.shift();
      return true;
    }
    const at = this.#items.indexOf(item, this.#head);
    if (at === -1) {
      return false;
    }
    this.#items.splice(at, 1);
    this.#tail -= 1;
    return true;
  }

  /** The items, oldest first, left where they are. */
  *[Symbol.iterator](): Iterator<T> {
    if (this.#only !== undefined) {
      yield this.#only;
    }
    for (let at = this.#head; at < this.#tail; at += 1) {
      yield this.#items[at] as T;
    }
  }

  clear(): void {
    this.#only = undefined;
    this.#items = NONE;
    this.#head = 0;
    this.#tail = 0;
  }

  #pushSecond(item: T): void {
    if (this.#items === NONE) {
      this.#items = [];
    }
    this.#items[0] = this.#only;
    this.#items[1] = item;
    this.#tail = 2;
    this.#only = undefined;
  }

  /** Empty: the places are used again, unless a burst has left too many of them. */
  #startOver(): void {
    if (this.#items.length > KEPT) {
      this.#items = NONE;
    }
    this.#head = 0;
    this.#tail = 0;
  }
}
