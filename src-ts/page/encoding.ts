/** The HTML standard reads these as others where a page declares them itself: what could be read as ASCII is no UTF-16. */
const DECLARED_AS: Readonly<Record<string, string>> = { 'utf-16le': 'utf-8', 'utf-16be': 'utf-8' };

/** No label of the Encoding Standard has half of this. What is longer is not asked for: a page may hold megabytes of it. */
const LONGEST_LABEL = 64;

/** The encoding that a label names, as the Encoding Standard has it; `undefined` for one that Node does not know. */
export function encodingOf(label: string | undefined): string | undefined {
  if (label === undefined || label.length > LONGEST_LABEL) return undefined;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}

/** The encoding that a label means where it stands in the page itself. */
export function declaredEncodingOf(label: string | undefined): string | undefined {
  if (label === undefined || label.length > LONGEST_LABEL) return undefined;
  // Node has no decoder of this name.
  if (label.trim().toLowerCase() === 'x-user-defined') return 'windows-1252';
  const encoding = encodingOf(label);
  return encoding === undefined ? undefined : (DECLARED_AS[encoding] ?? encoding);
}
