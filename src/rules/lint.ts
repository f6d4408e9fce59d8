import type { Issue } from '../schema/issue.ts';
import { type Check, compileSchema, nearest } from '../schema/validate.ts';
import type { ChainGraph, GraphEdge, GraphNode } from './chain-graph.ts';
import type { CheckedChain, CheckedNode } from './compile.ts';
import { findIdleConditions } from './lint-conditions.ts';
import { findCycles, unreachableNodes } from './lint-graph.ts';
import { danglingLabels } from './lint-labels.ts';
import { findSlowPatterns } from './lint-patterns.ts';
import { findSecrets } from './lint-secrets.ts';
import type { NodeKind } from './node-kind.ts';

/** The closed list of rules for chain files -> what each one finds. */
export const LINT_RULES = {
  unreadable: 'The file or folder could not be read.',
  'too-large': 'The file is larger than a chain may be.',
  'not-json': 'The file is not JSON.',
  'duplicate-key': 'A key stands twice in one object.',
  'number-too-large': 'A number is larger than any that a node can work with.',
  'lost-digits': 'A whole number beyond 2^53 counts as its neighbour: nodes work with doubles.',
  'wrong-type': 'A value is of another JSON type than its place asks for.',
  'edge-chain': 'A chain of ThingsBoard Edge, which does not run on the server.',
  'not-supported': 'What a ThingsBoard export says cannot be done here, or the other way round.',
  'missing-field': 'A member that must be there is missing.',
  'unknown-field': 'A member is not known here.',
  'unknown-word': 'A value is not one of the words its place knows.',
  'invalid-value': 'A value breaks a bound or pattern of its place.',
  'bad-config': 'A node kind refuses its config for a reason of its own.',
  'unknown-kind': 'There is no such node kind.',
  'unknown-relation': 'The node kind never lets a message leave by this label.',
  'missing-node': 'An edge leads to a node that is not in the chain.',
  'missing-chain': 'A node calls a chain that there is not.',
  'missing-first': 'The node where messages enter is not in the chain.',
  'takes-no-message': 'An edge, or the beginning of the chain, leads to a node that makes messages and takes none.',
  unreachable: 'No message can reach the node.',
  cycle: 'Messages could go round for ever.',
  'node-not-created': 'A node could not be made ready, for instance because a file it needs is missing.',
  'duplicate-chain': 'Two files hold chains of one name.',
  'no-root': 'No chain is the root, where every message starts.',
  'two-roots': 'More than one chain is the root.',
  'secret-in-clear': 'A value looks like a secret or a supply point code.',
  'dangling-label': 'Messages that leave by this label end there, and nothing says that this is meant.',
  'impossible-condition': 'A condition can never hold.',
  'always-true-condition': 'A condition holds whatever the message says.',
  'ambiguous-lookup': 'A table or test gives two answers to one question.',
  'slow-pattern': 'A regular expression can take too long on some texts.',
} as const satisfies Record<string, string>;

export type LintRule = keyof typeof LINT_RULES;

export interface LintedChain {
  /** Undefined when an error stands in the way of running it. */
  readonly chain?: CheckedChain;
  readonly issues: readonly Issue[];
}

interface Finding {
  readonly at: string;
  readonly rule: LintRule | (string & {});
  readonly problem: string;
  readonly hint?: string | undefined;
  readonly level?: 'error' | 'warning';
}

const checks = new WeakMap<NodeKind, Check<unknown>>();

/** Checks one chain against the node kinds and fills in the defaults of every config. */
export function lintChain(graph: ChainGraph, kinds: ReadonlyMap<string, NodeKind>): LintedChain {
  const findings: Finding[] = [];
  const nodes = new Map<string, CheckedNode>();
  for (const node of graph.nodes.values()) {
    const checked = lintNode(node, graph, kinds, findings);
    if (checked) nodes.set(node.name, checked);
  }
  lintPaths(graph, kinds, findings);
  const byPlace = new Map([...graph.nodes.values()].map((node) => [node.at, node]));
  const issues = findings.map((finding): Issue => {
    const { level = 'error', hint, ...rest } = graph.format === 'native' ? finding : nameNode(finding, byPlace);
    return { file: graph.file, level, ...rest, ...(hint === undefined ? {} : { hint }) };
  });
  if (issues.some((issue) => issue.level === 'error')) return { issues };
  const { file, name, root, first } = graph;
  return { chain: { file, name, root, first, nodes }, issues };
}

