// The environment of processes that must not see this one's settings.

/** Settings of this package, of Node, of the test runner and of the user's folders. */
const SETTINGS = /^(RIPTIDE_|NODE_|VITEST|XDG_)/;

/**
 * This process's environment without those settings.
 *
 * @param {Readonly<Record<string, string | undefined>>} [added] variables to add
 * @returns {Record<string, string | undefined>}
 */
export function cleanEnvironment(added = {}) {
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !SETTINGS.test(name))), ...added };
}
