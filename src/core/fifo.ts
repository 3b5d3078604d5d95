/**
 * A first-in first-out queue whose cost an item does not grow with its length, as that of
 * `Array.prototype.shift` does.
 */

/** Places of items taken are given up in bulk, once this many have gathered. */
const COMPACT_FROM = 1024;

/** Places that an empty queue keeps: enough for a quiet connection, little for ten thousand of them. */
const KEPT = 64;

/** The queue. One that holds a few items, over and over, allocates nothing. */
export class Fifo<T> {
  /** Items from `#head` up to, not including, `#tail`; the places around them are empty. */
  #items: (T | undefined)[] = [];
  #head = 0;
  #tail = 0;

  /** Items in the queue. */
  get length(): number {
    return this.#tail - this.#head;
  }

  push(item: T): void {
    this.#items[this.#tail] = item;
    this.#tail += 1;
  }

  /** The oldest item, taken out; `undefined` when the queue is empty. */
  shift(): T | undefined {
    if (this.#head === this.#tail) {
      return undefined;
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

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#tail = 0;
  }

  /** Empty: the places are used again, unless a burst has left too many of them. */
  #startOver(): void {
    if (this.#items.length > KEPT) {
      this.#items = [];
    }
    this.#head = 0;
    this.#tail = 0;
  }
}
