import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import * as esm from '../dist/index.js';

test('require gives what import gives', async () => {
  const cjs = createRequire(import.meta.url)('../cjs/index.cjs') as typeof esm;
  expect(Object.keys(cjs).sort()).toEqual(Object.keys(esm).sort());
  const pool = new cjs.Pool(
    await new cjs.Engine({ cache: false }).load(
      cjs.wat2wasm('(module (func (export "f") (result i32) (i32.const 5)))'),
    ),
  );
  expect(await pool.call('f')).toBe(5);
  await pool.close();
});

test('the package exports its classes, functions and error table', () => {
  expect(Object.keys(esm).sort()).toEqual([
    'ArgumentError',
    'ClosedError',
    'Code',
    'CompileError',
    'Component',
    'ERROR_CODES',
    'Engine',
    'ExitError',
    'ExtractionError',
    'Extractor',
    'GuestError',
    'HostFunctionError',
    'Instance',
    'LinkError',
    'MemoryLimitError',
    'Module',
    'ModuleCache',
    'OptionError',
    'Pool',
    'RejectedError',
    'ResourceTracker',
    'RiptideError',
    'STATUS_SCHEMA',
    'TimeoutError',
    'TrapError',
    'buildInfo',
    'createExtractor',
    'getWasmMemoryMetrics',
    'loadConfig',
    'publishStatus',
    'readStatus',
    'wat2wasm',
  ]);
});
