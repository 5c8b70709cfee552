/** Bytes that come in pieces, in one buffer: a list keeps an object for each piece, and how many there are is the sender's to say. */
export class Gathered {
  #bytes: Uint8Array;
  #length = 0;

  /** @param room for how many bytes there is a place at first */
  constructor(room: number) {
    this.#bytes = new Uint8Array(room);
  }

  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** What came so far, not a copy. */
  whole(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
