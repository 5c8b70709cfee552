import type { ExtractionMode } from './extractor.js';

/** The modes by name. @internal */
export const MODES = ['article', 'full', 'metadata', 'custom'] as const;

/**
 * The mode that a name and selectors, as a person gives them, mean: `custom` where there are only selectors.
 *
 * @returns a text where they mean none, which says why
 * @internal
 */
export function modeOf(given: string | undefined, selectors: readonly string[]): ExtractionMode | { problem: string } {
  const name = given ?? (selectors.length > 0 ? 'custom' : 'article');
  switch (name) {
    case 'custom':
      if (selectors.length === 0) return { problem: 'mode custom needs at least one selector' };
      return { tag: 'custom', val: selectors };
    case 'article':
    case 'full':
    case 'metadata':
      if (selectors.length > 0) return { problem: 'a selector goes with mode custom only' };
      return name;
    default:
      return { problem: `mode is ${MODES.slice(0, -1).join(', ')} or custom, not ${JSON.stringify(name)}` };
  }
}
