'use strict';

const outsideJest = require('./outside-jest.cjs');

// Named for bundlers, which follow no other require().
module.exports =
  outsideJest === undefined ? require('../dist/bullmq/index.js') : outsideJest('../dist/bullmq/index.js');
