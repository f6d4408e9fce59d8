import type { Bus, BusMessage } from '../cluster/bus.ts';
import type { Instances } from '../cluster/instances.ts';
import type { DeviceId } from '../model/ids.ts';
import { type JsonValue, parseJson, stringifyJson } from '../model/json.ts';
import type { Log } from '../observe/index.ts';
import type { RestRequests } from './rest-requests.ts';
import type { ServerRpc } from './server-rpc.ts';

/** Answers of chains to calls of devices and to requests over REST, wherever those wait. */
export interface CarriedReplies {
  /** `serviceId`: name of the instance that took the call. Dropped when nobody waits for it any more. */
  toCall(
    device: DeviceId,
    call: { readonly serviceId: string; readonly sessionId: string; readonly requestId: string },
    text: string,
  ): void;
  toRequest(request: { readonly serviceId: string; readonly requestId: string }, body: JsonValue): void;
}

/** A chain made it, and the instance that sent it has looked at it. */
const LIMITS = { maxDepth: 10_000, maxKeys: 10_000_000 } as const;

export function createCarriedReplies(parts: {
  readonly bus: Bus;
  readonly instances: Pick<Instances, 'others'>;
  readonly calls: Pick<ServerRpc, 'reply'>;
  readonly requests: Pick<RestRequests, 'answer'>;
  readonly log: Log;
}): CarriedReplies {
  const { bus, instances, calls, requests, log } = parts;

  /** Several instances may have one name: the ids tell whose it is. */
  const carry = (serviceId: string, message: BusMessage): void => {
    for (const { run } of instances.others.filter(({ id }) => id === serviceId)) {
      bus.publish(run, message).catch((error: unknown) => {
        log.warn({ event: 'rpc.not-answered', run, type: message.type, err: error }, 'an answer could not be sent on');
      });
    }
  };

  bus.subscribe((message) => {
    if (message.type === 'call-reply') {
      const { device, session, request, text } = message;
      calls.reply(device, { sessionId: session, requestId: request }, text);
    }
    if (message.type === 'request-reply') {
      const body = parseJson(message.text, LIMITS);
      if (body.ok) requests.answer(message.id, body.value);
    }
  });

  return {
    toCall(device, { serviceId, sessionId, requestId }, text) {
      if (calls.reply(device, { sessionId, requestId }, text)) return;
      carry(serviceId, { type: 'call-reply', device, session: sessionId, request: requestId, text });
    },
    toRequest({ serviceId, requestId }, body) {
      if (requests.answer(requestId, body)) return;
      carry(serviceId, { type: 'request-reply', id: requestId, text: stringifyJson(body) });
    },
  };
}
