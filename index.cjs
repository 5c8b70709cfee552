'use strict';

// require() of an ES module: Node 20.19 and later.
module.exports = require('./dist/index.js');
