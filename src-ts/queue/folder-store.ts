import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { checkOptions, flag, whole } from '../options.js';
import { checkKey, type Store } from './store.js';

/** Options of a {@link FolderStore}. */
export interface FolderStoreOptions {
  /**
   * Whether `put` waits until the disk has the bytes: else a power failure may lose results of jobs that are done.
   * @default true
   */
  sync?: boolean;
  /**
   * The most bytes that `get` reads of one file: 1 to 1 GiB.
   * @default 64 MiB
   */
  maxBytes?: number;
}

const GIB = 2 ** 30;
const RULES = { sync: flag, maxBytes: whole(1, GIB, 'bytes') };

/** What is being written; a process that was killed leaves its file there. */
const PARTS = '.parts';

/**
 * A store in a folder: a file for each key. Files are written beside, in `.parts`, and renamed. It follows no symbolic link
 * out of the folder.
 */
export class FolderStore implements Store {
  readonly #root: string;
  readonly #sync: boolean;
  readonly #maxBytes: number;

  /** @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value out of range. */
  constructor(folder: string, options: FolderStoreOptions = {}) {
    const { sync = true, maxBytes = 64 * 2 ** 20 } = checkOptions(options, RULES);
    this.#root = resolve(folder);
    this.#sync = sync;
    this.#maxBytes = maxBytes;
  }

  /**
   * The bytes under a key; `undefined` if there is no such file.
   *
   * @throws RangeError for what is no key, leads out of the folder, or is larger than `maxBytes`.
   */
  async get(key: string): Promise<Uint8Array | undefined> {
    const path = join(this.#root, checkKey(key));
    let file: FileHandle;
    try {
      await this.#inside(dirname(path));
      // Non-blocking, lest a named pipe be waited for.
      file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    try {
      const info = await file.stat();
      if (!info.isFile()) return undefined;
      if (info.size > this.#maxBytes)
        throw new RangeError(`${info.size} bytes under ${key}; at most ${this.#maxBytes}`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  }

  /**
   * Keeps bytes, or a text as UTF-8, under a key.
   *
   * @throws RangeError for what is no key, or leads out of the folder.
   * @throws Error the system's, if it cannot be written.
   */
  async put(key: string, value: Uint8Array | string): Promise<void> {
    const path = join(this.#root, checkKey(key));
    const folder = dirname(path);
    await mkdir(folder, { recursive: true });
    await this.#inside(folder);
    await mkdir(join(this.#root, PARTS), { recursive: true });
    const part = join(this.#root, PARTS, randomUUID());
    try {
      await this.#write(part, value);
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    if (this.#sync) await syncFolder(folder);
  }

  async #write(part: string, value: Uint8Array | string): Promise<void> {
    const file = await open(part, 'wx');
    try {
      await file.writeFile(value);
      if (this.#sync) await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Refuses a folder that symbolic links lead out of the store's. */
  async #inside(folder: string): Promise<void> {
    const [root, real] = await Promise.all([realpath(this.#root), realpath(folder)]);
    if (real !== root && !real.startsWith(root + sep)) throw new RangeError('the key leads out of the folder');
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
