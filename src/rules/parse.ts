import type { Issue } from '../schema/issue.ts';
import { compileSchema } from '../schema/validate.ts';
import { CHAIN_SHAPE } from './chain-shape.ts';
import { escapePointer, readJsonText } from './json-source.ts';

/** Largest chain file; a real one has a few kilobytes. */
export const MAX_CHAIN_BYTES = 1_048_576;

/** A chain as its file says it: named nodes, edges by name; kinds and configs are not checked yet. */
export interface ChainGraph {
  readonly file: string;
  readonly name: string;
  readonly root: boolean;
  readonly first: string;
  readonly description?: string;
  /** In file order. */
  readonly nodes: ReadonlyMap<string, GraphNode>;
}

export interface GraphNode {
  readonly name: string;
  readonly kind: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly description?: string;
  readonly retry?: RetryOption;
  /** Times a message may visit the node; a cycle through it is allowed then. */
  readonly maxVisits?: number;
  /** JSON pointer of the node in its file. */
  readonly at: string;
  readonly edges: readonly GraphEdge[];
}

/** How a node that fails is tried again. */
export interface RetryOption {
  /** Tries in all, the first one too. */
  readonly attempts: number;
  /** Pause before the second try; twice as long before each further one. */
  readonly backoffMs: number;
}

export interface GraphEdge {
  readonly label: string;
  readonly to: string;
  /** JSON pointer of the edge in its file. */
  readonly at: string;
}

export interface ParsedChain {
  /** Undefined when the file has no chain that could be looked at further. */
  readonly graph?: ChainGraph;
  readonly issues: readonly Issue[];
}

interface NativeChain {
  readonly name: string;
  readonly root?: boolean;
  readonly first: string;
  readonly description?: string;
  readonly nodes: Readonly<Record<string, NativeNode>>;
}

interface NativeNode {
  readonly kind: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly description?: string;
  readonly retry?: RetryOption;
  readonly maxVisits?: number;
  readonly to?: Readonly<Record<string, string | readonly string[]>>;
}

const checkShape = compileSchema<NativeChain>(CHAIN_SHAPE);

/** The one place that knows file formats: behind it there is only the graph. Never throws. */
export function parseChain(file: string, text: string): ParsedChain {
  const issue = (rule: string, problem: string, hint?: string): ParsedChain => ({
    issues: [{ file, at: '', rule, level: 'error', problem, ...(hint ? { hint } : {}) }],
  });
  if (Buffer.byteLength(text) > MAX_CHAIN_BYTES) return issue('too-large', `is larger than ${MAX_CHAIN_BYTES} bytes`);
  const source = readJsonText(file, text);
  if (!source.ok) return { issues: source.issues };
  const { value } = source;
  if (!isObject(value)) {
    return issue('wrong-type', `a rule chain is a JSON object, not ${typeName(value)}`, 'begin with { "name": … }');
  }
  if (isThingsBoardExport(value)) {
    return issue(
      'unsupported-format',
      "this is a ThingsBoard rule-chain export; reading ThingsBoard's format is not yet supported",
      'write the chain in the native format: "name", "first", "nodes"',
    );
  }
  const checked = checkShape(value);
  if (!checked.ok) {
    const issues = checked.violations.map((violation): Issue => ({ file, level: 'error', ...violation }));
    return { issues: [...source.issues, ...issues] };
  }
  return { graph: graphOf(file, checked.value), issues: source.issues };
}

/** Any of the four shapes of thingsboard-rule-chains 1.1, told by their keys. */
function isThingsBoardExport(value: Readonly<Record<string, unknown>>): boolean {
  return (
    isObject(value.ruleChain) ||
    Array.isArray(value.ruleChains) ||
    value.entityType === 'RULE_CHAIN' ||
    isObject(value.metaData) ||
    (isObject(value.metadata) && Array.isArray(value.metadata.nodes))
  );
}

function graphOf(file: string, chain: NativeChain): ChainGraph {
  const nodes = new Map<string, GraphNode>();
  for (const [name, node] of Object.entries(chain.nodes)) {
    const at = `/nodes/${escapePointer(name)}`;
    nodes.set(name, {
      name,
      kind: node.kind,
      config: node.config ?? {},
      ...(node.description === undefined ? {} : { description: node.description }),
      ...(node.retry === undefined ? {} : { retry: node.retry }),
      ...(node.maxVisits === undefined ? {} : { maxVisits: node.maxVisits }),
      at,
      edges: Object.entries(node.to ?? {}).flatMap(([label, to]) => edgesOf(`${at}/to`, label, to)),
    });
  }
  const { name, first, root = false, description } = chain;
  return { file, name, root, first, ...(description === undefined ? {} : { description }), nodes };
}

function edgesOf(at: string, label: string, to: string | readonly string[]): GraphEdge[] {
  const here = `${at}/${escapePointer(label)}`;
  if (typeof to === 'string') return [{ label, to, at: here }];
  return to.map((target, index) => ({ label, to: target, at: `${here}/${index}` }));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}
