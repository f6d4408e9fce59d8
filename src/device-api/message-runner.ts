import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { Msg, Originator } from '../model/msg.ts';
import type { Log } from '../observe/index.ts';
import { type Generation, type Letter, type RunResult, redactMsg, wrapSecrets } from '../rules/index.ts';
import type { DeadLetter, DeadLetterStore } from '../storage/record-stores.ts';
import { CommitGate } from './commit-gate.ts';
import type { MessageCounters, Outcome } from './counters.ts';
import type { EntityEvent } from './entity-makers.ts';
import { type ContextParts, MessageContext, type ResumeCall } from './message-context.ts';
import { OriginatorQueue, type OriginatorQueueOptions } from './originator-queue.ts';

/** How a message ended, for its sender. `failed`: the store did not take it; nothing may be acknowledged. */
export type MessageEnd = 'done' | 'busy' | 'failed';

export interface MessageRunner {
  /**
   * Runs a message through the root chain of the generation in force, first in, first out per originator, and calls back
   * once its outcome is durable; callbacks come in the order the messages finished. Secrets are wrapped before any node runs.
   */
  run(message: NewMessage, done: (end: MessageEnd) => void): void;
  /** Resolves when everything the device sent so far has its outcome. */
  settled(id: DeviceId): Promise<void>;
  /** Resolves when no message is under way. */
  drain(): Promise<void>;
  readonly waiting: number;
}

export interface NewMessage {
  readonly device: Device;
  readonly type: string;
  readonly ts: number;
  readonly data: JsonObject;
  readonly metadata: Readonly<Record<string, string>>;
  /** Exact JSON text of `data`. */
  readonly text?: string;
}

export interface MessageRunnerParts extends ContextParts {
  readonly deadLetters: DeadLetterStore;
  readonly counters: MessageCounters;
  readonly generation: () => Generation;
  readonly queue: OriginatorQueueOptions;
  readonly instanceId: string;
  readonly clock: Clock;
  readonly log: Log;
}

export function createMessageRunner(parts: MessageRunnerParts): MessageRunner {
  const { counters, generation, deadLetters, clock, log } = parts;
  const queue = new OriginatorQueue(parts.queue);
  const gate = new CommitGate();
  // Unique over restarts, cheap per message.
  const prefix = `${parts.instanceId}-${clock.now().toString(36)}-`;
  let serial = 0;

  const end = (outcome: Outcome): void => {
    counters.inFlight--;
    counters.outcomes[outcome]++;
  };

  const settle = (context: MessageContext, result: RunResult, msg: Msg, done: (end: MessageEnd) => void): void => {
    if (result.outcome === 'dead-lettered') {
      for (const letter of result.letters)
        context.join(deadLetters.put(toRecord(letter, msg.originator, context, clock.now())));
    }
    gate.pass(context.commit(), (error) => {
      if (error === undefined) {
        end(result.outcome);
        done('done');
        context.runEffects();
        return;
      }
      end('refused');
      log.error({ event: 'msg.not-stored', msg: msg.id, device: msg.originator.id, err: error }, 'message not stored');
      done('failed');
    });
  };

  const nextId = (): string => `${prefix}${(serial++).toString(36)}`;

  /** A message that a node took out of its run to wait for the device: it is queued again as one of its own. */
  const resume: ResumeCall = (former, call, answer) => {
    const current = generation();
    const msg = { ...former, id: nextId() };
    const { goOn } = call;
    const answered = answer.kind === 'answered';
    const body = answered ? wrapSecrets(answer.body as JsonObject, current.secretKeys) : {};
    const produce = () => ({
      relation: 'Success',
      msg: { ...goOn(answered ? { ...answer, body } : answer), id: msg.id },
    });
    enqueue(
      msg,
      (context) => current.resume(call, { msg, produce }, context),
      () => {},
    );
  };

  const raise = ({ type, originator, data, metadata }: EntityEvent): void => {
    const current = generation();
    const body = wrapSecrets(data, current.secretKeys);
    const msg: Msg = { id: nextId(), ts: clock.now(), type, originator, metadata, data: body };
    enqueue(
      msg,
      (context) => current.run(msg, context),
      () => {},
    );
  };

  const enqueue = (
    msg: Msg,
    start: (context: MessageContext) => RunResult | Promise<RunResult>,
    done: (end: MessageEnd) => void,
  ): void => {
    counters.received++;
    counters.inFlight++;
    const accepted = queue.run(msg.originator.id, () => {
      const context = new MessageContext(parts, { resume, raise });
      const result = start(context);
      if (!(result instanceof Promise)) {
        settle(context, result, msg, done);
        return undefined;
      }
      return result.then((finished) => settle(context, finished, msg, done));
    });
    if (!accepted) {
      end('rate-limited');
      done('busy');
    }
  };

  return {
    run(message, done) {
      const current = generation();
      const msg = toMsg(message, nextId(), current.secretKeys);
      enqueue(msg, (context) => current.run(msg, context), done);
    },
    settled(id) {
      return new Promise((resolve) => {
        const queued = queue.run(id, () => {
          void gate.drained().then(resolve);
          return undefined;
        });
        if (!queued) resolve();
      });
    },
    async drain() {
      await queue.whenIdle();
      await gate.drained();
    },
    get waiting() {
      return queue.waiting;
    },
  };
}

function toMsg(message: NewMessage, id: string, secretKeys: ReadonlySet<string>): Msg {
  const { device, type, ts, metadata, text } = message;
  const data = wrapSecrets(message.data, secretKeys);
  const originator = { entityType: 'DEVICE' as const, id: device.id, name: device.name, profile: device.profile };
  const keepText = text !== undefined && data === message.data;
  return keepText ? { id, ts, type, originator, metadata, data, text } : { id, ts, type, originator, metadata, data };
}

/** `originator`: whose message it was when it began; a device's, or that of an event of another entity. */
function toRecord(letter: Letter, originator: Originator, context: MessageContext, at: number): DeadLetter {
  const { msg } = letter;
  return {
    id: `${msg.id}~${letter.node}`,
    at,
    deviceId: originator.id as DeviceId,
    deviceName: originator.name,
    chain: letter.chain,
    node: letter.node,
    reason: letter.reason,
    msgType: msg.type,
    ...redactMsg(msg, context),
  };
}
