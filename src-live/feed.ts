/** The server sends each second: after this long without an event, in milliseconds, the connection counts as lost. */
const SILENT_MILLIS = 10_000;

const FIRST_RETRY_MILLIS = 1_000;
const LAST_RETRY_MILLIS = 10_000;

type Handlers = Readonly<Record<string, (data: unknown) => void>>;

/**
 * The server's events. Connects again after a failure of any kind, which a browser by itself does not after an answer such
 * as 503; closes while nobody looks.
 */
export class Feed {
  readonly #address: string;
  readonly #handlers: Handlers;
  readonly #lost: () => void;
  #source: EventSource | undefined;
  #retryMillis = FIRST_RETRY_MILLIS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #paused = false;

  constructor(address: string, handlers: Handlers, lost: () => void) {
    this.#address = address;
    this.#handlers = handlers;
    this.#lost = lost;
    // Browsers open six connections to a server for all their pages: hidden ones would take them.
    document.addEventListener('visibilitychange', () => this.#follow());
    this.#follow();
  }

  get paused(): boolean {
    return this.#paused;
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    this.#follow();
  }

  #follow(): void {
    const wanted = !this.#paused && document.visibilityState === 'visible';
    if (wanted && this.#source === undefined) this.#open();
    if (!wanted) this.#close();
  }

  #open(): void {
    const source = new EventSource(this.#address);
    this.#source = source;
    for (const [name, handle] of Object.entries(this.#handlers)) {
      source.addEventListener(name, (event) => {
        this.#retryMillis = FIRST_RETRY_MILLIS;
        this.#wait(SILENT_MILLIS, () => this.#fail());
        handle(JSON.parse(event.data));
      });
    }
    source.addEventListener('error', () => this.#fail());
    this.#wait(SILENT_MILLIS, () => this.#fail());
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  #fail(): void {
    this.#close();
    this.#lost();
    this.#wait(this.#retryMillis, () => this.#follow());
    this.#retryMillis = Math.min(LAST_RETRY_MILLIS, this.#retryMillis * 2);
  }

  #wait(millis: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, millis);
  }
}
