'use strict';

module.exports =
  typeof jest === 'undefined'
    ? require('../dist/server/index.js')
    : require('./outside-jest.cjs')('../dist/server/index.js');
