// @ts-ignore: TypeScript takes require() of an ES module for an error before its `module` is `node20`; Node does not.
import riptide = require('../dist/s3.js');
export = riptide;
