// Random numbers that a seed repeats.

/** A generator (mulberry32). Streams of one seed are apart, so that what one caller draws moves no other's numbers. */
export class Random {
  #state;

  constructor(seed, stream = 0) {
    this.#state = (seed ^ Math.imul(stream, 0x9e3779b9)) | 0;
  }

  /** 0 to below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick(list) {
    return list[this.between(0, list.length - 1)];
  }

  /** One of the list, as often as its `weight` says. */
  weighted(list) {
    let left = this.next() * list.reduce((sum, { weight }) => sum + weight, 0);
    for (const item of list) {
      left -= item.weight;
      if (left < 0) return item;
    }
    return list.at(-1);
  }

  /** A word of letters, some of which take more than one byte. */
  word(length) {
    return Array.from({ length }, () => this.pick(LETTERS)).join('');
  }
}

const LETTERS = [...'abcdefghijklmnopqrstuvwxyzäöüß 🌊'];
