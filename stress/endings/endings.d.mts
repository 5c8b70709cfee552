/** A way to end, with the exit code and output to expect. */
export interface Ending {
  readonly name: string;
  readonly way: string;
  readonly kill?: boolean;
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr?: RegExp;
}

export declare const endings: readonly Ending[];

/** Runs an ending once. Resolves with the faults it had, or with `undefined`. */
export declare function end(ending: Ending, round: number): Promise<string | undefined>;
