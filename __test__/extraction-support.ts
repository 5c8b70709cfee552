/** Real sentences: a page of nothing but the piece under test would be taken for no article. */
const PARAGRAPHS = [
  'The harbour froze over in the last week of January, for the first time in nineteen years, and the ferries stayed at their moorings while the council argued about who should pay for the icebreaker.',
  'Fishermen walked out to the edge of the channel, drilled holes, and came back with more perch than the market could sell, which made the cold, as one of them put it, the best thing that had happened to the town since the bridge.',
  'By the middle of February the wind turned to the south-west, the ice broke with a noise that people heard as far as the mill, and the first boat left at six in the morning, with nobody on board but the crew and two journalists.',
] as const;

export const PAGE_URL = 'https://paper.example/2026/ice';

export interface PageParts {
  readonly head?: string;
  readonly html?: string;
  readonly title?: string;
  /** The heading, markup and all. */
  readonly heading?: string;
}

/** An article with a menu above and a footer below, and `inner` before its last paragraph. */
export function page(
  inner: string,
  { head = '', html = ' lang="en"', title = 'Ice', heading }: PageParts = {},
): string {
  return `<!DOCTYPE html><html${html}><head><meta charset="utf-8"><title>${title}</title>${head}</head>
<body><nav><a href="/">Home</a> <a href="/news">News</a></nav>
<article>${heading ?? `<h1>${title}</h1>`}
<p>${PARAGRAPHS[0]}</p>
<p>${PARAGRAPHS[1]}</p>
${inner}
<p>${PARAGRAPHS[2]}</p></article>
<footer><p>Printed in the harbour</p></footer></body></html>`;
}

/** What an answer has where `page` puts `inner`. */
export function between(answer: string): string {
  const from = answer.indexOf(PARAGRAPHS[1]);
  const to = answer.indexOf(PARAGRAPHS[2]);
  if (from < 0 || to < from) throw new Error(`the paragraphs around are not there: ${answer}`);
  return answer.slice(from + PARAGRAPHS[1].length, to).trim();
}
