import { randomUUID } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Originator } from '../model/msg.ts';
import type { NodePlace } from '../rules/index.ts';
import type { EntityEvent } from './entity-makers.ts';

/** What became of a message that somebody pushed into the chains over HTTP. */
export type RestOutcome =
  | { readonly kind: 'answered'; readonly body: JsonValue }
  | { readonly kind: 'timeout' | 'busy' | 'failed' | 'shutting-down' };

/** Messages pushed into the chains over HTTP that wait for `rest/reply` (thingsboard-rule-chains 1.8). */
export interface RestRequests {
  /** Runs a REST_API_REQUEST of the originator; resolves with the first answer, or when it is sure that none is waited for. */
  push(request: {
    readonly originator: Originator;
    readonly data: JsonObject;
    readonly timeoutMs: number;
    /** Another message than REST_API_REQUEST, which begins at that node. */
    readonly entry?: { readonly type: EntityEvent['type']; readonly at: NodePlace };
  }): Promise<RestOutcome>;
  /** False when nobody waits for it: unknown, answered already, or too late. */
  answer(requestId: string, body: JsonValue): boolean;
  /** Nobody waits any more. */
  stop(): void;
}

export interface RestRequestsParts {
  /** Runs the event; `done` hears how it ended. */
  readonly raise: (event: EntityEvent, hops: undefined, done: (end: 'done' | 'busy' | 'failed') => void) => void;
  /** Runs the event from a node on. */
  readonly runAt: (at: NodePlace, event: EntityEvent) => void;
  readonly instanceId: string;
  readonly clock: Clock;
  /** Requests that may wait at once. */
  readonly maxWaiting: number;
}

export function createRestRequests({ raise, runAt, instanceId, clock, maxWaiting }: RestRequestsParts): RestRequests {
  const waiting = new Map<string, (outcome: RestOutcome) => void>();
  let stopped = false;

  return {
    push({ originator, data, timeoutMs, entry }) {
      if (stopped) return Promise.resolve({ kind: 'shutting-down' });
      if (waiting.size >= maxWaiting) return Promise.resolve({ kind: 'busy' });
      return new Promise((resolve) => {
        const requestUUID = randomUUID();
        const settle = (outcome: RestOutcome): void => {
          clearTimeout(timer);
          if (waiting.delete(requestUUID)) resolve(outcome);
        };
        const timer = setTimeout(() => settle({ kind: 'timeout' }), timeoutMs);
        timer.unref();
        waiting.set(requestUUID, settle);
        const expirationTime = String(clock.now() + timeoutMs);
        const metadata = { serviceId: instanceId, requestUUID, expirationTime };
        if (entry) {
          runAt(entry.at, { type: entry.type, originator, data, metadata });
          return;
        }
        raise({ type: 'REST_API_REQUEST', originator, data, metadata }, undefined, (end) => {
          // What is done may be answered later, behind a call or a delay.
          if (end !== 'done') settle({ kind: end });
        });
      });
    },
    answer(requestId, body) {
      const settle = waiting.get(requestId);
      settle?.({ kind: 'answered', body });
      return settle !== undefined;
    },
    stop() {
      stopped = true;
      for (const settle of [...waiting.values()]) settle({ kind: 'shutting-down' });
    },
  };
}
