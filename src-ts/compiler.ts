// The whole of a compiling process (`compile: { isolated: true }`): WebAssembly from standard input, an artefact to
// standard output. Its arguments are the addon's own.
import { compileStandardInput } from './native.js';

const [settings = '', bounds = ''] = process.argv.slice(2);
compileStandardInput(settings, bounds);
