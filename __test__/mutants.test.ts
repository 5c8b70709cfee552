// The runs of `npm run mutants`, in short, and of `npm run owners`.
import { expect, test } from 'vitest';
import { mutants } from '../stress/cache/mutants.mjs';
import { MUTATIONS } from '../stress/cache/mutations.mjs';
import { owners } from '../stress/cache/owners.mjs';

test('under key trust, each of 200 mutants is refused, counted, and replaced by what is compiled', async () => {
  const seed = Date.now() % 1_000_000;
  const { report, ...done } = await mutants({ count: 200, seed });
  expect(report.problems, `seed ${seed}`).toEqual([]);
  const stay = MUTATIONS.filter((kind) => 'stays' in kind).reduce(
    (sum, { name }) => sum + (report.kinds.get(name)?.count ?? 0),
    0,
  );
  expect(done).toMatchObject({ mutants: 200, compiled: 200, used: 200 - stay });
  expect([...report.kinds.keys()].sort()).toEqual(MUTATIONS.map(({ name }) => name).sort());
}, 120_000);

test('under owner trust, every owner, mode, link and ancestor is refused that others could use', async () => {
  const { report, refused, used } = await owners();
  expect(report.problems).toEqual([]);
  const asRoot = process.geteuid?.() === 0;
  expect({ refused, used }).toEqual(asRoot ? { refused: 80, used: 34 } : { refused: 29, used: 11 });
}, 120_000);
