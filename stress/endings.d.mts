/** A way to end, and what is to be seen of it. */
export interface Ending {
  readonly name: string;
  readonly way: string;
  readonly kill?: boolean;
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr?: RegExp;
}

export declare const endings: readonly Ending[];

/** Runs an ending once. Gives what was wrong with it; nothing where it was good. */
export declare function end(ending: Ending, round: number): Promise<string | undefined>;
