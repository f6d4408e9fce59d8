import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { Msg } from '../model/msg.ts';
import type { Log } from '../observe/index.ts';
import {
  type Generation,
  type LaterPlace,
  type Letter,
  type NodePlace,
  type RunOptions,
  type RunRest,
  type RunResult,
  wrapSecrets,
} from '../rules/index.ts';
import type { MessageStore } from '../storage/message-store.ts';
import type { DeadLetter, DeadLetterStore } from '../storage/record-stores.ts';
import type { WriteLanes } from '../storage/storage.ts';

import { CommitGates } from './commit-gate.ts';
import { countFromDevice, type MessageCounters, type Outcome } from './counters.ts';
import type { EntityEvent } from './entity-makers.ts';
import type { ExplainRing, Traced } from './explain-ring.ts';
import { outageOf, toRecord } from './letters.ts';
import {
  type ContextHooks,
  type ContextParts,
  type KeptMessage,
  MessageContext,
  type ResumeCall,
} from './message-context.ts';
import { createMsgSeal } from './msg-seal.ts';
import { type NewMessage, outsideOfChains, toMsg } from './new-message.ts';
import { OriginatorQueue, type OriginatorQueueOptions } from './originator-queue.ts';
import type { Recorder } from './recorder.ts';
import { WaitingMessages } from './waiting-messages.ts';
import type { MessageEnd, Work } from './work.ts';

/** `unknown`: there is no such letter, any more. `busy`: too many messages of its originator wait. `failed`: the store did not take the outcome. */
export type LetterRetry = RunResult['outcome'] | 'unknown' | 'busy' | 'failed' | 'under-way' | 'unreadable';

export interface MessageRunner {
  /**
   * Runs a message through the root chain of the generation in force, first in, first out per originator, and calls back
   * once its outcome is durable; callbacks of an originator come in the order its messages finished. Secrets are wrapped before any node runs.
   */
  run(message: NewMessage, done: (end: MessageEnd) => void): void;
  /**
   * Runs a dead letter again, from its node on, in the generation in force. Its outcome takes it out of the store, in one
   * commit; a message that fails again is another letter, with one try more. @param fromStart it enters the chains anew, as it
   * then was: for a node that is gone.
   */
  retry(letterId: string, fromStart?: boolean): Promise<LetterRetry>;
  /**
   * Lets an event run through the root chain. Chains that raise events from events for ever are cut off: one too many is
   * dead-lettered. @param hops of the message that raised it; undefined when none did. @param done hears how it ended.
   */
  raise(event: EntityEvent, hops?: number, done?: (end: MessageEnd) => void): void;
  /** Lets an event run from a node on, unless the chains have changed and it is gone. `done` hears when nothing more comes of it. */
  runAt(at: NodePlace, event: EntityEvent, done?: () => void): void;
  /** From now on stored messages go on when they are due. */
  start(): void;
  /** No stored message starts any more. */
  stop(): Promise<void>;
  /** Resolves when everything the device sent so far has its outcome. */
  settled(id: DeviceId): Promise<void>;
  /** Resolves when no message is under way. */
  drain(): Promise<void>;
  readonly waiting: number;
}

const nothing = (): void => undefined;
const GONE: KeptMessage = { begin: nothing, release: nothing };

