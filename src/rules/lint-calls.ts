import type { Issue } from '../schema/issue.ts';
import { nearest } from '../schema/validate.ts';
import type { CheckedChain, CheckedNode } from './compile.ts';
import { findCycles, unreachableNodes } from './lint-graph.ts';

/** A node that calls another chain. */
interface Caller {
  readonly chain: CheckedChain;
  readonly node: CheckedNode;
  readonly calls: string;
}

/**
 * Rules over the calls between chains: a called chain is there, it returns by every label that its caller has an edge for,
 * and calls do not go round. `names`: of all chains, those too that cannot be looked into.
 */
export function lintCalls(chains: readonly CheckedChain[], names: ReadonlySet<string>): Issue[] {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const callers = chains.flatMap((chain) =>
    [...chain.nodes.values()].flatMap((node): Caller[] => {
      const calls = node.kind.calls?.(node.config);
      return calls === undefined ? [] : [{ chain, node, calls }];
    }),
  );
  const issues: Issue[] = [];
  for (const caller of callers) {
    const called = byName.get(caller.calls);
    if (called) lintLabels(caller, called, issues);
    else if (!names.has(caller.calls)) issues.push(missingChain(caller, names));
  }
  for (const cycle of findCycles(callGraph(callers, byName))) issues.push(goesRound(cycle, callers));
  return issues;
}

function missingChain({ chain, node, calls }: Caller, names: ReadonlySet<string>): Issue {
  const near = nearest(calls, [...names]);
  const hint = near ? `did you mean "${near}"?` : 'add its file, or take the node out';
  const problem = `node "${node.name}" calls chain "${calls}", which there is not`;
  return { file: chain.file, at: `${node.at}/config`, rule: 'missing-chain', level: 'error', problem, hint };
}

function lintLabels({ chain, node }: Caller, called: CheckedChain, issues: Issue[]): void {
  const returned = [...called.nodes.values()].flatMap(({ kind, config }) => kind.returns?.(config) ?? []);
  const known = new Set([...returned, 'Failure'].map((label) => label.toLowerCase()));
  for (const label of new Set(node.edges.map((edge) => edge.label))) {
    if (known.has(label.toLowerCase())) continue;
    const near = nearest(label, returned);
    const all = returned.length > 0 ? `it returns by: ${returned.join(', ')}` : 'it has no output node';
    issues.push({
      file: chain.file,
      at: `${node.at}/to`,
      rule: 'unknown-relation',
      level: 'error',
      problem: `chain "${called.name}" never returns by "${label}"`,
      hint: near ? `did you mean "${near}"?` : all,
    });
  }
}

const placeOf = (chain: string, node: string): string => `${chain}/${node}`;

/** From each calling node to those that a message can reach in the called chain. */
function callGraph(callers: readonly Caller[], byName: ReadonlyMap<string, CheckedChain>) {
  const inside = new Map<string, readonly { readonly to: string }[]>();
  for (const chain of byName.values()) {
    const sources = [...chain.nodes.values()].flatMap(({ name, kind }) => (kind.source ? [name] : []));
    const unreachable = new Set(unreachableNodes(chain.first, chain.nodes, sources));
    const own = callers.filter((caller) => caller.chain === chain && !unreachable.has(caller.node.name));
    inside.set(
      chain.name,
      own.map(({ node }) => ({ to: placeOf(chain.name, node.name) })),
    );
  }
  return new Map(
    callers.map(({ chain, node, calls }) => [placeOf(chain.name, node.name), { edges: inside.get(calls) ?? [] }]),
  );
}

/** No error: the engine ends such a message by Failure, and what it carries may keep it from going round. */
function goesRound(cycle: readonly string[], callers: readonly Caller[]): Issue {
  const first = callers.find(({ chain, node }) => placeOf(chain.name, node.name) === cycle[0]);
  const problem = `chains call each other in a circle: ${[...cycle, cycle[0]].join(' -> ')}`;
  const hint = 'a message that comes round leaves the node by Failure';
  return { file: first?.chain.file ?? '', at: first?.node.at ?? '', rule: 'cycle', level: 'warning', problem, hint };
}
