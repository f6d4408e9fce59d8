import { type Clock, systemClock } from '../model/clock.ts';
import type { Msg } from '../model/msg.ts';
import type { CompiledNode } from './compile.ts';
import { failed, isOutage } from './failure.ts';
import type { NodeContext } from './node-context.ts';
import { NodeFailure, type NodeResult } from './node-kind.ts';
import {
  callRefusal,
  failureReason,
  follow,
  isFailureLabel,
  labelsOf,
  noteLeft,
  outOfCall,
  placesOn,
  routeOf,
  type Target,
  type Way,
  withVisit,
} from './routing.ts';
import {
  DEFAULT_RUN_LIMITS,
  type Letter,
  type RunLimits,
  type RunOptions,
  type RunResult,
  type TraceStep,
} from './run-result.ts';

const PROCESSED: RunResult = { outcome: 'processed' };
/** The clock is read once in so many steps: a node without I/O takes far less than a microsecond. */
const DEADLINE_CHECK_MASK = 15;
const MAX_PAUSE_MS = 60_000;
const LATE = Symbol('late');
const NO_RESULT = new NodeFailure('gave no message');
const NO_TEXT = new NodeFailure('left by a label that is no text');

const timer = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One visit of a node: how it began, and the message it got. Without a message it cannot be tried again. */
interface Visit {
  readonly from: Msg | undefined;
  readonly began: number;
  readonly attempt: number;
}

/** A message at `flow/ack`. */
interface Acked {
  readonly node: CompiledNode;
  readonly result: NodeResult;
  readonly began: number;
}

/** One message on its way through the chains. No method throws; a promise is given only when a node gave one. */
export class ChainRun {
  #context: NodeContext;
  readonly #trace: ((step: TraceStep) => void) | undefined;
  readonly #limits: RunLimits;
  readonly #clock: Clock;
  readonly #options: RunOptions;
  readonly #startedAt: number;
  #steps = 0;
  #letters: Letter[] | undefined;
  /** Every node visited, with labels; only for `keepPath`. */
  #path: Way | undefined;
  readonly #keepsPath: boolean;
  #hasFailed = false;
  #acked: Acked[] | undefined;
  #isAcked = false;
  /** The node that gives its result now failed for want of the store. */
  #outage = false;
  /** Nothing more is done: the message comes again, as a whole. */
  #isCutShort = false;

  constructor(context: NodeContext, options: RunOptions) {
    this.#context = context;
    this.#options = options;
    this.#trace = options.trace;
    this.#limits = options.limits ?? DEFAULT_RUN_LIMITS;
    this.#clock = options.clock ?? systemClock;
    this.#startedAt = this.#clock.monotonic();
    this.#keepsPath = options.keepPath === true;
  }

