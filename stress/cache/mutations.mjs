// Files that may stand in the place of an artefact, and why each is refused.
//
// A kind makes the `bytes` of the file, or `put`s something else there; `reason` is the refusal's, `undefined` if there is
// no file to refuse. `after` is called when the guest was loaded; it undoes changes to other files, and returns a fault of
// theirs.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { FRONT, HEADER, KEY } from './artefacts.mjs';
import { hash, keyedHash } from './blake3.mjs';

const NOBODY = 65_534;
const MEBIBYTE = 2 ** 20;
const isRoot = process.geteuid?.() === 0;
/** Where an ELF file's header ends. */
const ELF = FRONT + 64;
const CUTS = [0, 1, 11, 12, 13, 43, 44, 45, FRONT + 16, ELF - 1, ELF, 4096, 4096 + FRONT, 65_536, 65_536 + FRONT];
const LONG_CUTS = [256 * 1024, 256 * 1024 + FRONT, 256 * 1024 + FRONT + 1];

/** The largest artefact that is read, in bytes. */
const mostBytes = ({ wasm }) => 64 * MEBIBYTE + 64 * wasm.length;

const reasonFor = (bytes) =>
  bytes.length >= FRONT && bytes.subarray(0, HEADER.length).equals(HEADER) ? 'forged' : 'malformed';

/** Changes a copy of the genuine bytes until it is another: what is drawn may change nothing. */
function changed(given, change) {
  const genuine = given.artefacts.genuine(given.guest);
  for (;;) {
    const copy = Buffer.from(genuine);
    const bytes = change(copy, given.random) ?? copy;
    if (!bytes.equals(genuine)) return bytes;
  }
}

function flip(bytes, random, from, to) {
  bytes[random.between(from, Math.min(to, bytes.length) - 1)] ^= 1 << random.between(0, 7);
}

/** Genuine bytes, changed in this way. */
const bytes = (name, weight, change) => ({
  name,
  weight,
  make: (given) => {
    const made = changed(given, change);
    return { bytes: made, reason: reasonFor(made) };
  },
});

const flips = (name, weight, from, to) => bytes(name, weight, (copy, random) => flip(copy, random, from, to));

/** Another file that some engine made. */
const other = (name, weight, settings) => ({
  name,
  weight,
  make: ({ artefacts, guest, random }) => {
    const made = artefacts.others[random.pick(settings)].files[guest.index];
    return { bytes: made, reason: reasonFor(made) };
  },
});

/** Something that is no file. `after`: what it leads to must be as it was. */
const thing = (name, weight, put, after) => ({
  name,
  weight,
  make: ({ artefacts, guest }) => ({
    reason: 'unreadable',
    put: () => artefacts.putOther(guest, (file) => put(file, artefacts, guest)),
    after: after && (() => after(artefacts, guest)),
  }),
});

/** A node of the file system that is made once, and then has many names. */
function linked(name, command, ...args) {
  return (file, artefacts) => {
    const made = artefacts.path(`aside/${name}`);
    if (!existsSync(made)) {
      const { status, stderr } = spawnSync(command, [made, ...args]);
      if (status !== 0) throw new Error(`${command}: ${stderr}`);
    }
    linkSync(made, file);
  };
}

const target = (artefacts) => artefacts.path('aside/target');
const linkTo = (where) => (file) => symlinkSync(where, file);

/** MACs made without the key, for the right header and the right bytes. */
const forgeries = [
  () => Buffer.alloc(32),
  ({ random }) => Buffer.from(Array.from({ length: 32 }, () => random.between(0, 255))),
  ({ body }) => hash(body),
  ({ body, signed }) => hash(Buffer.concat([signed, body])),
  ({ body, signed }) => keyedHash(Buffer.alloc(32), Buffer.concat([signed, body])),
  // The key's file as it is, without being derived: a secret of another program.
  ({ body, signed }) => keyedHash(KEY.subarray(0, 32), Buffer.concat([signed, body])),
];

function forge({ artefacts, guest, random }) {
  const body = Buffer.from(artefacts.genuine(guest).subarray(FRONT));
  if (random.next() < 0.5) flip(body, random, 0, body.length);
  const mac = random.pick(forgeries)({ body, random, signed: artefacts.signed(guest) });
  return { bytes: Buffer.concat([HEADER, mac, body]), reason: 'forged' };
}

function another({ artefacts, guest, random }) {
  return artefacts.genuine(random.pick(artefacts.guests.filter((one) => one !== guest)));
}

