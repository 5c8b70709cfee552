'use strict';

module.exports =
  typeof jest === 'undefined' ? require('../dist/redis.js') : require('./outside-jest.cjs')('../dist/redis.js');