export interface MessageRunnerParts extends ContextParts {
  readonly deadLetters: DeadLetterStore;
  readonly messages: MessageStore;
  readonly lanes: WriteLanes;
  readonly hash: Pick<KeyedHash, 'seal' | 'open'>;
  readonly counters: MessageCounters;
  /** The generation that messages of this originator run in. */
  readonly generation: (originatorId: string) => Generation;
  /** Whether the store was away at some time since then (monotonic ms). */
  readonly storeWasAway: (since: number) => boolean;
  /** Hears of every outcome. */
  readonly onEnded: (generation: Generation, failed: boolean) => void;
  readonly explain: ExplainRing;
  readonly recorder: Recorder;
  readonly queue: OriginatorQueueOptions;
  /** Begins the ids of messages; no two processes have the same. */
  readonly instanceId: string;
  /** Whether a stored message of that id goes on in this instance. */
  readonly mine: (id: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

const traceInto = ({ steps }: Traced): RunOptions => ({ trace: (step) => steps.push(step) });

export function createMessageRunner(parts: MessageRunnerParts): MessageRunner {
  const { counters, generation, deadLetters, clock, log, explain, recorder } = parts;
  const queue = new OriginatorQueue(parts.queue);
  const gates = new CommitGates(parts.lanes);
  const seal = createMsgSeal(parts.hash);
  // Unique over restarts, cheap per message.
  const prefix = `${parts.instanceId}-${clock.now().toString(36)}-`;
  let serial = 0;

  const end = (outcome: Outcome, { comesAgain, msg }: Work): void => {
    counters.inFlight--;
    counters.outcomes[outcome]++;
    if (comesAgain) countFromDevice(counters, outcome, msg);
  };

  const refuse = (work: Work, context: MessageContext, err: unknown): void => {
    const { id, originator } = work.msg;
    end('refused', work);
    const level = err instanceof BrokerError && err.code === 'SESSION_MOVED' ? 'info' : 'error';
    log[level]({ event: 'msg.not-stored', msg: id, device: originator.id, err }, 'message not stored');
    work.done('failed');
    context.abandon();
  };

  const releaseOf =
    (work: Work, context: MessageContext, outcome: RunResult['outcome']) =>
    (error?: unknown): void => {
      if (error !== undefined || context.isStale) {
        refuse(work, context, error ?? new BrokerError('SESSION_MOVED'));
        return;
      }
      end(outcome, work);
      work.done('done', outcome);
      context.runEffects();
    };

  /** Counts the outcome and tells it, once all that belongs to it is durable. */
  const settle = (work: Work, context: MessageContext, result: RunResult): void => {
    work.alsoWrite?.(context);
    if (result.outcome === 'dead-lettered') {
      const first = { first: work.msg, retries: work.retries };
      for (const letter of result.letters) context.join(deadLetters.put(toRecord(letter, first, { context, seal })));
    }
    gates.of(work.msg.originator.id).pass(context.commit(), releaseOf(work, context, result.outcome));
  };

  /** What runs behind `flow/ack` has no outcome of its own: what fails there is logged. */
  const settleRest = (msg: Msg, context: MessageContext, letters: readonly Letter[]): void => {
    const { id, originator } = msg;
    for (const { chain, node, reason } of letters) {
      const facts = { event: 'msg.failed-after-ack', msg: id, originator: originator.id, chain, node, reason };
      log.warn(facts, 'a message failed after it was acknowledged');
    }
    gates.of(originator.id).pass(context.commit(), (error) => {
      if (error === undefined) {
        context.runEffects();
        return;
      }
      log.error({ event: 'msg.not-stored', msg: id, device: originator.id, err: error }, 'message not stored');
      context.abandon();
    });
  };

  const finish = (
    work: Work,
    context: MessageContext,
    result: RunResult,
    traced: Traced | undefined,
  ): undefined | Promise<void> => {
    const outage = work.comesAgain && outageOf(result, parts.storeWasAway);
    const refused = outage !== undefined;
    explain.end(work.msg, result, { generation: work.generation.id, traced, context, refused });
    parts.onEnded(work.generation, result.outcome === 'dead-lettered' && !refused);
    if (refused) {
      cutShort(work, context, outage);
      return undefined;
    }
    settle(work, context, result);
    return result.rest === undefined ? undefined : goOn(work.msg, result.rest);
  };

  /** What it has begun to write may be stored, and is the same when it comes again. */
  const cutShort = (work: Work, context: MessageContext, reason: string): void =>
    gates
      .of(work.msg.originator.id)
      .pass(context.commit(), (error) =>
        refuse(work, context, error ?? new BrokerError('STORE_UNAVAILABLE', { reason })),
      );

  const goOn = (msg: Msg, rest: RunRest): undefined | Promise<void> => {
    const context = new MessageContext(parts, hooks, msg);
    const letters = rest(context);
    if (letters instanceof Promise) return letters.then((all) => settleRest(msg, context, all));
    settleRest(msg, context, letters);
    return undefined;
  };

  const begin = (work: Work, context: MessageContext, options: RunOptions | undefined) => {
    if (work.start) return work.start(context, options);
    return recorder.isIdle ? work.generation.run(work.msg, context, options) : record(work, context, options);
  };

  const record = ({ msg, generation }: Work, context: MessageContext, options: RunOptions | undefined) =>
    recorder.watch(msg, options, (own) => generation.run(msg, context, own));

  // What is captured by a closure here costs every message: those that few need are made elsewhere.
  const perform = (work: Work): undefined | Promise<void> => {
    const context = new MessageContext(parts, hooks, work.msg, work.session);
    const traced = explain.begin(work.msg.originator.id);
    const result = begin(work, context, traced && traceInto(traced));
    return result instanceof Promise
      ? finishLater(work, context, result, traced)
      : finish(work, context, result, traced);
  };

  const finishLater = (
    work: Work,
    context: MessageContext,
    result: Promise<RunResult>,
    traced: Traced | undefined,
  ): Promise<void> => result.then((finished) => finish(work, context, finished, traced));

  /** False when there is no room: nothing is counted then. */
  const enqueue = (work: Work): boolean => {
    counters.received++;
    counters.inFlight++;
    const accepted = queue.run(work.msg.originator.id, () => perform(work));
    if (accepted) return true;
    counters.received--;
    counters.inFlight--;
    return false;
  };

  /** A message that nobody waits for, or who waits hears that there is no room. */
  const enqueueOrLimit = (work: Work): void => {
    if (enqueue(work)) return;
    counters.received++;
    counters.outcomes['rate-limited']++;
    if (work.comesAgain) countFromDevice(counters, 'rate-limited', work.msg);
    work.done('busy');
  };

  const nextId = (): string => `${prefix}${(serial++).toString(36)}`;

  /** A message that a node took out of its run to wait for the device: it is queued again as one of its own. */
  const resume: ResumeCall = (former, call, answer) => {
    const current = generation(former.originator.id);
    const msg = { ...former, id: nextId() };
    const { goOn } = call;
    const answered = answer.kind === 'answered';
    const body = answered ? wrapSecrets(answer.body as JsonObject, current.secretKeys) : {};
    const produce = () => ({
      relation: 'Success',
      msg: { ...goOn(answered ? { ...answer, body } : answer), id: msg.id },
    });
    enqueueOrLimit({
      msg,
      generation: current,
      start: (context, options) => current.resume(call, { msg, produce }, context, options),
      done: nothing,
    });
  };

  const toEventMsg = ({ type, originator, data, metadata }: EntityEvent): Msg => {
    const body = wrapSecrets(data, generation(originator.id).secretKeys);
    return { id: nextId(), ts: clock.now(), type, originator, metadata, data: body };
  };

  const raise: MessageRunner['raise'] = (event, hops, done = nothing) => {
    const current = generation(event.originator.id);
    const msg = hops === undefined ? toEventMsg(event) : { ...toEventMsg(event), hops: hops + 1 };
    enqueueOrLimit({
      msg,
      generation: current,
      start: (context, options) => current.run(msg, context, options),
      done,
    });
  };

  const runAt: MessageRunner['runAt'] = (at, event, done = nothing) => {
    const current = generation(event.originator.id);
    if (!current.chains.get(at.chain)?.nodes.has(at.node)) {
      done();
      return;
    }
    const msg = toEventMsg(event);
    enqueueOrLimit({
      msg,
      generation: current,
      start: (context, options) => current.restart(at, msg, context, options),
      done,
    });
  };

  const waiting = new WaitingMessages({
    store: parts.messages,
    clock,
    log,
    mine: parts.mine,
    run(stored, done) {
      const msg = seal.open(stored.sealed);
      if (msg === undefined) {
        log.error({ event: 'msg.damaged', msg: stored.id }, 'a stored message cannot be read: it stays in the store');
        return true; // and is not looked at again before the next start
      }
      const produce = () => ({ relation: 'Success', msg });
      const current = generation(msg.originator.id);
      return enqueue({
        msg,
        generation: current,
        start: (context, options) => current.resume(stored, { msg, produce }, context, options),
        alsoWrite: (context) => context.join(parts.messages.remove(stored.id)),
        comesAgain: true,
        done: (state) => done(state === 'done' ? 'ended' : 'failed'),
      });
    },
  });

  const store = async (former: Msg, { chain, node, dueAt, slot }: LaterPlace): Promise<KeptMessage | undefined> => {
    const msg = { ...former, id: nextId() };
    const { entityType, id } = msg.originator;
    const stored = { id: slot ?? msg.id, originator: { entityType, id }, dueAt, chain, node, sealed: seal.seal(msg) };
    const result = await waiting.put(stored);
    if (result === 'full') return undefined;
    if (result === 'unknown-originator') return GONE; // deleted meanwhile, with everything that was its own
    return { begin: () => waiting.begin(stored), release: () => waiting.release(stored) };
  };

  const hooks: ContextHooks = { resume, raise, store };
  const retrying = new Set<string>();

  const retryLetter = (letter: DeadLetter, fromStart: boolean): Promise<LetterRetry> => {
    const msg = seal.open(letter.sealed);
    if (msg === undefined) return Promise.resolve('unreadable');
    return new Promise((resolve) => {
      const current = generation(msg.originator.id);
      const accepted = enqueue({
        msg,
        generation: current,
        start: (context, options) =>
          fromStart
            ? current.run(outsideOfChains(msg), context, options)
            : current.restart(letter, msg, context, options),
        // Before the letters of this try: one of the same id takes its place.
        alsoWrite: (context) => context.join(deadLetters.remove(letter.id)),
        retries: letter.retries + 1,
        comesAgain: true,
        done: (state, outcome) => resolve(state === 'done' && outcome ? outcome : 'failed'),
      });
      if (!accepted) resolve('busy');
    });
  };

  return {
    run(message, done) {
      const current = generation(message.device.id);
      const msg = toMsg(message, nextId(), current.secretKeys);
      enqueueOrLimit({
        msg,
        generation: current,
        comesAgain: message.comesAgain,
        session: message.session,
        done,
      });
    },
    async retry(letterId, fromStart = false) {
      if (retrying.has(letterId)) return 'under-way';
      retrying.add(letterId);
      try {
        // Read when nobody else can try it: a letter that was listed a while ago may have its outcome.
        const letter = await deadLetters.get(letterId);
        return letter === undefined ? 'unknown' : await retryLetter(letter, fromStart);
      } finally {
        retrying.delete(letterId);
      }
    },
    raise,
    runAt,
    start: () => waiting.start(),
    stop: () => waiting.stop(),
    settled(id) {
      return new Promise((resolve) => {
        const queued = queue.run(id, () => {
          void gates.of(id).drained().then(resolve);
          return undefined;
        });
        if (!queued) resolve();
      });
    },
    async drain() {
      await queue.whenIdle();
      await gates.drained();
    },
    get waiting() {
      return queue.waiting;
    },
  };
}
