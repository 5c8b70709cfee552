// node examples/extract.mjs FILE…: the article text of HTML files, several at once.
import { readFile } from 'node:fs/promises';
import { createExtractor, ExtractionError } from 'riptide-wasm';

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: node examples/extract.mjs FILE…');
  process.exit(2);
}

const extractor = await createExtractor({ timeoutMillis: 5_000 });
await Promise.all(
  files.map(async (file) => {
    try {
      // Bytes are cheaper to hand over than a string.
      const { title = 'no title', wordCount, language = '?' } = await extractor.extract(await readFile(file));
      console.log(`${file}: ${title} (${wordCount} words, ${language})`);
    } catch (error) {
      if (!(error instanceof ExtractionError)) throw error;
      console.log(`${file}: ${error.message}`);
    }
  }),
);
await extractor.close();
