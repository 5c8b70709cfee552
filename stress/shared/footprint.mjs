// Memory, threads and descriptors of this process, and the trend of a series of numbers.
import { readdirSync } from 'node:fs';

/** Now; after a collection where Node was started with --expose-gc. Threads and descriptors only where there is /proc. */
export function footprint() {
  // Twice: objects that the first collection finalizes may hold others.
  globalThis.gc?.();
  globalThis.gc?.();
  return {
    resident: process.memoryUsage.rss(),
    threads: entries('/proc/self/task'),
    descriptors: entries('/proc/self/fd'),
  };
}

function entries(folder) {
  try {
    return readdirSync(folder).length;
  } catch {
    return undefined;
  }
}

/** The line through points by least squares. */
export function line(points) {
  const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const [x, y] = [mean(points.map((point) => point.x)), mean(points.map((point) => point.y))];
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  const slope = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / spread;
  return { slope, at: (where) => y + slope * (where - x) };
}
