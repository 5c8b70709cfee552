'use strict';

const outsideJest = require('./outside-jest.cjs');

// Named for bundlers, which follow no other require().
module.exports = outsideJest === undefined ? require('../dist/index.js') : outsideJest('../dist/index.js');
