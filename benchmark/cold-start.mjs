// One cold start of the extractor in a process of its own, in milliseconds on standard output.
// Arguments: a cache folder, or `none` for no cache.
import { createExtractor } from '../dist/index.js';

const [directory = 'none'] = process.argv.slice(2);
const extractor = await createExtractor({ env: false, min: 1, max: 1, cache: directory !== 'none' && { directory } });
console.log(extractor.engine.stats.coldStartMillis);
await extractor.close();
