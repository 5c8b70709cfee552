import riptide = require('../dist/redis.js');
export = riptide;
