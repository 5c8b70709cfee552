import { createExtractor, type Extracted, type ExtractionMode } from '../extractor.js';
import { parseArguments } from './arguments.js';
import { Failure, oneLine, usage } from './failure.js';
import { readPage } from './input.js';

type Format = 'json' | 'markdown' | 'text';

/** `riptide-wasm extract`: one page to standard output. */
export async function extract(argv: string[]): Promise<void> {
  const { source, mode, format, url } = parse(argv);
  const page = await readPage(source);
  const extractor = await createExtractor({ min: 1, max: 1 });
  try {
    const content = await extractor.extract(page.html, url ?? page.url, mode);
    process.stdout.write(render(content, format));
  } catch (error) {
    throw new Failure(`${source}: ${oneLine(error)}`);
  } finally {
    await extractor.close();
  }
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
  const selectors = values.selector ?? [];
  const name = values.mode ?? (selectors.length > 0 ? 'custom' : 'article');
  if (name === 'custom' && selectors.length === 0) throw usage('--mode custom needs at least one --selector');
  if (name !== 'custom' && selectors.length > 0) throw usage('--selector goes with --mode custom only');
  const formats = (['json', 'markdown', 'text'] as const).filter((format) => values[format]);
  if (formats.length > 1) throw usage('--json, --markdown and --text exclude each other');
  const format = formats[0] ?? (name === 'metadata' ? 'json' : 'markdown');
  switch (name) {
    case 'custom':
      return { source, mode: { tag: 'custom', val: selectors }, format, url: values.url };
    case 'article':
    case 'full':
    case 'metadata':
      return { source, mode: name, format, url: values.url };
    default:
      throw usage(`--mode is article, full, metadata or custom, not ${JSON.stringify(name)}`);
  }
}

function render(content: Extracted, format: Format): string {
  if (format === 'json') return `${JSON.stringify(content, undefined, 2)}\n`;
  return content[format].endsWith('\n') ? content[format] : `${content[format]}\n`;
}
