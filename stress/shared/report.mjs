// The findings of a run.
import { isDeepStrictEqual } from 'node:util';

const SHOWN_PROBLEMS = 20;

export class Report {
  problems = [];
  problemCount = 0;
  /** By kind of case: how many there were, and how often each outcome. */
  kinds = new Map();

  problem(text) {
    this.problemCount++;
    if (this.problems.length < SHOWN_PROBLEMS) this.problems.push(text);
  }

  /** Whether `seen` equals `expected`; reports each difference as a problem. */
  check(what, seen, expected) {
    const different = Object.keys({ ...expected, ...seen }).filter(
      (name) => !isDeepStrictEqual(seen[name], expected[name]),
    );
    if (different.length === 0) return true;
    const differences = different.map(
      (name) => `${name} is ${JSON.stringify(seen[name])} instead of ${JSON.stringify(expected[name])}`,
    );
    this.problem(`${what}: ${differences.join(', ')}`);
    return false;
  }

  /** One more of a kind. */
  count(kind, outcomes) {
    const tally = this.kinds.get(kind) ?? { count: 0, outcomes: {} };
    this.kinds.set(kind, tally);
    tally.count++;
    for (const [name, count] of Object.entries(outcomes || {}))
      tally.outcomes[name] = (tally.outcomes[name] ?? 0) + count;
  }
}

/** A number as people read it. */
export const number = (value) => value.toLocaleString('en');
