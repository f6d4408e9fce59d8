import { BrokerError } from '../../errors.ts';
import type { StorageHealth } from '../storage.ts';
import {
  applySteps,
  type Batch,
  type BatchStep,
  emptyGroup,
  type Group,
  reachOf,
  type Step,
  splitOff,
} from './commit-group.ts';
import type { Environment } from './environment.ts';
import { type Journal, noteClosed, writeMark } from './journal.ts';
import { createPortion, createPortions, deferred, type Portion, type Portions } from './portions.ts';
import { createSequence, type Tx } from './sequence.ts';

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
  /** The journal has failed and is used no more; what is acknowledged waits for its commit from now on. */
  readonly onJournalFailure?: (error: BrokerError) => void;
}

/**
 * Puts all writes of one turn into one transaction, one commit at a time; the next group forms meanwhile. With a journal, items of
 * batches that have a codec are durable before their commit, which then waits a little for more of them.
 */
export interface Committer {
  /**
   * Applies `apply` in call order; settles after the commit. It checks first and writes then: one that throws is undone
   * and fails alone. `ordered`: also batch items called before and after stay on their side of it.
   */
  run<T>(apply: (tx: Tx) => T, options?: { readonly ordered?: boolean; readonly bytes?: number }): Promise<T>;
  /** Adds an item to the batch of the group that now forms; items that become durable together get the same promise. */
  join<Item>(batch: Batch<Item>, item: Item, bytes: number): Promise<void>;
  /** From now on items are written to the journal first. It is closed with the committer. */
  journalTo(journal: Journal): void;
  /** Settles when reads see the items of the batch that are durable by now and concern them; undefined: they do already. */
  visible<Item>(batch: Batch<Item>, concerns: (item: Item) => boolean): Promise<void> | undefined;
  health(): StorageHealth;
  /** Nothing waits for a commit, but for what failed ones have left. */
  readonly isIdle: boolean;
  drain(): Promise<void>;
  /** Drains; later writes are rejected with SHUTTING_DOWN. */
  close(): Promise<void>;
}

/** A commit that takes longer than this is reported, in ms. */
const SLOW_COMMIT_MS = 5000;
/** So long a commit waits for more items that are durable already, in ms; or for so many writes, or until the journal is half full. */
const COLLECT_MS = 500;
const EAGER_WRITES = 512;
/** Pause between two tries to write again after a failed commit, in ms. */
const PROBE_MS = 1000;

