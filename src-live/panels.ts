import type { LiveSample } from '../dist/server/live-sample.js';
import { bytes, count, millis, perSecond, type Reading } from './format.js';
import { Panel, type PanelOptions } from './panel.js';
import type { Rates } from './rates.js';

const OUTCOMES = [
  ['ok', 'extracted'],
  ['guest_error', 'refused by the extractor'],
  ['rejected', 'not taken'],
  ['timeout', 'too late'],
  ['memory_limit', 'memory limit'],
  ['trap', 'trap'],
  ['aborted', 'aborted'],
  ['error', 'other failure'],
] as const;

const PAGE_BYTES = 65_536;

const BINARY_STEPS = Array.from({ length: 44 }, (_, index) => 2 ** index);
const WHOLE_STEPS = Array.from({ length: 14 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

interface Shown extends PanelOptions {
  values(sample: LiveSample, rates: Rates): Reading[];
  note(sample: LiveSample): string;
}

const SHOWN: readonly Shown[] = [
  {
    title: 'Memory',
    lines: [{ label: 'instances' }, { label: 'whole process', dashed: true }],
    format: bytes,
    steps: BINARY_STEPS,
    values: ({ ready: { memory } }) => [memory.currentBytes, memory.residentBytes],
    note: ({ ready: { memory } }) =>
      `Instances may hold ${bytes(memory.maxPages * PAGE_BYTES)}; ${count(memory.growFailures)} of ${count(memory.growRequests)} growths refused`,
  },
  {
    title: 'Pool',
    lines: [{ label: 'active' }, { label: 'waiting', dashed: true }, { label: 'idle' }],
    format: count,
    steps: WHOLE_STEPS,
    values: ({ ready: { pool } }) => [pool.active, pool.waiting, pool.idle],
    note: ({ ready: { pool, breaker } }) =>
      `At most ${count(pool.max)} instances, ${pool.maxQueue === null ? 'any number of' : count(pool.maxQueue)} calls waiting; breaker ${breaker?.state ?? 'none'}`,
  },
  {
    title: 'Calls',
    lines: OUTCOMES.map(([outcome, label]) => ({ label, rare: outcome !== 'ok', dashed: outcome === 'rejected' })),
    format: perSecond,
    values: (_sample, rates) => OUTCOMES.map(([outcome]) => rates.perSecond(({ outcomes }) => outcomes[outcome])),
    note: ({ outcomes }) => {
      const seen = OUTCOMES.filter(([outcome]) => outcome === 'ok' || outcomes[outcome] > 0);
      return `So far: ${seen.map(([outcome, label]) => `${count(outcomes[outcome])} ${label}`).join(', ')}`;
    },
  },
  {
    title: 'Latency',
    lines: [{ label: 'median' }, { label: '95 of 100 below', dashed: true }, { label: '99 of 100 below' }],
    format: millis,
    values: (_sample, rates) => [0.5, 0.95, 0.99].map((share) => rates.durationMillis(share)),
    note: ({ durations }) =>
      durations === null
        ? 'Not measured: the engine’s metrics are off'
        : 'Of the calls of ten seconds, waiting included',
  },
  {
    title: 'Compiled code',
    lines: [{ label: 'cache hits' }, { label: 'compiled', dashed: true }],
    format: count,
    steps: WHOLE_STEPS,
    values: ({ ready: { cache } }) => [cache.hits, cache.misses],
    note: ({ ready: { cache } }) =>
      cache.enabled ? `On the disk: ${bytes(cache.bytes)}, artefacts: ${count(cache.entries)}` : 'The cache is off',
  },
  {
    title: 'Cold start',
    lines: [{ label: 'last' }, { label: 'target', dashed: true }],
    format: millis,
    values: ({ ready: { coldStart } }) => [coldStart.lastMillis, coldStart.targetMillis],
    note: ({ ready: { coldStart } }) =>
      `Starts from the cache that took longer than the target: ${count(coldStart.slowStarts)}`,
  },
];

/** All charts. */
export class Panels {
  readonly #panels = SHOWN.map((shown) => ({ shown, panel: new Panel(shown) }));

  constructor(place: HTMLElement) {
    place.append(...this.#panels.map(({ panel }) => panel.element));
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', () => {
      for (const { panel } of this.#panels) panel.redraw();
    });
  }

  push(sample: LiveSample, rates: Rates): void {
    for (const { shown, panel } of this.#panels) {
      panel.push(sample.time / 1_000, shown.values(sample, rates), shown.note(sample));
    }
  }
}
