// The pools over the guests, on one engine.
import { createExtractor, Pool } from '../dist/index.js';
import { loadCore } from './core.mjs';
import { Account } from './ledger.mjs';
import { loadParcels } from './parcels.mjs';

const LIMITS = { maxMemoryPages: 8 };

/** The compiled guests; pools are opened over them, and their host functions answer from the ledger. */
export async function loadGuests(engine, ledger) {
  const [core, parcels] = [await loadCore(engine), await loadParcels(engine)];
  const ask = (id, ...args) => ledger.ask(id, ...args);
  return {
    core: (name, options) => {
      const all = { ...LIMITS, ...options };
      return new Account(name, new Pool(core, { ...all, wasi: true, imports: { env: { ask } } }), all);
    },
    parcels: (name, options) => {
      const all = { ...LIMITS, maxResultBytes: 16_384, ...options };
      return new Account(name, new Pool(parcels, { ...all, imports: { stamp: ask } }), all);
    },
    pages: async (name, options) => {
      const all = { maxMemoryPages: 256, min: 0, reuse: false, ...options };
      const extractor = await createExtractor({ env: false, engine, ...all });
      return new Account(name, extractor.pool, all, extractor);
    },
  };
}
