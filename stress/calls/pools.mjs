// The pools over the guests, on one engine.
import { createExtractor, Pool } from '../../dist/index.js';
import { loadCore } from './core-guest.mjs';
import { Account } from './ledger.mjs';
import { loadRecordGuest } from './record-guest.mjs';

const LIMITS = { maxMemoryPages: 8 };

/** The compiled guests; pools are opened over them, and their host functions answer from the ledger. */
export async function loadGuests(engine, ledger) {
  const [core, records] = [await loadCore(engine), await loadRecordGuest(engine)];
  const ask = (id, ...args) => ledger.ask(id, ...args);
  return {
    core: (name, options) => {
      const all = { ...LIMITS, ...options };
      return new Account(name, new Pool(core, { ...all, wasi: true, imports: { env: { ask } } }), all);
    },
    records: (name, options) => {
      const all = { ...LIMITS, maxResultBytes: 16_384, ...options };
      return new Account(name, new Pool(records, { ...all, imports: { stamp: ask } }), all);
    },
    pages: async (name, options) => {
      const all = { maxMemoryPages: 256, min: 0, reuse: false, ...options };
      const extractor = await createExtractor({ env: false, engine, ...all });
      return new Account(name, extractor.pool, all, extractor);
    },
  };
}
