/**
 * Where pages or results lie, by key: a {@link FolderStore}, the `S3Store` of `riptide-wasm/s3`, or anything with these two
 * methods. A key is a path of names with `/` between them.
 */
export interface Store {
  /** The bytes under a key; `undefined` if there are none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /**
   * Keeps bytes, or a text as UTF-8, under a key, over what was there. A reader sees the old bytes or the new ones, never a
   * part: a job that runs twice writes twice.
   */
  put(key: string, value: Uint8Array | string): Promise<void>;
}

/** What object stores take (S3). */
const MAX_KEY_BYTES = 1_024;
/** What file systems take. */
const MAX_NAME_BYTES = 255;

/**
 * Whether a text is a key: names with `/` between them, of which none is empty, `.` or `..`, and no control characters or
 * backslashes. Such a key leads nowhere outside of its folder.
 *
 * @internal
 */
export function isKey(text: string): boolean {
  if (Buffer.byteLength(text) > MAX_KEY_BYTES || /[\p{Cc}\p{Cs}\\]/u.test(text)) return false;
  return text.split('/').every((name) => {
    return name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= MAX_NAME_BYTES;
  });
}

/** @throws RangeError for what is no key @internal */
export function checkKey(key: string): string {
  if (typeof key !== 'string' || !isKey(key)) throw new RangeError('a key is a path of names, without . and ..');
  return key;
}
