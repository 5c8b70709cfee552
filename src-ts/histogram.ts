import type { BindingHistogram } from './binding.js';
import { histogramBounds } from './native.js';

/** How often something took how long. */
export interface Histogram {
  /** Upper bounds of the buckets, in seconds. */
  readonly bounds: readonly number[];
  /** Observations by bucket, each of its own; the last, one more than there are bounds, has none. */
  readonly buckets: readonly number[];
  /** Observations in all. */
  readonly count: number;
  /** Seconds in all. */
  readonly sum: number;
}

/** All histograms have the same. */
let bounds: readonly number[] | undefined;

/** @internal */
export function histogram({ buckets, sum }: BindingHistogram): Histogram {
  bounds ??= Object.freeze(histogramBounds());
  return { bounds, buckets, count: buckets.reduce((all, count) => all + count, 0), sum };
}
