import type { Client } from 'aedes';
import type { IPublishPacket, QoS } from 'mqtt-packet';
import {
  type CallToDevice,
  type Device,
  type DeviceApi,
  type DeviceProfile,
  encodeCall,
  formatCall,
  misfitAnswer,
  type RpcLink,
  type RpcUplink,
  type UplinkResult,
} from '../../device-api/index.ts';
import { disconnectClient } from './aedes-private.ts';
import { type PublishVerdict, sendTo } from './connection.ts';
import { isTooLarge, nextMessageId, writePacket } from './downlink.ts';
import { isProtobuf, rpcAnswer } from './payload-form.ts';
import { reasonCodes } from './reason-codes.ts';
import { callsPrefix, type RpcPublish } from './rpc-topics.ts';

export interface RpcSessionParts {
  readonly client: Client;
  readonly api: DeviceApi;
  readonly device: Device;
  readonly profile: () => DeviceProfile;
  /** QoS of a granted filter. */
  readonly qosOf: (filter: string) => QoS | undefined;
  /** Largest remaining length of a packet, bytes. */
  readonly maxPayloadSize: number;
}

/** ThingsBoard's limit of messages that wait for the login, and the guard's (thingsboard-device-api 3.9). */
const MAX_EARLY_PACKETS = 100;
/** What ThingsBoard answers to what it did not foresee (thingsboard-device-api 3.11). */
const UNCAUGHT: PublishVerdict = { kind: 'close', code: reasonCodes.serverShuttingDown };

/** What the caller hears of a call beyond the Maximum Packet Size of the device. */
export const TOO_LARGE_CALL = Buffer.from('{"error":"the call is larger than the device takes"}');

/** A call that can never reach the device is answered in its place, once its caller waits. */
export function answerInstead(api: DeviceApi, device: Device, callId: number, answer: Buffer): 'delivered' {
  setImmediate(() => api.rpc.answer(device.id, callId, answer).catch(() => {}));
  return 'delivered';
}

/** Calls of one connection, both ways. */
export class RpcSession implements RpcLink {
  readonly #parts: RpcSessionParts;
  readonly #uplink: RpcUplink;
  /** Sent calls that the device will acknowledge, by packet id. */
  readonly #unacknowledged = new Map<number, (taken: boolean) => void>();
  /** Topic of calls without their id; undefined: the device does not listen. */
  #prefix: string | undefined;
  #unlisten: (() => void) | undefined;

  constructor(parts: RpcSessionParts) {
    this.#parts = parts;
    this.#uplink = parts.api.rpcUplink(parts.device);
  }

  /** A filter has been granted. The last one decides on the form; what waits for the device follows the SUBACK. */
  subscribed(filter: string): void {
    const prefix = callsPrefix(filter);
    if (prefix === undefined) return;
    this.#prefix = prefix;
    if (this.#unlisten) return;
    const { api, device } = this.#parts;
    this.#unlisten = api.rpc.listen(device.id, this);
  }

  unsubscribed(filter: string): void {
    if (callsPrefix(filter) !== undefined) this.closed();
  }

  closed(): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
    this.#prefix = undefined;
    this.#unacknowledged.clear();
  }

  publish(
    publish: RpcPublish,
    packet: { readonly payload: Buffer; readonly topic: string | undefined },
    finish: (result: UplinkResult | PublishVerdict) => void,
  ): void {
    if (publish.kind === 'rpc-malformed') {
      finish(UNCAUGHT);
      return;
    }
    if (publish.kind === 'rpc-answer') {
      this.#uplink.respond(publish.id, packet.payload, finish);
      return;
    }
    const { id, answerTopic, v1 } = publish;
    const { topic, payload } = packet;
    const { api, device, maxPayloadSize } = this.#parts;
    const front = { maxPayloadSize, maxInflightMessages: MAX_EARLY_PACKETS };
    this.#uplink.call(
      {
        id,
        payload,
        ...(topic === undefined ? {} : { topic }),
        ...(v1 ? { sessionLimits: () => api.sessionLimits(device, front) } : {}),
      },
      (result) => finish(result.kind === 'no-method' ? UNCAUGHT : result),
      (text) => this.#answer(answerTopic, text),
    );
  }

  send(call: CallToDevice, acknowledged: (taken: boolean) => void): 'delivered' | 'sent' | 'refused' {
    const { client, profile } = this.#parts;
    const prefix = this.#prefix;
    if (prefix === undefined) return 'refused';
    const topic = prefix + call.id;
    const qos = this.#parts.qosOf(`${prefix}+`) ?? 1;
    const encoded = isProtobuf(topic, profile()) ? encodeCall(call, profile()) : undefined;
    if (encoded?.ok === false) return this.#undeliverable(call, misfitAnswer(encoded.problem));
    const payload = encoded?.value ?? formatCall(call);
    const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, dup: false, retain: false };
    if (isTooLarge(client, packet)) return this.#undeliverable(call, TOO_LARGE_CALL);
    if (qos === 0) return writePacket(client, packet) ? 'delivered' : 'refused';
    const messageId = nextMessageId(client);
    if (messageId === undefined || !writePacket(client, { ...packet, messageId })) return 'refused';
    this.#unacknowledged.set(messageId, acknowledged);
    return 'sent';
  }

  #undeliverable({ id }: CallToDevice, answer: Buffer): 'delivered' {
    const { api, device } = this.#parts;
    return answerInstead(api, device, id, answer);
  }

  /** The device acknowledged a message of ours. */
  acknowledged(messageId: number, reasonCode: number): void {
    const heard = this.#unacknowledged.get(messageId);
    if (!heard) return;
    this.#unacknowledged.delete(messageId);
    heard(reasonCode < reasonCodes.unspecified);
  }

  close(): void {
    disconnectClient(this.#parts.client, reasonCodes.administrativeAction);
  }

  /** Behind the acknowledgement of the call, with or without a subscription (thingsboard-device-api 3.8). */
  #answer(topic: string, text: string): void {
    const filter = `${topic.slice(0, topic.lastIndexOf('/'))}/+`;
    sendTo(this.#parts.client, topic, rpcAnswer(topic, text, this.#parts.profile()), this.#parts.qosOf(filter) ?? 1);
  }
}
