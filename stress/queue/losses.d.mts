export interface Losses {
  readonly problems: readonly string[];
  /** Jobs. */
  readonly total: number;
  /** Jobs that BullMQ counted as completed. */
  readonly accepted: number;
  readonly kills: number;
  /** Results written, and those of them that were there already. */
  readonly stored: number;
  readonly twice: number;
  /** Errors about locks. */
  readonly lost: number;
  readonly tookMillis: number;
  /** Bytes in Redis, each second. */
  readonly memory: readonly number[];
}

export declare function losses(options: {
  jobs: number;
  pages: number;
  folder: string;
  workers: number;
  killEvery: number;
  seed: number;
  note?: (text: string) => void;
}): Promise<Losses>;
