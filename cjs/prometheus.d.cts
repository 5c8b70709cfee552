import riptide = require('../dist/prometheus.js');
export = riptide;
