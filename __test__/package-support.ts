// The package as users get it: packed, and installed into an empty folder.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This repository's folder. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');

function isMusl(): boolean {
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime === undefined;
}

/** Whether this is the one platform that there is a package for. Elsewhere nothing can be packed. */
export const isShipped = process.platform === 'linux' && process.arch === 'x64' && !isMusl();

/** npm's own main module, so that no shell and no PATH is needed to run it. */
export function npmCli(): string {
  const beside = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm');
  const running = process.env.npm_execpath;
  const candidates = running ? [resolve(running, '..', '..'), beside] : [beside];
  for (const folder of candidates) {
    if (existsSync(join(folder, 'bin', 'npx-cli.js'))) return folder;
  }
  return join(execFileSync('npm', ['root', '-g'], { encoding: 'utf8' }).trim(), 'npm');
}

/** One example of the README. */
export interface ReadmeExample {
  readonly name: string;
  /** A module in JavaScript. */
  readonly code: string;
  /** The lines it prints, as the comments behind its `console.log` say. */
  readonly output: readonly string[];
}

/** The README's examples: the blocks of JavaScript after a mark. */
export function readmeExamples(): ReadmeExample[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const found = [...readme.matchAll(/<!-- example: (\w+) -->\s*```js\n([\s\S]*?)```/g)];
  return found.map(([, name = '', code = '']) => ({
    name,
    code,
    output: [...code.matchAll(/console\.log\(.*; \/\/ (.+)$/gm)].map(([, line = '']) => line),
  }));
}

/** A project in a temporary folder, with the package installed from its tarballs. */
export class PackedProject {
  readonly work = mkdtempSync(join(tmpdir(), 'riptide-wasm-package-'));
  /** Where the tarballs are. */
  readonly packed = join(this.work, 'packed');
  readonly folder = join(this.work, 'project');
  /** The package's folder. */
  readonly installed = join(this.folder, 'node_modules', 'riptide-wasm');
  readonly env: Record<string, string>;

  constructor(...options: string[]) {
    const pack = [join(ROOT, 'scripts', 'pack.mjs'), this.packed, ...options];
    execFileSync(process.execPath, pack, { cwd: ROOT, stdio: 'pipe' });

    // A PATH with node and a shell, and nothing else: no cargo, no compiler.
    const bin = join(this.work, 'bin');
    mkdirSync(bin);
    symlinkSync(process.execPath, join(bin, 'node'));
    symlinkSync('/bin/sh', join(bin, 'sh'));
    this.env = { PATH: bin, HOME: join(this.work, 'home'), npm_config_cache: join(this.work, 'npm-cache') };

    mkdirSync(this.folder);
    writeFileSync(join(this.folder, 'package.json'), '{ "private": true }\n');
    const tarballs = readdirSync(this.packed).map((file) => join(this.packed, file));
    const install = ['install', '--ignore-scripts', '--offline', '--no-audit', '--no-fund', ...tarballs];
    const { stdout, stderr } = this.node([join(npmCli(), 'bin', 'npm-cli.js'), ...install]);
    if (!stdout.includes('added 2 packages')) throw new Error(`npm install: ${stdout}${stderr}`);
  }

  /** Runs Node in the project, with nothing of this process's environment. */
  node(args: string[], { input, cwd = this.folder, env }: { input?: string; cwd?: string; env?: object } = {}) {
    const options = {
      cwd,
      env: { ...this.env, ...env },
      encoding: 'utf8',
      ...(input !== undefined && { input }),
    } as const;
    const result = spawnSync(process.execPath, args, options);
    if (result.error) throw result.error;
    return result;
  }

  remove(): void {
    rmSync(this.work, { recursive: true, force: true });
  }
}
