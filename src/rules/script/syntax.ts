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
  const deep = measure(program, 1);
  if (deep) return { ok: false, problem: `is nested deeper than ${MAX_SYNTAX_DEPTH} levels`, offset: deep.start };
  return { ok: true, program };
}

/** Direct children of a node of the tree. */
export function childrenOf(node: Node): AnyNode[] {
  const children: AnyNode[] = [];
  for (const value of Object.values(node)) {
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) children.push(item);
    } else if (isNode(value)) children.push(value);
  }
  return children;
}

interface Measure {
  /** Nodes of the tree, its root too. */
  readonly size: number;
  /** Levels of the tree. */
  readonly depth: number;
  /** Whether something below the root is a function: then variables of the root may outlive it. */
  readonly holdsFunction: boolean;
}

/** Of every node of a parsed script: each is asked for often. */
const measures = new WeakMap<Node, Measure>();

/** Measures a tree; gives a node that lies too deep. */
function measure(node: Node, level: number): Node | undefined {
  if (level > MAX_SYNTAX_DEPTH) return node;
  let size = 1;
  let depth = 0;
  let holdsFunction = false;
  for (const child of childrenOf(node)) {
    const deep = measure(child, level + 1);
    if (deep) return deep;
    const below = measureOf(child);
    size += below.size;
    depth = Math.max(depth, below.depth);
    holdsFunction ||= below.holdsFunction || isFunction(child);
  }
  measures.set(node, { size, depth: depth + 1, holdsFunction });
  return undefined;
}

/** @throws Error for a node of no parsed script. */
export function measureOf(node: Node): Measure {
  const found = measures.get(node);
  if (found === undefined) throw new Error('a node that was never parsed');
  return found;
}

export function isFunction(node: Node): boolean {
  return (
    node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression'
  );
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
