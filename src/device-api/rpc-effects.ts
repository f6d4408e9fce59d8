import type { DeviceId } from '../model/ids.ts';
import { type JsonLimits, type JsonValue, parseJson, stringifyJson } from '../model/json.ts';
import { type CallAnswer, type DeviceCall, toCallBody } from '../rules/index.ts';
import type { CarriedReplies } from './carried-replies.ts';
import type { Rpc, RpcRequest } from './rpc.ts';
import type { RpcOutcome } from './rpc-queue.ts';

/** What chains do with calls, both directions, and with requests over REST. */
export interface RpcEffects {
  /** Answers a device's call; dropped when nobody waits for it any more. */
  readonly reply: CarriedReplies['toCall'];
  /** Answers a request over REST; dropped when nobody waits for it any more. */
  readonly answerRequest: CarriedReplies['toRequest'];
  /** Never rejects. @param hops of the message that calls: events of the call count on. */
  call(device: DeviceId, call: DeviceCall, hops: number): Promise<CallAnswer>;
}

/** ThingsBoard's words for calls that had no answer. */
const REASONS = {
  timeout: 'TIMEOUT',
  'no-session': 'NO_ACTIVE_CONNECTION',
  busy: 'TOO_MANY_CALLS',
  'unknown-device': 'NOT_FOUND',
  'shutting-down': 'SHUTTING_DOWN',
} as const satisfies Record<string, string>;

export function createRpcEffects(
  { rpc, replies }: { readonly rpc: Rpc; readonly replies: CarriedReplies },
  json: JsonLimits,
): RpcEffects {
  const failed = (reason: string): CallAnswer => ({ kind: 'failed', reason });

  const answered = (outcome: RpcOutcome): CallAnswer => {
    switch (outcome.kind) {
      case 'done':
        return { kind: 'answered', body: {} };
      case 'response': {
        const parsed = parseJson(outcome.text, json);
        return parsed.ok ? { kind: 'answered', body: toCallBody(parsed.value) } : failed('the answer is not JSON');
      }
      default:
        return failed(REASONS[outcome.kind]);
    }
  };

  return {
    reply: replies.toCall,
    answerRequest: replies.toRequest,
    async call(device, call, hops) {
      const { method, oneway, persistent, timeoutMs, expiresAt, retries, additionalInfo } = call;
      const request: RpcRequest = {
        method,
        oneway,
        timeoutMs,
        hops,
        params: stringifyJson(call.params),
        ...(expiresAt === undefined ? {} : { expiresAt }),
        ...(retries === undefined ? {} : { retries }),
        ...(additionalInfo === undefined ? {} : { additionalInfo }),
      };
      try {
        if (!persistent) return answered(await rpc.call(device, request));
        const outcome = await rpc.persist(device, request);
        if (outcome.kind !== 'queued') return failed(REASONS[outcome.kind]);
        const body: Record<string, JsonValue> = { rpcId: outcome.id };
        return { kind: 'answered', body };
      } catch {
        return failed('INTERNAL'); // the store reports its own trouble
      }
    },
  };
}
