// BLAKE3, as artefacts are named and sealed with it: so that a forger here lacks nothing but the key.

const IV = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
const ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const BLOCK = 64;
const CHUNK = 1024;
const [CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED, CONTEXT, MATERIAL] = [1, 2, 4, 8, 16, 32, 64];

/** The order of a block's words in each of the seven rounds. */
const SCHEDULE = [Array.from({ length: 16 }, (_, index) => index)];
while (SCHEDULE.length < 7) SCHEDULE.push(ORDER.map((index) => SCHEDULE.at(-1)[index]));

/** The hash of bytes. */
export const hash = (bytes) => tree(bytes, IV, 0);

/** The MAC of bytes. */
export const keyedHash = (key, bytes) => tree(bytes, wordsOf(key), KEYED);

/** A key made of other material. */
export function deriveKey(context, material) {
  return tree(material, wordsOf(tree(Buffer.from(context), IV, CONTEXT)), MATERIAL);
}

function tree(bytes, key, flags) {
  const words = bytes.length <= CHUNK ? chunk(bytes, 0, key, flags | ROOT) : inner(bytes, 0, key, flags, ROOT);
  const digest = Buffer.alloc(32);
  for (let word = 0; word < 8; word++) digest.writeUInt32LE(words[word], word * 4);
  return digest;
}

/** Of more than one chunk: the left side is the largest power of two that leaves something to the right. */
function inner(bytes, first, key, flags, root) {
  const left = 2 ** Math.floor(Math.log2((bytes.length - 1) / CHUNK)) * CHUNK;
  const side = (part, at) => (part.length <= CHUNK ? chunk(part, at, key, flags) : inner(part, at, key, flags, 0));
  const words = new Uint32Array(16);
  words.set(side(bytes.subarray(0, left), first));
  words.set(side(bytes.subarray(left), first + left / CHUNK), 8);
  return compress(key, words, 0, BLOCK, flags | PARENT | root);
}

/** A root's flag is for the last block alone. */
function chunk(bytes, index, key, flags) {
  let state = key;
  for (let at = 0; at === 0 || at < bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK);
    const last = at + BLOCK >= bytes.length;
    const place = (at === 0 ? CHUNK_START : 0) | (last ? CHUNK_END : 0);
    state = compress(state, wordsOf(block, 16), index, block.length, (last ? flags : flags & ~ROOT) | place);
  }
  return state;
}

function wordsOf(bytes, length = 8) {
  const words = new Uint32Array(length);
  for (let at = 0; at < bytes.length; at++) words[at >> 2] |= bytes[at] << ((at & 3) * 8);
  return words;
}

function compress(chaining, block, counter, length, flags) {
  const state = new Uint32Array(16);
  state.set(chaining);
  state.set(IV.slice(0, 4), 8);
  state.set([counter, 0, length, flags], 12);
  const turn = (value, bits) => (value >>> bits) | (value << (32 - bits));
  const mix = (a, b, c, d, x, y) => {
    state[a] += state[b] + x;
    state[d] = turn(state[d] ^ state[a], 16);
    state[c] += state[d];
    state[b] = turn(state[b] ^ state[c], 12);
    state[a] += state[b] + y;
    state[d] = turn(state[d] ^ state[a], 8);
    state[c] += state[d];
    state[b] = turn(state[b] ^ state[c], 7);
  };
  for (const order of SCHEDULE) {
    const word = (index) => block[order[index]];
    for (let column = 0; column < 4; column++)
      mix(column, column + 4, column + 8, column + 12, word(column * 2), word(column * 2 + 1));
    for (let column = 0; column < 4; column++) {
      const [b, c, d] = [1, 2, 3].map((step) => (column + step) % 4);
      mix(column, b + 4, c + 8, d + 12, word(column * 2 + 8), word(column * 2 + 9));
    }
  }
  return state.slice(0, 8).map((value, index) => value ^ state[index + 8]);
}
