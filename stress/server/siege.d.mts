/** Of a kind of request. */
export interface Tally {
  readonly part: string;
  readonly name: string;
  readonly count: number;
  readonly ends: Readonly<Record<string, number>>;
}

/** In milliseconds. */
export interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

export interface Besieged {
  readonly problems: readonly string[];
  readonly kinds: readonly Tally[];
  readonly sent: number;
  readonly probed: { readonly health: Times; readonly ready: Times };
  readonly ended: {
    readonly answered: number;
    readonly refused: number;
    readonly lost: number;
    readonly reset: number;
  };
}

export declare function siege(options: {
  seconds: number;
  calibration: number;
  rounds: number;
  folder?: string;
  seed: number;
  complete?: boolean;
  note?: (text: string) => void;
}): Promise<Besieged>;
