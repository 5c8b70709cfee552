import { sanitise } from './failure.js';

/** A column: how wide it may be, and what is clipped first where the line is too long. */
export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** Columns that shrink share what the others leave. */
  readonly shrinks?: boolean;
}

const GAP = '  ';
const LEAST = 8;

/** Lines of a table no wider than `width`; cells are sanitised, long ones clipped. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const cells = [columns.map((column) => column.title), ...rows].map((row) => row.map(sanitise));
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => displayWidth(row[index] ?? ''))));
  shrink(columns, widths, width - GAP.length * (columns.length - 1));
  const lines = cells.map((row) =>
    columns
      .map((column, index) => pad(row[index] ?? '', widths[index] ?? 0, column.align === 'right'))
      .join(GAP)
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((size) => '─'.repeat(size)).join(GAP));
  return lines;
}

function shrink(columns: readonly Column[], widths: number[], room: number): void {
  const total = () => widths.reduce((sum, size) => sum + size, 0);
  while (total() > room) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      const size = widths[index] ?? 0;
      if (column.shrinks && size > LEAST && size > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

function pad(text: string, size: number, right: boolean): string {
  const clipped = clip(text, size);
  const space = ' '.repeat(Math.max(0, size - displayWidth(clipped)));
  return right ? space + clipped : clipped + space;
}

function clip(text: string, size: number): string {
  if (displayWidth(text) <= size) return text;
  let kept = '';
  let used = 1; // the ellipsis
  for (const character of text) {
    used += displayWidth(character);
    if (used > size) break;
    kept += character;
  }
  return `${kept}…`;
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;

/** Columns a terminal gives the text: two for wide characters, none for combining ones. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += /\p{M}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}
