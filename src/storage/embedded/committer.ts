import { BrokerError } from '../../errors.ts';
import type { StorageHealth } from '../storage.ts';
import type { Environment } from './environment.ts';
import { createSequence, type Tx } from './sequence.ts';

/** Writes of one kind that a group applies at once and that share one promise. */
export interface Batch<Item> {
  /** Must not fail for the sake of one item: what can be wrong with it is checked before it joins. */
  apply(tx: Tx, items: readonly Item[]): void;
}

export interface CommitterOptions {
  readonly environment: Environment;
  /** More than this waits: further writes are refused. */
  readonly maxPendingBytes: number;
  /** A group takes no more than this many writes, so that one commit never holds the event loop for long. */
  readonly maxGroupWrites: number;
  /** Says in words for an operator what a raw error of the disk means, where that is known. */
  readonly explain?: (error: unknown) => string | undefined;
  readonly onFailure?: (error: BrokerError) => void;
  readonly onRecovery?: () => void;
}

/** Puts all writes of one turn into one transaction, one commit at a time; the next group forms meanwhile. */
export interface Committer {
  /**
   * Applies `apply` in call order; settles after the commit. It checks first and writes then: one that throws is undone
   * and fails alone. `ordered`: also batch items called before and after stay on their side of it.
   */
  run<T>(apply: (tx: Tx) => T, options?: { readonly ordered?: boolean; readonly bytes?: number }): Promise<T>;
  /** Adds an item to the batch of the group that now forms; all items of a group get the same promise. */
  join<Item>(batch: Batch<Item>, item: Item, bytes: number): Promise<void>;
  health(): StorageHealth;
  drain(): Promise<void>;
  /** Drains; later writes are rejected with SHUTTING_DOWN. */
  close(): Promise<void>;
}

interface OperationStep {
  readonly kind: 'operation';
  readonly apply: (tx: Tx) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  result: unknown;
  error: BrokerError | undefined;
}

interface BatchStep {
  readonly kind: 'batch';
  readonly batch: Batch<unknown>;
  readonly items: unknown[];
}

type Step = OperationStep | BatchStep;

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Group {
  readonly steps: Step[];
  writes: number;
  bytes: number;
  /** The batch step that items may still join. */
  open: BatchStep | undefined;
  shared: Deferred | undefined;
  sharedError: BrokerError | undefined;
}

/** A commit that takes longer than this is reported, in ms. */
const SLOW_COMMIT_MS = 5000;
/** Pause between two tries to write again after a failed commit, in ms. */
const PROBE_MS = 1000;

