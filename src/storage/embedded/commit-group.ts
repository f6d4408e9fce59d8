import type { BrokerError } from '../../errors.ts';
import type { Environment } from './environment.ts';
import type { Codec, Deferred, Portion } from './portions.ts';
import type { Sequence, Tx } from './sequence.ts';

/** Writes of one kind that a group applies at once. */
export interface Batch<Item> {
  /** Must not fail for the sake of one item: what can be wrong with it is checked before it joins. */
  apply(tx: Tx, items: readonly Item[]): void;
  /** With it, items are durable as soon as the journal has them, and the group may wait for more. */
  readonly codec?: Codec<Item>;
}

export interface OperationStep {
  readonly kind: 'operation';
  readonly apply: (tx: Tx) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  result: unknown;
  error: BrokerError | undefined;
}

export interface BatchStep {
  readonly kind: 'batch';
  readonly batch: Batch<unknown>;
  readonly items: unknown[];
  readonly portion: Portion;
  bytes: number;
  error: BrokerError | undefined;
}

export type Step = OperationStep | BatchStep;

/** What is applied in one transaction. */
export interface Group {
  readonly steps: Step[];
  writes: number;
  bytes: number;
  /** The batch step that items may still join. */
  open: BatchStep | undefined;
  /** The portion that items may still join. */
  portion: Portion | undefined;
  /** One turn has brought more than the journal takes: the rest of it waits for the commit, too. */
  isLarge: boolean;
  /** Asked for by readers. */
  settled: Deferred | undefined;
}

export const emptyGroup = (): Group => ({
  steps: [],
  writes: 0,
  bytes: 0,
  open: undefined,
  portion: undefined,
  isLarge: false,
  settled: undefined,
});

/**
 * Takes what is about to be written to the journal out of a group, for the next one: nobody is to wait for a commit who need not.
 * undefined where an operation stands behind it, which is not to wait longer.
 */
export function splitOff(group: Group): Group | undefined {
  const { portion, steps } = group;
  if (portion?.state !== 'forming') return undefined;
  const ofPortion = (step: Step): boolean => step.kind === 'batch' && step.portion === portion;
  const from = steps.findIndex(ofPortion);
  if (from < 0 || !steps.slice(from).every(ofPortion)) return undefined;
  const rest = { ...emptyGroup(), steps: steps.splice(from), open: group.open, portion };
  for (const step of rest.steps) {
    if (step.kind !== 'batch') continue;
    rest.writes += step.items.length;
    rest.bytes += step.bytes;
  }
  group.writes -= rest.writes;
  group.bytes -= rest.bytes;
  return rest;
}

export interface ApplyParts {
  readonly environment: Environment;
  readonly sequence: Sequence;
  readonly storeError: (error: unknown) => BrokerError;
}

/** Inside a transaction: applies the steps in their order. One that fails has its error noted; an operation is then undone. */
export function applySteps(steps: readonly Step[], parts: ApplyParts): void {
  parts.sequence.begin();
  for (let at = 0; at < steps.length; ) {
    const run = runFrom(steps, at);
    if (run[0]?.kind === 'batch') applyBatch(run as readonly BatchStep[], parts);
    else applyOperations(run as readonly OperationStep[], parts);
    at += run.length;
  }
  parts.sequence.end();
}

/** What a batch that fails has written is not undone: to write it again changes nothing. */
function applyBatch(run: readonly BatchStep[], { sequence, storeError }: ApplyParts): void {
  const [first] = run;
  if (first === undefined) return;
  let failure: BrokerError | undefined;
  try {
    first.batch.apply(sequence, run.length === 1 ? first.items : run.flatMap(({ items }) => items));
  } catch (error) {
    failure = storeError(error);
  }
  for (const step of run) step.error = failure;
}

/** All in one go; when one throws, the ones before it are done again without it, then the ones behind it. */
function applyOperations(operations: readonly OperationStep[], parts: ApplyParts): void {
  const { environment, sequence, storeError } = parts;
  for (let from = 0; from < operations.length; ) {
    let at = from;
    try {
      environment.attempt(() => {
        for (; at < operations.length; at++) {
          const step = operations[at];
          if (step !== undefined) step.result = step.apply(sequence);
        }
      });
      return;
    } catch (error) {
      applyOperations(operations.slice(from, at), parts);
      const step = operations[at];
      if (step !== undefined) step.error = storeError(error);
      from = at + 1;
    }
  }
}

/** The operations, or the steps of one batch, that stand one behind the other. */
function runFrom(steps: readonly Step[], from: number): readonly Step[] {
  const first = steps[from];
  let to = from + 1;
  const belongs = (step: Step | undefined): boolean =>
    step !== undefined &&
    (step.kind === 'operation' ? first?.kind === 'operation' : first?.kind === 'batch' && step.batch === first.batch);
  while (belongs(steps[to])) to++;
  return steps.slice(from, to);
}

/** The last sequence of the journal up to which everything is in the store when these steps are; 0: none of theirs. */
export function reachOf(steps: readonly Step[]): number {
  let reach = 0;
  let missing = Number.POSITIVE_INFINITY;
  for (const step of steps) {
    if (step.kind !== 'batch' || step.portion.sequence === 0) continue;
    if (step.error !== undefined) missing = Math.min(missing, step.portion.sequence);
    else if (step.portion.sequence < missing) reach = step.portion.sequence;
  }
  return Math.min(reach, missing - 1);
}
