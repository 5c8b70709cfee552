// `npm run mutants`: puts mutants in the place of genuine artefacts, under key trust. None may be loaded; each must be
// counted by its reason, cost a compile, and make room for the genuine artefact, which is then used.
//
//   --count N   how many; 10,000
//   --seed N    the mutants of an earlier run; new ones each time
import { readdirSync } from 'node:fs';
import { isMain, seconds as shownTime } from '../../scripts/lib.mjs';
import { Random } from '../shared/random.mjs';
import { number, Report } from '../shared/report.mjs';
import { Artefacts, compiled, FRONT, found, GUESTS, HEADER, use } from './artefacts.mjs';
import { command } from './command.mjs';
import { LEFT_OUT, MUTATIONS, VOUCHED } from './mutations.mjs';

const NOTE_EVERY_ROUNDS = 25;

/** Makes the mutants. The report's `problems` are empty if all were refused. */
export async function mutants({ count, seed, note = () => {} }) {
  const began = Date.now();
  const report = new Report();
  const done = { mutants: 0, compiled: 0, used: 0 };
  const random = new Random(seed);
  const artefacts = await Artefacts.make();
  try {
    for (const guest of artefacts.guests) {
      const mac = artefacts.genuine(guest).subarray(HEADER.length, FRONT);
      if (!artefacts.mac(guest).equals(mac))
        report.problem(`guest ${guest.index} has another MAC than the one made here`);
    }
    const plan = planned(count, random);
    for (let round = 0; plan.length > 0; round++) {
      const replaced = new Set();
      for (const guest of artefacts.guests) {
        const kind = plan.shift();
        if (kind === undefined) await again(artefacts, guest, report);
        else if (await mutant(artefacts, guest, kind, { random, report, done })) replaced.add(guest);
      }
      for (const guest of artefacts.guests) {
        if ((await again(artefacts, guest, report)) && replaced.has(guest)) done.used++;
      }
      if (round % NOTE_EVERY_ROUNDS === 0) note(`${shownTime(Date.now() - began)}: ${done.mutants} mutants`);
    }
    for (const [index, vouched] of VOUCHED.entries()) {
      await vouchedFor(artefacts, artefacts.guests[index], vouched, report);
    }
    const left = await artefacts.engine.cache.verify();
    const good = left.filter(({ rejection }) => rejection === undefined).length;
    report.check('at the end', { artefacts: left.length, good }, { artefacts: GUESTS, good: GUESTS });
    const rest = readdirSync(artefacts.folder).filter((name) => name.startsWith('.new-'));
    report.check('at the end', { unfinished: rest.length }, { unfinished: 0 });
  } finally {
    artefacts.remove();
  }
  return { seed, millis: Date.now() - began, report, ...done };
}

/** Kinds in the order they are made in: each at least once. */
function planned(count, random) {
  const plan = MUTATIONS.slice(0, count);
  while (plan.length < count) plan.push(random.weighted(MUTATIONS));
  return plan;
}

/** Loads a guest in whose place a mutant is. Resolves with whether the genuine artefact is there then. */
async function mutant(artefacts, guest, kind, { random, report, done }) {
  const { bytes, put, reason, detail, after } = kind.make({ artefacts, guest, random });
  const of = detail === undefined ? kind.name : `${kind.name}, ${detail}`;
  const what = `mutant ${++done.mutants} (${of}) of guest ${guest.index}`;
  if (put) put();
  else artefacts.put(guest, bytes);
  const seen = await use(artefacts.engine, guest).catch((error) => ({ error: String(error), rejected: {} }));
  const around = await after?.();
  report.count(kind.name, seen.rejected);
  const writeFailures = kind.stays ? 1 : 0;
  const good = report.check(what, seen, { ...compiled(guest, reason), writeFailures });
  if (good) done.compiled++;
  const wrong = artefacts.wrongAt(guest);
  // Each problem is reported once.
  const problem = kind.stays ? undefined : (wrong ?? around);
  if (good && problem !== undefined) report.problem(`${what}: ${problem}`);
  if (wrong !== undefined) artefacts.put(guest, artefacts.genuine(guest));
  return wrong === undefined;
}

/** Loads a guest whose artefact is genuine. */
async function again(artefacts, guest, report) {
  return report.check(`guest ${guest.index} afterwards`, await use(artefacts.engine, guest), found(guest));
}

/** The same, of an artefact that only its seal speaks for. */
async function vouchedFor(artefacts, guest, { name, put }, report) {
  put(artefacts.place(guest), artefacts.folder, artefacts);
  report.check(`genuine, ${name}`, await use(artefacts.engine, guest), found(guest));
  artefacts.tidy(guest);
}

function print({ seed, millis, report, ...done }) {
  for (const [name, { count, outcomes }] of report.kinds) {
    const refused = Object.entries(outcomes).map(([reason, times]) => `${reason} ${number(times)}`);
    console.log(`${name.padEnd(42)}${number(count).padStart(7)}  ${refused.join(', ') || 'not looked at'}`);
  }
  for (const { name } of VOUCHED) console.log(`genuine, ${name.padEnd(33)}      1  used`);
  for (const name of LEFT_OUT) console.log(`${name.padEnd(42)}      0  left out: only root can make it`);
  console.log(
    `\nseed ${seed}, ${shownTime(millis)}: ${number(done.mutants)} mutants; ${number(done.compiled)} cost a compile, and`,
  );
  console.log(
    `${number(done.used)} made room for what was compiled, which was used; ${number(report.problemCount)} problems`,
  );
}

if (isMain(import.meta.url)) await command('count', 10_000, mutants, print);