/** The genuine file, moved to a name that no guest has. */
function misname({ artefacts, guest, random }) {
  const [digest, size] = guest.name.split('_');
  const digit = random.between(0, digest.length - 1);
  const [name, verdict] = random.pick([
    [`${digest.slice(0, digit)}${digest[digit] === '0' ? '1' : '0'}${digest.slice(digit + 1)}_${size}`, 'forged'],
    [`${digest}_${Number(size) + 1}`, 'forged'],
    [`${digest}_${Number(size) - 1}`, 'forged'],
    // Not even names of artefacts.
    [`${digest}_0${size}`, undefined],
    [`${digest.toUpperCase()}_${size}`, undefined],
  ]);
  const moved = path.join(artefacts.folder, name);
  return {
    detail: name,
    reason: undefined,
    put: () => renameSync(artefacts.place(guest), moved),
    async after() {
      const refused = (await artefacts.engine.cache.verify()).filter(({ rejection }) => rejection !== undefined);
      rmSync(moved);
      const said = refused.map((entry) => `${entry.moduleHash}_${entry.moduleBytes} ${entry.rejection}`).join(', ');
      return said === (verdict ? `${name} ${verdict}` : '') ? undefined : `verify() said ${JSON.stringify(said)}`;
    },
  };
}

/** A hole behind the genuine bytes, up to a size. */
function hole({ artefacts, guest, random }) {
  const most = mostBytes(guest);
  const [size, reason] = random.weighted([
    { weight: 1, is: [most, 'forged'] },
    { weight: 4, is: [most + 1, 'malformed'] },
    { weight: 4, is: [2 ** 40, 'malformed'] },
  ]).is;
  const put = () =>
    artefacts.putOther(guest, (file) => {
      writeFileSync(file, artefacts.genuine(guest), { mode: 0o600 });
      truncateSync(file, size);
    });
  return { detail: `${size} bytes`, reason, put };
}

/** Changed bytes in a file that is open to others, or in a folder that is. */
const exposed = (name, weight, expose, after) => ({
  name,
  weight,
  make: ({ artefacts, guest, random }) => {
    const made = changed({ artefacts, guest, random }, (copy) => flip(copy, random, 0, copy.length));
    const put = () => {
      artefacts.put(guest, made);
      expose(artefacts.place(guest), artefacts.folder);
    };
    return { reason: reasonFor(made), put, after: () => void after?.(artefacts.folder) };
  },
});

/** Where an engine looks as well: artefacts for every processor. */
function inBaseline({ artefacts, guest, random }) {
  const folder = artefacts.path(`cache/${artefacts.others.baseline.compat}`);
  const file = path.join(folder, guest.name);
  const genuine = artefacts.others.baseline.files[guest.index];
  const made = Buffer.from(genuine);
  flip(made, random, 0, made.length);
  const put = () => {
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(file, made);
    rmSync(artefacts.place(guest));
  };
  return { reason: reasonFor(made), put, after: () => void rmSync(folder, { recursive: true }) };
}

