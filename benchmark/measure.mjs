// Timing shared by the rows.
import { performance } from 'node:perf_hooks';

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Milliseconds that `work` takes. */
export async function time(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/**
 * The median milliseconds of each contender over some rounds. A round runs every contender once, in turning order, so that what else
 * the machine does falls on all of them.
 */
export async function compare(contenders, rounds) {
  const names = Object.keys(contenders);
  for (const name of names) await contenders[name](); // warm-up
  const taken = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length];
      taken[name].push(await time(contenders[name]));
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(taken[name])]));
}

/** `total` calls, at most `width` of them in flight. */
export async function inFlight(width, total, call) {
  let left = total;
  const lane = async () => {
    while (left > 0) {
      left--;
      await call();
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}