/** In ThingsBoard's exports nodes stand by index: the finding names its node, and points at what the file calls the config. */
function nameNode(finding: Finding, byPlace: ReadonlyMap<string, GraphNode>): Finding {
  let place = finding.at;
  while (place !== '' && !byPlace.has(place)) place = place.slice(0, place.lastIndexOf('/'));
  const node = byPlace.get(place);
  if (node === undefined) return finding;
  const config = `${node.at}/config/`;
  const member = finding.at.startsWith(config) ? `${finding.at.slice(config.length)}: ` : '';
  const at = finding.at.startsWith(`${node.at}/config`) ? `${node.at}/configuration` : finding.at;
  const problem = `${member}${finding.problem}`;
  return { ...finding, at, problem: problem.includes(`"${node.name}"`) ? problem : `node "${node.name}": ${problem}` };
}

/** Rules over all chains together: names and the one root. */
export function lintChainSet(graphs: readonly ChainGraph[], where: string): Issue[] {
  const issues = duplicateChains(graphs);
  const roots = graphs.filter((graph) => graph.root);
  for (const root of roots.slice(1)) {
    const problem = `"${root.name}" and "${roots[0]?.name}" (${roots[0]?.file}) are both the root chain`;
    const hint = 'leave "root": true in one of them, or name the root in a file of its own: { "rootChain": "…" }';
    issues.push({ file: root.file, at: root.at.root, rule: 'two-roots', level: 'error', problem, hint });
  }
  if (roots.length === 0) {
    const problem = graphs.length === 0 ? 'there is no rule chain' : 'no chain is the root, where every message starts';
    const example = JSON.stringify({ rootChain: graphs[0]?.name });
    const hint =
      graphs.length === 0
        ? 'add a chain file with "root": true'
        : `add "root": true to one of them, or a file root.json beside them: ${example}`;
    issues.push({ file: graphs[0]?.file ?? where, at: '', rule: 'no-root', level: 'error', problem, hint });
  }
  return issues;
}

/** Chains whose name another one before them has. */
export function duplicateChains(graphs: readonly ChainGraph[]): Issue[] {
  const byName = new Map<string, ChainGraph>();
  return graphs.flatMap((graph): Issue[] => {
    const other = byName.get(graph.name);
    if (!other) byName.set(graph.name, graph);
    if (!other) return [];
    const problem = `a chain named "${graph.name}" is already in ${other.file}`;
    return [{ file: graph.file, at: graph.at.name, rule: 'duplicate-chain', level: 'error', problem }];
  });
}

function lintNode(
  node: GraphNode,
  graph: ChainGraph,
  kinds: ReadonlyMap<string, NodeKind>,
  findings: Finding[],
): CheckedNode | undefined {
  for (const { at, what } of findSecrets(node.config)) {
    const hint = 'keep secrets out of chain files';
    findings.push({
      at: `${node.at}/config${at}`,
      rule: 'secret-in-clear',
      problem: `looks like ${what}`,
      hint,
      level: 'warning',
    });
  }
  for (const { at, ...finding } of [...findIdleConditions(node.config), ...findSlowPatterns(node.config)]) {
    findings.push({ at: `${node.at}/config${at}`, ...finding, level: 'warning' });
  }
  const kind = kinds.get(node.kind);
  for (const edge of node.edges) {
    lintEdge(edge, node, kind, graph, findings);
    if (isSource(edge.to, graph, kinds)) findings.push(takesNone(edge.to, edge.at));
  }
  if (kind === undefined) {
    const near = nearest(node.kind, [...kinds.keys()]);
    findings.push({
      at: `${node.at}/kind`,
      rule: 'unknown-kind',
      problem: `there is no node kind "${node.kind}"`,
      hint: near ? `did you mean "${near}"?` : undefined,
    });
    return undefined;
  }
  // An export of ThingsBoard cannot say that a label ends on purpose.
  const dangling = graph.format === 'native' ? danglingLabels(node, kind) : [];
  findings.push(...dangling.map((finding) => ({ ...finding, level: 'warning' as const })));
  const config = lintConfig(node, kind, findings);
  const { name, at, retry, maxVisits, edges } = node;
  if (retry !== undefined && (kind.relations.length === 0 || kind.calls !== undefined)) {
    const problem = `${kind.kind} is never tried again: it does no work that can fail for a while`;
    findings.push({ at: `${at}/retry`, rule: 'bad-config', problem, hint: 'leave "retry" out' });
  }
  const options = { ...(retry ? { retry } : {}), ...(maxVisits ? { maxVisits } : {}) };
  return { name, kind, config, at, edges, ...options };
}

