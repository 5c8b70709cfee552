import { Refusal } from './failures.js';

/** How a page is answered. */
export type Format = 'json' | 'markdown' | 'text';

/** The formats with their media types, the preferred first. */
export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  markdown: 'text/markdown',
  text: 'text/plain',
};

/**
 * The format that an `Accept` header wants most (RFC 9110, 12.5.1); JSON where it is absent or empty.
 *
 * @throws Refusal 406 where it wants none of them
 */
export function acceptedFormat(accept: string | undefined): Format {
  if (accept === undefined || accept.trim() === '') return 'json';
  const ranges = accept.split(',').flatMap(rangeOf);
  let best: { format: Format; quality: number } | undefined;
  for (const [format, type] of Object.entries(MEDIA_TYPES) as [Format, string][]) {
    // The range that says most about the type counts, not the one that wants it most.
    const fits = ranges.filter(({ range }) => matches(range, type)).sort((a, b) => b.range.length - a.range.length);
    const quality = fits[0]?.quality ?? 0;
    if (quality > (best?.quality ?? 0)) best = { format, quality };
  }
  if (best === undefined) {
    throw new Refusal(406, 'ERR_NOT_ACCEPTABLE', `there are ${Object.values(MEDIA_TYPES).join(', ')}`);
  }
  return best.format;
}

interface Range {
  /** A media type, or a range of them with `*`. */
  readonly range: string;
  readonly quality: number;
}

/** One element of the header; none where it is malformed. */
function rangeOf(element: string): Range[] {
  const [type = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase());
  if (!/^[^\s/]+\/[^\s/]+$/.test(type)) return [];
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
  const quality = /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : Number.NaN;
  return Number.isNaN(quality) ? [] : [{ range: type, quality }];
}

function matches(range: string, type: string): boolean {
  return range === type || range === '*/*' || range === `${type.slice(0, type.indexOf('/'))}/*`;
}
