import type { TraceStep } from './run.ts';

/**
 * The ways a message took, as node, label, node …; one per branch, in the order they ran. A label is named when the
 * message followed an edge by it.
 */
export function tracePaths(steps: readonly TraceStep[]): string[][] {
  const open = new Map<string, string[]>();
  const done: string[][] = [];
  for (const step of steps) {
    const path = [...(open.get(step.msgId) ?? []), step.node];
    const [only] = step.to;
    if (only === undefined) done.push(path);
    else if (step.to.length === 1) open.set(step.msgId, [...path, only.label]);
    else for (const [index, edge] of step.to.entries()) open.set(`${step.msgId}.${index + 1}`, [...path, edge.label]);
  }
  return done;
}
