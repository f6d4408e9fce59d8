import { type Clock, systemClock } from '../model/clock.ts';
import type { Msg } from '../model/msg.ts';
import type { CompiledNode, Route } from './compile.ts';
import { cleanReason, failed } from './failure.ts';
import type { NodeContext } from './node-context.ts';
import { NodeFailure, type NodeResult } from './node-kind.ts';

/** A branch that could not be finished: where, why, and the message as it reached that node. */
export interface Letter {
  readonly chain: string;
  readonly node: string;
  readonly reason: string;
  readonly msg: Msg;
}

/** How a message ended: every branch came to its end, or these branches did not. */
export type RunResult =
  | { readonly outcome: 'processed' }
  | { readonly outcome: 'dead-lettered'; readonly letters: readonly Letter[] };

/** One visit of a node, for `explain` and chain tests. */
export interface TraceStep {
  readonly chain: string;
  readonly node: string;
  readonly kind: string;
  /** Each branch of a fan-out has an id of its own: `<id of its source>.<1, 2, …>`. */
  readonly msgId: string;
  /** Labels the message left by. */
  readonly labels: readonly string[];
  /** Edges it followed; more than one = fan-out. */
  readonly to: readonly { readonly label: string; readonly node: string }[];
  readonly ms: number;
  /** Why it failed, without secrets. */
  readonly error?: string;
}

export interface RunLimits {
  /** Node visits per message, all branches together; 0 = no limit. */
  readonly maxSteps: number;
  /** Time per message; 0 = none. */
  readonly deadlineMs: number;
}

export const DEFAULT_RUN_LIMITS: RunLimits = { maxSteps: 256, deadlineMs: 10_000 };

export interface RunOptions {
  readonly trace?: (step: TraceStep) => void;
  readonly limits?: RunLimits;
  readonly clock?: Clock;
}

const PROCESSED: RunResult = { outcome: 'processed' };
/** The clock is read once in so many steps: a node without I/O takes far less than a microsecond. */
const DEADLINE_CHECK_MASK = 15;
const NO_OPTIONS: RunOptions = {};
const LATE = Symbol('late');
const NO_RESULT = new NodeFailure('gave no message');

interface Target {
  readonly label: string;
  readonly node: CompiledNode;
}

/**
 * Runs a message from a node on. Never throws and never rejects. The answer is a promise only when a node gave one;
 * branches run one after the other, each with its own copy of the message.
 */
export function runChain(
  first: CompiledNode,
  msg: Msg,
  context: NodeContext,
  options: RunOptions = NO_OPTIONS,
): RunResult | Promise<RunResult> {
  const run = new Run(context, options);
  const pending = run.walk(first, msg);
  return pending === undefined ? run.result() : pending.then(() => run.result());
}

/** Goes on behind a node with what it gives now: the answer to something that the node began in a message before. */
export function resumeChain(
  node: CompiledNode,
  from: { readonly msg: Msg; readonly produce: () => NodeResult },
  context: NodeContext,
  options: RunOptions = NO_OPTIONS,
): RunResult | Promise<RunResult> {
  const run = new Run(context, options);
  const pending = run.resume(node, from.msg, from.produce);
  return pending === undefined ? run.result() : pending.then(() => run.result());
}

class Run {
  readonly #context: NodeContext;
  readonly #trace: ((step: TraceStep) => void) | undefined;
  readonly #limits: RunLimits;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #steps = 0;
  #letters: Letter[] | undefined;

  constructor(context: NodeContext, options: RunOptions) {
    this.#context = context;
    this.#trace = options.trace;
    this.#limits = options.limits ?? DEFAULT_RUN_LIMITS;
    this.#clock = options.clock ?? systemClock;
    this.#startedAt = this.#clock.monotonic();
  }

  result(): RunResult {
    return this.#letters === undefined ? PROCESSED : { outcome: 'dead-lettered', letters: this.#letters };
  }

  resume(node: CompiledNode, msg: Msg, produce: () => NodeResult): Promise<void> | undefined {
    let result: NodeResult;
    try {
      result = produce();
    } catch (thing) {
      result = failed(msg, thing);
    }
    return this.#leave(node, result, this.#startedAt);
  }

