import riptide = require('../dist/server/index.js');
export = riptide;