export function createCommitter(options: CommitterOptions): Committer {
  const { environment } = options;
  const { meta } = environment.tables;
  const parts = { environment, sequence: createSequence(meta), storeError };
  const waiting: Group[] = [];
  /** Items that the journal has and that a commit has failed to bring into the store: the next one tries again. */
  let kept: BatchStep[] = [];
  let portions: Portions | undefined;
  /** The group whose commit is under way. */
  let current: Group | undefined;
  let pendingWrites = 0;
  let pendingBytes = 0;
  let loop: Promise<void> | undefined;
  let urgent = false;
  let wake: (() => void) | undefined;
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
      if (group !== undefined) hurry();
      group = emptyGroup();
      waiting.push(group);
    }
    group.writes++;
    group.bytes += bytes;
    pendingWrites++;
    pendingBytes += bytes;
    if (group.writes >= EAGER_WRITES) hurry();
    loop ??= commitAll();
    return group;
  }

  /** Somebody waits for the commit itself. */
  function hurry(): void {
    urgent = true;
    wake?.();
  }

  async function commitAll(): Promise<void> {
    // So that what begins it has said whether it waits for the commit.
    await undefined;
    while (waiting.length > 0) {
      if (!urgent) await moreToCome();
      let group: Group | undefined;
      let failure: BrokerError | undefined;
      let reach = 0;
      commitStarted = performance.now();
      try {
        await environment.transaction(() => {
          group = next();
          if (group !== undefined) reach = apply([...kept, ...group.steps]);
        });
      } catch (error) {
        failure = storeError(error);
      }
      // Where not even a transaction could begin, what waits is refused, so that callers hear of it.
      group ??= next();
      if (group !== undefined) settle(group, failure, reach);
      current = undefined;
      commitStarted = undefined;
    }
    loop = undefined;
  }

  function moreToCome(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, COLLECT_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  function next(): Group | undefined {
    const group = waiting.shift();
    wake = undefined;
    urgent = waiting.length > 0;
    current = group;
    if (group?.portion === undefined) return group;
    const rest = splitOff(group);
    if (rest === undefined) portions?.leave(group.portion);
    else waiting.unshift(rest);
    return group;
  }

  function apply(steps: readonly Step[]): number {
    applySteps(steps, parts);
    const reach = reachOf(steps);
    if (portions !== undefined && reach > 0) writeMark(meta, { id: portions.journal.id, sequence: reach });
    return reach;
  }

  function settle(group: Group, failure: BrokerError | undefined, reach: number): void {
    let trouble = failure;
    const before = kept;
    const steps = [...before, ...group.steps];
    kept = [];
    const unsettled = new Set<Portion>();
    for (const step of steps) {
      const error = failure ?? step.error;
      if (step.kind === 'batch') {
        if (error === undefined) continue;
        trouble ??= error;
        unsettled.add(step.portion);
        if (step.portion.state === 'left') step.portion.reject(error);
        else kept.push(step);
      } else {
        if (error === undefined) step.resolve(step.result);
        else step.reject(error);
        if (error?.code === 'STORE_UNAVAILABLE') trouble ??= error;
      }
    }
    for (const step of steps) if (step.kind === 'batch' && !unsettled.has(step.portion)) step.portion.resolve();
    if (failure === undefined && reach > 0) portions?.journal.release(reach);
    report(trouble);
    pendingWrites -= group.writes + writesOf(before) - writesOf(kept);
    pendingBytes -= group.bytes + bytesOf(before) - bytesOf(kept);
    group.settled?.resolve();
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
    hurry();
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
    const portion = portionOf(group, batch.codec !== undefined && problem === undefined && !group.isLarge);
    if (group.open?.batch !== batch || group.open.portion !== portion) {
      group.open = { kind: 'batch', batch: batch as Batch<unknown>, items: [], portion, bytes: 0, error: undefined };
      group.steps.push(group.open);
    }
    group.open.items.push(item);
    group.open.bytes += bytes;
    if (portion.state === 'left') hurry();
    else if (batch.codec !== undefined && portions?.pack(batch.codec, item) === false) {
      group.isLarge = true;
      hurry();
    }
    return portion.promise;
  }

  /** While the disk does not take commits, nothing is acknowledged before one. */
  function portionOf(group: Group, journaled: boolean): Portion {
    const wanted = journaled ? 'forming' : 'left';
    if (group.portion?.state === wanted) return group.portion;
    if (group.portion !== undefined) portions?.leave(group.portion);
    group.portion = (journaled ? portions?.begin() : undefined) ?? createPortion('left');
    return group.portion;
  }

  async function drain(): Promise<void> {
    while (loop !== undefined) {
      hurry();
      await loop;
    }
  }

  function journalTo(journal: Journal): void {
    portions = createPortions(journal, {
      onLeft(portion) {
        // Its commit may have failed meanwhile, when it was not yet known that it needs one.
        const [lost, rest] = partition(kept, portion);
        kept = rest;
        for (const step of lost) {
          pendingWrites -= step.items.length;
          pendingBytes -= step.bytes;
          portion.reject(step.error ?? new BrokerError('STORE_UNAVAILABLE', { reason: problem }));
        }
        hurry();
      },
      onHalfFull: hurry,
      onFailure: (error) => options.onJournalFailure?.(storeError(error)),
    });
  }

  return {
    run,
    join,
    journalTo,
    visible(batch, concerns) {
      const holds = ({ steps }: Group): boolean =>
        steps.some((step) => step.kind === 'batch' && step.batch === batch && step.items.some(concerns as Concerns));
      const group = waiting.findLast(holds) ?? (current !== undefined && holds(current) ? current : undefined);
      if (group === undefined) return undefined;
      if (group !== current) hurry();
      group.settled ??= deferred();
      return group.settled.promise;
    },
    health() {
      const since = Math.min(commitStarted ?? Infinity, portions?.writingSince ?? Infinity);
      const slow = performance.now() - since > SLOW_COMMIT_MS;
      const trouble = slow ? 'the disk has not finished a commit for more than 5 s' : problem;
      if (trouble === undefined) return { ok: true, pendingWrites };
      return { ok: false, pendingWrites, problem: trouble, troubledAt: performance.now() };
    },
    get isIdle() {
      return loop === undefined;
    },
    drain,
    async close() {
      closed = true;
      if (probe !== undefined) clearTimeout(probe);
      await drain();
      const last = portions;
      portions = undefined;
      await last?.close();
      if (last === undefined || kept.length > 0) return;
      // Where that is not taken, the next start wants a journal that it does not need.
      await environment.transaction(() => noteClosed(meta, last.journal.id)).catch(() => undefined);
    },
  };
}

const partition = (steps: readonly BatchStep[], portion: Portion): [BatchStep[], BatchStep[]] => [
  steps.filter((step) => step.portion === portion),
  steps.filter((step) => step.portion !== portion),
];

type Concerns = (item: unknown) => boolean;

const writesOf = (steps: readonly BatchStep[]): number => steps.reduce((sum, step) => sum + step.items.length, 0);
const bytesOf = (steps: readonly BatchStep[]): number => steps.reduce((sum, step) => sum + step.bytes, 0);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const reasonOf = (error: BrokerError): string => String(error.facts.reason ?? error.detail);