function lintEdge(
  edge: GraphEdge,
  node: GraphNode,
  kind: NodeKind | undefined,
  graph: ChainGraph,
  findings: Finding[],
): void {
  if (!graph.nodes.has(edge.to)) {
    const near = nearest(edge.to, [...graph.nodes.keys()]);
    const hint = near ? `did you mean "${near}"?` : undefined;
    findings.push({ at: edge.at, rule: 'missing-node', problem: `there is no node "${edge.to}"`, hint });
  }
  if (kind === undefined || kind.relations.includes('*')) return;
  const labels = kind.relations.length === 0 ? [] : [...kind.relations, 'Failure'];
  if (labels.some((label) => label.toLowerCase() === edge.label.toLowerCase())) return;
  const near = nearest(edge.label, labels);
  const problem =
    labels.length === 0
      ? `${kind.kind} ends a message: no edge can leave "${node.name}"`
      : `${kind.kind} has no relation "${edge.label}"`;
  const hint = near ? `did you mean "${near}"?` : labels.length > 0 ? `one of: ${labels.join(', ')}` : undefined;
  findings.push({ at: edge.at, rule: 'unknown-relation', problem, hint });
}

/** The config with its defaults; whatever is wrong with it goes to the findings. */
function lintConfig(node: GraphNode, kind: NodeKind, findings: Finding[]): unknown {
  let check = checks.get(kind);
  if (check === undefined) {
    check = compileSchema<unknown>(kind.schema);
    checks.set(kind, check);
  }
  const base = `${node.at}/config`;
  const checked = check(structuredClone(node.config));
  if (!checked.ok) {
    for (const violation of checked.violations) findings.push({ ...violation, at: `${base}${violation.at}` });
    return undefined;
  }
  for (const { at, ...rest } of kind.lint(checked.value)) {
    findings.push({ rule: 'bad-config', at: `${base}${at}`, ...rest });
  }
  return checked.value;
}

const isSource = (name: string, { nodes }: ChainGraph, kinds: ReadonlyMap<string, NodeKind>): boolean =>
  kinds.get(nodes.get(name)?.kind ?? '')?.source === true;

/** No error, since ThingsBoard loads such a chain: an import of it must load too. What comes there is a dead letter. */
const takesNone = (name: string, at: string): Finding => ({
  at,
  level: 'warning',
  rule: 'takes-no-message',
  problem: `"${name}" makes messages and takes none: no edge may lead to it`,
  hint: 'lead it to what stands behind that node',
});

function lintPaths(graph: ChainGraph, kinds: ReadonlyMap<string, NodeKind>, findings: Finding[]): void {
  const sources = [...graph.nodes.keys()].filter((name) => isSource(name, graph, kinds));
  if (graph.first !== null && sources.includes(graph.first)) findings.push(takesNone(graph.first, graph.at.first));
  if (graph.first !== null && !graph.nodes.has(graph.first)) {
    const near = nearest(graph.first, [...graph.nodes.keys()]);
    const hint = near ? `did you mean "${near}"?` : undefined;
    findings.push({ at: graph.at.first, rule: 'missing-first', problem: `there is no node "${graph.first}"`, hint });
  } else {
    for (const name of unreachableNodes(graph.first, graph.nodes, sources)) {
      const at = graph.nodes.get(name)?.at ?? '';
      findings.push({ at, rule: 'unreachable', problem: `no message can reach "${name}"`, level: 'warning' });
    }
  }
  // A node with maxVisits lets no message go round for ever.
  const unbounded = new Map([...graph.nodes].filter(([, node]) => node.maxVisits === undefined));
  for (const cycle of findCycles(unbounded)) {
    const at = graph.nodes.get(cycle[0] ?? '')?.at ?? '';
    const problem = `messages would go round: ${[...cycle, cycle[0]].join(' -> ')}`;
    findings.push({ at, rule: 'cycle', problem, hint: 'if they should, give one of the nodes "maxVisits"' });
  }
}
