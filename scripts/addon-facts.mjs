// `node scripts/addon-facts.mjs [FILE]`: what the addon asks of a system, read from its ELF file, as JSON, and the
// zig that would link it, if there is one. `npm run pack:all` refuses an addon that would not load where its package says, or that tells of the machine it was built on.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { addonFile } from './build-addon.mjs';
import { isMain, main, root } from './lib.mjs';
import { zigCommand } from './zig.mjs';

const VERSIONS_NEEDED = 0x6ffffffe;

/** The sections of a 64-bit, little-endian ELF file: `{ name, type, offset, size, link }`. */
function sectionsOf(bytes) {
  const at = Number(bytes.readBigUInt64LE(0x28));
  const [size, count, names] = [bytes.readUInt16LE(0x3a), bytes.readUInt16LE(0x3c), bytes.readUInt16LE(0x3e)];
  const sections = Array.from({ length: count }, (_, index) => {
    const header = bytes.subarray(at + index * size);
    return {
      nameAt: header.readUInt32LE(0),
      type: header.readUInt32LE(4),
      offset: Number(header.readBigUInt64LE(24)),
      size: Number(header.readBigUInt64LE(32)),
      link: header.readUInt32LE(40),
    };
  });
  return sections.map((section) => ({ ...section, name: textAt(bytes, sections[names].offset + section.nameAt) }));
}

function textAt(bytes, at) {
  return bytes.toString('latin1', at, bytes.indexOf(0, at));
}

/** The names of versions that a file needs of other libraries, as `GLIBC_2.28`. */
function versionsNeeded(bytes, sections) {
  const table = sections.find((section) => section.type === VERSIONS_NEEDED);
  if (table === undefined) return [];
  const names = sections[table.link].offset;
  const versions = [];
  for (let library = table.offset; ; ) {
    const next = bytes.readUInt32LE(library + 12);
    let version = library + bytes.readUInt32LE(library + 8);
    for (let left = bytes.readUInt16LE(library + 2); left > 0; left--) {
      versions.push(textAt(bytes, names + bytes.readUInt32LE(version + 8)));
      version += bytes.readUInt32LE(version + 12);
    }
    if (next === 0) return versions;
    library += next;
  }
}

/**
 * Of an ELF file: its `bytes`, the newest `glibc` it needs as `2.28`, the `symbols` sections that stripping takes out, and
 * the `paths` in it that say where it was built.
 */
export function addonFacts(file = addonFile()) {
  const bytes = readFileSync(file);
  const sections = sectionsOf(bytes);
  const glibc = versionsNeeded(bytes, sections)
    .map((version) => /^GLIBC_(\d+)\.(\d+)/.exec(version))
    .filter((found) => found !== null)
    .map(([, major, minor]) => [Number(major), Number(minor)])
    .sort(([major, minor], [otherMajor, otherMinor]) => major - otherMajor || minor - otherMinor)
    .at(-1);
  // A home that is the root itself, as containers have it, stands in every address.
  const folders = [root, homedir()].filter((folder) => folder !== path.parse(folder).root);
  const places = [...folders.map((folder) => `${folder}${path.sep}`), `registry${path.sep}src${path.sep}`];
  const text = bytes.toString('latin1');
  const paths = places.flatMap((place) => {
    const at = text.indexOf(place);
    return at < 0 ? [] : [text.slice(at, at + 100).replace(/[^\x20-\x7e].*/s, '')];
  });
  return {
    bytes: bytes.length,
    glibc: glibc?.join('.'),
    symbols: sections.map(({ name }) => name).filter((name) => /^\.(symtab|debug)/.test(name)),
    paths,
  };
}

if (isMain(import.meta.url)) {
  await main(() =>
    console.log(JSON.stringify({ ...addonFacts(process.argv[2]), zig: zigCommand()?.join(' ') }, null, 2)),
  );
}
