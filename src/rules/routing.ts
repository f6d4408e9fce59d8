import type { Msg } from '../model/msg.ts';
import type { CompiledNode, Route } from './compile.ts';
import { cleanReason } from './failure.ts';
import type { PathPlace } from './run-result.ts';

/** One edge that a message follows. */
export interface Target {
  readonly label: string;
  readonly node: CompiledNode;
}

/** The nodes that a message has visited, from the last one back. */
export interface Way {
  readonly node: CompiledNode;
  readonly before: Way | undefined;
  /** By which it left the node; undefined while it is there, and when the node handed it to another chain. */
  labels: string | readonly string[] | undefined;
}

/** Notes the labels at the visit that they end: branches run one after the other, so it is the last one. */
export function noteLeft(way: Way | undefined, node: CompiledNode, labels: readonly string[]): void {
  if (way?.node === node) way.labels ??= labels;
}

/** In the order in which they were visited. */
export function placesOn(way: Way | undefined): PathPlace[] {
  const places: PathPlace[] = [];
  for (let at = way; at; at = at.before) {
    const { node, labels } = at;
    places.push({ chain: node.chain, node: node.name, ...(labels === undefined ? {} : { labels: [labels].flat() }) });
  }
  return places.reverse();
}

/** The edges of a node by this label, whatever its case (thingsboard-rule-chains 4.2). */
export function routeOf(node: CompiledNode, label: string): Route | undefined {
  return node.routes.get(label) ?? node.routes.get(label.toLowerCase());
}

/** The set of labels, each once whatever its case; undefined when one is no text. */
export function labelsOf(relation: unknown): readonly string[] | undefined {
  if (typeof relation === 'string') return [relation];
  if (!Array.isArray(relation) || !relation.every((label) => typeof label === 'string')) return undefined;
  const seen = new Set<string>();
  return relation.filter((label: string) => {
    const key = label.toLowerCase();
    return !seen.has(key) && seen.add(key);
  });
}

export const isFailureLabel = (label: string): boolean =>
  label.length === 7 && (label.charCodeAt(0) | 0x20) === 0x66 && label.toLowerCase() === 'failure';

/** The edges that labels lead to, each counted. */
export function follow(node: CompiledNode, labels: readonly string[]): Target[] {
  const targets: Target[] = [];
  for (const label of labels) {
    const route = routeOf(node, label);
    if (route === undefined) continue;
    route.counter.count++;
    for (const target of route.targets) targets.push({ label: route.label, node: target });
  }
  return targets;
}

export function failureReason(msg: Msg): string {
  return msg.metadata.error === undefined ? 'left by Failure' : cleanReason(msg.metadata.error, msg);
}

/** Why a message may not go into a chain from this node (thingsboard-rule-chains 4.4); undefined when it may. */
export function callRefusal(node: CompiledNode, chain: string, msg: Msg): string | undefined {
  if (!node.chains.has(chain)) return `there is no chain "${chain}"`;
  if (chain === node.chain) return 'the chain calls itself';
  for (let frame = msg.calls; frame !== undefined; frame = frame.up) {
    if (frame.chain === node.chain && frame.node === node.name) {
      return `the call of chain "${chain}" goes round: the message is inside it already`;
    }
  }
  return undefined;
}

/** The message back in the chain of the call that it is in. */
export function outOfCall(msg: Msg): Msg {
  const { calls, ...rest } = msg;
  return calls?.up === undefined ? rest : { ...rest, calls: calls.up };
}

/** The message with one more visit of a node that allows only so many; undefined when there were as many. */
export function withVisit(node: CompiledNode, msg: Msg, max: number): Msg | undefined {
  const key = `${node.chain}/${node.name}`;
  const count = msg.visits !== undefined && Object.hasOwn(msg.visits, key) ? (msg.visits[key] ?? 0) : 0;
  return count >= max ? undefined : { ...msg, visits: { ...msg.visits, [key]: count + 1 } };
}
