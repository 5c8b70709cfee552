/** Whether a text is the address of a page on the web: an absolute `http:` or `https:` URL. */
export function isPageUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
