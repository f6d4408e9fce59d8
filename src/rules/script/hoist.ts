import type { Scope } from './frame.ts';
import { namesOf } from './patterns.ts';
import { childrenOf, isFunction, type Node, type VariableDeclaration } from './syntax.ts';

/** Names that `var` and function declarations give to the function around them, wherever they stand in it. */
export function hoistedNames(body: readonly Node[]): Set<string> {
  const names = new Set<string>();
  const open: Node[] = [...body];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isVarDeclaration(node)) for (const { id } of node.declarations) for (const name of namesOf(id)) names.add(name);
    if (isFunction(node)) {
      if (node.type === 'FunctionDeclaration' && 'id' in node && isNamed(node.id)) names.add(node.id.name);
      continue;
    }
    open.push(...childrenOf(node));
  }
  return names;
}

export function declareAll(names: Iterable<string>, scope: Scope): void {
  for (const name of names) if (scope.own(name) === undefined) scope.declare(name);
}

/** Names that are assigned anywhere in a script, as `x = …`, `x++` or `for (x of …)`. */
export function assignedNames(root: Node): Set<string> {
  const names = new Set<string>();
  const open: Node[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if ('left' in node && isNamed(node.left) && node.type !== 'BinaryExpression') names.add(node.left.name);
    if (node.type === 'UpdateExpression' && 'argument' in node && isNamed(node.argument)) names.add(node.argument.name);
    open.push(...childrenOf(node));
  }
  return names;
}

function isVarDeclaration(node: Node): node is VariableDeclaration {
  return node.type === 'VariableDeclaration' && 'kind' in node && node.kind === 'var';
}

function isNamed(value: unknown): value is { readonly name: string } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}