  /** Call when all branches have ended or reached `flow/ack`; what is behind that runs now, or is left to the result. */
  end(): RunResult | Promise<RunResult> {
    const result = this.#outcome();
    const acked = this.#acked;
    if (acked === undefined || this.#isCutShort) return result;
    if (this.#options.splitAtAck) return { ...result, rest: (context) => this.#runRest(acked, context) };
    const rest = this.#runRest(acked, this.#context);
    return rest instanceof Promise ? rest.then(() => result) : result;
  }

  #outcome(): RunResult {
    const path = this.#hasFailed && this.#keepsPath ? placesOn(this.#path) : undefined;
    const failed = path ? { path } : {};
    if (this.#letters !== undefined) return { outcome: 'dead-lettered', letters: this.#letters, ...failed };
    return path ? { outcome: 'processed', path } : PROCESSED;
  }

  #runRest(acked: readonly Acked[], context: NodeContext): readonly Letter[] | Promise<readonly Letter[]> {
    this.#context = context;
    this.#isAcked = true;
    this.#letters = undefined;
    const next = (from: number): Promise<void> | undefined => {
      for (let index = from; index < acked.length; index++) {
        const one = acked[index];
        const pending = one && this.#leave(one.node, one.result, { from: undefined, began: one.began, attempt: 1 });
        if (pending !== undefined) return pending.then(() => next(index + 1));
      }
      return undefined;
    };
    const pending = next(0);
    return pending === undefined ? (this.#letters ?? []) : pending.then(() => this.#letters ?? []);
  }

  resume(node: CompiledNode, msg: Msg, produce: () => NodeResult): Promise<void> | undefined {
    let result: NodeResult;
    try {
      result = produce();
    } catch (thing) {
      result = failed(msg, thing);
    }
    return this.#leave(node, result, { from: undefined, began: this.#startedAt, attempt: 1 });
  }

  /** Undefined when the branch, and all that came of it, ended without a promise. */
  walk(start: CompiledNode, first: Msg): Promise<void> | undefined {
    if (this.#isCutShort) return undefined;
    let node = start;
    let msg = first;
    for (;;) {
      if (!this.#countStep(node, msg)) return undefined;
      node.counters.in++;
      if (this.#keepsPath) this.#path = { node, before: this.#path, labels: undefined };
      const began = this.#trace === undefined ? 0 : this.#clock.monotonic();
      if (node.maxVisits !== undefined) {
        const visited = withVisit(node, msg, node.maxVisits);
        if (visited === undefined) return this.#refuse(node, msg, `visited ${node.maxVisits} times already`, began);
        msg = visited;
      }
      let result: NodeResult | Promise<NodeResult>;
      try {
        result = node.running.onMsg(msg, this.#context);
      } catch (thing) {
        result = this.#failed(msg, thing);
      }
      if (result instanceof Promise) return this.#await(node, result, { from: msg, began, attempt: 1 });
      if (result?.msg === undefined) result = failed(msg, NO_RESULT);
      const { relation, more, also, flow } = result;
      const isPlain = more === undefined && also === undefined && flow === undefined && this.#trace === undefined;
      if (!isPlain || typeof relation !== 'string' || isFailureLabel(relation)) {
        return this.#settle(node, result, { from: msg, began, attempt: 1 });
      }
      if (this.#path !== undefined) this.#path.labels = relation;
      const route = routeOf(node, relation);
      if (route === undefined) return undefined;
      const next = route.targets[0];
      if (next === undefined || route.targets.length !== 1) {
        return this.#settle(node, result, { from: msg, began, attempt: 1 });
      }
      route.counter.count++;
      node = next;
      msg = result.msg;
    }
  }

  /** False: no further node may be visited, and the branch is given up. */
  #countStep(node: CompiledNode, msg: Msg): boolean {
    const { maxSteps, deadlineMs } = this.#limits;
    if (++this.#steps > maxSteps && maxSteps > 0) {
      this.#deadLetter(node, msg, `STEP_LIMIT: more than ${maxSteps} nodes visited, at ${placeOf(node)}`);
      return false;
    }
    if ((this.#steps & DEADLINE_CHECK_MASK) !== 0 || deadlineMs === 0 || this.#remainingMs() > 0) return true;
    this.#late(node, msg);
    return false;
  }

  #remainingMs(): number {
    return this.#startedAt + this.#limits.deadlineMs - this.#clock.monotonic();
  }

  #late(node: CompiledNode, msg: Msg): void {
    const reason = `DEADLINE_EXCEEDED: not finished within ${this.#limits.deadlineMs} ms, at ${placeOf(node)}`;
    this.#deadLetter(node, msg, reason, { kind: 'late', since: this.#startedAt });
  }

  #deadLetter(node: CompiledNode, msg: Msg, reason: string, notItsFault?: Letter['notItsFault']): void {
    this.#hasFailed = true;
    if (!this.#isAcked && notItsFault?.kind !== 'store') node.counters.deadLettered++;
    this.#letters ??= [];
    const letter = { chain: node.chain, node: node.name, reason, msg };
    this.#letters.push(notItsFault === undefined ? letter : { ...letter, notItsFault });
  }

  #failed(msg: Msg, thing: unknown): NodeResult {
    this.#outage = isOutage(thing);
    return failed(msg, thing);
  }

  /** The message leaves by Failure for a reason of the engine's: trying again would change nothing. */
  #refuse(node: CompiledNode, msg: Msg, reason: string, began: number): Promise<void> | undefined {
    return this.#leave(node, failed(msg, new NodeFailure(reason)), { from: undefined, began, attempt: 1 });
  }

  async #await(node: CompiledNode, pending: Promise<NodeResult>, visit: Visit): Promise<void> {
    const msg = visit.from as Msg;
    let result: NodeResult | typeof LATE;
    try {
      result = await this.#untilDeadline(pending);
    } catch (thing) {
      result = this.#failed(msg, thing);
    }
    if (result === LATE) this.#late(node, msg);
    else await this.#settle(node, result?.msg === undefined ? failed(msg, NO_RESULT) : result, visit);
  }

  /** LATE when the deadline came first; a later answer or error of the node is then dropped. */
  #untilDeadline(pending: Promise<NodeResult>): Promise<NodeResult | typeof LATE> {
    if (this.#limits.deadlineMs === 0) return pending;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(LATE), Math.max(0, this.#remainingMs()));
      pending.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /** What a node gave: a step of the engine's own, or edges to follow. */
  #settle(node: CompiledNode, result: NodeResult, visit: Visit): Promise<void> | undefined {
    const { flow, msg } = result;
    switch (flow?.step) {
      case undefined:
        return this.#leave(node, result, visit);
      case 'ack':
        if (this.#isAcked) return this.#leave(node, result, visit);
        this.#acked ??= [];
        this.#acked.push({ node, result, began: visit.began });
        return undefined;
      case 'call':
        return this.#call(node, msg, flow.chain, visit.began);
      case 'return':
        return this.#return(node, msg, flow.label, visit.began);
    }
  }

  #call(node: CompiledNode, msg: Msg, name: string, began: number): Promise<void> | undefined {
    const refusal = callRefusal(node, name, msg);
    const first = node.chains.get(name)?.first;
    if (refusal !== undefined || first === undefined) return this.#refuse(node, msg, refusal ?? name, began);
    this.#traced(node, msg, { labels: [], to: first ? [{ label: `chain ${name}`, node: first }] : [], began });
    if (first === null) return undefined;
    const { calls } = msg;
    const frame = { chain: node.chain, node: node.name, ...(calls ? { up: calls } : {}) };
    return this.walk(first, { ...msg, calls: frame });
  }

  #return(node: CompiledNode, msg: Msg, label: string, began: number): Promise<void> | undefined {
    const { calls } = msg;
    if (calls === undefined) {
      noteLeft(this.#path, node, [label]);
      this.#traced(node, msg, { labels: [label], to: [], began });
      return undefined;
    }
    const caller = node.chains.get(calls.chain)?.nodes.get(calls.node);
    if (caller === undefined) {
      const reason = `the chains have changed: the node "${calls.node}" of chain "${calls.chain}", which called, is gone`;
      this.#deadLetter(node, msg, reason);
      return undefined;
    }
    const result = { relation: label, msg: outOfCall(msg) };
    return this.#leave(caller, result, { from: undefined, began, attempt: 1 }, node);
  }

  /** @param by the output node through which the message leaves a node that called its chain. */
  #leave(node: CompiledNode, result: NodeResult, visit: Visit, by = node): Promise<void> | undefined {
    const pending = this.#leaveBy(node, result, visit, by);
    return result.also === undefined ? pending : this.#leaveAlso(node, result.also, visit, pending);
  }

  /** One after the other, each when the one before has ended. */
  #leaveAlso(
    node: CompiledNode,
    also: readonly NodeResult[],
    visit: Visit,
    before: Promise<void> | undefined,
  ): Promise<void> | undefined {
    const [next, ...rest] = also;
    if (next === undefined) return before;
    const go = () => this.#leaveAlso(node, rest, visit, this.#leave(node, next, { ...visit, from: undefined }));
    return before === undefined ? go() : before.then(go);
  }

  #leaveBy(node: CompiledNode, result: NodeResult, visit: Visit, by: CompiledNode): Promise<void> | undefined {
    const labels = labelsOf(result.relation);
    if (labels === undefined) return this.#leaveBy(node, failed(result.msg, NO_TEXT), visit, by);
    const isFailure = labels.some(isFailureLabel);
    if (isFailure) {
      const pauseMs = this.#pauseBeforeRetry(node, visit);
      if (pauseMs !== undefined) return this.#tryAgain(node, visit, pauseMs);
      node.counters.failed++;
      this.#hasFailed = true;
      if (this.#takeOutage()) return this.#cutShort(node, result.msg, visit);
    }
    noteLeft(this.#path, by, labels);
    const { msg, more } = result;
    const targets = follow(node, labels);
    const all = more === undefined ? targets : [msg, ...more].flatMap(() => targets);
    const caller = by === node ? undefined : node;
    this.#traced(by, msg, { labels, to: all, began: visit.began, attempt: visit.attempt, isFailure, caller });
    const [only] = all;
    if (only === undefined) {
      if (isFailure) this.#deadLetter(node, msg, failureReason(msg));
      return undefined;
    }
    return all.length === 1 ? this.walk(only.node, msg) : this.#fanOut(targets, more ? [msg, ...more] : [msg], 0);
  }

  #takeOutage(): boolean {
    const outage = this.#outage && !this.#isAcked;
    this.#outage = false;
    return outage;
  }

  /** Without the store there is nothing to do for a `Failure` edge: no other branch runs either. */
  #cutShort(node: CompiledNode, msg: Msg, visit: Visit): undefined {
    this.#isCutShort = true;
    noteLeft(this.#path, node, ['Failure']);
    const { began, attempt } = visit;
    this.#traced(node, msg, { labels: ['Failure'], to: [], began, attempt, isFailure: true });
    this.#deadLetter(node, msg, failureReason(msg), { kind: 'store' });
    return undefined;
  }

  /** Undefined: the node is not tried again. */
  #pauseBeforeRetry({ retry }: CompiledNode, { from, attempt }: Visit): number | undefined {
    if (retry === undefined || from === undefined || attempt >= retry.attempts) return undefined;
    const pauseMs = Math.min(retry.backoffMs * 2 ** (attempt - 1), MAX_PAUSE_MS);
    return this.#limits.deadlineMs > 0 && pauseMs >= this.#remainingMs() ? undefined : pauseMs;
  }

