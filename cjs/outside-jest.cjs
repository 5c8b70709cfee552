'use strict';

const { runInThisContext } = require('node:vm');

// Jest's own require() has no ES modules. Node's has, and it is found outside of the context that Jest runs tests in.
module.exports = function outsideJest(file) {
  const { createRequire } = runInThisContext("process.getBuiltinModule('node:module')");
  return createRequire(__filename)(file);
};