const EVERYWHERE = [
  flips('a bit of the header', 3, 0, HEADER.length),
  flips('a bit of the MAC', 4, HEADER.length, FRONT),
  flips('a bit of the ELF header', 4, FRONT, ELF),
  flips('a bit of the artefact', 12, FRONT, Number.POSITIVE_INFINITY),
  bytes('several bits anywhere', 8, (copy, random) => {
    for (let left = random.between(2, 64); left > 0; left--) flip(copy, random, 0, copy.length);
  }),
  bytes('a stretch overwritten', 4, (copy, random) => {
    const at = random.between(0, copy.length - 1);
    copy.fill(random.pick([0x00, 0xff, 0x90, 0xcc]), at, Math.min(at + random.between(1, 4096), copy.length));
  }),
  bytes('a stretch taken out', 4, (copy, random) => {
    const at = random.between(0, copy.length - 1);
    return Buffer.concat([copy.subarray(0, at), copy.subarray(at + random.between(1, 4096))]);
  }),
  bytes('a stretch moved', 4, (copy, random) => {
    const at = random.between(FRONT, copy.length - 1);
    copy.copyWithin(at, random.between(FRONT, copy.length - 1));
  }),
  bytes('cut short', 8, (copy, random) => {
    const lengths = [...CUTS, ...LONG_CUTS, copy.length >> 1, copy.length - 4096, copy.length - 1];
    return copy.subarray(0, random.pick([...lengths, random.between(0, copy.length - 1)]));
  }),
  bytes('empty', 1, () => Buffer.alloc(0)),
  bytes('bytes appended', 4, (copy, random) =>
    Buffer.concat([copy, random.pick([copy, Buffer.alloc(random.between(1, 8192), random.pick([0, 0x7f]))])]),
  ),
  { name: 'a hole appended', weight: 1, make: hole },
  { name: "another guest's artefact", weight: 4, make: (given) => ({ bytes: another(given), reason: 'forged' }) },
  {
    name: "its seal, another guest's code",
    weight: 2,
    make: (given) => {
      const own = given.artefacts.genuine(given.guest);
      const made = Buffer.concat([own.subarray(0, FRONT), another(given).subarray(FRONT)]);
      return { bytes: made, reason: 'forged' };
    },
  },
  {
    name: "another guest's seal, its code",
    weight: 2,
    make: (given) => {
      const own = given.artefacts.genuine(given.guest);
      const made = Buffer.concat([another(given).subarray(0, FRONT), own.subarray(FRONT)]);
      return { bytes: made, reason: 'forged' };
    },
  },
  other('its artefact of other settings', 4, ['fuel', 'no SIMD', 'no signals', 'baseline']),
  other('its artefact of owner trust', 1, ['owner trust']),
  other('sealed with another key', 3, ['another key']),
  { name: 'sealed without the key', weight: 5, make: forge },
  bytes('without a seal', 1, (copy) => copy.subarray(FRONT)),
  { name: 'under a wrong name', weight: 2, make: misname },
  { name: 'among those for every processor', weight: 3, make: inBaseline },
  thing(
    'a link to the genuine file',
    2,
    (file, artefacts, guest) => {
      writeFileSync(target(artefacts), artefacts.genuine(guest), { mode: 0o600 });
      linkTo(target(artefacts))(file);
    },
    (artefacts, guest) => {
      const same = readFileSync(target(artefacts)).equals(artefacts.genuine(guest));
      rmSync(target(artefacts));
      return same ? undefined : 'what the link led to was changed';
    },
  ),
  thing('a link to /dev/zero', 1, linkTo('/dev/zero')),
  thing(
    'a link to nothing',
    1,
    (file, artefacts) => linkTo(target(artefacts))(file),
    (artefacts) => (existsSync(target(artefacts)) ? 'what the link led to was made' : undefined),
  ),
  thing('a link to itself', 1, (file, _, guest) => linkTo(guest.name)(file)),
  thing('a pipe', 2, linked('pipe', 'mkfifo')),
  thing('a folder', 1, (file) => mkdirSync(file)),
  {
    // A folder with files is never replaced.
    ...thing('a folder with the genuine file', 1, (file, artefacts, guest) => {
      mkdirSync(file);
      writeFileSync(path.join(file, guest.name), artefacts.genuine(guest));
    }),
    stays: true,
  },
  exposed('changed, in a file that all may write', 2, (file) => chmodSync(file, 0o666)),
  exposed(
    'changed, in a folder that all may write',
    3,
    (_, folder) => chmodSync(folder, 0o777),
    (folder) => chmodSync(folder, 0o700),
  ),
];

const FOR_ROOT = [
  exposed('changed, of another user', 3, (file) => chownSync(file, NOBODY, NOBODY)),
  exposed(
    "changed, in another user's folder",
    2,
    (_, folder) => chownSync(folder, NOBODY, NOBODY),
    (folder) => chownSync(folder, 0, 0),
  ),
  thing('a device', 1, linked('device', 'mknod', 'c', '1', '5')),
];

/** The mutations that this user can make. */
export const MUTATIONS = isRoot ? [...EVERYWHERE, ...FOR_ROOT] : EVERYWHERE;

/** The names of those that only root can make, if this user is not root. */
export const LEFT_OUT = isRoot ? [] : FOR_ROOT.map(({ name }) => name);

/** Genuine bytes in bad company: the key vouches for them wherever they are, so they are used. */
export const VOUCHED = [
  { name: 'in a file that all may write', put: (file) => chmodSync(file, 0o666) },
  { name: 'in a folder that all may write', put: (_, folder) => chmodSync(folder, 0o777) },
  { name: 'under two names', put: (file, _, artefacts) => linkSync(file, artefacts.path('aside/second')) },
];

if (isRoot) {
  VOUCHED.push(
    { name: 'of another user', put: (file) => chownSync(file, NOBODY, NOBODY) },
    { name: "in another user's folder", put: (_, folder) => chownSync(folder, NOBODY, NOBODY) },
  );
}