  async #tryAgain(node: CompiledNode, visit: Visit, pauseMs: number): Promise<void> {
    const msg = visit.from as Msg;
    await (this.#options.wait ?? timer)(pauseMs);
    this.#outage = false;
    if (!this.#countStep(node, msg)) return;
    node.counters.retried++;
    const again = async (): Promise<NodeResult> => node.running.onMsg(msg, this.#context);
    await this.#await(node, again(), { ...visit, attempt: visit.attempt + 1 });
  }

  /** Each message to each target, every copy with an id of its own. */
  #fanOut(targets: readonly Target[], msgs: readonly Msg[], from: number): Promise<void> | undefined {
    const [first] = msgs;
    for (let index = from; index < targets.length * msgs.length; index++) {
      const target = targets[index % targets.length];
      const msg = msgs[Math.floor(index / targets.length)];
      if (first === undefined || target === undefined || msg === undefined) break;
      const pending = this.walk(target.node, { ...msg, id: `${first.id}.${index + 1}` });
      if (pending !== undefined) return pending.then(() => this.#fanOut(targets, msgs, index + 1));
    }
    return undefined;
  }

  #traced(
    node: CompiledNode,
    msg: Msg,
    step: {
      readonly labels: readonly string[];
      readonly to: readonly Target[];
      readonly began: number;
      readonly attempt?: number;
      readonly isFailure?: boolean;
      readonly caller?: CompiledNode | undefined;
    },
  ): void {
    if (this.#trace === undefined) return;
    const { labels, to, began, attempt = 1, isFailure = false, caller } = step;
    this.#trace({
      chain: node.chain,
      node: node.name,
      kind: node.kind,
      msgId: msg.id,
      labels,
      to: to.map(({ label, node: { name, chain } }) => ({
        label,
        node: name,
        ...(chain === node.chain ? {} : { chain }),
      })),
      ...(caller ? { caller: { chain: caller.chain, node: caller.name } } : {}),
      ms: this.#clock.monotonic() - began,
      ...(attempt > 1 ? { attempts: attempt } : {}),
      ...(isFailure ? { error: failureReason(msg) } : {}),
    });
  }
}

const placeOf = ({ chain, name }: CompiledNode): string => `node "${name}" of chain "${chain}"`;
