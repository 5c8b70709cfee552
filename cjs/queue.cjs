'use strict';

const outsideJest = require('./outside-jest.cjs');

// Named for bundlers, which follow no other require().
module.exports = outsideJest === undefined ? require('../dist/queue/index.js') : outsideJest('../dist/queue/index.js');
