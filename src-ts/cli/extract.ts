import { createExtractor, type Extracted, type ExtractionMode } from '../extractor.js';
import { modeOf } from '../modes.js';
import { isPageUrl } from '../page/url.js';
import { parseArguments } from './arguments.js';
import { Failure, oneLine, usage } from './failure.js';
import { readPage } from './input.js';
import { print } from './output.js';

type Format = 'json' | 'markdown' | 'text';

/** `riptide-wasm extract`: one page to standard output. */
export async function extract(argv: string[]): Promise<void> {
  const { source, mode, format, url } = parse(argv);
  const page = await readPage(source);
  const extractor = await createExtractor({ min: 1, max: 1 });
  let content: Extracted;
  try {
    content = await extractor.extract(page.html, url ?? page.url, mode, { contentType: page.contentType });
  } catch (error) {
    throw new Failure(`${source}: ${oneLine(error)}`);
  } finally {
    await extractor.close();
  }
  await print(render(content, format));
}

function parse(argv: string[]): { source: string; mode: ExtractionMode; format: Format; url: string | undefined } {
  const { values, positionals } = parseArguments({
    args: argv,
    allowPositionals: true,
    options: {
      mode: { type: 'string' },
      selector: { type: 'string', multiple: true },
      url: { type: 'string' },
      json: { type: 'boolean' },
      markdown: { type: 'boolean' },
      text: { type: 'boolean' },
    },
  });
  const [source] = positionals;
  if (source === undefined || positionals.length > 1) throw usage('extract takes one file, URL or -');
  const { url } = values;
  if (url !== undefined && !isPageUrl(url)) {
    throw usage(`--url is an address with http: or https:, not ${JSON.stringify(url)}`);
  }
  const selectors = values.selector ?? [];
  const mode = modeOf(values.mode, selectors);
  if (typeof mode === 'object' && 'problem' in mode) throw usage(mode.problem);
  const formats = (['json', 'markdown', 'text'] as const).filter((format) => values[format]);
  if (formats.length > 1) throw usage('--json, --markdown and --text exclude each other');
  const format = formats[0] ?? (mode === 'metadata' ? 'json' : 'markdown');
  return { source, mode, format, url };
}

function render(content: Extracted, format: Format): string {
  if (format === 'json') return `${JSON.stringify(content, undefined, 2)}\n`;
  return content[format].endsWith('\n') ? content[format] : `${content[format]}\n`;
}
