import type { LiveSample } from '../dist/server/live-sample.js';

/** How many samples a percentile is taken over: one second alone may hold a few calls only. */
const WINDOW = 10;

/** What happened between samples: they count on from the server's start. */
export class Rates {
  #samples: LiveSample[] = [];

  /** What comes may be of another server, whose counts began anew. */
  reset(): void {
    this.#samples = [];
  }

  push(sample: LiveSample): void {
    this.#samples.push(sample);
    if (this.#samples.length > WINDOW + 1) this.#samples.shift();
  }

  /** How fast a count grew since the sample before; `null` for the first. */
  perSecond(read: (sample: LiveSample) => number): number | null {
    const [before, now] = this.#samples.slice(-2);
    if (before === undefined || now === undefined || now.time <= before.time) return null;
    return ((read(now) - read(before)) * 1_000) / (now.time - before.time);
  }

  /** A percentile of how long the calls of the last seconds took, in milliseconds; `null` where there were none. */
  durationMillis(share: number): number | null {
    const [first] = this.#samples;
    const now = this.#samples.at(-1)?.durations;
    if (first?.durations == null || now == null) return null;
    const { buckets } = first.durations;
    const seconds = quantile(
      share,
      now.bounds,
      now.buckets.map((calls, index) => calls - (buckets[index] ?? 0)),
    );
    return seconds === null ? null : seconds * 1_000;
  }
}

/** As Prometheus estimates it: evenly within a bucket, and what is above the last bound counts as that bound. */
export function quantile(share: number, bounds: readonly number[], buckets: readonly number[]): number | null {
  let left = share * buckets.reduce((all, each) => all + each, 0);
  if (left <= 0) return null;
  for (const [index, bound] of bounds.entries()) {
    const here = buckets[index] ?? 0;
    const low = index === 0 ? 0 : (bounds[index - 1] ?? 0);
    if (here >= left) return low + ((bound - low) * left) / here;
    left -= here;
  }
  return bounds.at(-1) ?? null;
}
