'use strict';

module.exports =
  typeof jest === 'undefined'
    ? require('../dist/prometheus.js')
    : require('./outside-jest.cjs')('../dist/prometheus.js');
