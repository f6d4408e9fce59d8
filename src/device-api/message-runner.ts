import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { Msg } from '../model/msg.ts';
import type { Log } from '../observe/index.ts';
import { type Generation, type Letter, type RunResult, redactMsg, wrapSecrets } from '../rules/index.ts';
import type { DeadLetter, DeadLetterStore } from '../storage/record-stores.ts';
import { CommitGate } from './commit-gate.ts';
import type { MessageCounters, Outcome } from './counters.ts';
import { type ContextParts, MessageContext } from './message-context.ts';
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
      for (const letter of result.letters) context.join(deadLetters.put(toRecord(letter, context, clock.now())));
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

  return {
    run(message, done) {
      counters.received++;
      counters.inFlight++;
      const current = generation();
      const msg = toMsg(message, `${prefix}${(serial++).toString(36)}`, current.secretKeys);
      const accepted = queue.run(message.device.id, () => {
        const context = new MessageContext(parts);
        const result = current.run(msg, context);
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

function toRecord(letter: Letter, context: MessageContext, at: number): DeadLetter {
  const { msg } = letter;
  return {
    id: `${msg.id}~${letter.node}`,
    at,
    deviceId: msg.originator.id,
    deviceName: msg.originator.name,
    chain: letter.chain,
    node: letter.node,
    reason: letter.reason,
    msgType: msg.type,
    ...redactMsg(msg, context),
  };
}
