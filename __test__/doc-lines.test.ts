// Every public name has a doc line, which says the unit that a name ends with, and an option's default.
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const FILES = ['index', 'prometheus', 'redis', 'server/index', 'queue/index', 'bullmq/index', 's3'];
const paths = FILES.map((name) => fileURLToPath(new URL(`../dist/${name}.d.ts`, import.meta.url)));

/** What the doc line of a member whose name ends so must say. */
const UNITS: [name: RegExp, said: RegExp][] = [
  [/Millis$/, /\bmilliseconds?\b/i],
  [/Seconds$/, /\bseconds?\b/i],
  [/Bytes$/, /\bbytes?\b/i],
  [/Pages$/, /\bpages?\b/i],
];

/** A public name, by its path (`PoolStats.size`), with its own doc comment. */
interface Documented {
  readonly path: string;
  readonly node: ts.Node;
  /** The comment's text, without its tags. */
  readonly text: string;
  readonly tags: readonly { readonly name: string; readonly text: string }[];
}

function docOf(path: string, node: ts.Node): Documented {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = comments.map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '').join('\n');
  const tags = ts.getJSDocTags(node).map(({ tagName, comment }) => {
    return { name: tagName.text, text: ts.getTextOfJSDocComment(comment) ?? '' };
  });
  return { path, node, text, tags };
}

/** A declaration, and the members of its object type at any depth. */
function* documentedIn(path: string, node: ts.Node): Generator<Documented> {
  yield docOf(path, node);
  const holders = ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node) ? [node] : literalsOf(node);
  for (const { members } of holders) {
    for (const member of members as ts.NodeArray<ts.ClassElement | ts.TypeElement>) {
      const { name } = member;
      if (name === undefined || ts.isPrivateIdentifier(name)) continue; // a constructor's doc line is its class's
      if (
        ts.canHaveModifiers(member) &&
        ts.getModifiers(member)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
      )
        continue;
      yield* documentedIn(`${path}.${name.getText()}`, member);
    }
  }
}

/** The object types written out in the type of a property. The cases of a variant are in the doc comment of its type. */
function literalsOf(node: ts.Node): ts.TypeLiteralNode[] {
  if (!ts.isPropertySignature(node) && !ts.isPropertyDeclaration(node)) return [];
  const found: ts.TypeLiteralNode[] = [];
  const look = (part: ts.Node): void => {
    if (ts.isTypeLiteralNode(part)) found.push(part);
    else if (!ts.isFunctionTypeNode(part)) ts.forEachChild(part, look);
  };
  if (node.type !== undefined) look(node.type);
  return found;
}

/** Everything that the entries export. */
function publicNames(): Documented[] {
  const program = ts.createProgram(paths, {
    module: ts.ModuleKind.NodeNext,
    noLib: true,
    types: [],
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const found = new Map<ts.Node, Documented>();
  for (const file of paths) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile) as ts.Symbol;
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      for (const declaration of symbol.declarations ?? []) {
        if (!declaration.getSourceFile().fileName.includes('/dist/')) continue; // fastify's
        for (const each of documentedIn(symbol.name, declaration)) found.set(each.node, each);
      }
    }
  }
  return [...found.values()];
}

describe('the public typings', () => {
  const names = publicNames();

  test('have a doc line for each name', () => {
    expect(names.length).toBeGreaterThan(300);
    expect(names.filter(({ text }) => text.trim() === '').map(({ path }) => path)).toEqual([]);
  });

  test('say the unit of each number', () => {
    const silent = names.filter(({ path, text }) => UNITS.some(([name, said]) => name.test(path) && !said.test(text)));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test('say the default of each option that is a number, a flag or one of several words', () => {
    const defaultless = names.filter(({ path, node, tags }) => {
      if (!/^\w+Options\.\w+$/.test(path) || !ts.isPropertySignature(node) || !node.questionToken) return false;
      return (
        /^(number|boolean|string|'|\n? *\|? *')/.test(node.type?.getText() ?? '') &&
        !tags.some(({ name }) => name === 'default')
      );
    });
    expect(defaultless.map(({ path }) => path)).toEqual([]);
  });

  test('have one @throws for each class, which says when', () => {
    const thrown = names.flatMap(({ path, tags }) =>
      tags.filter(({ name }) => name === 'throws').map(({ text }) => `${path}: ${text}`),
    );
    expect(thrown.length).toBeGreaterThan(30);
    expect(thrown.filter((text) => !/: (\w+Error|Error) \S/.test(text))).toEqual([]);
  });
});
