import riptide = require('../dist/index.js');
export = riptide;