export function createCommitter(options: CommitterOptions): Committer {
  const { environment } = options;
  const sequence = createSequence(environment.tables.meta);
  const waiting: Group[] = [];
  let pendingWrites = 0;
  let pendingBytes = 0;
  let loop: Promise<void> | undefined;
  let commitStarted: number | undefined;
  let problem: string | undefined;
  let probe: NodeJS.Timeout | undefined;
  let closed = false;

  function refusal(bytes: number): BrokerError | undefined {
    if (closed) return new BrokerError('SHUTTING_DOWN');
    if (pendingBytes + bytes <= options.maxPendingBytes) return undefined;
    return new BrokerError('STORE_UNAVAILABLE', { detail: 'Too many writes are waiting for the disk.', pendingWrites });
  }

  function forming(bytes: number): Group {
    let group = waiting.at(-1);
    if (group === undefined || group.writes >= options.maxGroupWrites) {
      group = { steps: [], writes: 0, bytes: 0, open: undefined, shared: undefined, sharedError: undefined };
      waiting.push(group);
    }
    group.writes++;
    group.bytes += bytes;
    pendingWrites++;
    pendingBytes += bytes;
    loop ??= commitAll();
    return group;
  }

  async function commitAll(): Promise<void> {
    while (waiting.length > 0) {
      let group: Group | undefined;
      let failure: BrokerError | undefined;
      commitStarted = performance.now();
      try {
        await environment.transaction(() => {
          group = waiting.shift();
          if (group !== undefined) applySteps(group);
        });
      } catch (error) {
        failure = storeError(error);
      }
      // Where not even a transaction could begin, what waits is refused, so that callers hear of it.
      group ??= waiting.shift();
      if (group !== undefined) settle(group, failure);
    }
    commitStarted = undefined;
    loop = undefined;
  }

  function applySteps(group: Group): void {
    const { steps } = group;
    sequence.begin();
    for (let at = 0; at < steps.length; ) {
      const step = steps[at];
      if (step?.kind === 'batch') {
        try {
          step.batch.apply(sequence, step.items);
        } catch (error) {
          group.sharedError ??= storeError(error);
        }
        at++;
      } else {
        const operations = operationsFrom(steps, at);
        applyOperations(operations);
        at += operations.length;
      }
    }
    sequence.end();
  }

  /** All in one go; when one throws, the ones before it are done again without it, then the ones behind it. */
  function applyOperations(operations: readonly OperationStep[]): void {
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
        applyOperations(operations.slice(from, at));
        const step = operations[at];
        if (step !== undefined) step.error = storeError(error);
        from = at + 1;
      }
    }
  }

  function settle(group: Group, failure: BrokerError | undefined): void {
    let trouble = failure ?? group.sharedError;
    for (const step of group.steps) {
      if (step.kind === 'batch') continue;
      const error = failure ?? step.error;
      if (error === undefined) step.resolve(step.result);
      else step.reject(error);
      if (error?.code === 'STORE_UNAVAILABLE') trouble ??= error;
    }
    const sharedError = failure ?? group.sharedError;
    if (sharedError === undefined) group.shared?.resolve();
    else group.shared?.reject(sharedError);
    report(trouble);
    pendingWrites -= group.writes;
    pendingBytes -= group.bytes;
  }

  function storeError(error: unknown): BrokerError {
    if (error instanceof BrokerError) return error;
    const reason = options.explain?.(error) ?? messageOf(error);
    return new BrokerError('STORE_UNAVAILABLE', { reason }, { cause: error });
  }

  function report(error: BrokerError | undefined): void {
    if (error === undefined) {
      if (problem !== undefined) options.onRecovery?.();
      problem = undefined;
      return;
    }
    if (problem === undefined) options.onFailure?.(error);
    problem = `the last write failed: ${reasonOf(error)}`;
    if (closed || probe !== undefined) return;
    // Without writes nobody would notice that there is room again.
    probe = setTimeout(() => {
      probe = undefined;
      if (!closed && problem !== undefined) run((tx) => tx.nextSequence()).catch(() => undefined);
    }, PROBE_MS);
    probe.unref();
  }

  function run<T>(apply: (tx: Tx) => T, how: { ordered?: boolean; bytes?: number } = {}): Promise<T> {
    const bytes = how.bytes ?? 0;
    const refused = refusal(bytes);
    if (refused !== undefined) return Promise.reject(refused);
    const group = forming(bytes);
    if (how.ordered === true) group.open = undefined;
    return new Promise<T>((resolve, reject) => {
      const settled = resolve as (value: unknown) => void;
      group.steps.push({ kind: 'operation', apply, resolve: settled, reject, result: undefined, error: undefined });
    });
  }

  function join<Item>(batch: Batch<Item>, item: Item, bytes: number): Promise<void> {
    const refused = refusal(bytes);
    if (refused !== undefined) return Promise.reject(refused);
    const group = forming(bytes);
    if (group.open?.batch !== batch) {
      group.open = { kind: 'batch', batch: batch as Batch<unknown>, items: [] };
      group.steps.push(group.open);
    }
    group.open.items.push(item);
    group.shared ??= deferred();
    return group.shared.promise;
  }

  async function drain(): Promise<void> {
    while (loop !== undefined) await loop;
  }

  return {
    run,
    join,
    health() {
      const slow = commitStarted !== undefined && performance.now() - commitStarted > SLOW_COMMIT_MS;
      const trouble = slow ? 'the disk has not finished a commit for more than 5 s' : problem;
      if (trouble === undefined) return { ok: true, pendingWrites };
      return { ok: false, pendingWrites, problem: trouble, troubledAt: performance.now() };
    },
    drain,
    async close() {
      closed = true;
      if (probe !== undefined) clearTimeout(probe);
      await drain();
    },
  };
}

function operationsFrom(steps: readonly Step[], from: number): readonly OperationStep[] {
  const operations: OperationStep[] = [];
  for (let at = from; at < steps.length; at++) {
    const step = steps[at];
    if (step === undefined || step.kind === 'batch') break;
    operations.push(step);
  }
  return operations;
}

function deferred(): Deferred {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const reasonOf = (error: BrokerError): string => String(error.facts.reason ?? error.detail);
