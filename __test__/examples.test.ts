// The programs in examples/ are type-checked, as their readers' editors do it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { ROOT } from './package-support.js';

test('the examples pass the type checker', () => {
  const folder = join(ROOT, 'examples');
  const files = readdirSync(folder).filter((name) => name.endsWith('.mjs'));
  expect(files).toEqual(expect.arrayContaining(['extract.mjs', 'limits.mjs', 'nats.mjs', 'pg-boss.mjs']));
  const program = ts.createProgram(
    files.map((name) => join(folder, name)),
    {
      allowJs: true,
      checkJs: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      typeRoots: [join(ROOT, 'node_modules', '@types')],
      types: ['node'],
    },
  );
  const found = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName.slice(ROOT.length + 1)}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
  expect(found).toEqual([]);
}, 60_000);
