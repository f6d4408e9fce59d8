import { randomUUID } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import { isJsonObject, type JsonLimits, type JsonObject, parseJson } from '../model/json.ts';
import { countEnded, type MessageCounters } from './counters.ts';
import type { MessageRunner } from './message-runner.ts';
import type { Rpc } from './rpc.ts';
import type { ServerRpc } from './server-rpc.ts';
import type { SessionClaims } from './session-claims.ts';
import type { Uplink, UplinkResult } from './uplink.ts';

/** `no-method`: JSON without a text `method`, which ThingsBoard does not tell from a fault of its own. */
export type CallResult = UplinkResult | { readonly kind: 'no-method' };

export interface CallToServer {
  /** The device's own number, decimal text. */
  readonly id: string;
  readonly payload: Uint8Array;
  /** Set when the chain is to see it as metadata `mqttTopic`. */
  readonly topic?: string;
  /** Answers `getSessionLimits` in place of the chain; absent where the front has no such thing. */
  readonly sessionLimits?: () => string;
  /** MQTT takes a call without `params`, HTTP does not. */
  readonly paramsRequired?: boolean;
}

/** Calls of one session, both ways. Payloads are read before a call returns: the caller may reuse the buffer. */
export interface RpcUplink {
  /** The device's answer to a call of the server; done once it is durable. Unknown and late ones are taken and dropped. */
  respond(callId: number, payload: Uint8Array, done: (result: UplinkResult) => void): void;
  /** A call of the device; `answer` hears at most once, JSON text, and never before `done`. */
  call(call: CallToServer, done: (result: CallResult) => void, answer: (text: string) => void): void;
}

export interface RpcUplinkParts {
  readonly rpc: Rpc;
  readonly serverRpc: ServerRpc;
  readonly runner: MessageRunner;
  readonly counters: MessageCounters;
  readonly clock: Clock;
  readonly json: JsonLimits;
  readonly claimed: Pick<SessionClaims, 'markOf'>;
  /** Metadata `serviceId` of calls. */
  readonly instanceId: string;
}

export function createRpcUplink(
  device: Device,
  parts: RpcUplinkParts,
  uplink: Pick<Uplink, 'takeMessage' | 'refuse'>,
): RpcUplink {
  const { rpc, serverRpc, runner, counters, clock } = parts;
  let id: string | undefined;
  const session = (): string => {
    id ??= randomUUID();
    return id;
  };

  /** Counts a message that reaches no chain, by its outcome. */
  const count = <R extends CallResult>(result: R): R => {
    const { kind } = result;
    const outcome = kind === 'stored' ? 'processed' : kind === 'rate-limited' ? kind : 'refused';
    countEnded(counters, outcome, device.profile, 'calls');
    return result;
  };
  const refuse = (problem: string, done: (result: UplinkResult) => void): void => uplink.refuse(problem, done, 'calls');

  const run = (
    call: CallToServer,
    data: JsonObject,
    done: (result: CallResult) => void,
    answer: (text: string) => void,
  ) => {
    let finished = false;
    let early: string | undefined;
    const sessionId = session();
    const waiting = serverRpc.open({
      device: device.id,
      sessionId,
      requestId: call.id,
      answer(text) {
        if (finished) answer(text);
        else early = text;
      },
    });
    if (!waiting) {
      done(count({ kind: 'rate-limited' }));
      return;
    }
    const metadata: Record<string, string> = {
      deviceName: device.name,
      deviceType: device.profile,
      requestId: call.id,
      serviceId: parts.instanceId,
      sessionId,
    };
    if (call.topic !== undefined) metadata.mqttTopic = call.topic;
    const mark = parts.claimed.markOf(device);
    const type = 'TO_SERVER_RPC_REQUEST';
    runner.run({ device, type, ts: clock.now(), data, metadata, session: mark, comesAgain: true }, (end) => {
      finished = true;
      if (end === 'done') done({ kind: 'stored' });
      else {
        waiting.cancel();
        done({ kind: end === 'busy' ? 'rate-limited' : 'failed' });
      }
      if (end === 'done' && early !== undefined) answer(early);
    });
  };

  return {
    respond(callId, payload, done) {
      if (payload.length === 0) refuse('the answer is empty', done);
      else if (!uplink.takeMessage('rpc')) done(count({ kind: 'rate-limited' }));
      else {
        rpc.answer(device.id, callId, payload).then(
          () => done(count({ kind: 'stored' })),
          () => done(count({ kind: 'failed' })),
        );
      }
    },

    call(call, done, answer) {
      const parsed = parseJson(call.payload, parts.json);
      if (!parsed.ok) {
        refuse(parsed.error.problem, done);
        return;
      }
      if (!isJsonObject(parsed.value)) {
        refuse('the call must be a JSON object', done);
        return;
      }
      const { method, params = null } = parsed.value;
      if (typeof method !== 'string') {
        refuse('the call has no text "method"', () => done({ kind: 'no-method' }));
        return;
      }
      if (call.paramsRequired && parsed.value.params === undefined) {
        refuse('the call has no "params"', done);
        return;
      }
      if (method === 'getSessionLimits' && call.sessionLimits) {
        done(count({ kind: 'stored' }));
        answer(call.sessionLimits());
        return;
      }
      if (uplink.takeMessage('rpc')) run(call, { method, params }, done, answer);
      else done(count({ kind: 'rate-limited' }));
    },
  };
}
