import type { BreakerState } from '../pool.js';
import type { LiveFeed } from './live-feed.js';

/** What the live page shows of a process of a fleet: a part of what such a process publishes of itself. */
export interface FleetMember {
  /** The machine's name. */
  readonly host: string;
  /** The process's number. */
  readonly pid: number;
  /** The worker thread; 0 on the main one. */
  readonly thread: number;
  /** The version of this package. */
  readonly version: string;
  /** How long the process has run, in seconds. */
  readonly uptimeSeconds: number;
  /** Memory of the process. */
  readonly memory: {
    /** Linear memory held now, in pages of 64 KiB. */
    readonly pages: number;
    /** Resident memory, in bytes. */
    readonly residentBytes: number;
  };
  /** Calls of all its pools. */
  readonly rates: {
    /** Calls that ended, a second. */
    readonly calls: number;
    /** Those of them that ended in another way than well, a second. */
    readonly failures: number;
  };
  /** Its pools by name. */
  readonly pools: Readonly<
    Record<
      string,
      {
        /** Instances in a call. */
        readonly active: number;
        /** Calls that wait for an instance. */
        readonly waiting: number;
        /** The breaker; `null` where the pool has none. */
        readonly breaker: {
          /** Whether calls pass it. */
          readonly state: BreakerState;
        } | null;
      }
    >
  >;
}

/** A process in a row of the live page's table. */
export interface FleetRow extends Omit<FleetMember, 'pools'> {
  readonly active: number;
  readonly waiting: number;
  /** The worst of its pools' breakers; `null` where there is none. */
  readonly breaker: BreakerState | null;
}

/** What the live page is told of the fleet. */
export interface LiveFleet {
  /** The first of them; `null` where they could not be read. */
  readonly rows: readonly FleetRow[] | null;
  /** How many there are. */
  readonly processes: number;
  /** Calls of all of them, a second. */
  readonly calls: number;
  /** Linear memory of all of them, in pages. */
  readonly pages: number;
}

/** More would be longer than a listener may leave unread, and than anybody reads. */
const MAX_ROWS = 100;

/** How often a fleet is read at most, in milliseconds: each reading brings the status of all its processes. */
const EVERY_MILLIS = 2_000;

const WORST: readonly BreakerState[] = ['open', 'halfOpen', 'closed'];

/** Reads a fleet while somebody looks, never twice at a time. */
export class FleetReader {
  readonly #read: () => Promise<readonly FleetMember[]>;
  readonly #failed: (error: unknown) => void;
  #next = 0;
  #reading = false;

  /** @param failed told of each failure */
  constructor(read: () => Promise<readonly FleetMember[]>, failed: (error: unknown) => void) {
    this.#read = read;
    this.#failed = failed;
  }

  /** Tells the listeners, if it is time to. */
  async tell(feed: LiveFeed): Promise<void> {
    const now = performance.now();
    if (this.#reading || now < this.#next) return;
    this.#next = now + EVERY_MILLIS;
    this.#reading = true;
    try {
      feed.send('fleet', summary(await this.#read()));
    } catch (error) {
      this.#failed(error);
      feed.send('fleet', { rows: null, processes: 0, calls: 0, pages: 0 } satisfies LiveFleet);
    } finally {
      this.#reading = false;
    }
  }
}

function summary(members: readonly FleetMember[]): LiveFleet {
  return {
    rows: members.slice(0, MAX_ROWS).map(rowOf),
    processes: members.length,
    calls: members.reduce((sum, { rates }) => sum + rates.calls, 0),
    pages: members.reduce((sum, { memory }) => sum + memory.pages, 0),
  };
}

function rowOf({ host, pid, thread, version, uptimeSeconds, memory, rates, pools }: FleetMember): FleetRow {
  const all = Object.values(pools);
  const states = all.map(({ breaker }) => breaker?.state);
  return {
    host: host.slice(0, 64),
    pid,
    thread,
    version: version.slice(0, 32),
    uptimeSeconds,
    memory: { pages: memory.pages, residentBytes: memory.residentBytes },
    rates: { calls: rates.calls, failures: rates.failures },
    active: all.reduce((sum, { active }) => sum + active, 0),
    waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
    breaker: WORST.find((state) => states.includes(state)) ?? null,
  };
}