  /** Undefined when the branch, and all that came of it, ended without a promise. */
  walk(start: CompiledNode, first: Msg): Promise<void> | undefined {
    let node = start;
    let msg = first;
    for (;;) {
      const refusal = this.#countStep();
      if (refusal !== undefined) {
        this.#deadLetter(node, msg, refusal);
        return undefined;
      }
      node.counters.in++;
      const began = this.#trace === undefined ? 0 : this.#clock.monotonic();
      let result: NodeResult | Promise<NodeResult>;
      try {
        result = node.running.onMsg(msg, this.#context);
      } catch (thing) {
        result = failed(msg, thing);
      }
      if (result instanceof Promise) return this.#resume(node, msg, result, began);
      if (result?.msg === undefined) result = failed(msg, NO_RESULT);
      const { relation } = result;
      const route = typeof relation === 'string' ? routeOf(node, relation) : undefined;
      if (route === undefined || route.targets.length !== 1 || this.#trace !== undefined) {
        return this.#leave(node, result, began);
      }
      route.counter.count++;
      if (route.isFailure) node.counters.failed++;
      const [next] = route.targets;
      if (next === undefined) return undefined;
      node = next;
      msg = result.msg;
    }
  }

  /** Why no further node may be visited. */
  #countStep(): string | undefined {
    const { maxSteps, deadlineMs } = this.#limits;
    if (++this.#steps > maxSteps && maxSteps > 0) return `STEP_LIMIT: more than ${maxSteps} nodes visited`;
    if ((this.#steps & DEADLINE_CHECK_MASK) === 0 && deadlineMs > 0 && this.#remainingMs() <= 0) return this.#late();
    return undefined;
  }

  #remainingMs(): number {
    return this.#startedAt + this.#limits.deadlineMs - this.#clock.monotonic();
  }

  #late(): string {
    return `DEADLINE_EXCEEDED: not finished within ${this.#limits.deadlineMs} ms`;
  }

  #deadLetter(node: CompiledNode, msg: Msg, reason: string): void {
    node.counters.deadLettered++;
    this.#letters ??= [];
    this.#letters.push({ chain: node.chain, node: node.name, reason, msg });
  }

  async #resume(node: CompiledNode, msg: Msg, pending: Promise<NodeResult>, began: number): Promise<void> {
    let result: NodeResult | typeof LATE;
    try {
      result = await this.#untilDeadline(pending);
    } catch (thing) {
      result = failed(msg, thing);
    }
    if (result === LATE) this.#deadLetter(node, msg, this.#late());
    else await this.#leave(node, result?.msg === undefined ? failed(msg, NO_RESULT) : result, began);
  }

  /** LATE when the deadline came first; a later answer or error of the node is then dropped. */
  #untilDeadline(pending: Promise<NodeResult>): Promise<NodeResult | typeof LATE> {
    if (this.#limits.deadlineMs === 0) return pending;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(LATE), Math.max(0, this.#remainingMs()));
      pending.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  #leave(node: CompiledNode, result: NodeResult, began: number): Promise<void> | undefined {
    const labels = labelsOf(result.relation);
    if (labels === undefined) return this.#leave(node, failed(result.msg, 'a label that is no text'), began);
    const targets: Target[] = [];
    let isFailure = false;
    for (const label of labels) {
      isFailure ||= label.toLowerCase() === 'failure';
      const route = routeOf(node, label);
      if (route === undefined) continue;
      route.counter.count++;
      for (const target of route.targets) targets.push({ label: route.label, node: target });
    }
    if (isFailure) node.counters.failed++;
    this.#trace?.({
      chain: node.chain,
      node: node.name,
      kind: node.kind,
      msgId: result.msg.id,
      labels,
      to: targets.map((target) => ({ label: target.label, node: target.node.name })),
      ms: this.#clock.monotonic() - began,
      ...(isFailure ? { error: failureReason(result.msg) } : {}),
    });
    const [only] = targets;
    if (only === undefined) {
      if (isFailure) this.#deadLetter(node, result.msg, failureReason(result.msg));
      return undefined;
    }
    return targets.length === 1 ? this.walk(only.node, result.msg) : this.#fanOut(targets, result.msg, 0);
  }

  #fanOut(targets: readonly Target[], msg: Msg, from: number): Promise<void> | undefined {
    for (let index = from; index < targets.length; index++) {
      const target = targets[index];
      if (target === undefined) break;
      const pending = this.walk(target.node, { ...msg, id: `${msg.id}.${index + 1}` });
      if (pending !== undefined) return pending.then(() => this.#fanOut(targets, msg, index + 1));
    }
    return undefined;
  }
}

function routeOf(node: CompiledNode, label: string): Route | undefined {
  return node.routes.get(label) ?? node.routes.get(label.toLowerCase());
}

/** The set of labels, each once whatever its case; undefined when one is no text. */
function labelsOf(relation: unknown): readonly string[] | undefined {
  if (typeof relation === 'string') return [relation];
  if (!Array.isArray(relation) || !relation.every((label) => typeof label === 'string')) return undefined;
  const seen = new Set<string>();
  return relation.filter((label: string) => {
    const key = label.toLowerCase();
    return !seen.has(key) && seen.add(key);
  });
}

function failureReason(msg: Msg): string {
  return msg.metadata.error === undefined ? 'left by Failure' : cleanReason(msg.metadata.error, msg);
}
