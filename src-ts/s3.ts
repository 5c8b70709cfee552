import { GetObjectCommand, type GetObjectCommandOutput, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { checkOptions, whole, words } from './options.js';
import { checkKey, type Store } from './queue/store.js';

/** Options of a {@link S3Store}. */
export interface S3StoreOptions {
  /** The bucket, which exists. */
  bucket: string;
  /**
   * The prefix of its keys, such as `results/`.
   * @default ''
   */
  prefix?: string;
  /**
   * The most bytes that `get` reads of one object: 1 to 1 GiB.
   * @default 64 MiB
   */
  maxBytes?: number;
}

/** The part of `@aws-sdk/client-s3` that it calls: a client, which its caller makes and destroys. */
export type S3Like = Pick<S3Client, 'send'>;

const GIB = 2 ** 30;
const RULES = { bucket: words, prefix: words, maxBytes: whole(1, GIB, 'bytes') };

/**
 * A store in a bucket of S3, or of a server that speaks as S3 does.
 *
 * ```js
 * const client = new S3Client({ region: 'eu-central-1' });
 * const results = new S3Store(client, { bucket: 'pages', prefix: 'results/' });
 * ```
 */
export class S3Store implements Store {
  readonly #client: S3Like;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #maxBytes: number;

  /** @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value out of range. */
  constructor(client: S3Like, options: S3StoreOptions) {
    const { bucket, prefix = '', maxBytes = 64 * 2 ** 20 } = checkOptions(options, RULES);
    if (bucket === undefined) checkOptions({ bucket: null }, RULES);
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#maxBytes = maxBytes;
  }

  /**
   * The bytes under a key; `undefined` if there are none.
   *
   * @throws RangeError for what is no key, or is larger than `maxBytes`.
   * @throws Error the client's, if the server refuses or is away.
   */
  async get(key: string): Promise<Uint8Array | undefined> {
    let answer: GetObjectCommandOutput;
    try {
      answer = await this.#client.send(
        new GetObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + checkKey(key) }),
      );
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return undefined;
      throw error;
    }
    const { Body: body, ContentLength: length = Number.POSITIVE_INFINITY } = answer;
    if (length <= this.#maxBytes) return body?.transformToByteArray();
    if (body !== undefined && 'destroy' in body) body.destroy();
    throw new RangeError(`${length} bytes under ${key}; at most ${this.#maxBytes}`);
  }

  /**
   * Keeps bytes, or a text as UTF-8, under a key.
   *
   * @throws RangeError for what is no key.
   * @throws Error the client's, if the server refuses or is away.
   */
  async put(key: string, value: Uint8Array | string): Promise<void> {
    const Body = typeof value === 'string' ? Buffer.from(value) : value; // of an empty text the client does not know the length
    await this.#client.send(new PutObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + checkKey(key), Body }));
  }
}
