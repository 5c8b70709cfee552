// Whether every job has its result in the store, and each result its job.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const SHOWN = 10;

/**
 * What is wrong with the results in a folder.
 *
 * @param {string} folder where they are
 * @param {Iterable<{ result: string, html?: string }>} jobs what was asked for
 * @returns {string[]}
 */
export function checkResults(folder, jobs) {
  const problems = [];
  const left = new Set(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath !== path.join(folder, '.parts'))
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))),
  );
  for (const { result, html } of jobs) {
    if (!left.delete(result)) {
      problems.push(`${result} is not there`);
      continue;
    }
    const { text, title } = parsed(path.join(folder, result));
    const wanted = html === undefined ? undefined : /<p>(.*)<\/p>/.exec(html)?.[1];
    if (text === undefined || (wanted !== undefined && !text.includes(wanted)))
      problems.push(`${result} is ${title}: ${text}`);
  }
  for (const result of left) problems.push(`${result} is nobody's`);
  return problems.length > SHOWN ? [...problems.slice(0, SHOWN), `and ${problems.length - SHOWN} more`] : problems;
}

function parsed(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {}; // which is a problem of its own
  }
}
