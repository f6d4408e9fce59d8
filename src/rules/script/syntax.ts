import { type AnyNode, type Node, type Program, parse } from 'acorn';
import { MAX_SYNTAX_DEPTH } from './limits.ts';

export type * from 'acorn';

export type ParsedScript =
  | { readonly ok: true; readonly program: Program }
  | { readonly ok: false; readonly problem: string; readonly offset: number };

const POSITION = / \(\d+:\d+\)$/;

/** The one place that parses scripts: the body of a function, ECMAScript 2020. Never throws. */
export function parseScript(source: string): ParsedScript {
  let program: Program;
  try {
    program = parse(source, { ecmaVersion: 2020, sourceType: 'script', allowReturnOutsideFunction: true });
  } catch (error) {
    if (error instanceof SyntaxError && 'pos' in error) {
      return { ok: false, problem: error.message.replace(POSITION, ''), offset: Number(error.pos) };
    }
    if (error instanceof RangeError) return { ok: false, problem: 'is nested too deep', offset: 0 };
    throw error;
  }
  const deep = nodeBelow(program, MAX_SYNTAX_DEPTH);
  if (deep) return { ok: false, problem: `is nested deeper than ${MAX_SYNTAX_DEPTH} levels`, offset: deep.start };
  return { ok: true, program };
}

/** Direct children of a node of the tree. */
export function childrenOf(node: Node): AnyNode[] {
  const children: AnyNode[] = [];
  for (const value of Object.values(node)) {
    if (isNode(value)) children.push(value);
    else if (Array.isArray(value)) children.push(...value.filter(isNode));
  }
  return children;
}

/** Nodes of a tree, its root too. */
export function sizeOf(root: Node): number {
  let count = 0;
  const open: Node[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    count++;
    open.push(...childrenOf(node));
  }
  return count;
}

export function depthOf(root: Node): number {
  let depth = 0;
  let level: Node[] = [root];
  while (level.length > 0) {
    depth++;
    level = level.flatMap(childrenOf);
  }
  return depth;
}

/** Whether something below a node is a function: then its variables may outlive it. */
export function holdsFunction(root: Node): boolean {
  const open: Node[] = childrenOf(root);
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isFunction(node)) return true;
    open.push(...childrenOf(node));
  }
  return false;
}

export function isFunction(node: Node): boolean {
  return (
    node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression'
  );
}

function nodeBelow(root: Node, levels: number): Node | undefined {
  let level: Node[] = [root];
  for (let depth = 0; depth < levels; depth++) {
    level = level.flatMap(childrenOf);
    if (level.length === 0) return undefined;
  }
  return level[0];
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
