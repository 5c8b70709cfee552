import { byId, element, write } from './dom.js';
import { bytes, count, millis } from './format.js';

/** How much of a text is shown: a browser takes seconds to lay out megabytes. */
const SHOWN_LENGTH = 200_000;

/** What `POST /extract` answers. */
interface Extracted {
  readonly markdown: string;
  readonly text: string;
  readonly links: readonly unknown[];
  readonly media: readonly unknown[];
  readonly wordCount: number;
  readonly [name: string]: unknown;
}

interface Refused {
  readonly code: string;
  readonly message: string;
}

const METADATA: readonly (readonly [name: string, label: string])[] = [
  ['title', 'Title'],
  ['byline', 'Byline'],
  ['publishedIso', 'Published'],
  ['siteName', 'Site'],
  ['description', 'Description'],
  ['language', 'Language'],
  ['url', 'Address'],
  ['categories', 'Categories'],
  ['wordCount', 'Words'],
  ['readingTime', 'Minutes to read'],
  ['qualityScore', 'Quality, of 100'],
];

/** The form that extracts a page by the server's own route. */
export class ExtractForm {
  readonly #html = byId<HTMLTextAreaElement>('html');
  readonly #address = byId<HTMLInputElement>('address');
  readonly #mode = byId<HTMLSelectElement>('mode');
  readonly #button = byId<HTMLButtonElement>('extract');
  readonly #outcome = byId('outcome');
  readonly #result = byId('result');

  constructor() {
    byId<HTMLFormElement>('form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
  }

  /** Says what the server does with an address alone. */
  explain(fetches: boolean, maxBodyBytes: number): void {
    const alone = fetches ? '; alone, the page that is fetched' : '; this server fetches no pages';
    write(byId('address-hint'), `http: or https:, which links are resolved against${alone}`);
    write(byId('html-hint'), `The page’s source, up to ${bytes(maxBodyBytes)}`);
  }

  async #submit(): Promise<void> {
    if (this.#html.value === '' && this.#address.value === '') {
      this.#fail('Give the page’s HTML, or its address.');
      this.#html.focus();
      return;
    }
    this.#button.disabled = true;
    this.#outcome.removeAttribute('data-failed');
    write(this.#outcome, 'Extracting');
    try {
      await this.#extract();
    } catch (error) {
      // The request itself failed: the server is away.
      this.#fail(`No answer: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#button.disabled = false;
    }
  }

  async #extract(): Promise<void> {
    const asked = {
      mode: this.#mode.value,
      ...(this.#html.value !== '' && { html: this.#html.value }),
      ...(this.#address.value !== '' && { url: this.#address.value }),
    };
    const began = performance.now();
    const response = await fetch('extract', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(asked),
    });
    const answer = await response.text();
    const took = performance.now() - began;
    if (!response.ok) {
      const { code, message } = JSON.parse(answer) as Refused;
      this.#fail(`${code}: ${message}`);
      return;
    }
    const content = JSON.parse(answer) as Extracted;
    const given = this.#html.value === '' ? '' : ` from ${bytes(new Blob([this.#html.value]).size)}`;
    const steps = stepsOf(response.headers.get('server-timing') ?? '');
    write(
      this.#outcome,
      `${count(content.wordCount)} words${given} in ${millis(took)}${steps === '' ? '' : ` (${steps})`}`,
    );
    this.#show(content);
  }

  #show(content: Extracted): void {
    const rows = METADATA.flatMap(([name, label]) => {
      const value = content[name];
      const text = Array.isArray(value) ? value.join(', ') : value === undefined ? '' : String(value);
      return text === '' ? [] : [element('dt', {}, label), element('dd', {}, text)];
    });
    rows.push(element('dt', {}, 'Links'), element('dd', {}, count(content.links.length)));
    rows.push(element('dt', {}, 'Media'), element('dd', {}, count(content.media.length)));
    byId('metadata').replaceChildren(...rows);
    byId<HTMLTextAreaElement>('markdown').value = cut(content.markdown);
    byId<HTMLTextAreaElement>('text').value = cut(content.text);
    this.#result.hidden = false;
  }

  #fail(reason: string): void {
    this.#outcome.setAttribute('data-failed', '');
    write(this.#outcome, reason);
    this.#result.hidden = true;
  }
}

/** `fetch;dur=120.5, extract;dur=3.2` in words. */
function stepsOf(timing: string): string {
  const names: Readonly<Record<string, string>> = { fetch: 'fetching', extract: 'extracting' };
  const steps = [...timing.matchAll(/(\w+);dur=([\d.]+)/g)];
  return steps.map(([, name = '', dur]) => `${names[name] ?? name} ${millis(Number(dur))}`).join(', ');
}

function cut(text: string): string {
  if (text.length <= SHOWN_LENGTH) return text;
  return `${text.slice(0, SHOWN_LENGTH)}\n\n[the first ${count(SHOWN_LENGTH)} of ${count(text.length)} characters]`;
}
