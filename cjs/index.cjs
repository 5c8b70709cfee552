'use strict';

module.exports =
  typeof jest === 'undefined' ? require('../dist/index.js') : require('./outside-jest.cjs')('../dist/index.js');
