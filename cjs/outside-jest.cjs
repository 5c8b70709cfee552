'use strict';

const { runInThisContext } = require('node:vm');

/**
 * Jest's own require() has no ES modules. Node's has, and it is found outside of the context that Jest runs tests in.
 * `jest` is not there with `injectGlobals: false`; child processes have the variable too, but no such context.
 */
const inJest =
  typeof jest !== 'undefined' ||
  (process.env.JEST_WORKER_ID !== undefined && runInThisContext('globalThis') !== globalThis);

function outsideJest(file) {
  const { createRequire } = runInThisContext("process.getBuiltinModule('node:module')");
  return createRequire(__filename)(file);
}

/** Requires a file by its path from this folder, in Jest; `undefined` elsewhere, where `require` does. */
module.exports = inJest ? outsideJest : undefined;
