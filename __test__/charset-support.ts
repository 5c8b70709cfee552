import { createRequire } from 'node:module';
import { addonFile } from '../dist/addon.js';

/** The addon's own function, as `binding.ts` describes it; failures are plain objects. */
export const { decodePage } = createRequire(import.meta.url)(addonFile) as {
  decodePage(bytes: Uint8Array, contentType?: string): Uint8Array | Promise<Uint8Array>;
};
