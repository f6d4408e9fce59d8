import type { GraphNode } from './chain-graph.ts';
import type { NodeKind } from './node-kind.ts';

/** Rooms of kinds that choose a way by what the message says: each answer is worth an edge, or the word that it is none. */
const CHOOSERS = /^(?:filter|onboard)\//;
/** A switch over more labels answers for the rest by its `Other`. */
const MAX_LABELS = 6;

export interface LabelFinding {
  readonly at: string;
  readonly rule: 'dangling-label';
  readonly problem: string;
  readonly hint: string;
}

/**
 * Labels by which messages leave and silently end. An unconnected `Failure` is none: it ends as a dead letter. A node
 * without any edge is the end of its chain and left alone.
 */
export function danglingLabels(node: GraphNode, kind: NodeKind): LabelFinding[] {
  if (!CHOOSERS.test(kind.kind) || kind.relations.length < 2 || kind.relations.includes('*')) return [];
  const written = new Set([...node.edges.map(({ label }) => label), ...(node.ends ?? [])].map(lower));
  if (written.size === 0) return [];
  const known = [...kind.relations, 'Failure'].map(lower);
  // A misspelt label is a finding of its own, and may be the one that is missing here.
  if ([...written].some((label) => !known.includes(label))) return [];
  const asked =
    kind.relations.length > MAX_LABELS ? kind.relations.filter((label) => label === 'Other') : kind.relations;
  return asked
    .filter((label) => !written.has(lower(label)))
    .map((label) => ({
      at: `${node.at}/to`,
      rule: 'dangling-label',
      problem: `messages that leave "${node.name}" by ${label} end there`,
      hint: `connect it, or say that it is meant: "${label}": []`,
    }));
}

const lower = (label: string): string => label.toLowerCase();
